//! THE table: who may call what.
//!
//! Deny by default: a call without a row reaches nobody. A test compares the rows with the schemas,
//! so that a new call without a row fails the build.

use proto::model::principal::PrincipalKind::{self, Agent, Framework, Master, Operator};

/// One call and the kinds of callers that may make it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// As in the request: `/package.Service/Call`.
    pub path: &'static str,
    /// Who may.
    pub allowed: &'static [PrincipalKind],
}

const fn row(path: &'static str, allowed: &'static [PrincipalKind]) -> Row {
    Row { path, allowed }
}

/// Everybody with a certificate of the cluster.
const ANYBODY: &[PrincipalKind] = &[Master, Agent, Framework, Operator];

/// Every call that a master answers, on either listener.
pub const TABLE: &[Row] = &[
    row("/bourse.v1.Scheduler/Subscribe", &[Framework]),
    row("/bourse.v1.Scheduler/Accept", &[Framework]),
    row("/bourse.v1.Scheduler/Decline", &[Framework]),
    row("/bourse.v1.Scheduler/Kill", &[Framework]),
    row("/bourse.v1.Scheduler/Acknowledge", &[Framework]),
    row("/bourse.v1.Scheduler/Reconcile", &[Framework]),
    row("/bourse.v1.Scheduler/Suppress", &[Framework]),
    row("/bourse.v1.Scheduler/Revive", &[Framework]),
    row("/bourse.v1.Scheduler/Teardown", &[Framework]),
    row("/bourse.v1.Agent/Connect", &[Agent]),
    row("/bourse.v1.Operator/GetCluster", &[Operator]),
    row("/bourse.v1.Operator/GetAgent", &[Operator]),
    row("/bourse.v1.Operator/ListAgents", &[Operator]),
    row("/bourse.v1.Operator/GetFramework", &[Operator]),
    row("/bourse.v1.Operator/ListFrameworks", &[Operator]),
    row("/bourse.v1.Operator/GetTask", &[Operator]),
    row("/bourse.v1.Operator/ListTasks", &[Operator]),
    row("/bourse.v1.Operator/ListOffers", &[Operator]),
    row("/bourse.v1.Operator/ListRoles", &[Operator]),
    row("/bourse.v1.Operator/KillTask", &[Operator]),
    row("/bourse.v1.Operator/Watch", &[Operator]),
    row("/bourse.v1.Peer/Exchange", &[Master]),
    row("/bourse.v1.Peer/InstallSnapshot", &[Master]),
    row("/grpc.health.v1.Health/Check", ANYBODY),
    row("/grpc.health.v1.Health/Watch", ANYBODY),
    // Says what the schemas say, which are public; agents and masters have no use for it.
    row("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", &[Framework, Operator]),
];

/// Who may make this call; `None` when there is no such call.
pub fn allowed(path: &str) -> Option<&'static [PrincipalKind]> {
    TABLE.iter().find(|row| row.path == path).map(|row| row.allowed)
}
