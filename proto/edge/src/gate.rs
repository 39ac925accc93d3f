//! The gate in front of every service: who calls, and whether the table lets them.
//!
//! A tower layer, so that no service can be reached around it, health and reflection included. Deny
//! by default: a call without a row reaches nobody. A refused request's body is never read, that of
//! an admitted one is checked while it comes. Each refusal is written to the audit log, that of a
//! body which no service could read included.

use crate::{
    body::{CheckedBody, Messages},
    identity::{CLAIM_KEY, Caller, Proof, read_claim},
    listener::ConnectionInfo,
};
use futures_util::future::{BoxFuture, Either, Ready, ready};
use proto::{
    codec::unread_refusal,
    convert::refusal::to_status,
    model::{
        ClusterId, Reason, Refusal, limits,
        principal::PrincipalKind::{self, Agent, Framework, Master, Operator},
    },
};
use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
};
use tonic::{
    Status,
    body::Body,
    codegen::{
        Service,
        http::{Request, Response},
    },
    metadata::MetadataValue,
};
use tower::Layer;

/// Everybody with a certificate of the cluster.
pub const ANYBODY: &[PrincipalKind] = &[Master, Agent, Framework, Operator];

/// How a request says that its messages are compressed.
const ENCODING_KEY: &str = "grpc-encoding";
/// How an answer says which compressions are understood.
const ENCODINGS_KEY: &str = "grpc-accept-encoding";
/// The compression that is none.
const IDENTITY: &str = "identity";

/// One call, the kinds of callers that may make it, and what it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// As in the request: `/package.Service/Call`.
    pub path: &'static str,
    /// Who may.
    pub allowed: &'static [PrincipalKind],
    /// What its body is made of.
    pub messages: Messages,
}

/// Puts the gate in front of a service.
#[derive(Debug, Clone)]
pub struct Gate {
    /// Every call that is answered behind the gate.
    pub table: &'static [Row],
    /// Whose members callers without proof may claim to be; where it is not known, claims are not
    /// heard.
    pub cluster: Option<ClusterId>,
    /// Whose gate it is, for the audit log.
    pub owner: Arc<str>,
    /// Counts a refusal of this owner's.
    pub count: fn(owner: &str, Reason),
}

/// A service behind the gate.
#[derive(Debug, Clone)]
pub struct Gated<S> {
    gate: Gate,
    inner: S,
}

impl Row {
    /// A call that takes one message, of the size that is usual for calls.
    pub const fn new(path: &'static str, allowed: &'static [PrincipalKind]) -> Self {
        let messages = Messages { bytes_max: limits::CALL_BYTES_MAX, streamed: false };
        Self { path, allowed, messages }
    }

    /// Takes any number of messages of another size.
    pub const fn streamed(mut self, bytes_max: usize) -> Self {
        self.messages = Messages { bytes_max, streamed: true };
        self
    }
}

impl<S> Layer<S> for Gate {
    type Service = Gated<S>;

    fn layer(&self, inner: S) -> Gated<S> {
        Gated { gate: self.clone(), inner }
    }
}

impl<S> Service<Request<Body>> for Gated<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Either<
        BoxFuture<'static, Result<Self::Response, S::Error>>,
        Ready<Result<Self::Response, S::Error>>,
    >;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        match self.gate.admit(&request) {
            Ok((caller, row)) => {
                request.extensions_mut().insert(caller.clone());
                let request = request.map(|body| Body::new(CheckedBody::new(body, row.messages)));
                let (gate, answer) = (self.gate.clone(), self.inner.call(request));
                Either::Left(Box::pin(async move {
                    let response = answer.await?;
                    gate.audit_unread(row.path, &caller, &response);
                    Ok(response)
                }))
            }
            Err(status) => Either::Right(ready(Ok(status.into_http()))),
        }
    }
}

impl Gate {
    fn admit<B>(&self, request: &Request<B>) -> Result<(Caller, &'static Row), Box<Status>> {
        let path = request.uri().path();
        let caller =
            self.identify(request).inspect_err(|refusal| self.audit(path, "nobody", refusal));
        let caller = caller.map_err(|refusal| Box::new(to_status(&refusal)))?;
        let Some(row) = self.table.iter().find(|row| row.path == path) else {
            return Err(Box::new(Status::unimplemented("there is no such call here")));
        };
        if let Caller::Known(principal) = &caller
            && !row.allowed.contains(&principal.kind)
        {
            let kind = principal.kind.as_str();
            let message = format!("a certificate for {kind} may not call {path}");
            let refusal = Refusal::new(Reason::NotAuthorized, message);
            self.audit(path, name_of(&caller), &refusal);
            return Err(Box::new(to_status(&refusal)));
        }
        if request.headers().get(ENCODING_KEY).is_some_and(|encoding| encoding != IDENTITY) {
            let refusal = Refusal::invalid(ENCODING_KEY, "is not understood; send no compression");
            self.audit(path, name_of(&caller), &refusal);
            let mut status = Box::new(to_status(&refusal));
            status.metadata_mut().insert(ENCODINGS_KEY, MetadataValue::from_static(IDENTITY));
            return Err(status);
        }
        Ok((caller, row))
    }

    /// A call that was admitted and that no service has seen.
    fn audit_unread(&self, path: &str, caller: &Caller, response: &Response<Body>) {
        if let Some(refusal) = response.extensions().get::<Status>().and_then(unread_refusal) {
            self.audit(path, name_of(caller), refusal);
        }
    }

    fn identify<B>(&self, request: &Request<B>) -> Result<Caller, Refusal> {
        let info = request.extensions().get::<ConnectionInfo>();
        let proof = &info.expect("the listener describes every connection").proof;
        match proof {
            Proof::Certificate(Ok(principal)) => Ok(Caller::Known(Arc::clone(principal))),
            Proof::Certificate(Err(error)) => Err(error.into()),
            Proof::None => {
                let claim = request.headers().get(CLAIM_KEY);
                let Some((claim, cluster)) = claim.zip(self.cluster.as_ref()) else {
                    return Ok(Caller::Anybody);
                };
                let refused =
                    |problem: String| Refusal::new(Reason::Unauthenticated, problem).at(CLAIM_KEY);
                let text = claim.to_str().map_err(|_| refused("is not plain text".to_owned()))?;
                let principal = read_claim(text, cluster);
                principal
                    .map(|principal| Caller::Known(Arc::new(principal)))
                    .map_err(|_| refused("is not of the form KIND/ID".to_owned()))
            }
        }
    }

    fn audit(&self, path: &str, caller: impl fmt::Display, refusal: &Refusal) {
        (self.count)(&self.owner, refusal.reason);
        let (node, reason) = (&*self.owner, &refusal.message);
        tracing::warn!(target: "bourse::audit", node, path, %caller, reason, "denied");
    }
}

fn name_of(caller: &Caller) -> String {
    match caller {
        Caller::Known(principal) => principal.to_string(),
        Caller::Anybody => "anybody".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::IdentityError;
    use proto::{codec::unread, convert::refusal::from_status};
    use std::{
        convert::Infallible,
        sync::atomic::{AtomicUsize, Ordering},
    };
    use tonic::Code;
    use tower::service_fn;

    const PATH: &str = "/a.B/C";
    const TABLE: &[Row] = &[Row::new(PATH, &[Operator, Framework])];

    fn admit(path: &str, proof: Proof, claim: Option<&str>) -> Result<Caller, Code> {
        let cluster = Some("test".parse().unwrap());
        let gate = Gate { table: TABLE, cluster, owner: "1".into(), count: |_, _| {} };
        let mut request = Request::builder().uri(path);
        if let Some(claim) = claim {
            request = request.header(CLAIM_KEY, claim);
        }
        let request = request.extension(ConnectionInfo { proof }).body(()).unwrap();
        gate.admit(&request).map(|(caller, _)| caller).map_err(|status| status.code())
    }

    fn proved(kind: PrincipalKind) -> Proof {
        let uri = format!("spiffe://test/{}/x", kind.as_str());
        Proof::Certificate(Ok(Arc::new(uri.parse().unwrap())))
    }

    #[test]
    fn a_row_admits_its_kinds_and_no_other() {
        for kind in ANYBODY {
            let expected = match kind {
                Operator | Framework => None,
                Master | Agent => Some(Code::PermissionDenied),
            };
            assert_eq!(admit(PATH, proved(*kind), None).err(), expected, "{kind:?}");
            let claim = format!("{}/x", kind.as_str());
            assert_eq!(admit(PATH, Proof::None, Some(&claim)).err(), expected, "{claim}");
        }
    }

    #[test]
    fn without_a_row_nobody_is_admitted() {
        for proof in [proved(Operator), Proof::None] {
            assert_eq!(admit("/a.B/D", proof, None).err(), Some(Code::Unimplemented));
        }
    }

    #[test]
    fn a_certificate_that_proves_nothing_is_worse_than_none() {
        let bad = Proof::Certificate(Err(IdentityError::Malformed));
        assert_eq!(admit(PATH, bad.clone(), None).err(), Some(Code::Unauthenticated));
        assert_eq!(admit(PATH, bad, Some("operator/x")).err(), Some(Code::Unauthenticated));
        assert_eq!(admit(PATH, Proof::None, None), Ok(Caller::Anybody));
        assert_eq!(admit(PATH, Proof::None, Some("emperor")).err(), Some(Code::Unauthenticated));
    }

    fn request(headers: &[(&'static str, &str)]) -> Request<Body> {
        let info = ConnectionInfo { proof: proved(Operator) };
        let mut request = Request::builder().uri(PATH).extension(info);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(Body::empty()).unwrap()
    }

    /// What a service refuses it counts itself; what it never got is counted here.
    #[tokio::test]
    async fn what_no_service_has_seen_is_counted_here() {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = |_: &str, _| {
            COUNT.fetch_add(1, Ordering::Relaxed);
        };
        let gate = Gate { table: TABLE, cluster: None, owner: "1".into(), count };
        let refusal = Refusal::invalid("name", "is odd");
        let answers = [(to_status(&refusal), 0), (unread(refusal), 1)];
        for (status, counted) in answers {
            let inner = service_fn(move |_: Request<Body>| {
                ready(Ok::<_, Infallible>(status.clone().into_http::<Body>()))
            });
            let before = COUNT.load(Ordering::Relaxed);
            let Ok(response) = gate.layer(inner).call(request(&[])).await;
            let status = Status::from_header_map(response.headers()).unwrap();
            assert_eq!(status.code(), Code::InvalidArgument);
            assert_eq!(COUNT.load(Ordering::Relaxed) - before, counted, "{status:?}");
        }
    }

    #[test]
    fn compression_is_refused_before_the_body_is_read() {
        let gate = Gate { table: TABLE, cluster: None, owner: "1".into(), count: |_, _| {} };
        assert!(gate.admit(&request(&[(ENCODING_KEY, IDENTITY)])).is_ok());
        let status = gate.admit(&request(&[(ENCODING_KEY, "gzip")])).unwrap_err();
        let refusal = from_status(&status);
        assert_eq!((refusal.reason, &*refusal.field), (Reason::InvalidField, ENCODING_KEY));
        assert_eq!(status.metadata().get(ENCODINGS_KEY).unwrap(), IDENTITY);
    }
}
