//! The gate in front of every service: who calls, and whether the table lets them.
//!
//! A tower layer, so that no service can be reached around it, health and reflection included. A
//! refused request's body is never read. Each refusal is written to the audit log.

use super::{
    authorization::allowed,
    identity::{CLAIM_KEY, Caller, Proof, read_claim},
    listener::ConnectionInfo,
};
use futures_util::future::{Either, Ready, ready};
use proto::{
    convert::refusal::to_status,
    model::{ClusterId, Reason, Refusal},
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

/// Puts the gate in front of a service.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    pub(crate) cluster: ClusterId,
    pub(crate) node: Arc<str>,
}

/// A service behind the gate.
#[derive(Debug, Clone)]
pub(crate) struct Gated<S> {
    gate: Gate,
    inner: S,
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
        let Some(kinds) = allowed(path) else {
            return Err(Box::new(Status::unimplemented("there is no such call here")));
        };
        match &caller {
            Caller::Known(principal) if !kinds.contains(&principal.kind) => {
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
                let Some(claim) = request.headers().get(CLAIM_KEY) else {
                    return Ok(Caller::Anybody);
                };
                let refused =
                    |problem: String| Refusal::new(Reason::Unauthenticated, problem).at(CLAIM_KEY);
                let text = claim.to_str().map_err(|_| refused("is not plain text".to_owned()))?;
                let principal = read_claim(text, &self.cluster);
                principal
                    .map(|principal| Caller::Known(Arc::new(principal)))
                    .map_err(|_| refused("is not of the form KIND/ID".to_owned()))
            }
        }
    }

    fn audit(&self, path: &str, caller: &str, refusal: &Refusal) {
        crate::metrics::refused(&self.node, refusal.reason);
        let reason = &refusal.message;
        tracing::warn!(target: "bourse::audit", node = %self.node, path, caller, reason, "denied");
    }
}
