//! THE table: who may call what.
//!
//! Deny by default: a call without a row reaches nobody. A test compares the rows with the schemas,
//! so that a new call without a row fails the build.

use edge::gate::{ANYBODY, Row};
use proto::model::principal::PrincipalKind::{Agent, Framework, Master, Operator};

/// Every call that a master answers, on either listener.
pub const TABLE: &[Row] = &[
    Row::new("/bourse.v1.Scheduler/Subscribe", &[Framework]),
    Row::new("/bourse.v1.Scheduler/Accept", &[Framework]),
    Row::new("/bourse.v1.Scheduler/Decline", &[Framework]),
    Row::new("/bourse.v1.Scheduler/Kill", &[Framework]),
    Row::new("/bourse.v1.Scheduler/Acknowledge", &[Framework]),
    Row::new("/bourse.v1.Scheduler/Reconcile", &[Framework]),
    Row::new("/bourse.v1.Scheduler/Suppress", &[Framework]),
    Row::new("/bourse.v1.Scheduler/Revive", &[Framework]),
    Row::new("/bourse.v1.Scheduler/Teardown", &[Framework]),
    Row::new("/bourse.v1.Agent/Connect", &[Agent]),
    Row::new("/bourse.v1.Operator/GetCluster", &[Operator]),
    Row::new("/bourse.v1.Operator/GetAgent", &[Operator]),
    Row::new("/bourse.v1.Operator/ListAgents", &[Operator]),
    Row::new("/bourse.v1.Operator/GetFramework", &[Operator]),
    Row::new("/bourse.v1.Operator/ListFrameworks", &[Operator]),
    Row::new("/bourse.v1.Operator/GetTask", &[Operator]),
    Row::new("/bourse.v1.Operator/ListTasks", &[Operator]),
    Row::new("/bourse.v1.Operator/ListOffers", &[Operator]),
    Row::new("/bourse.v1.Operator/ListRoles", &[Operator]),
    Row::new("/bourse.v1.Operator/KillTask", &[Operator]),
    Row::new("/bourse.v1.Operator/Watch", &[Operator]),
    Row::new("/bourse.v1.Peer/Exchange", &[Master]),
    Row::new("/bourse.v1.Peer/InstallSnapshot", &[Master]),
    Row::new("/grpc.health.v1.Health/Check", ANYBODY),
    Row::new("/grpc.health.v1.Health/Watch", ANYBODY),
    // Says what the schemas say, which are public; agents and masters have no use for it.
    Row::new("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", &[Framework, Operator]),
];
