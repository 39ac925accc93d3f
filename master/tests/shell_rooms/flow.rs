//! The one flow over real sockets: a lone master, an agent and a framework played by the test.

use crate::{
    certificates::Authority,
    masters::{alone, connect, eventually, operator, refusal, serving},
};
use master::{RunError, Running, Security, StartError, start};
use proto::{
    model::Reason,
    wire::v1::{
        self, agent_client::AgentClient, agent_message::Message as FromAgent, event::Event,
        master_message::Message as FromMaster, scheduler_client::SchedulerClient,
    },
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::mpsc,
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Streaming, transport::Channel};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

pub(crate) fn scalar(name: &str, units: i64) -> v1::Resource {
    let value = v1::resource::Value::Scalar(v1::Scalar { milli: units * 1_000 });
    v1::Resource { name: name.to_owned(), value: Some(value) }
}

fn subscribe(request_id: &str) -> v1::SubscribeRequest {
    v1::SubscribeRequest {
        framework: Some(v1::FrameworkInfo {
            name: "test".to_owned(),
            roles: vec!["*".to_owned()],
            failover_timeout_ms: 3_600_000,
            labels: Vec::new(),
            disruption_budget: None,
            offer_terms: Vec::new(),
        }),
        request_id: request_id.to_owned(),
        ..v1::SubscribeRequest::default()
    }
}

fn register(agent: &str) -> v1::AgentMessage {
    let info = v1::AgentInfo {
        agent_id: agent.to_owned(),
        hostname: "host".to_owned(),
        resources: vec![scalar("cpus", 4), scalar("mem", 1_024)],
        ..v1::AgentInfo::default()
    };
    let register =
        v1::Register { agent: Some(info), incarnation: 7, tasks: Vec::new(), volumes: Vec::new() };
    v1::AgentMessage { message: Some(FromAgent::Register(register)) }
}

/// An agent's stream in both directions.
pub(crate) struct Link {
    messages: mpsc::Sender<v1::AgentMessage>,
    orders: Streaming<v1::MasterMessage>,
}

impl Link {
    pub(crate) async fn open(channel: Channel, agent: &str) -> Self {
        let (messages, stream) = mpsc::channel(16);
        messages.send(register(agent)).await.unwrap();
        let stream = ReceiverStream::new(stream);
        let orders = AgentClient::new(channel).connect(stream).await.unwrap().into_inner();
        Self { messages, orders }
    }

    /// The next order that is no heartbeat.
    pub(crate) async fn order(&mut self) -> FromMaster {
        loop {
            let message = self.orders.message().await.unwrap().expect("the stream goes on");
            match message.message.unwrap() {
                FromMaster::Heartbeat(_) | FromMaster::Masters(_) => {}
                order => return order,
            }
        }
    }

    async fn finished(&mut self, framework: &str, task: &str, agent: &str) {
        let status = v1::TaskStatus {
            task_id: task.to_owned(),
            agent_id: agent.to_owned(),
            state: v1::TaskState::TaskFinished.into(),
            source: v1::StatusSource::SourceAgent.into(),
            exit_code: Some(0),
            sequence: 1,
            ..v1::TaskStatus::default()
        };
        let framework_id = framework.to_owned();
        let update = v1::StatusUpdate { framework_id, status: Some(status) };
        let message = v1::AgentMessage { message: Some(FromAgent::Update(update)) };
        self.messages.send(message).await.unwrap();
    }
}

pub(crate) async fn event(events: &mut Streaming<v1::Event>) -> Event {
    loop {
        match events.message().await.unwrap().expect("the stream goes on").event.unwrap() {
            Event::Heartbeat(_) | Event::Masters(_) => {}
            event => return event,
        }
    }
}

/// A subscribed framework.
pub(crate) async fn framework(
    client: &mut SchedulerClient<Channel>,
) -> (v1::FrameworkSession, Streaming<v1::Event>) {
    let request = subscribe("0123456789abcdef");
    let mut events = client.subscribe(request).await.unwrap().into_inner();
    let Event::Subscribed(subscribed) = event(&mut events).await else {
        panic!("the first event is the subscription");
    };
    let (framework_id, epoch) = (subscribed.framework_id, subscribed.epoch);
    (v1::FrameworkSession { framework_id, epoch }, events)
}

pub(crate) async fn end(master: Running) {
    master.shutdown();
    master.join().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_goes_from_offer_to_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let master = start(alone(folder.path())).await.unwrap();
    serving(&master).await;
    let channel = connect(master.api_address).await;
    let mut client = SchedulerClient::new(channel.clone());
    let (session, mut events) = framework(&mut client).await;
    let mut agent = Link::open(channel, "agent-1").await;
    assert!(matches!(agent.order().await, FromMaster::Registered(_)));

    let Event::Offers(offers) = event(&mut events).await else { panic!("an offer comes") };
    let offer = &offers.offers[0];
    assert_eq!(offer.agent_id, "agent-1");
    let task = v1::TaskInfo {
        task_id: "t".to_owned(),
        name: "t".to_owned(),
        agent_id: "agent-1".to_owned(),
        resources: vec![scalar("cpus", 1)],
        command: Some(v1::Command { arguments: vec!["true".to_owned()], ..v1::Command::default() }),
        ..v1::TaskInfo::default()
    };
    let accept = v1::AcceptRequest {
        session: Some(session.clone()),
        offer_ids: vec![offer.offer_id.clone()],
        tasks: vec![task],
        filters: None,
        request_id: String::new(),
        ..Default::default()
    };
    let accepted = client.accept(accept.clone()).await.unwrap().into_inner();
    assert_eq!(accepted.task_ids, ["t"]);
    let again = refusal(client.accept(accept).await);
    assert_eq!((again.reason, &*again.field), (Reason::OfferInvalid, "offer_ids[0]"));

    let FromMaster::Launch(launch) = agent.order().await else { panic!("a launch comes") };
    assert_eq!(launch.task.unwrap().task_id, "t");
    agent.finished(&session.framework_id, "t", "agent-1").await;
    assert!(matches!(agent.order().await, FromMaster::Committed(_)));
    let status = loop {
        if let Event::Update(update) = event(&mut events).await {
            break update.status.unwrap();
        }
    };
    assert_eq!(status.state(), v1::TaskState::TaskFinished);
    let acknowledgements =
        vec![v1::Acknowledgement { task_id: "t".to_owned(), sequence: status.sequence }];
    let acknowledge = v1::AcknowledgeRequest { session: Some(session.clone()), acknowledgements };
    client.acknowledge(acknowledge).await.unwrap();
    let tasks = operator(&master).await.list_tasks(v1::ListTasksRequest::default()).await.unwrap();
    assert_eq!(tasks.into_inner().tasks[0].pending_acknowledgements, 0);
    end(master).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_master_still_knows_its_frameworks_and_its_clients_hear_why_it_left() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = alone(folder.path());
    settings.snapshot_entries = 1;
    settings.log_tail_entries = 0;
    let master = start(settings.clone()).await.unwrap();
    serving(&master).await;
    let second = start(settings.clone()).await;
    assert!(matches!(second, Err(StartError::Storage(_))), "one process per data directory");
    let mut client = SchedulerClient::new(connect(master.api_address).await);
    let (session, mut events) = framework(&mut client).await;
    let snapshots = folder.path().join("data/snapshots");
    let written = async || std::fs::read_dir(&snapshots).unwrap().next();
    eventually("a snapshot", written).await.unwrap();
    end(master).await;
    let last = loop {
        match events.message().await {
            Ok(Some(_)) => {}
            other => break other,
        }
    };
    assert_eq!(refusal(last).reason, Reason::NotReady);

    let master = start(settings).await.unwrap();
    serving(&master).await;
    let request = v1::GetFrameworkRequest { framework_id: session.framework_id.clone() };
    let found = operator(&master).await.get_framework(request).await.unwrap().into_inner();
    assert_eq!(found.framework.unwrap().framework_id, session.framework_id);
    end(master).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn health_follows_the_role_and_reflection_names_the_services() {
    let folder = tempfile::tempdir().unwrap();
    let master = start(alone(folder.path())).await.unwrap();
    serving(&master).await;
    let channel = connect(master.api_address).await;
    let mut health = HealthClient::new(channel.clone());
    for service in ["", "bourse.v1.Scheduler", "bourse.v1.Agent", "bourse.v1.Operator"] {
        let check = async || {
            let request = HealthCheckRequest { service: service.to_owned() };
            let status = health.check(request).await.ok()?.into_inner().status;
            (status == 1).then_some(())
        };
        eventually(service, check).await;
    }
    use tonic_reflection::pb::v1::{
        ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
        server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
    };
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let stream = futures_util::stream::iter([request]);
    let mut client = ServerReflectionClient::new(channel);
    let mut answers = client.server_reflection_info(stream).await.unwrap().into_inner();
    let answer = answers.message().await.unwrap().unwrap().message_response.unwrap();
    let MessageResponse::ListServicesResponse(services) = answer else { panic!("{answer:?}") };
    let names: Vec<_> = services.service.iter().map(|service| &*service.name).collect();
    assert!(names.contains(&"bourse.v1.Scheduler"), "{names:?}");
    end(master).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_of_two_masters_in_one_process_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = alone(&folder.path().join("1"));
    let mut second = alone(&folder.path().join("2"));
    let node = proto::model::NodeId(77);
    let members = second.members.remove(&second.node).unwrap();
    (second.node, second.members) = (node, [(node, members)].into());
    first.metrics_listen = Some("127.0.0.1:0".parse().unwrap());
    let (first, second) = (start(first).await.unwrap(), start(second).await.unwrap());
    serving(&first).await;
    serving(&second).await;
    let address = first.metrics_address.unwrap();
    let read = async || {
        let mut socket = TcpStream::connect(address).await.unwrap();
        let request = b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        socket.write_all(request).await.unwrap();
        let mut text = String::new();
        socket.read_to_string(&mut text).await.unwrap();
        let both = ["bourse_master_leader{node=\"1\"} 1", "bourse_master_leader{node=\"77\"} 1"];
        let fsync = text.contains("bourse_log_fsync_seconds_bucket");
        (fsync && both.iter().all(|line| text.contains(line))).then_some(())
    };
    eventually("both masters' series", read).await;
    end(first).await;
    end(second).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_speaks_for_its_own_name_only() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let mut settings = alone(folder.path());
    let own = authority.mint(&["spiffe://test/master/1"]);
    settings.security = Security::Tls(authority.files(folder.path(), &own));
    let master = start(settings).await.unwrap();
    serving(&master).await;
    let channel = async |uri: &str| {
        let tls = authority.client(Some(&authority.mint(&[uri])));
        let endpoint = Channel::from_shared(format!("https://{}", master.api_address)).unwrap();
        endpoint.tls_config(tls).unwrap().connect().await.unwrap()
    };
    let mut liar = Link::open(channel("spiffe://test/agent/agent-2").await, "agent-1").await;
    let FromMaster::Refused(refused) = liar.order().await else { panic!("it is refused") };
    assert_eq!(refused.reason(), v1::RefusalReason::RefusalNotAuthorized);
    let mut honest = Link::open(channel("spiffe://test/agent/agent-1").await, "agent-1").await;
    assert!(matches!(honest.order().await, FromMaster::Registered(_)));

    let mut owner = SchedulerClient::new(channel("spiffe://test/framework/ada").await);
    let (session, _events) = framework(&mut owner).await;
    let mut thief = SchedulerClient::new(channel("spiffe://test/framework/eve").await);
    let teardown = v1::TeardownRequest { session: Some(session) };
    let refused = refusal(thief.teardown(teardown.clone()).await);
    assert_eq!(refused.reason, Reason::FrameworkUnknown, "{refused}");
    owner.teardown(teardown).await.unwrap();
    end(master).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_certificates_a_caller_is_whom_it_names() {
    let folder = tempfile::tempdir().unwrap();
    let master = start(alone(folder.path())).await.unwrap();
    serving(&master).await;
    let mut client = operator(&master).await;
    let mut call = async |claim: &'static str| {
        let mut request = Request::new(v1::GetClusterRequest {});
        request.metadata_mut().insert("bourse-principal", claim.parse().unwrap());
        client.get_cluster(request).await
    };
    assert!(call("operator/ada").await.is_ok());
    assert_eq!(refusal(call("framework/ada").await).reason, Reason::NotAuthorized);
    let malformed = refusal(call("emperor/ada").await);
    assert_eq!(
        (malformed.reason, &*malformed.field),
        (Reason::Unauthenticated, "bourse-principal")
    );
    end(master).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_port_and_a_dropped_master_are_no_trouble() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut settings = alone(folder.path());
    settings.listen = taken.local_addr().unwrap();
    let outcome = master::run(settings.clone(), std::future::pending()).await;
    let listen = matches!(outcome, Err(RunError::Start(StartError::Listen { key: "listen", .. })));
    assert!(listen, "{outcome:?}");
    assert!(!settings.data_dir.exists(), "nothing was begun");
    settings.listen.set_port(0);
    drop(start(settings.clone()).await.unwrap());
    // The lock is free again as soon as the dropped one's thread has ended.
    let again = eventually("a second start", async || start(settings.clone()).await.ok()).await;
    end(again).await;
}
