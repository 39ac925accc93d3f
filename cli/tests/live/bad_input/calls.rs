//! Calls of a framework that ask for what cannot be: each is refused by name, and changes nothing.
//!
//! The form of every field is tested where it is read; here the refusals go the whole way, through a
//! real listener, and the state's digest is the witness.

use crate::rig::{Cluster, Isolation, Security, Shape, channel, refusal_of};
use proto::{
    model::{Reason, Refusal},
    wire::v1::{self, scheduler_client::SchedulerClient},
};
use tonic::{Request, Status, Streaming, transport::Channel};

/// A framework that speaks the wire's words, also the wrong ones.
struct Crude {
    client: SchedulerClient<Channel>,
    session: v1::FrameworkSession,
    events: Streaming<v1::Event>,
}

fn request<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("bourse-principal", "framework/crude".parse().unwrap());
    request
}

impl Crude {
    async fn subscribe(cluster: &Cluster) -> Self {
        let at = channel(cluster.addresses()[0], &Security::Insecure, "");
        let mut client = SchedulerClient::new(at);
        let framework = v1::FrameworkInfo {
            name: "crude".to_owned(),
            roles: vec!["*".to_owned()],
            failover_timeout_ms: 60_000,
            labels: Vec::new(),
        };
        let message = v1::SubscribeRequest {
            framework: Some(framework),
            request_id: "a-request-of-16-or-more".to_owned(),
            ..Default::default()
        };
        let mut events = client.subscribe(request(message)).await.unwrap().into_inner();
        let first = events.message().await.unwrap().unwrap().event;
        let Some(v1::event::Event::Subscribed(subscribed)) = first else { panic!("{first:?}") };
        let session =
            v1::FrameworkSession { framework_id: subscribed.framework_id, epoch: subscribed.epoch };
        Self { client, session, events }
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
        }
    }

    async fn refused(&mut self, message: v1::AcceptRequest) -> Refusal {
        let answer: Result<_, Status> = self.client.accept(request(message)).await;
        refusal_of(&answer.expect_err("refused"))
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

const FAULTS: [Fault; 7] = [
    ("task_id", |task| task.task_id = "a\nb".to_owned()),
    ("task_id", |task| task.task_id = String::new()),
    ("resources", |task| task.resources[0] = scalar("cpus", -1)),
    ("resources", |task| task.resources[0] = scalar("cpus", i64::MAX)),
    ("resources", |task| task.resources.push(scalar("cpus", 1))),
    ("command", |task| task.command = None),
    ("kill_policy", |task| {
        task.kill_policy = Some(v1::KillPolicy { grace_period_ms: Some(u64::MAX) });
    }),
];

#[test]
fn refused_calls_change_nothing() {
    let mut cluster =
        Cluster::start(Shape { name: "crude", masters: 1, secure: false, flags: &[] });
    cluster.add_agent("one", Isolation::Emulated(1), "cpus:2;mem:256");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut crude = runtime.block_on(Crude::subscribe(&cluster));
    let offer = runtime.block_on(crude.offer()).offer_id;
    let before = cluster.operator.cluster();

    for (field, fault) in FAULTS {
        let mut wrong = task("t", "one");
        fault(&mut wrong);
        let refusal = runtime.block_on(crude.refused(crude.accept(&offer, wrong)));
        assert_eq!(refusal.reason, Reason::InvalidField, "{field}: {refusal:?}");
        assert!(refusal.field.contains(field), "{field} is named: {refusal:?}");
    }
    let whole: [(Reason, v1::AcceptRequest); 6] = [
        (Reason::LimitExceeded, crude.accept(&offer, task(&"x".repeat(129), "one"))),
        (Reason::OfferInvalid, crude.accept("offer-of-nobody", task("t", "one"))),
        (Reason::OfferInvalid, crude.accept(&offer, task("t", "two"))),
        (Reason::ResourcesNotOffered, {
            let mut large = task("t", "one");
            large.resources[0] = scalar("cpus", 2_001);
            crude.accept(&offer, large)
        }),
        (Reason::FrameworkFenced, {
            let mut stale = crude.accept(&offer, task("t", "one"));
            stale.session.as_mut().unwrap().epoch -= 1;
            stale
        }),
        (Reason::FrameworkUnknown, {
            let mut other = crude.accept(&offer, task("t", "one"));
            other.session.as_mut().unwrap().framework_id = "framework-77".to_owned();
            other
        }),
    ];
    let mut reasons = Vec::new();
    for (expected, message) in whole {
        let refusal = runtime.block_on(crude.refused(message));
        reasons.push((expected, refusal.reason, refusal.message));
    }
    for (expected, reason, message) in &reasons {
        let of_the_agent = *expected == Reason::OfferInvalid && *reason == Reason::InvalidField;
        assert!(expected == reason || of_the_agent, "{reasons:?}: {message}");
    }
    let after = cluster.operator.cluster();
    assert_eq!(
        (after.ledger_digest, after.applied_index),
        (before.ledger_digest, before.applied_index),
        "refused calls change nothing"
    );

    // The offer is as good as before, once.
    let good = crude.accept(&offer, task("t", "one"));
    runtime.block_on(async { crude.client.accept(request(good)).await }).unwrap();
    let again = crude.accept(&offer, task("u", "one"));
    let refusal = runtime.block_on(crude.refused(again));
    assert_eq!(refusal.reason, Reason::OfferInvalid, "a used offer: {refusal:?}");
    drop(crude);
    cluster.finish();
}
