//! Every reader of an operator's call, by the request that it takes: for tests that feed bytes.

use super::{
    agent_life,
    demands::{read_list_demands, read_why},
    groups,
    listings::{read_list_agents, read_list_frameworks, read_list_tasks, read_page},
    masters,
    operators::{id, optional_id},
    reservations,
    roles::{read_configure_role, read_remove_quota, read_set_quota, read_set_weight},
    volumes,
};
use master_core::input::OperatorCall;
use proto::{convert::body::read_body, model::Refusal, wire::v1};

/// Reads a request's bytes.
pub type Reader = fn(&[u8]) -> Result<OperatorCall, Refusal>;

macro_rules! readers {
    ($($request:ident => $read:expr,)*) => {
        /// The name of a request, and who reads it.
        pub const OPERATOR_CALLS: &[(&str, Reader)] = &[$(
            (stringify!($request), |bytes| {
                let read: fn(v1::$request) -> Result<OperatorCall, Refusal> = $read;
                read(read_body(bytes)?)
            }),
        )*];
    };
}

readers! {
    GetAgentRequest => |r| Ok(OperatorCall::GetAgent(id("agent_id", &r.agent_id)?)),
    ListAgentsRequest => read_list_agents,
    GetFrameworkRequest =>
        |r| Ok(OperatorCall::GetFramework(id("framework_id", &r.framework_id)?)),
    ListFrameworksRequest => read_list_frameworks,
    GetTaskRequest => |r| {
        let framework = optional_id("framework_id", &r.framework_id)?;
        Ok(OperatorCall::GetTask { framework, task: id("task_id", &r.task_id)? })
    },
    ListTasksRequest => read_list_tasks,
    ListGroupsRequest => groups::read_list,
    ListOffersRequest => |r| Ok(OperatorCall::ListOffers(read_page(r.page)?)),
    ListRolesRequest => |r| Ok(OperatorCall::ListRoles(read_page(r.page)?)),
    SetWeightRequest => read_set_weight,
    SetQuotaRequest => read_set_quota,
    RemoveQuotaRequest => read_remove_quota,
    ConfigureRoleRequest => read_configure_role,
    OperatorKillTaskRequest => groups::read_kill,
    DrainAgentRequest => agent_life::read_drain,
    CancelDrainRequest => agent_life::read_cancel_drain,
    DeactivateAgentRequest => agent_life::read_deactivate,
    ReactivateAgentRequest => agent_life::read_reactivate,
    DeclareAgentGoneRequest => agent_life::read_declare_gone,
    TeardownFrameworkRequest => agent_life::read_teardown,
    ScheduleMaintenanceRequest => agent_life::read_schedule,
    CancelMaintenanceRequest => agent_life::read_cancel_window,
    ListMaintenanceRequest => |r| Ok(OperatorCall::ListMaintenance(read_page(r.page)?)),
    AddMasterRequest => masters::read_add,
    RemoveMasterRequest => masters::read_remove,
    ReplaceMasterRequest => masters::read_replace,
    TransferLeadershipRequest => masters::read_transfer,
    WhyRequest => read_why,
    ListReservationsRequest => reservations::read_list,
    ReserveRequest => reservations::read_reserve,
    UnreserveRequest => reservations::read_give_up,
    MoveReservationRequest => reservations::read_moved,
    ListVolumesRequest => volumes::read_list,
    CreateVolumeRequest => volumes::read_create,
    GrowVolumeRequest => volumes::read_grow,
    ShrinkVolumeRequest => volumes::read_shrink,
    DestroyVolumeRequest => volumes::read_destroy,
    ListDemandsRequest => read_list_demands,
}
