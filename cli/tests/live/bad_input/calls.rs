//! Calls of a framework that ask for what cannot be: each is refused by name, and changes nothing.
//!
//! The form of every field is tested where it is read; here the refusals go the whole way, through
//! a real listener, and the state's digest is the witness.

use crate::rig::{Cluster, Isolation, Security, Shape, channel, holds, refusal_of};
use proto::{
    model::{Reason, Refusal},
    wire::v1::{self, scheduler_client::SchedulerClient},
};
use tonic::{Request, Status, Streaming, transport::Channel};

/// A framework that speaks the wire's words, also the wrong ones.
struct Crude {
    principal: String,
    client: SchedulerClient<Channel>,
    session: v1::FrameworkSession,
    events: Streaming<v1::Event>,
}

fn request_as<T>(principal: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("bourse-principal", principal.parse().unwrap());
    request
}

impl Crude {
    async fn subscribe(cluster: &Cluster, name: &str) -> Self {
        let at = channel(cluster.addresses()[0], &Security::Insecure, "");
        let mut client = SchedulerClient::new(at);
        let framework = v1::FrameworkInfo {
            name: name.to_owned(),
            roles: vec!["*".to_owned()],
            failover_timeout_ms: 60_000,
            labels: Vec::new(),
            disruption_budget: None,
            offer_terms: Vec::new(),
        };
        let message = v1::SubscribeRequest {
            framework: Some(framework),
            request_id: format!("subscription-of-{name}"),
            ..Default::default()
        };
        let principal = format!("framework/{name}");
        let message = request_as(&principal, message);
        let mut events = client.subscribe(message).await.unwrap().into_inner();
        let first = events.message().await.unwrap().unwrap().event;
        let Some(v1::event::Event::Subscribed(subscribed)) = first else { panic!("{first:?}") };
        let session =
            v1::FrameworkSession { framework_id: subscribed.framework_id, epoch: subscribed.epoch };
        Self { principal, client, session, events }
    }

    fn request<T>(&self, message: T) -> Request<T> {
        request_as(&self.principal, message)
    }

    /// Removes the framework.
    async fn tear_down(mut self) {
        let message = v1::TeardownRequest { session: Some(self.session.clone()) };
        let message = self.request(message);
        self.client.teardown(message).await.unwrap();
    }

    async fn offer(&mut self) -> v1::Offer {
        loop {
            let event = self.events.message().await.unwrap().expect("the stream goes on").event;
            if let Some(v1::event::Event::Offers(mut offers)) = event {
                return offers.offers.remove(0);
            }
        }
    }

    fn accept(&self, offer: &str, task: v1::TaskInfo) -> v1::AcceptRequest {
        v1::AcceptRequest {
            session: Some(self.session.clone()),
            offer_ids: vec![offer.to_owned()],
            tasks: vec![task],
            filters: None,
            request_id: format!("request-{:016x}", rand::random::<u64>()),
            ..Default::default()
        }
    }

    async fn refused(&mut self, message: v1::AcceptRequest) -> Refusal {
        let message = self.request(message);
        let answer: Result<_, Status> = self.client.accept(message).await;
        refusal_of(&answer.expect_err("refused"))
    }

    async fn accepted(&mut self, message: v1::AcceptRequest) {
        let message = self.request(message);
        self.client.accept(message).await.unwrap();
    }
}

fn scalar(name: &str, milli: i64) -> v1::Resource {
    let value = v1::resource::Value::Scalar(v1::Scalar { milli });
    v1::Resource { name: name.to_owned(), value: Some(value) }
}

fn task(id: &str, agent: &str) -> v1::TaskInfo {
    v1::TaskInfo {
        task_id: id.to_owned(),
        name: id.to_owned(),
        agent_id: agent.to_owned(),
        resources: vec![scalar("cpus", 100), scalar("mem", 1_000)],
        command: Some(v1::Command { arguments: vec!["true".to_owned()], ..Default::default() }),
        ..Default::default()
    }
}

/// Something that is wrong with a task, and the field that is named for it.
type Fault = (&'static str, fn(&mut v1::TaskInfo));

const FAULTS: [Fault; 6] = [
    ("task_id", |task| task.task_id = "a\nb".to_owned()),
    ("task_id", |task| task.task_id = String::new()),
    ("resources", |task| task.resources[0] = scalar("cpus", -1)),
    ("resources", |task| task.resources[0] = scalar("cpus", i64::MAX)),
    ("resources", |task| task.resources.push(scalar("cpus", 1))),
    ("command", |task| task.command = None),
];

/// Accepts that are well formed, and cannot be all the same.
fn wrong_accepts(crude: &Crude, offer: &str) -> [(Reason, v1::AcceptRequest); 7] {
    [
        (Reason::LimitExceeded, {
            let mut patient = task("t", "one");
            patient.kill_policy =
                Some(v1::KillPolicy { grace_period_ms: Some(u64::MAX), ..Default::default() });
            crude.accept(offer, patient)
        }),
        (Reason::LimitExceeded, crude.accept(offer, task(&"x".repeat(129), "one"))),
        (Reason::OfferInvalid, crude.accept("offer-1-999999", task("t", "one"))),
        (Reason::ResourcesNotOffered, crude.accept(offer, task("t", "two"))),
        (Reason::ResourcesNotOffered, {
            let mut large = task("t", "one");
            large.resources[0] = scalar("cpus", 2_001);
            crude.accept(offer, large)
        }),
        (Reason::FrameworkFenced, {
            let mut stale = crude.accept(offer, task("t", "one"));
            stale.session.as_mut().unwrap().epoch -= 1;
            stale
        }),
        (Reason::FrameworkUnknown, {
            let mut other = crude.accept(offer, task("t", "one"));
            other.session.as_mut().unwrap().framework_id = "framework-77".to_owned();
            other
        }),
    ]
}

#[test]
fn refused_calls_change_nothing() {
    let mut cluster =
        Cluster::start(Shape { name: "crude", masters: 1, secure: false, flags: &[] });
    cluster.add_agent("one", Isolation::Emulated(1), "cpus:2;mem:256");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut crude = runtime.block_on(Crude::subscribe(&cluster, "crude"));
    let offer = runtime.block_on(crude.offer()).offer_id;
    let before = cluster.operator.cluster();

    for (field, fault) in FAULTS {
        let mut wrong = task("t", "one");
        fault(&mut wrong);
        let refusal = runtime.block_on(crude.refused(crude.accept(&offer, wrong)));
        assert_eq!(refusal.reason, Reason::InvalidField, "{field}: {refusal:?}");
        assert!(refusal.field.contains(field), "{field} is named: {refusal:?}");
    }
    for (expected, message) in wrong_accepts(&crude, &offer) {
        let refusal = runtime.block_on(crude.refused(message));
        assert_eq!(refusal.reason, expected, "{refusal:?}");
    }
    let after = cluster.operator.cluster();
    assert_eq!(
        (after.ledger_digest, after.applied_index),
        (before.ledger_digest, before.applied_index),
        "refused calls change nothing"
    );

    // The offer is as good as before, once.
    runtime.block_on(crude.accepted(crude.accept(&offer, task("t", "one"))));
    let refusal = runtime.block_on(crude.refused(crude.accept(&offer, task("u", "one"))));
    assert_eq!(refusal.reason, Reason::OfferInvalid, "a used offer: {refusal:?}");
    drop(crude);
    cluster.finish();
}

#[test]
fn what_is_somebody_elses_is_out_of_reach() {
    let shape = Shape { name: "crude", masters: 1, secure: false, flags: &[] };
    let mut cluster = Cluster::start(shape);
    cluster.add_agent("one", Isolation::Emulated(3_600_000), "cpus:2;mem:256");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut owner = runtime.block_on(Crude::subscribe(&cluster, "crude"));
    let offer = runtime.block_on(owner.offer()).offer_id;
    runtime.block_on(owner.accepted(owner.accept(&offer, task("t", "one"))));
    let offer = runtime.block_on(owner.offer()).offer_id;
    let mut thief = runtime.block_on(Crude::subscribe(&cluster, "another"));
    holds("the task runs, its updates are recorded", || {
        cluster.operator.states().get("t") == Some(&v1::TaskState::TaskRunning)
    });
    let before = cluster.operator.cluster();

    let refusal = runtime.block_on(thief.refused(thief.accept(&offer, task("u", "one"))));
    assert_eq!(refusal.reason, Reason::OfferInvalid, "{refusal:?}");
    let mut disguised = thief.accept(&offer, task("u", "one"));
    disguised.session = Some(owner.session.clone());
    let refusal = runtime.block_on(thief.refused(disguised));
    assert!(
        matches!(refusal.reason, Reason::NotAuthorized | Reason::FrameworkUnknown),
        "{refusal:?}"
    );
    let session = Some(thief.session.clone());
    let kill = v1::KillRequest { session, task_id: "t".to_owned(), ..Default::default() };
    let kill = thief.request(kill);
    let refused = runtime.block_on(async { thief.client.kill(kill).await }).expect_err("refused");
    assert_eq!(refusal_of(&refused).reason, Reason::TaskUnknown, "{refused:?}");
    let acknowledgements = vec![v1::Acknowledgement { task_id: "t".to_owned(), sequence: 1 }];
    let session = Some(thief.session.clone());
    let message = thief.request(v1::AcknowledgeRequest { session, acknowledgements });
    let refused =
        runtime.block_on(async { thief.client.acknowledge(message).await }).expect_err("refused");
    assert!(
        matches!(refusal_of(&refused).reason, Reason::TaskUnknown | Reason::SequenceUnknown),
        "{refused:?}"
    );
    let after = cluster.operator.cluster();
    assert_eq!(
        (after.ledger_digest, after.applied_index),
        (before.ledger_digest, before.applied_index),
        "refused calls change nothing"
    );
    for crude in [owner, thief] {
        runtime.block_on(crude.tear_down());
    }
    cluster.finish();
}

#[test]
fn questions_that_cannot_be_are_refused() {
    let cluster = Cluster::start(Shape { name: "crude", masters: 1, secure: false, flags: &[] });
    let before = cluster.operator.cluster();
    let operator = |message| request_as("operator/crude", message);
    let address = cluster.addresses()[0];
    let message = v1::ListTasksRequest { states: vec![1, 99], ..Default::default() };
    let ask = |message: v1::ListTasksRequest| {
        let message = operator(message);
        let answer = cluster
            .operator
            .ask_at(address, |mut client| async move { client.list_tasks(message).await });
        answer.expect_err("refused")
    };
    let refusal = refusal_of(&ask(message));
    assert_eq!(refusal.reason, Reason::InvalidField, "an unknown enum value: {refusal:?}");
    assert!(refusal.field.contains("states"), "{refusal:?}");
    let page = Some(v1::Page { size: u32::MAX, token: String::new() });
    let refusal = refusal_of(&ask(v1::ListTasksRequest { page, ..Default::default() }));
    assert!(refusal.field.contains("page"), "{refusal:?}");
    let agent_id = "x".repeat(5 * 1_024 * 1_024);
    let refusal = refusal_of(&ask(v1::ListTasksRequest { agent_id, ..Default::default() }));
    assert_eq!((refusal.reason, &*refusal.field), (Reason::LimitExceeded, "body"), "{refusal:?}");
    let after = cluster.operator.cluster();
    assert_eq!(
        (after.ledger_digest, after.applied_index),
        (before.ledger_digest, before.applied_index),
        "questions change nothing"
    );
    cluster.finish();
}
