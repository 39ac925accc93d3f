//! A master in a few lines, behind real gRPC: offers one big agent, runs every task in no time, and
//! repeats updates until they are acknowledged. It decides nothing about fairness or safety; it is
//! there to have something at the other end of the driver's sockets.

use bourse_sdk::model::{
    AgentId, ClusterId, Duration, FrameworkId, Offer, OfferId, Operation, Reason, Refusal,
    Resources, Role, SchedulerCall, SchedulerEvent, Session, StatusReason, StatusSource, TaskId,
    TaskState, TaskStatus, WallTime,
};
use proto::convert::calls::{WireCall, read_call, read_subscribe, write_event};
use proto::convert::refusal::to_status;
use proto::wire::v1;
use proto::wire::v1::leadership_server::{Leadership, LeadershipServer};
use proto::wire::v1::scheduler_server::{Scheduler, SchedulerServer};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::{Request, Response, Status};

type Sink = mpsc::Sender<Result<v1::Event, Status>>;

/// How the model behaves.
#[derive(Debug, Default, Clone)]
pub(crate) struct Script {
    /// Answer every subscription with this.
    pub(crate) refuse: Option<Refusal>,
    /// End the stream after so many accepts, once.
    pub(crate) cut_after_accepts: Option<u64>,
    /// Offer so many times the whole agent.
    pub(crate) offers: u64,
    /// The term in which it leads; 0 does not say.
    pub(crate) term: u64,
    /// Say nothing any more, as if stopped, from the first accept on.
    pub(crate) hangs: bool,
}

#[derive(Debug, Default)]
struct State {
    script: Script,
    epoch: u64,
    accepts: u64,
    offered: u64,
    runs: BTreeMap<TaskId, u32>,
    pending: BTreeMap<TaskId, VecDeque<TaskStatus>>,
    is_torn_down: bool,
    sink: Option<Sink>,
}

/// One running model.
#[derive(Debug, Clone)]
pub(crate) struct ModelMaster {
    /// Where it listens.
    pub(crate) address: String,
    state: Arc<Mutex<State>>,
}

impl ModelMaster {
    pub(crate) async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let state = Arc::new(Mutex::new(State { script, ..State::default() }));
        let master = Self { address, state };
        let service = SchedulerServer::new(master.clone());
        let server = tonic::transport::Server::builder().add_service(service);
        let server = server.add_service(LeadershipServer::new(master.clone()));
        // Ends with the test's runtime.
        tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        master
    }

    /// How often each task was launched.
    pub(crate) fn runs(&self) -> BTreeMap<TaskId, u32> {
        self.state.lock().unwrap().runs.clone()
    }

    pub(crate) fn subscriptions(&self) -> u64 {
        self.state.lock().unwrap().epoch
    }

    pub(crate) fn is_torn_down(&self) -> bool {
        self.state.lock().unwrap().is_torn_down
    }

    pub(crate) fn pending(&self) -> usize {
        self.state.lock().unwrap().pending.values().map(VecDeque::len).sum()
    }

    fn call<R: Default>(&self, call: WireCall) -> Result<Response<R>, Status> {
        let (session, call) = read_call(call).map_err(|refusal| to_status(&refusal))?;
        let (sink, events) = {
            let mut state = self.state.lock().unwrap();
            if session.epoch != state.epoch {
                return Err(to_status(&Refusal::new(Reason::FrameworkFenced, "an old epoch")));
            }
            let events = state.call(call);
            (state.sink.clone(), events)
        };
        if let Some(sink) = sink {
            // On the side: a call must not wait for the reader of the stream.
            tokio::spawn(async move {
                for event in events {
                    let _ = sink.send(Ok(write_event(&event))).await;
                }
            });
        }
        Ok(Response::new(R::default()))
    }
}

impl State {
    fn offers(&mut self) -> Vec<SchedulerEvent> {
        if self.offered >= self.script.offers {
            return Vec::new();
        }
        self.offered += 1;
        vec![SchedulerEvent::Offers(vec![Offer {
            volumes: Vec::new(),
            reserved: Vec::new(),
            id: OfferId { term: 1, number: self.offered },
            framework: FrameworkId(1),
            role: Role::any(),
            agent: AgentId::new("a1").unwrap(),
            hostname: "host".to_owned(),
            resources: Resources::cpus_mem(64_000, 65_536),
            attributes: Vec::new(),
            domain: None,
            expires_in: None,
            unavailability: None,
            pieces: Vec::new(),
            revocable: false,
        }])]
    }

    fn call(&mut self, call: SchedulerCall) -> Vec<SchedulerEvent> {
        match call {
            SchedulerCall::Accept { operations, .. } => {
                self.accepts += 1;
                let mut events = Vec::new();
                for task in operations.iter().flat_map(Operation::tasks) {
                    let runs = self.runs.entry(task.id.clone()).or_default();
                    // A retry with the same request id finds the task.
                    if *runs == 0 {
                        *runs = 1;
                        self.pending.insert(task.id.clone(), updates(&task.id));
                    }
                    let pending = self.pending[&task.id].iter().cloned();
                    events.extend(pending.map(SchedulerEvent::Update));
                }
                events.extend(self.offers());
                if self.script.cut_after_accepts == Some(self.accepts) {
                    self.sink = None;
                }
                events
            }
            SchedulerCall::Acknowledge { acknowledgements } => {
                for (task, sequence) in acknowledgements {
                    if let Some(pending) = self.pending.get_mut(&task) {
                        pending.retain(|status| status.sequence > sequence);
                    }
                }
                Vec::new()
            }
            SchedulerCall::Teardown => {
                self.is_torn_down = true;
                Vec::new()
            }
            _ => Vec::new(),
        }
    }
}

fn updates(task: &TaskId) -> VecDeque<TaskStatus> {
    let states = [TaskState::Starting, TaskState::Running, TaskState::Finished];
    let status = |(index, state): (usize, TaskState)| TaskStatus {
        task: task.clone(),
        agent: AgentId::new("a1").unwrap(),
        state,
        source: StatusSource::Agent,
        reason: StatusReason::None,
        message: String::new(),
        exit_code: (state == TaskState::Finished).then_some(0),
        signal: None,
        memory_peak_bytes: None,
        at: WallTime(0),
        sequence: index as u64 + 1,
    };
    states.into_iter().enumerate().map(status).collect()
}

#[tonic::async_trait]
impl Scheduler for ModelMaster {
    type SubscribeStream = ReceiverStream<Result<v1::Event, Status>>;

    async fn subscribe(
        &self,
        request: Request<v1::SubscribeRequest>,
    ) -> Result<Response<Self::SubscribeStream>, Status> {
        let subscribe =
            read_subscribe(request.into_inner()).map_err(|refusal| to_status(&refusal))?;
        let (sink, stream) = mpsc::channel(100_000);
        let mut state = self.state.lock().unwrap();
        if let Some(refusal) = &state.script.refuse {
            return Err(to_status(refusal));
        }
        let framework = subscribe.framework.unwrap_or(FrameworkId(1));
        state.epoch += 1;
        let mut events = vec![SchedulerEvent::Subscribed {
            session: Session { framework, epoch: state.epoch },
            heartbeat_interval: Duration(5_000),
            term: state.script.term,
            cluster: ClusterId::new("model").unwrap(),
        }];
        let repeats = state.pending.values().flatten().cloned();
        events.extend(repeats.map(SchedulerEvent::Update));
        events.extend(state.offers());
        for event in events {
            sink.try_send(Ok(write_event(&event))).unwrap();
        }
        state.sink = Some(sink);
        Ok(Response::new(ReceiverStream::new(stream)))
    }

    async fn accept(
        &self,
        request: Request<v1::AcceptRequest>,
    ) -> Result<Response<v1::AcceptResponse>, Status> {
        let hangs = self.state.lock().unwrap().script.hangs;
        if hangs {
            std::future::pending::<()>().await;
        }
        self.call(WireCall::Accept(request.into_inner()))
    }

    async fn decline(
        &self,
        request: Request<v1::DeclineRequest>,
    ) -> Result<Response<v1::DeclineResponse>, Status> {
        self.call(WireCall::Decline(request.into_inner()))
    }

    async fn kill(
        &self,
        request: Request<v1::KillRequest>,
    ) -> Result<Response<v1::KillResponse>, Status> {
        self.call(WireCall::Kill(request.into_inner()))
    }

    async fn acknowledge(
        &self,
        request: Request<v1::AcknowledgeRequest>,
    ) -> Result<Response<v1::AcknowledgeResponse>, Status> {
        self.call(WireCall::Acknowledge(request.into_inner()))
    }

    async fn reconcile(
        &self,
        request: Request<v1::ReconcileRequest>,
    ) -> Result<Response<v1::ReconcileResponse>, Status> {
        self.call(WireCall::Reconcile(request.into_inner()))
    }

    async fn suppress(
        &self,
        request: Request<v1::SuppressRequest>,
    ) -> Result<Response<v1::SuppressResponse>, Status> {
        self.call(WireCall::Suppress(request.into_inner()))
    }

    async fn revive(
        &self,
        request: Request<v1::ReviveRequest>,
    ) -> Result<Response<v1::ReviveResponse>, Status> {
        self.call(WireCall::Revive(request.into_inner()))
    }

    async fn clear_filters(
        &self,
        request: Request<v1::ClearFiltersRequest>,
    ) -> Result<Response<v1::ClearFiltersResponse>, Status> {
        self.call(WireCall::ClearFilters(request.into_inner()))
    }

    async fn teardown(
        &self,
        request: Request<v1::TeardownRequest>,
    ) -> Result<Response<v1::TeardownResponse>, Status> {
        self.call(WireCall::Teardown(request.into_inner()))
    }

    async fn update_framework(
        &self,
        request: Request<v1::UpdateFrameworkRequest>,
    ) -> Result<Response<v1::UpdateFrameworkResponse>, Status> {
        self.call(WireCall::UpdateFramework(request.into_inner()))
    }

    async fn state_demand(
        &self,
        request: Request<v1::StateDemandRequest>,
    ) -> Result<Response<v1::StateDemandResponse>, Status> {
        self.call(WireCall::StateDemand(request.into_inner()))
    }

    async fn answer_inverse_offers(
        &self,
        request: Request<v1::AnswerInverseOffersRequest>,
    ) -> Result<Response<v1::AnswerInverseOffersResponse>, Status> {
        self.call(WireCall::AnswerInverseOffers(request.into_inner()))
    }
}

#[tonic::async_trait]
impl Leadership for ModelMaster {
    async fn find_leader(
        &self,
        _: Request<v1::FindLeaderRequest>,
    ) -> Result<Response<v1::FindLeaderResponse>, Status> {
        Ok(Response::new(v1::FindLeaderResponse {
            cluster_id: "model".to_owned(),
            term: self.state.lock().unwrap().script.term,
            leader_address: self.address.clone(),
        }))
    }
}
