//! The `Operator` service: listings, one kill, and the stream of what changes.

use super::{
    agent_life,
    demands::{read_list_demands, read_why},
    gateway::{Gateway, caller, unexpected},
    groups,
    listings::{read_list_agents, read_list_frameworks, read_list_tasks, read_page},
    masters, reservations,
    roles::{audit, read_configure_role, read_remove_quota, read_set_quota, read_set_weight},
    volumes,
    watch::WatchStream,
};
use master_core::{
    Input,
    input::OperatorCall,
    outbox::{Answer, ReadAnswer},
};
use proto::{
    model::{IdError, Principal, Refusal, principal::PrincipalKind},
    wire::v1::{self, operator_server::Operator},
};
use std::{str::FromStr, sync::Arc};
use tonic::{Request, Response, Status};

/// The service.
#[derive(Debug, Clone)]
pub(crate) struct OperatorService(pub(crate) Arc<Gateway>);

/// Asks for one kind of read and takes the answer of that kind.
macro_rules! read {
    ($service:expr, $request:expr, $call:expr, $answer:ident) => {
        match $service.ask($request, $call).await? {
            Answer::Read(answer) => match *answer {
                ReadAnswer::$answer(response) => Ok(Response::new(response)),
                other => unexpected(&Answer::Read(Box::new(other))),
            },
            other => unexpected(&other),
        }
    };
}

#[tonic::async_trait]
impl Operator for OperatorService {
    type WatchStream = WatchStream;
    type TakeSnapshotStream = masters::BackupStream;

    async fn get_cluster(
        &self,
        request: Request<v1::GetClusterRequest>,
    ) -> Result<Response<v1::GetClusterResponse>, Status> {
        read!(self, request, |_| Ok(OperatorCall::GetCluster), Cluster)
    }

    async fn get_agent(
        &self,
        request: Request<v1::GetAgentRequest>,
    ) -> Result<Response<v1::GetAgentResponse>, Status> {
        let call =
            |r: v1::GetAgentRequest| Ok(OperatorCall::GetAgent(id("agent_id", &r.agent_id)?));
        read!(self, request, call, Agent)
    }

    async fn list_agents(
        &self,
        request: Request<v1::ListAgentsRequest>,
    ) -> Result<Response<v1::ListAgentsResponse>, Status> {
        read!(self, request, read_list_agents, Agents)
    }

    async fn get_framework(
        &self,
        request: Request<v1::GetFrameworkRequest>,
    ) -> Result<Response<v1::GetFrameworkResponse>, Status> {
        let call = |r: v1::GetFrameworkRequest| {
            Ok(OperatorCall::GetFramework(id("framework_id", &r.framework_id)?))
        };
        read!(self, request, call, Framework)
    }

    async fn list_frameworks(
        &self,
        request: Request<v1::ListFrameworksRequest>,
    ) -> Result<Response<v1::ListFrameworksResponse>, Status> {
        read!(self, request, read_list_frameworks, Frameworks)
    }

    async fn get_task(
        &self,
        request: Request<v1::GetTaskRequest>,
    ) -> Result<Response<v1::GetTaskResponse>, Status> {
        let call = |r: v1::GetTaskRequest| {
            let framework = optional_id("framework_id", &r.framework_id)?;
            Ok(OperatorCall::GetTask { framework, task: id("task_id", &r.task_id)? })
        };
        read!(self, request, call, Task)
    }

    async fn list_tasks(
        &self,
        request: Request<v1::ListTasksRequest>,
    ) -> Result<Response<v1::ListTasksResponse>, Status> {
        read!(self, request, read_list_tasks, Tasks)
    }

    async fn list_groups(
        &self,
        request: Request<v1::ListGroupsRequest>,
    ) -> Result<Response<v1::ListGroupsResponse>, Status> {
        read!(self, request, groups::read_list, Groups)
    }

    async fn list_offers(
        &self,
        request: Request<v1::ListOffersRequest>,
    ) -> Result<Response<v1::ListOffersResponse>, Status> {
        let call = |r: v1::ListOffersRequest| Ok(OperatorCall::ListOffers(read_page(r.page)?));
        read!(self, request, call, Offers)
    }

    async fn list_roles(
        &self,
        request: Request<v1::ListRolesRequest>,
    ) -> Result<Response<v1::ListRolesResponse>, Status> {
        let call = |r: v1::ListRolesRequest| Ok(OperatorCall::ListRoles(read_page(r.page)?));
        read!(self, request, call, Roles)
    }

    async fn set_weight(
        &self,
        request: Request<v1::SetWeightRequest>,
    ) -> Result<Response<v1::SetWeightResponse>, Status> {
        self.tell(request, read_set_weight).await
    }

    async fn set_quota(
        &self,
        request: Request<v1::SetQuotaRequest>,
    ) -> Result<Response<v1::SetQuotaResponse>, Status> {
        self.tell(request, read_set_quota).await
    }

    async fn remove_quota(
        &self,
        request: Request<v1::RemoveQuotaRequest>,
    ) -> Result<Response<v1::RemoveQuotaResponse>, Status> {
        self.tell(request, read_remove_quota).await
    }

    async fn configure_role(
        &self,
        request: Request<v1::ConfigureRoleRequest>,
    ) -> Result<Response<v1::ConfigureRoleResponse>, Status> {
        self.tell(request, read_configure_role).await
    }

    async fn kill_task(
        &self,
        request: Request<v1::OperatorKillTaskRequest>,
    ) -> Result<Response<v1::OperatorKillTaskResponse>, Status> {
        self.tell(request, groups::read_kill).await
    }

    async fn drain_agent(
        &self,
        request: Request<v1::DrainAgentRequest>,
    ) -> Result<Response<v1::DrainAgentResponse>, Status> {
        self.tell(request, agent_life::read_drain).await
    }

    async fn cancel_drain(
        &self,
        request: Request<v1::CancelDrainRequest>,
    ) -> Result<Response<v1::CancelDrainResponse>, Status> {
        self.tell(request, agent_life::read_cancel_drain).await
    }

    async fn deactivate_agent(
        &self,
        request: Request<v1::DeactivateAgentRequest>,
    ) -> Result<Response<v1::DeactivateAgentResponse>, Status> {
        self.tell(request, agent_life::read_deactivate).await
    }

    async fn reactivate_agent(
        &self,
        request: Request<v1::ReactivateAgentRequest>,
    ) -> Result<Response<v1::ReactivateAgentResponse>, Status> {
        self.tell(request, agent_life::read_reactivate).await
    }

    async fn declare_agent_gone(
        &self,
        request: Request<v1::DeclareAgentGoneRequest>,
    ) -> Result<Response<v1::DeclareAgentGoneResponse>, Status> {
        self.tell(request, agent_life::read_declare_gone).await
    }

    async fn teardown_framework(
        &self,
        request: Request<v1::TeardownFrameworkRequest>,
    ) -> Result<Response<v1::TeardownFrameworkResponse>, Status> {
        self.tell(request, agent_life::read_teardown).await
    }

    async fn cancel_maintenance(
        &self,
        request: Request<v1::CancelMaintenanceRequest>,
    ) -> Result<Response<v1::CancelMaintenanceResponse>, Status> {
        self.tell(request, agent_life::read_cancel_window).await
    }

    async fn schedule_maintenance(
        &self,
        request: Request<v1::ScheduleMaintenanceRequest>,
    ) -> Result<Response<v1::ScheduleMaintenanceResponse>, Status> {
        match self.ask(request, agent_life::read_schedule).await? {
            Answer::Scheduled(window) => {
                let window_id = window.to_string();
                Ok(Response::new(v1::ScheduleMaintenanceResponse { window_id }))
            }
            other => unexpected(&other),
        }
    }

    async fn list_maintenance(
        &self,
        request: Request<v1::ListMaintenanceRequest>,
    ) -> Result<Response<v1::ListMaintenanceResponse>, Status> {
        let call =
            |r: v1::ListMaintenanceRequest| Ok(OperatorCall::ListMaintenance(read_page(r.page)?));
        read!(self, request, call, Windows)
    }

    async fn add_master(
        &self,
        request: Request<v1::AddMasterRequest>,
    ) -> Result<Response<v1::AddMasterResponse>, Status> {
        self.tell(request, masters::read_add).await
    }

    async fn remove_master(
        &self,
        request: Request<v1::RemoveMasterRequest>,
    ) -> Result<Response<v1::RemoveMasterResponse>, Status> {
        self.tell(request, masters::read_remove).await
    }

    async fn replace_master(
        &self,
        request: Request<v1::ReplaceMasterRequest>,
    ) -> Result<Response<v1::ReplaceMasterResponse>, Status> {
        self.tell(request, masters::read_replace).await
    }

    async fn transfer_leadership(
        &self,
        request: Request<v1::TransferLeadershipRequest>,
    ) -> Result<Response<v1::TransferLeadershipResponse>, Status> {
        self.tell(request, masters::read_transfer).await
    }

    async fn take_snapshot(
        &self,
        request: Request<v1::TakeSnapshotRequest>,
    ) -> Result<Response<masters::BackupStream>, Status> {
        let (node, principal) = (&self.0.node_label, self.principal(&request));
        tracing::info!(target: "bourse::audit", %node, %principal, "take snapshot");
        Ok(Response::new(masters::backup(&self.0).await?))
    }

    async fn why(
        &self,
        request: Request<v1::WhyRequest>,
    ) -> Result<Response<v1::WhyResponse>, Status> {
        read!(self, request, read_why, Why)
    }

    async fn list_reservations(
        &self,
        request: Request<v1::ListReservationsRequest>,
    ) -> Result<Response<v1::ListReservationsResponse>, Status> {
        read!(self, request, reservations::read_list, Reservations)
    }

    async fn reserve(
        &self,
        request: Request<v1::ReserveRequest>,
    ) -> Result<Response<v1::ReserveResponse>, Status> {
        match self.ask(request, reservations::read_reserve).await? {
            Answer::Reserved(reservation) => {
                let reservation_id = reservation.to_string();
                Ok(Response::new(v1::ReserveResponse { reservation_id }))
            }
            other => unexpected(&other),
        }
    }

    async fn unreserve(
        &self,
        request: Request<v1::UnreserveRequest>,
    ) -> Result<Response<v1::UnreserveResponse>, Status> {
        self.tell(request, reservations::read_give_up).await
    }

    async fn move_reservation(
        &self,
        request: Request<v1::MoveReservationRequest>,
    ) -> Result<Response<v1::MoveReservationResponse>, Status> {
        self.tell(request, reservations::read_moved).await
    }

    async fn list_volumes(
        &self,
        request: Request<v1::ListVolumesRequest>,
    ) -> Result<Response<v1::ListVolumesResponse>, Status> {
        read!(self, request, volumes::read_list, Volumes)
    }

    async fn create_volume(
        &self,
        request: Request<v1::CreateVolumeRequest>,
    ) -> Result<Response<v1::CreateVolumeResponse>, Status> {
        match self.ask(request, volumes::read_create).await? {
            Answer::VolumeCreating(volume) => {
                Ok(Response::new(v1::CreateVolumeResponse { volume_id: volume.to_string() }))
            }
            other => unexpected(&other),
        }
    }

    async fn grow_volume(
        &self,
        request: Request<v1::GrowVolumeRequest>,
    ) -> Result<Response<v1::GrowVolumeResponse>, Status> {
        self.tell(request, volumes::read_grow).await
    }

    async fn shrink_volume(
        &self,
        request: Request<v1::ShrinkVolumeRequest>,
    ) -> Result<Response<v1::ShrinkVolumeResponse>, Status> {
        self.tell(request, volumes::read_shrink).await
    }

    async fn destroy_volume(
        &self,
        request: Request<v1::DestroyVolumeRequest>,
    ) -> Result<Response<v1::DestroyVolumeResponse>, Status> {
        self.tell(request, volumes::read_destroy).await
    }

    async fn list_demands(
        &self,
        request: Request<v1::ListDemandsRequest>,
    ) -> Result<Response<v1::ListDemandsResponse>, Status> {
        read!(self, request, read_list_demands, Demands)
    }

    async fn watch(
        &self,
        request: Request<v1::WatchRequest>,
    ) -> Result<Response<WatchStream>, Status> {
        let principal = self.principal(&request);
        let opened = WatchStream::open(&self.0, principal, request.into_inner()).await;
        opened.map(Response::new).map_err(|refusal| self.0.refuse(&refusal))
    }
}

impl OperatorService {
    fn principal<R>(&self, request: &Request<R>) -> Principal {
        caller(request.extensions()).or_insecure(PrincipalKind::Operator, &self.0.cluster)
    }

    async fn ask<R>(
        &self,
        request: Request<R>,
        read: impl FnOnce(R) -> Result<OperatorCall, Refusal>,
    ) -> Result<Answer, Status> {
        let principal = self.principal(&request);
        let request = read(request.into_inner()).map_err(|refusal| self.0.refuse(&refusal))?;
        groups::audit(&self.0.node_label, &principal, &request);
        audit(&self.0.node_label, &principal, &request);
        reservations::audit(&self.0.node_label, &principal, &request);
        volumes::audit(&self.0.node_label, &principal, &request);
        agent_life::audit(&self.0.node_label, &principal, &request);
        masters::audit(&self.0.node_label, &principal, &request);
        self.0.call(|call| Input::OperatorCall { call, principal, request }).await
    }

    /// As [`Self::ask`], for calls whose answer says nothing more than that it is done.
    async fn tell<R, A: Default>(
        &self,
        request: Request<R>,
        read: impl FnOnce(R) -> Result<OperatorCall, Refusal>,
    ) -> Result<Response<A>, Status> {
        match self.ask(request, read).await? {
            Answer::Done => Ok(Response::new(A::default())),
            other => unexpected(&other),
        }
    }
}

pub(super) fn id<T: FromStr<Err = IdError>>(field: &str, text: &str) -> Result<T, Refusal> {
    text.parse().map_err(|error| match error {
        IdError::TooLong { length_bytes, limit_bytes } => {
            Refusal::limit(field, length_bytes, limit_bytes)
        }
        IdError::TooDeep { depth, limit } => Refusal::limit(field, depth, limit),
        other => Refusal::invalid(field, other),
    })
}

pub(super) fn optional_id<T: FromStr<Err = IdError>>(
    field: &str,
    text: &str,
) -> Result<Option<T>, Refusal> {
    match text.is_empty() {
        true => Ok(None),
        false => id(field, text).map(Some),
    }
}
