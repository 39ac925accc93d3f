//! The gate in front of every service: who calls, and whether the table lets them.
//!
//! A tower layer, so that no service can be reached around it, health and reflection included. Deny
//! by default: a call without a row reaches nobody. A refused request's body is never read. Each
//! refusal is written to the audit log.

use crate::{
    identity::{CLAIM_KEY, Caller, Proof, read_claim},
    listener::ConnectionInfo,
};
use futures_util::future::{Either, Ready, ready};
use proto::{
    convert::refusal::to_status,
    model::{
        ClusterId, Reason, Refusal,
        principal::PrincipalKind::{self, Agent, Framework, Master, Operator},
    },
};
use std::{
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
};
use tower::Layer;

/// Everybody with a certificate of the cluster.
pub const ANYBODY: &[PrincipalKind] = &[Master, Agent, Framework, Operator];

/// One call and the kinds of callers that may make it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// As in the request: `/package.Service/Call`.
    pub path: &'static str,
    /// Who may.
    pub allowed: &'static [PrincipalKind],
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
    /// A row.
    pub const fn new(path: &'static str, allowed: &'static [PrincipalKind]) -> Self {
        Self { path, allowed }
    }
}

impl<S> Layer<S> for Gate {
    type Service = Gated<S>;

    fn layer(&self, inner: S) -> Gated<S> {
        Gated { gate: self.clone(), inner }
    }
}

impl<S, B> Service<Request<B>> for Gated<S>
where
    S: Service<Request<B>, Response = Response<Body>>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Either<S::Future, Ready<Result<Self::Response, S::Error>>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        match self.gate.admit(&request) {
            Ok(caller) => {
                request.extensions_mut().insert(caller);
                Either::Left(self.inner.call(request))
            }
            Err(status) => Either::Right(ready(Ok(status.into_http()))),
        }
    }
}

impl Gate {
    fn admit<B>(&self, request: &Request<B>) -> Result<Caller, Box<Status>> {
        let path = request.uri().path();
        let caller =
            self.identify(request).inspect_err(|refusal| self.audit(path, "nobody", refusal));
        let caller = caller.map_err(|refusal| Box::new(to_status(&refusal)))?;
        let Some(row) = self.table.iter().find(|row| row.path == path) else {
            return Err(Box::new(Status::unimplemented("there is no such call here")));
        };
        match &caller {
            Caller::Known(principal) if !row.allowed.contains(&principal.kind) => {
                let message =
                    format!("a certificate for {} may not call {path}", principal.kind.as_str());
                let refusal = Refusal::new(Reason::NotAuthorized, message);
                self.audit(path, &principal.to_string(), &refusal);
                Err(Box::new(to_status(&refusal)))
            }
            Caller::Known(_) | Caller::Anybody => Ok(caller),
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

    fn audit(&self, path: &str, caller: &str, refusal: &Refusal) {
        (self.count)(&self.owner, refusal.reason);
        let (node, reason) = (&*self.owner, &refusal.message);
        tracing::warn!(target: "bourse::audit", node, path, caller, reason, "denied");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::IdentityError;
    use tonic::Code;

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
        gate.admit(&request).map_err(|status| status.code())
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
}
