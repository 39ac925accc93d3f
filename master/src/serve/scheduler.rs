//! The `Scheduler` service: a framework's calls, and its stream of events.

use super::{
    events::EventStream,
    gateway::{Gateway, caller, unexpected},
};
use crate::{
    inbox::{Arrival, Sink, stopping},
    outbound::outbound,
};
use master_core::{Input, outbox::Answer};
use proto::{
    convert::{calls, operation::write_accept_response},
    model::{Principal, Refusal, SchedulerCall, Session, limits, principal::PrincipalKind},
    wire::v1::{self, scheduler_server::Scheduler},
};
use std::sync::Arc;
use tonic::{Request, Response, Status};

/// The service.
#[derive(Debug, Clone)]
pub(crate) struct SchedulerService(pub(crate) Arc<Gateway>);

type Read<R> = fn(R) -> Result<(Session, SchedulerCall), Refusal>;

impl SchedulerService {
    fn principal<R>(&self, request: &Request<R>) -> Principal {
        caller(request.extensions()).or_insecure(PrincipalKind::Framework, &self.0.cluster)
    }

    /// Reads, asks, and answers with the core's answer.
    async fn ask<R>(&self, request: Request<R>, read: Read<R>) -> Result<Answer, Status> {
        let principal = self.principal(&request);
        let (session, request) =
            read(request.into_inner()).map_err(|refusal| self.0.refuse(&refusal))?;
        self.0.call(|call| Input::FrameworkCall { call, principal, session, request }).await
    }

    /// As [`Self::ask`], for calls whose answer says nothing more than that it is done.
    async fn tell<R, A: Default>(
        &self,
        request: Request<R>,
        read: Read<R>,
    ) -> Result<Response<A>, Status> {
        match self.ask(request, read).await? {
            Answer::Done => Ok(Response::new(A::default())),
            other => unexpected(&other),
        }
    }
}

#[tonic::async_trait]
impl Scheduler for SchedulerService {
    type SubscribeStream = EventStream;

    async fn subscribe(
        &self,
        request: Request<v1::SubscribeRequest>,
    ) -> Result<Response<EventStream>, Status> {
        let principal = self.principal(&request);
        let subscribe = calls::read_subscribe(request.into_inner())
            .map_err(|refusal| self.0.refuse(&refusal))?;
        let stream = self.0.next_stream();
        let inbox = Arc::clone(&self.0.inbox);
        let (sender, events) =
            outbound(limits::OUTBOUND_MESSAGES_MAX, move || inbox.closed(stream));
        let input = Input::FrameworkSubscribe { stream, principal, subscribe };
        let arrival = Arrival::Stream(stream, Sink::Framework(sender), input);
        if self.0.inbox.offer(arrival).await.is_err() {
            return Err(self.0.refuse(&stopping()));
        }
        let events = EventStream::open(events).await.map_err(|refusal| self.0.refuse(&refusal))?;
        Ok(Response::new(events))
    }

    async fn accept(
        &self,
        request: Request<v1::AcceptRequest>,
    ) -> Result<Response<v1::AcceptResponse>, Status> {
        match self.ask(request, calls::read_accept).await? {
            Answer::Accepted(results) => Ok(Response::new(write_accept_response(&results))),
            other => unexpected(&other),
        }
    }

    async fn decline(
        &self,
        request: Request<v1::DeclineRequest>,
    ) -> Result<Response<v1::DeclineResponse>, Status> {
        self.tell(request, calls::read_decline).await
    }

    async fn kill(
        &self,
        request: Request<v1::KillRequest>,
    ) -> Result<Response<v1::KillResponse>, Status> {
        self.tell(request, calls::read_kill).await
    }

    async fn acknowledge(
        &self,
        request: Request<v1::AcknowledgeRequest>,
    ) -> Result<Response<v1::AcknowledgeResponse>, Status> {
        self.tell(request, calls::read_acknowledge).await
    }

    async fn reconcile(
        &self,
        request: Request<v1::ReconcileRequest>,
    ) -> Result<Response<v1::ReconcileResponse>, Status> {
        match self.ask(request, calls::read_reconcile).await? {
            Answer::Reconciling(task_count) => {
                Ok(Response::new(v1::ReconcileResponse { task_count }))
            }
            other => unexpected(&other),
        }
    }

    async fn suppress(
        &self,
        request: Request<v1::SuppressRequest>,
    ) -> Result<Response<v1::SuppressResponse>, Status> {
        self.tell(request, calls::read_suppress).await
    }

    async fn revive(
        &self,
        request: Request<v1::ReviveRequest>,
    ) -> Result<Response<v1::ReviveResponse>, Status> {
        self.tell(request, calls::read_revive).await
    }

    async fn clear_filters(
        &self,
        request: Request<v1::ClearFiltersRequest>,
    ) -> Result<Response<v1::ClearFiltersResponse>, Status> {
        self.tell(request, calls::read_clear_filters).await
    }

    async fn teardown(
        &self,
        request: Request<v1::TeardownRequest>,
    ) -> Result<Response<v1::TeardownResponse>, Status> {
        self.tell(request, calls::read_teardown).await
    }

    async fn update_framework(
        &self,
        request: Request<v1::UpdateFrameworkRequest>,
    ) -> Result<Response<v1::UpdateFrameworkResponse>, Status> {
        self.tell(request, calls::read_update_framework).await
    }

    async fn state_demand(
        &self,
        request: Request<v1::StateDemandRequest>,
    ) -> Result<Response<v1::StateDemandResponse>, Status> {
        self.tell(request, calls::read_state_demand).await
    }

    async fn answer_inverse_offers(
        &self,
        request: Request<v1::AnswerInverseOffersRequest>,
    ) -> Result<Response<v1::AnswerInverseOffersResponse>, Status> {
        self.tell(request, calls::read_answer_inverse_offers).await
    }
}
