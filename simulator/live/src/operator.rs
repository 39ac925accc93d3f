//! A client of the operator API, without the binary's own: what it says is checked independently.

use crate::{authority::Files, patience::within};
use proto::wire::v1::{self, operator_client::OperatorClient};
use std::{collections::BTreeMap, fs, net::SocketAddr, time::Duration};
use tokio::runtime::Runtime;
use tonic::{
    Request, Status,
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity},
};

/// One try; a stopped master accepts connections and says nothing.
const TRY: Duration = Duration::from_secs(2);
/// Until some leader answers.
const LEADER: Duration = Duration::from_secs(60);
/// The DNS name in every master's certificate.
const MASTER_NAME: &str = "master.bourse.internal";
const ANSWER_BYTES_MAX: usize = 64 * 1_024 * 1_024;

/// Asks the leader, whoever it is, until it answers.
#[derive(Debug)]
pub struct Operator {
    runtime: Runtime,
    masters: BTreeMap<u64, OperatorClient<Channel>>,
}

impl Operator {
    /// For these masters, by their number.
    pub fn new(masters: &BTreeMap<u64, SocketAddr>, files: &Files) -> anyhow::Result<Self> {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).enable_all().build()?;
        let clients = {
            let _inside = runtime.enter();
            let client = |(id, address): (&u64, &SocketAddr)| {
                let channel = channel(*address, files)?;
                let client = OperatorClient::new(channel);
                Ok((*id, client.max_decoding_message_size(ANSWER_BYTES_MAX)))
            };
            masters.iter().map(client).collect::<anyhow::Result<_>>()?
        };
        Ok(Self { runtime, masters: clients })
    }

    /// The cluster as one member sees it, asked once.
    pub fn cluster_at(&self, master: u64) -> Result<v1::GetClusterResponse, Status> {
        self.ask_at(master, |mut client| async move {
            client.get_cluster(Request::new(v1::GetClusterRequest {})).await
        })
    }

    /// The cluster as its serving leader sees it, if one answers now.
    pub fn cluster_now(&self) -> Option<v1::GetClusterResponse> {
        let answers = self.masters.keys().filter_map(|id| self.cluster_at(*id).ok());
        answers.into_iter().find(|answer| answer.leader_id != 0)
    }

    /// The cluster as its serving leader sees it, once there is one.
    pub fn cluster(&self) -> anyhow::Result<v1::GetClusterResponse> {
        within(LEADER, "a leader that serves", || self.cluster_now())
    }

    /// All agents (there are few), as the leader sees them, if it answers now.
    pub fn agents_now(&self) -> Result<Vec<v1::AgentSummary>, Status> {
        let mut answer = Err(Status::not_found("there are no masters"));
        for id in self.masters.keys() {
            let call = |mut client: OperatorClient<Channel>| async move {
                client.list_agents(Request::new(v1::ListAgentsRequest::default())).await
            };
            answer = self.ask_at(*id, call).map(|answer| answer.agents);
            if answer.is_ok() {
                break;
            }
        }
        answer
    }

    /// Everything that is known of all tasks.
    pub fn tasks(&self) -> anyhow::Result<Vec<v1::TaskSummary>> {
        let (mut tasks, mut token) = (Vec::new(), String::new());
        loop {
            let page = v1::Page { size: 1_000, token };
            let message = v1::ListTasksRequest { page: Some(page), ..Default::default() };
            let answer = within(LEADER, "a page of tasks", || {
                self.masters.keys().find_map(|id| {
                    let message = message.clone();
                    let call = |mut client: OperatorClient<Channel>| async move {
                        client.list_tasks(Request::new(message)).await
                    };
                    self.ask_at(*id, call).ok()
                })
            })?;
            tasks.extend(answer.tasks);
            token = answer.next_page_token;
            if token.is_empty() {
                return Ok(tasks);
            }
        }
    }

    fn ask_at<T, F>(
        &self,
        master: u64,
        call: impl FnOnce(OperatorClient<Channel>) -> F,
    ) -> Result<T, Status>
    where
        F: Future<Output = Result<tonic::Response<T>, Status>>,
    {
        let client =
            self.masters.get(&master).ok_or_else(|| Status::not_found("no such master"))?;
        let answer = call(client.clone());
        let limited = async { tokio::time::timeout(TRY, answer).await };
        let answer = self.runtime.block_on(limited);
        let silence = |_| Err(Status::deadline_exceeded("no answer"));
        answer.unwrap_or_else(silence).map(tonic::Response::into_inner)
    }
}

fn channel(address: SocketAddr, files: &Files) -> anyhow::Result<Channel> {
    let tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(fs::read(&files.ca)?))
        .identity(Identity::from_pem(fs::read(&files.certificate)?, fs::read(&files.key)?))
        .domain_name(MASTER_NAME);
    let endpoint = Endpoint::from_shared(format!("https://{address}"))?.tls_config(tls)?;
    // A connection that was silent for a try is made anew: the other end may have been killed.
    let endpoint = endpoint.connect_timeout(TRY).timeout(TRY).http2_keep_alive_interval(TRY);
    Ok(endpoint.keep_alive_timeout(TRY).connect_lazy())
}
