//! Who may call what on the agent's listener: one table, and everything else is denied.
//!
//! Callers are known by their certificates. In insecure mode nobody is known and everybody may call
//! what is in the table; the word `insecure` says so.

use crate::identity::read_principal;
use futures_util::future::{Either, Ready, ready};
use proto::{
    convert::refusal::to_status,
    model::{ClusterId, Principal, Reason, Refusal, principal::PrincipalKind},
};
use std::{
    sync::Arc,
    task::{Context, Poll},
};
use tonic::{
    body::Body,
    codegen::http::{Extensions, Request, Response},
    transport::server::{TcpConnectInfo, TlsConnectInfo},
};
use tower::{Layer, Service};

const OPERATORS: &[PrincipalKind] = &[PrincipalKind::Operator];
const ANYBODY: &[PrincipalKind] = &[
    PrincipalKind::Master,
    PrincipalKind::Agent,
    PrincipalKind::Framework,
    PrincipalKind::Operator,
];

/// Every method of the listener, and which kinds of callers it has.
pub(crate) const TABLE: &[(&str, &[PrincipalKind])] = &[
    ("/bourse.v1.Sandbox/ReadFile", OPERATORS),
    ("/bourse.v1.Sandbox/ListFiles", OPERATORS),
    ("/grpc.health.v1.Health/Check", ANYBODY),
    ("/grpc.health.v1.Health/Watch", ANYBODY),
    ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", ANYBODY),
    ("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", ANYBODY),
];

/// Checks every call before it reaches a service.
#[derive(Debug, Clone)]
pub(crate) struct Authorization {
    /// Whose callers may come; `None` is insecure.
    cluster: Option<Arc<ClusterId>>,
}

/// A service behind [`Authorization`].
#[derive(Debug, Clone)]
pub(crate) struct Authorized<S> {
    inner: S,
    rules: Authorization,
}

impl Authorization {
    pub(crate) fn new(cluster: Option<ClusterId>) -> Self {
        Self { cluster: cluster.map(Arc::new) }
    }

    fn decide(&self, path: &str, extensions: &Extensions) -> Result<(), Refusal> {
        let caller = match &self.cluster {
            None => None,
            Some(cluster) => Some((who(extensions)?, &**cluster)),
        };
        decide(path, caller.as_ref().map(|(caller, cluster)| (caller, *cluster)))
    }
}

/// The rule itself: the table, and for proved callers the cluster and the kind.
fn decide(path: &str, caller: Option<(&Principal, &ClusterId)>) -> Result<(), Refusal> {
    let denied = |message: String| Err(Refusal::new(Reason::NotAuthorized, message));
    let Some((_, kinds)) = TABLE.iter().find(|(method, _)| *method == path) else {
        return denied("this listener has no such method".to_owned());
    };
    match caller {
        None => Ok(()),
        Some((caller, cluster)) if caller.cluster != *cluster => {
            denied(format!("{caller} belongs to another cluster"))
        }
        Some((caller, _)) if !kinds.contains(&caller.kind) => {
            denied(format!("{caller} may not call {path}"))
        }
        Some(_) => Ok(()),
    }
}

fn who(extensions: &Extensions) -> Result<Principal, Refusal> {
    let unknown = |message: String| Refusal::new(Reason::Unauthenticated, message);
    let info = extensions.get::<TlsConnectInfo<TcpConnectInfo>>();
    let certificates = info.and_then(TlsConnectInfo::peer_certs);
    let certificate = certificates.as_ref().and_then(|chain| chain.first());
    let certificate = certificate.ok_or_else(|| unknown("no certificate was shown".to_owned()))?;
    read_principal(certificate).map_err(|error| unknown(error.to_string()))
}

impl<S> Layer<S> for Authorization {
    type Service = Authorized<S>;

    fn layer(&self, inner: S) -> Authorized<S> {
        Authorized { inner, rules: self.clone() }
    }
}

impl<S, B> Service<Request<B>> for Authorized<S>
where
    S: Service<Request<B>, Response = Response<Body>>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Either<S::Future, Ready<Result<Response<Body>, S::Error>>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        match self.rules.decide(request.uri().path(), request.extensions()) {
            Ok(()) => Either::Left(self.inner.call(request)),
            Err(refusal) => {
                tracing::info!(path = request.uri().path(), %refusal, "call denied");
                Either::Right(ready(Ok(to_status(&refusal).into_http())))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost::Message;
    use prost_types::FileDescriptorSet;
    use std::collections::BTreeSet;

    fn methods(descriptors: &[u8], service: &str) -> BTreeSet<String> {
        let set = FileDescriptorSet::decode(descriptors).expect("our own descriptors");
        let mut found = BTreeSet::new();
        for file in &set.file {
            for declared in file.service.iter().filter(|declared| declared.name() == service) {
                let path = |method: &str| format!("/{}.{service}/{method}", file.package());
                found.extend(declared.method.iter().map(|method| path(method.name())));
            }
        }
        found
    }

    /// What is served is what is declared: no row is missing, and none is about nothing.
    #[test]
    fn every_method_has_its_row() {
        let mut declared = methods(proto::wire::DESCRIPTORS, "Sandbox");
        declared.extend(methods(tonic_health::pb::FILE_DESCRIPTOR_SET, "Health"));
        let reflection = [
            tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
            tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
        ];
        for descriptors in reflection {
            declared.extend(methods(descriptors, "ServerReflection"));
        }
        let rows: BTreeSet<String> = TABLE.iter().map(|(path, _)| (*path).to_owned()).collect();
        assert_eq!(rows, declared);
        assert_eq!(rows.len(), TABLE.len(), "no row twice");
    }

    #[test]
    fn each_row_admits_its_kinds_and_no_other() {
        let cluster: ClusterId = "c".parse().unwrap();
        for (path, kinds) in TABLE {
            for kind in ANYBODY {
                let uri = format!("spiffe://c/{}/x", kind.as_str());
                let caller: Principal = uri.parse().unwrap();
                let allowed = decide(path, Some((&caller, &cluster))).is_ok();
                assert_eq!(allowed, kinds.contains(kind), "{caller} calls {path}");
                let other: Principal = uri.replace("//c/", "//d/").parse().unwrap();
                assert!(decide(path, Some((&other, &cluster))).is_err(), "{other} calls {path}");
            }
        }
        assert!(decide("/bourse.v1.Agent/Connect", None).is_err(), "not even in insecure mode");
        let rules = Authorization::new(Some(cluster));
        let refusal = rules.decide(TABLE[0].0, &Extensions::new()).unwrap_err();
        assert_eq!(refusal.reason, Reason::Unauthenticated);
    }
}
