//! gRPC health: the process is up (`""`), and this master leads and serves (`bourse.v1.Scheduler`).
//!
//! A load balancer that looks at the second finds the leader.

use master_core::outbox::RoleChange;
use proto::wire::v1::{agent_server, operator_server, scheduler_server};
use tokio::sync::watch;
use tonic::server::NamedService;
use tonic_health::{
    ServingStatus,
    server::{HealthReporter, HealthService},
};

type Served = scheduler_server::SchedulerServer<super::scheduler::SchedulerService>;

/// Names of the services that only a serving leader answers.
const OF_THE_LEADER: [&str; 3] =
    [<Served as NamedService>::NAME, agent_server::SERVICE_NAME, operator_server::SERVICE_NAME];

/// The service, and a task that follows the role for as long as there is one.
pub(crate) fn start(mut role: watch::Receiver<RoleChange>) -> HealthService {
    let reporter = HealthReporter::new();
    let service = HealthService::from_health_reporter(reporter.clone());
    tokio::spawn(async move {
        loop {
            let serving = role.borrow_and_update().serving;
            let status = if serving { ServingStatus::Serving } else { ServingStatus::NotServing };
            for name in OF_THE_LEADER {
                reporter.set_service_status(name, status).await;
            }
            if role.changed().await.is_err() {
                return;
            }
        }
    });
    service
}
