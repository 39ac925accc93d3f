//! One effect as one line.

use master_core::outbox::{Answer, ReadAnswer};
use proto::{
    model::{Order, Refusal, SchedulerEvent},
    wire::v1::{self, cluster_event::Event},
};

pub(crate) fn show_event(event: &SchedulerEvent) -> String {
    match event {
        SchedulerEvent::Subscribed { session, .. } => {
            format!("subscribed {} epoch {}", session.framework, session.epoch)
        }
        SchedulerEvent::Offers(offers) => {
            let shown: Vec<_> = offers
                .iter()
                .map(|offer| format!("{} {} {}", offer.id, offer.agent, offer.resources))
                .collect();
            format!("offers {}", shown.join(", "))
        }
        SchedulerEvent::Rescind(offers) => {
            let shown: Vec<_> = offers.iter().map(ToString::to_string).collect();
            format!("rescind {}", shown.join(", "))
        }
        SchedulerEvent::Update(status) => {
            format!(
                "update {} {} {:?} #{}",
                status.task, status.state, status.reason, status.sequence
            )
        }
        SchedulerEvent::Failure { agent, removed } => format!("failure {agent} removed {removed}"),
        SchedulerEvent::Error(refusal) => format!("error {:?} {refusal}", refusal.reason),
        SchedulerEvent::Heartbeat => "heartbeat".to_owned(),
    }
}

pub(crate) fn show_order(order: &Order) -> String {
    match order {
        Order::Launch { framework, task } => format!("launch {framework}/{}", task.id),
        Order::Kill { key, reason, .. } => format!("kill {key} {reason:?}"),
        Order::Committed { key, sequence } => format!("committed {key} #{sequence}"),
        Order::Refused(refusal) => format!("refused {:?} {refusal}", refusal.reason),
        Order::Registered { .. } => "registered".to_owned(),
        Order::Heartbeat => "heartbeat".to_owned(),
    }
}

pub(crate) fn show_answer(answer: &Answer) -> String {
    match answer {
        Answer::Read(read) => show_read(read),
        other => format!("{other:?}"),
    }
}

fn show_read(read: &ReadAnswer) -> String {
    let page = |kind: &str, ids: Vec<String>, next: &str| {
        let next = if next.is_empty() { String::new() } else { format!(", next after {next}") };
        format!("{kind} [{}]{next}", ids.join(" "))
    };
    let agent = |row: &v1::AgentSummary| {
        let id = row.info.as_ref().map_or("?", |info| &info.agent_id);
        format!("{id}:{}", row.task_count)
    };
    let framework = |row: &v1::FrameworkSummary| row.framework_id.clone();
    let task = |row: &v1::TaskSummary| {
        let id = row.info.as_ref().map_or("?", |info| &info.task_id);
        format!("{}/{id}", row.framework_id)
    };
    match read {
        ReadAnswer::Cluster(it) => format!(
            "cluster leader {} term {} agents {} frameworks {} tasks {}",
            it.leader_id, it.term, it.agent_count, it.framework_count, it.task_count
        ),
        ReadAnswer::Agent(it) => page("agent", it.agent.iter().map(agent).collect(), ""),
        ReadAnswer::Agents(it) => {
            page("agents", it.agents.iter().map(agent).collect(), &it.next_page_token)
        }
        ReadAnswer::Framework(it) => {
            page("framework", it.framework.iter().map(framework).collect(), "")
        }
        ReadAnswer::Frameworks(it) => {
            page("frameworks", it.frameworks.iter().map(framework).collect(), &it.next_page_token)
        }
        ReadAnswer::Task(it) => page("task", it.task.iter().map(task).collect(), ""),
        ReadAnswer::Tasks(it) => {
            page("tasks", it.tasks.iter().map(task).collect(), &it.next_page_token)
        }
        ReadAnswer::Offers(it) => {
            let ids = it.offers.iter().map(|offer| offer.offer_id.clone());
            page("offers", ids.collect(), &it.next_page_token)
        }
        ReadAnswer::Roles(it) => {
            let ids = it.roles.iter().map(|role| format!("{}:{}", role.role, role.framework_count));
            page("roles", ids.collect(), &it.next_page_token)
        }
    }
}

/// `None` for what only keeps the line open.
pub(crate) fn show_watched(event: &Result<v1::ClusterEvent, Refusal>) -> Option<String> {
    let event = match event {
        Ok(event) => event,
        Err(refusal) => return Some(format!("ends {:?} {refusal}", refusal.reason)),
    };
    let what = match event.event.as_ref()? {
        Event::Heartbeat(_) => return None,
        Event::Started(_) => "started".to_owned(),
        Event::AgentChanged(row) => {
            let id = row.info.as_ref().map_or("?", |info| &info.agent_id);
            format!("agent {id} {:?}", row.state())
        }
        Event::AgentRemoved(id) => format!("agent {id} removed"),
        Event::FrameworkChanged(row) => format!("{} {:?}", row.framework_id, row.state()),
        Event::FrameworkRemoved(id) => format!("{id} removed"),
        Event::TaskChanged(row) => {
            let id = row.info.as_ref().map_or("?", |info| &info.task_id);
            let state = row.status.as_ref().map(|status| status.state());
            format!("task {}/{id} {state:?}", row.framework_id)
        }
        Event::OfferMade(offer) => format!("offer {} made", offer.offer_id),
        Event::OfferEnded(id) => format!("offer {id} ended"),
    };
    Some(format!("{}.{} {what}", event.sequence >> 20, event.sequence & 0xf_ffff))
}
