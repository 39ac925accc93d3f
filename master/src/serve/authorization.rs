//! THE table: who may call what, and what each call takes.
//!
//! Deny by default: a call without a row reaches nobody. A test compares the rows with the schemas,
//! so that a new call without a row fails the build.

use edge::gate::{ANYBODY, Row};
use proto::model::{
    limits,
    principal::PrincipalKind::{Agent, Framework, Master, Operator},
};

/// Every call that a master answers, on either listener.
pub const TABLE: &[Row] = &[
    Row::new("/bourse.v1.Scheduler/Subscribe", &[Framework]),
    Row::new("/bourse.v1.Scheduler/Accept", &[Framework]),
    Row::new("/bourse.v1.Scheduler/Decline", &[Framework]),
    Row::new("/bourse.v1.Scheduler/Kill", &[Framework]),
    Row::new("/bourse.v1.Scheduler/Acknowledge", &[Framework]),
    Row::new("/bourse.v1.Scheduler/Reconcile", &[Framework]),
    Row::new("/bourse.v1.Scheduler/Suppress", &[Framework]),
    Row::new("/bourse.v1.Scheduler/ClearFilters", &[Framework]),
    Row::new("/bourse.v1.Scheduler/Revive", &[Framework]),
    Row::new("/bourse.v1.Scheduler/Teardown", &[Framework]),
    Row::new("/bourse.v1.Scheduler/UpdateFramework", &[Framework]),
    Row::new("/bourse.v1.Scheduler/StateDemand", &[Framework]),
    Row::new("/bourse.v1.Scheduler/AnswerInverseOffers", &[Framework]),
    Row::new("/bourse.v1.Agent/Connect", &[Agent]).streamed(limits::AGENT_MESSAGE_BYTES_MAX),
    // Of those whose leader may fall silent while they listen to it.
    Row::new("/bourse.v1.Leadership/FindLeader", &[Agent, Framework]),
    // A master that joins asks who is there.
    Row::new("/bourse.v1.Operator/GetCluster", &[Master, Operator]),
    // What a framework is shown by GetAgent, GetTask, ListTasks, ListGroups, ListVolumes and Why is
    // its own: `reads/viewer.rs`.
    Row::new("/bourse.v1.Operator/GetAgent", &[Framework, Operator]),
    Row::new("/bourse.v1.Operator/ListAgents", &[Operator]),
    Row::new("/bourse.v1.Operator/GetFramework", &[Operator]),
    Row::new("/bourse.v1.Operator/ListFrameworks", &[Operator]),
    Row::new("/bourse.v1.Operator/GetTask", &[Framework, Operator]),
    Row::new("/bourse.v1.Operator/ListTasks", &[Framework, Operator]),
    Row::new("/bourse.v1.Operator/ListGroups", &[Framework, Operator]),
    Row::new("/bourse.v1.Operator/ListOffers", &[Operator]),
    Row::new("/bourse.v1.Operator/ListRoles", &[Operator]),
    Row::new("/bourse.v1.Operator/SetWeight", &[Operator]),
    Row::new("/bourse.v1.Operator/SetQuota", &[Operator]),
    Row::new("/bourse.v1.Operator/RemoveQuota", &[Operator]),
    Row::new("/bourse.v1.Operator/ConfigureRole", &[Operator]),
    Row::new("/bourse.v1.Operator/KillTask", &[Operator]),
    Row::new("/bourse.v1.Operator/DrainAgent", &[Operator]),
    Row::new("/bourse.v1.Operator/CancelDrain", &[Operator]),
    Row::new("/bourse.v1.Operator/DeactivateAgent", &[Operator]),
    Row::new("/bourse.v1.Operator/ReactivateAgent", &[Operator]),
    Row::new("/bourse.v1.Operator/DeclareAgentGone", &[Operator]),
    Row::new("/bourse.v1.Operator/TeardownFramework", &[Operator]),
    Row::new("/bourse.v1.Operator/ScheduleMaintenance", &[Operator]),
    Row::new("/bourse.v1.Operator/ListMaintenance", &[Operator]),
    Row::new("/bourse.v1.Operator/CancelMaintenance", &[Operator]),
    Row::new("/bourse.v1.Operator/AddMaster", &[Operator]),
    Row::new("/bourse.v1.Operator/RemoveMaster", &[Operator]),
    Row::new("/bourse.v1.Operator/ReplaceMaster", &[Operator]),
    Row::new("/bourse.v1.Operator/TransferLeadership", &[Operator]),
    Row::new("/bourse.v1.Operator/TakeSnapshot", &[Operator]),
    Row::new("/bourse.v1.Operator/Watch", &[Operator]),
    Row::new("/bourse.v1.Operator/Why", &[Framework, Operator]),
    Row::new("/bourse.v1.Operator/ListDemands", &[Operator]),
    Row::new("/bourse.v1.Operator/ListReservations", &[Operator]),
    Row::new("/bourse.v1.Operator/Reserve", &[Operator]),
    Row::new("/bourse.v1.Operator/Unreserve", &[Operator]),
    Row::new("/bourse.v1.Operator/MoveReservation", &[Operator]),
    Row::new("/bourse.v1.Operator/ListVolumes", &[Framework, Operator]),
    Row::new("/bourse.v1.Operator/CreateVolume", &[Operator]),
    Row::new("/bourse.v1.Operator/GrowVolume", &[Operator]),
    Row::new("/bourse.v1.Operator/ShrinkVolume", &[Operator]),
    Row::new("/bourse.v1.Operator/DestroyVolume", &[Operator]),
    Row::new("/bourse.v1.Peer/Exchange", &[Master]).streamed(limits::PEER_FRAME_BYTES_MAX),
    Row::new("/bourse.v1.Peer/InstallSnapshot", &[Master]).streamed(limits::PEER_FRAME_BYTES_MAX),
    Row::new("/grpc.health.v1.Health/Check", ANYBODY),
    Row::new("/grpc.health.v1.Health/Watch", ANYBODY),
    // Says what the schemas say, which are public; agents and masters have no use for it.
    Row::new("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", &[Framework, Operator])
        .streamed(limits::CALL_BYTES_MAX),
];
