//! A client of the operator API, without the binary's own: what it says is checked independently.

use super::{PATIENCE, Pki, eventually};
use proto::{convert::refusal::from_status, model::Refusal, wire::v1};
use std::{fs, net::SocketAddr, path::PathBuf, time::Duration};
use tokio::runtime::Runtime;
use tonic::{
    Request, Status,
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity},
};
use v1::operator_client::OperatorClient;

/// How the test proves who it is.
#[derive(Debug, Clone)]
pub(crate) enum Security {
    Insecure,
    /// An authority, a certificate, a key.
    Tls(PathBuf, PathBuf, PathBuf),
}

/// Asks the leader, whoever it is, until it answers.
#[derive(Debug)]
pub(crate) struct Operator {
    runtime: Runtime,
    masters: Vec<SocketAddr>,
    security: Security,
}

/// One try; a stopped master accepts connections and says nothing.
const TRY: Duration = Duration::from_secs(5);

/// A channel that is made when it is first used.
pub(crate) fn channel(address: SocketAddr, security: &Security, name: &str) -> Channel {
    let endpoint = match security {
        Security::Insecure => Endpoint::from_shared(format!("http://{address}")).unwrap(),
        Security::Tls(ca, certificate, key) => {
            let [ca, certificate, key] = [ca, certificate, key].map(|file| fs::read(file).unwrap());
            let tls = ClientTlsConfig::new()
                .ca_certificate(Certificate::from_pem(ca))
                .identity(Identity::from_pem(certificate, key))
                .domain_name(name);
            let endpoint = Endpoint::from_shared(format!("https://{address}")).unwrap();
            endpoint.tls_config(tls).unwrap()
        }
    };
    endpoint.connect_timeout(TRY).timeout(TRY).connect_lazy()
}

/// The reason in an error's details.
pub(crate) fn refusal_of(status: &Status) -> Refusal {
    from_status(status)
}

/// A request of an operator, for masters that ask nobody for a certificate.
fn request<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("bourse-principal", "operator/live-test".parse().unwrap());
    request
}

impl Operator {
    pub(crate) fn new(masters: Vec<SocketAddr>, security: Security) -> Self {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).enable_all().build().unwrap();
        Self { runtime, masters, security }
    }

    pub(crate) fn of(
        pki: Option<&Pki>,
        masters: Vec<SocketAddr>,
        files: (PathBuf, PathBuf),
    ) -> Self {
        let security = match pki {
            None => Security::Insecure,
            Some(pki) => Security::Tls(pki.ca(), files.0, files.1),
        };
        Self::new(masters, security)
    }

    /// One master more to ask.
    pub(crate) fn learn(&mut self, master: SocketAddr) {
        self.masters.push(master);
    }

    /// One less.
    pub(crate) fn forget(&mut self, master: SocketAddr) {
        self.masters.retain(|known| *known != master);
    }

    pub(crate) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    fn client(&self, master: SocketAddr) -> OperatorClient<Channel> {
        let _inside = self.runtime.enter();
        let channel = channel(master, &self.security, "master.bourse.internal");
        OperatorClient::new(channel).max_decoding_message_size(64 * 1_024 * 1_024)
    }

    /// Asks one master, once.
    pub(crate) fn ask_at<T, F>(
        &self,
        master: SocketAddr,
        call: impl FnOnce(OperatorClient<Channel>) -> F,
    ) -> Result<T, Status>
    where
        F: Future<Output = Result<tonic::Response<T>, Status>>,
    {
        let answer = call(self.client(master));
        let limited = async { tokio::time::timeout(TRY, answer).await };
        let answer = self.runtime.block_on(limited);
        answer
            .unwrap_or_else(|_| Err(Status::deadline_exceeded("no answer")))
            .map(|r| r.into_inner())
    }

    /// Asks all masters in turn until one answers.
    fn ask<T, F>(&self, what: &str, call: impl Fn(OperatorClient<Channel>) -> F) -> T
    where
        F: Future<Output = Result<tonic::Response<T>, Status>>,
    {
        let mut last = None;
        let deadline = std::time::Instant::now() + PATIENCE;
        eventually(what, || {
            for master in &self.masters {
                match self.ask_at(*master, &call) {
                    Ok(answer) => return Some(answer),
                    Err(status) => last = Some(status),
                }
            }
            assert!(std::time::Instant::now() < deadline, "{what}: {last:?}");
            None
        })
    }

    /// The cluster as its serving leader sees it.
    pub(crate) fn cluster(&self) -> v1::GetClusterResponse {
        eventually("a leader that serves", || {
            let call = |mut client: OperatorClient<Channel>| async move {
                client.get_cluster(request(v1::GetClusterRequest {})).await
            };
            Some(self.ask("the cluster", call)).filter(|cluster| cluster.leader_id != 0)
        })
    }

    /// The cluster as one member sees it; none unless it leads or nobody does.
    pub(crate) fn cluster_at(&self, master: SocketAddr) -> Result<v1::GetClusterResponse, Status> {
        self.ask_at(master, |mut client| async move {
            client.get_cluster(request(v1::GetClusterRequest {})).await
        })
    }

    pub(crate) fn agents(&self) -> Vec<v1::AgentSummary> {
        let call = |mut client: OperatorClient<Channel>| async move {
            client.list_agents(request(v1::ListAgentsRequest::default())).await
        };
        self.ask("the agents", call).agents
    }

    /// All tasks of all frameworks.
    pub(crate) fn tasks(&self) -> Vec<v1::TaskSummary> {
        let (mut tasks, mut token) = (Vec::new(), String::new());
        loop {
            let page = v1::Page { size: 1_000, token };
            let message = v1::ListTasksRequest { page: Some(page), ..Default::default() };
            let answer = self.ask("the tasks", |mut client| {
                let message = request(message.clone());
                async move { client.list_tasks(message).await }
            });
            tasks.extend(answer.tasks);
            token = answer.next_page_token;
            if token.is_empty() {
                return tasks;
            }
        }
    }

    /// The state of each task by its id.
    pub(crate) fn states(&self) -> std::collections::BTreeMap<String, v1::TaskState> {
        let tasks = self.tasks().into_iter();
        tasks
            .map(|task| {
                let state = task.status.as_ref().map_or(v1::TaskState::Unspecified, |s| s.state());
                (task.info.unwrap_or_default().task_id, state)
            })
            .collect()
    }
}
