//! One effect as one line.

use super::{
    show_offers::show_offers,
    show_volumes::{show_mounts, show_volume, show_volume_order, show_volume_update},
};
use master_core::outbox::{Answer, ReadAnswer};
use proto::{
    convert::{
        decline::decline_count_text, demand::read_constraint, quota::read_quota,
        resources::read_resources, role_settings::read_settings,
    },
    model::{
        AgentNotice, Duration, InverseOffer, Masters, Milli, OperationResult, Order, Refusal,
        SchedulerEvent, SharedState, task_group::Member,
    },
    wire::v1::{self, cluster_event::Event},
};

pub(crate) fn show_event(event: &SchedulerEvent) -> String {
    match event {
        SchedulerEvent::Subscribed { session, .. } => {
            format!("subscribed {} epoch {}", session.framework, session.epoch)
        }
        SchedulerEvent::Offers(offers) => show_offers(offers),
        SchedulerEvent::VolumeUpdate(volume) => show_volume_update(volume),
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
        SchedulerEvent::AgentNotice { agents, notice, inverse_offers, rescinded } => {
            let agents: Vec<_> = agents.iter().map(ToString::to_string).collect();
            let asked: String = inverse_offers.iter().map(show_inverse).collect();
            let over: String = rescinded.iter().map(|id| format!(", {id} is over")).collect();
            format!("notice {} {}{asked}{over}", agents.join(", "), show_notice(notice))
        }
        SchedulerEvent::Masters(masters) => show_masters(masters),
        SchedulerEvent::DemandFailed { role, demand } => {
            format!("demand {demand} of {role} failed")
        }
        SchedulerEvent::SharedState(state) => show_shared(state),
        SchedulerEvent::PreemptionNotice(notice) => {
            let tasks: Vec<_> = notice.tasks.iter().map(ToString::to_string).collect();
            let (tasks, within) = (tasks.join(", "), notice.deadline);
            format!("{tasks} give way to {} at {} in {within}", notice.role, notice.priority)
        }
        SchedulerEvent::Heartbeat => "heartbeat".to_owned(),
    }
}

/// Agents at their versions with what is free, described if they are.
fn show_shared(state: &SharedState) -> String {
    let agents = state.agents.iter().map(|agent| {
        let description = agent.description.as_ref().map(|it| {
            let domain = it.domain.as_ref().map(|domain| format!(" in {domain}"));
            format!(" on {}{}", it.hostname, domain.unwrap_or_default())
        });
        let away = agent.unavailability.as_ref().map(|away| format!(" away in {}", away.starts_in));
        let (description, away) = (description.unwrap_or_default(), away.unwrap_or_default());
        format!(" {}@{}{description} [{}]{away}", agent.agent, agent.version, agent.free)
    });
    let agents: String = agents.collect();
    let flag = |is_set: bool, word: &'static str| if is_set { word } else { "" };
    let (begins, open) = (flag(state.begins, " begins"), flag(!state.complete, " goes on"));
    format!("{} shared{begins}{open}{}{agents}", state.role, flag(state.ended, " no longer"))
}

fn show_inverse(offer: &InverseOffer) -> String {
    let tasks: Vec<_> = offer.tasks.iter().map(ToString::to_string).collect();
    let begins = match offer.begins_in {
        Duration(0) => String::new(),
        begins => format!(" begins in {begins}"),
    };
    let ends = if offer.ends_tasks { "ends" } else { "is" };
    let window = offer.window.map(|window| format!(" for {window} {:?}", offer.comment));
    let (id, tasks, window) = (offer.id, tasks.join(" "), window.unwrap_or_default());
    let goes = if offer.agent_goes { ", then gone" } else { "" };
    format!(", {id} of {}: {tasks}{begins} {ends} by {}{window}{goes}", offer.agent, offer.deadline)
}

/// Who said what to inverse offers.
fn show_tallies(tallies: &[v1::InverseTally]) -> String {
    let show = |tally: &v1::InverseTally| {
        let said = match tally.decline_message.is_empty() {
            true => String::new(),
            false => format!(" {:?}", tally.decline_message),
        };
        let counts = (tally.accepted, tally.declined, tally.unanswered);
        format!(" {}: accepted/declined/unanswered {counts:?}{said}", tally.framework_id)
    };
    tallies.iter().map(show).collect()
}

fn show_notice(notice: &AgentNotice) -> String {
    match notice {
        AgentNotice::Draining { deadline } => format!("draining within {deadline}"),
        AgentNotice::Unavailable(away) => {
            let drains = if away.drains { ", drained" } else { "" };
            format!("unavailable in {} for {}{drains}", away.starts_in, away.duration)
        }
        AgentNotice::Available => "available".to_owned(),
    }
}

pub(crate) fn show_order(order: &Order) -> String {
    match order {
        Order::Launch { framework, owner, task } => {
            let owner = owner.as_ref().expect("every framework has an owner");
            format!("launch {framework}/{} of {owner}{}", task.id, show_mounts(task))
        }
        Order::LaunchGroup { framework, owner, group } => {
            let owner = owner.as_ref().expect("every framework has an owner");
            let member =
                |Member { part, task }: &Member| format!("{part} {}{}", task.id, show_mounts(task));
            let members: Vec<String> = group.members.iter().map(member).collect();
            format!("launch group {framework}/{} of {owner}: {}", group.id, members.join(", "))
        }
        Order::Kill { key, reason, .. } => format!("kill {key} {reason:?}"),
        Order::Resize { key, resources, version } => {
            format!("resize {key} to {resources}, version {version}")
        }
        Order::Volume { key, version, action } => show_volume_order(*key, *version, action),
        Order::Masters(masters) => show_masters(masters),
        Order::Committed { key, sequence } => format!("committed {key} #{sequence}"),
        Order::Refused(refusal) => format!("refused {:?} {refusal}", refusal.reason),
        Order::Registered { .. } => "registered".to_owned(),
        Order::Heartbeat => "heartbeat".to_owned(),
    }
}

fn show_results(results: &[OperationResult]) -> String {
    let show = |result: &OperationResult| match result {
        OperationResult::Launched { tasks } => {
            let tasks: Vec<_> = tasks.iter().map(ToString::to_string).collect();
            format!("launched {}", tasks.join(", "))
        }
        OperationResult::Resizing => "resizing".to_owned(),
        OperationResult::Reserved(id) => format!("reserved {id}"),
        OperationResult::VolumeCreating(id) => format!("creating {id}"),
        OperationResult::Done => "done".to_owned(),
        OperationResult::Refused(refusal) => format!("refused {:?} {refusal}", refusal.reason),
    };
    match results {
        [] => "Accepted([])".to_owned(),
        [OperationResult::Launched { tasks }] => format!("Accepted({tasks:?})"),
        results => results.iter().map(show).collect::<Vec<_>>().join("; "),
    }
}

pub(crate) fn show_answer(answer: &Answer) -> String {
    match answer {
        Answer::Read(read) => show_read(read),
        Answer::Accepted(results) => show_results(results),
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
        format!("{id}:{}{}", row.task_count, show_directives(row))
    };
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
                + &show_age(it.age)
        }
        ReadAnswer::Framework(it) => {
            page("framework", it.framework.iter().map(show_framework).collect(), "")
        }
        ReadAnswer::Frameworks(it) => {
            page(
                "frameworks",
                it.frameworks.iter().map(show_framework).collect(),
                &it.next_page_token,
            ) + &show_age(it.age)
        }
        ReadAnswer::Task(it) => page("task", it.task.iter().map(task).collect(), ""),
        ReadAnswer::Tasks(it) => {
            page("tasks", it.tasks.iter().map(task).collect(), &it.next_page_token)
                + &show_age(it.age)
        }
        ReadAnswer::Groups(it) => {
            let groups = it.groups.iter().map(show_group);
            page("groups", groups.collect(), &it.next_page_token)
        }
        ReadAnswer::Volumes(it) => {
            page("volumes", it.volumes.iter().map(show_volume).collect(), &it.next_page_token)
                + &show_age(it.age)
        }
        ReadAnswer::Windows(it) => {
            page("windows", it.windows.iter().map(show_window).collect(), &it.next_page_token)
        }
        ReadAnswer::Reservations(it) => {
            let rows = it.reservations.iter().map(show_reservation).collect();
            page("reservations", rows, &it.next_page_token)
        }
        ReadAnswer::Offers(it) => {
            let ids = it.offers.iter().map(|offer| offer.offer_id.clone());
            page("offers", ids.collect(), &it.next_page_token)
        }
        ReadAnswer::Why(it) => show_why(it),
        ReadAnswer::Demands(it) => {
            page("demands", it.demands.iter().map(show_demand_row).collect(), &it.next_page_token)
        }
        ReadAnswer::Roles(it) => {
            let role = |row: &v1::RoleSummary| {
                format!("{}:{}{}", row.role, row.framework_count, show_role(row))
            };
            page("roles", it.roles.iter().map(role).collect(), &it.next_page_token)
        }
    }
}

fn show_demand_row(row: &v1::DemandRow) -> String {
    let id = row.demand.as_ref().map_or("?", |demand| &demand.demand_id);
    let (offered, left) = (row.pieces_offered, row.pieces_left);
    format!("{}:{}:{id}:{offered}+{left}", row.framework_id, row.role)
}

fn show_window(row: &v1::WindowSummary) -> String {
    let plan = row.plan.clone().unwrap_or_default();
    let begun = if row.started { "begun" } else { "planned" };
    let (id, agents) = (&row.window_id, row.agent_count);
    let said = show_tallies(&row.inverse_offers);
    format!("{id}:{}:{begun}:{agents}{said}", plan.selector)
}

fn show_group(row: &v1::GroupSummary) -> String {
    let member = |member: &v1::group_summary::Member| {
        format!("{}:{}", member.task_id, member.state().as_str_name())
    };
    let members: Vec<String> = row.members.iter().map(member).collect();
    let allocated = read_resources(row.allocated.clone()).expect("resources");
    let failed = match row.failed_task_id.as_str() {
        "" => String::new(),
        task => format!(" because of {task}"),
    };
    let state = row.state().as_str_name();
    format!("{} {state}{failed} [{allocated}] {}", row.group_id, members.join(" "))
}

fn show_framework(row: &v1::FrameworkSummary) -> String {
    match (row.commits, row.commit_conflicts) {
        (0, 0) => row.framework_id.clone() + &show_charge(row.hold_charge.as_ref()),
        (commits, conflicts) => {
            format!("{}:{commits}commits:{conflicts}conflicted", row.framework_id)
        }
    }
}

/// Nothing where nothing is charged.
fn show_charge(charge: Option<&v1::HoldCharge>) -> String {
    charge.map_or(String::new(), |charge| {
        let last = charge.offers_last_ms.map_or("for ever".to_owned(), |ms| format!("{ms} ms"));
        let (behind, lapses) = (charge.behind_ms, charge.lapses);
        format!(" charged: behind {behind} ms, lapses {lapses}, offers last {last}")
    })
}

/// All numbers that are not zero and all texts that are not empty.
fn show_why(answer: &v1::WhyResponse) -> String {
    let mut shown = "why".to_owned();
    for task in answer.task.iter().filter_map(|task| task.status.as_ref()) {
        shown += &format!(" task {} {:?};", task.task_id, task.state());
    }
    for it in &answer.standings {
        shown += &format!(" {} in {}: {}", it.framework_id, it.role, it.state().as_str_name());
        for (name, number) in [
            ("offers", it.offers),
            ("free", it.free_agents),
            ("filtered", it.filtered_agents),
            ("rank", it.rank),
        ] {
            if number > 0 {
                shown += &format!(", {name} {number}");
            }
        }
        let limit = format!("{} {}", it.limit_role, it.limit_resources.join(","));
        let behind = format!("{} {}", it.behind_framework_id, it.behind_role);
        for (name, text) in
            [("behind", behind.trim()), ("limit of", limit.trim()), ("kept for", &it.kept_for_role)]
        {
            if !text.is_empty() {
                shown += &format!(", {name} {text}");
            }
        }
        shown += &show_charge(it.hold_charge.as_ref());
        for count in &it.refused {
            // Said as it always was when no reason was given.
            if count.reason() != v1::DeclineReason::Unspecified {
                shown += &format!(", {} refused: {}", count.agents, decline_count_text(count));
            }
        }
        for unmet in &it.terms_unmet {
            let constraint = unmet.constraint.clone().expect("masters write constraints");
            let constraint = read_constraint(constraint).expect("masters write constraints");
            shown += &format!(", {} not {constraint}", unmet.agents);
        }
        if it.terms_too_small > 0 {
            shown += &format!(", {} too small", it.terms_too_small);
        }
        if !it.decline_message.is_empty() {
            shown += &format!(", said {:?}", it.decline_message);
        }
        shown.extend(it.demands.iter().map(show_demand));
    }
    for it in &answer.past {
        let (outcome, waited, ago) = (it.outcome().as_str_name(), it.waited_ms, it.ended_ms_ago);
        shown += &format!(" {} in {}: {outcome} {ago} ms ago", it.framework_id, it.role);
        shown += &format!(" after {waited} ms");
        shown.extend(it.standing.iter().map(show_demand));
    }
    shown
}

fn show_demand(it: &v1::DemandStanding) -> String {
    let id = it.demand.as_ref().map_or("?", |demand| &demand.demand_id);
    let mut shown =
        format!("; {id} {}+{} of {} agents", it.pieces_offered, it.pieces_left, it.agents);
    for unmet in &it.unmet {
        let constraint = unmet.constraint.clone().expect("masters write constraints");
        let constraint = read_constraint(constraint).expect("masters write constraints");
        shown += &format!(", {} not {constraint}", unmet.agents);
    }
    for missing in &it.missing {
        let (small, busy) = (missing.agents_too_small, missing.agents_in_use);
        let reserved = match missing.agents_reserved {
            0 => String::new(),
            agents => format!(", {agents} of them reserved for others"),
        };
        shown += &format!(", {} small {small} busy {busy}{reserved}", missing.name);
    }
    for (name, number) in [
        ("refused", it.agents_refused),
        ("full", it.agents_full),
        ("possible", it.agents_possible),
        ("fitting", it.agents_fitting),
    ] {
        if number > 0 {
            shown += &format!(", {name} {number}");
        }
    }
    if let Some(it) = &it.preemption {
        let (lower, ending) = (it.tasks_lower, it.tasks_ending);
        shown += &format!(", {ending} give way of {lower} lower");
        for (what, number) in
            [("not its own", it.tasks_not_entitled), ("in budgets", it.tasks_in_budgets)]
        {
            if number > 0 {
                shown += &format!(", {number} {what}");
            }
        }
    }
    match it.gang_needed {
        0 => shown,
        needed => shown + &format!(", gang {} of {needed}", it.gang_collected),
    }
}

/// What operators have said of a role, if anything.
fn show_role(row: &v1::RoleSummary) -> String {
    let mut shown = match row.weight_set {
        true => format!(" weighs {}", Milli(row.weight_milli)),
        false => String::new(),
    };
    if let Some(quota) = &row.quota {
        let quota = read_quota(quota.clone()).expect("masters write quotas");
        let used = read_resources(row.allocated.clone()).expect("masters write resources");
        let limits = quota.limits().map(|(name, most)| format!("{name}:{most}"));
        let limits = limits.collect::<Vec<_>>().join(";");
        shown += &format!(" promised [{}] limit [{limits}] used [{used}]", quota.guarantee());
    }
    for (word, amounts) in [("revocable", &row.revocable), ("lent", &row.lent)] {
        if !amounts.is_empty() {
            let amounts = read_resources(amounts.clone()).expect("masters write resources");
            shown += &format!(" {word} [{amounts}]");
        }
    }
    for (words, settings) in [("served by", &row.settings), ("in force", &row.settings_in_force)] {
        // What is in force is news only where it is inherited.
        let own = words == "served by" || row.settings_in_force != row.settings;
        if let Some(settings) = settings.filter(|_| own) {
            let settings = read_settings(settings).expect("masters write settings");
            shown += &format!(" {words} [{settings}]");
        }
    }
    shown
}

/// What operators have said of an agent, if anything.
fn show_directives(row: &v1::AgentSummary) -> String {
    let mut shown = if row.deactivated { " deactivated".to_owned() } else { String::new() };
    if let Some(drain) = &row.drain {
        let (left, ending, deadline) = (drain.tasks_left, drain.tasks_ending, drain.deadline_in_ms);
        let done = drain.done_in_ms.map(|ms| format!(", done in {ms} ms")).unwrap_or_default();
        shown +=
            &format!(" draining: {left} left, {ending} ending, deadline in {deadline} ms{done}");
    }
    if let Some(away) = &row.unavailability {
        shown += &format!(" away in {} ms for {} ms", away.starts_in_ms, away.duration_ms);
    }
    shown + &show_tallies(&row.inverse_offers)
}

/// `None` for what only keeps the line open.
pub(crate) fn show_watched(event: &Result<Box<v1::ClusterEvent>, Refusal>) -> Option<String> {
    let event = match event {
        Ok(event) => event,
        Err(refusal) => return Some(format!("ends {:?} {refusal}", refusal.reason)),
    };
    let what = match event.event.as_ref()? {
        Event::Heartbeat(_) => return None,
        Event::ReservationChanged(row) => show_reservation(row),
        Event::ReservationEnded(id) => format!("{id} ended"),
        Event::VolumeChanged(row) => show_volume(row),
        Event::VolumeEnded(id) => format!("{id} ended"),
        Event::RoleChanged(row) => format!("role {}{}", row.role, show_role(row)),
        Event::Started(_) => "started".to_owned(),
        Event::AgentChanged(row) => {
            let id = row.info.as_ref().map_or("?", |info| &info.agent_id);
            format!("agent {id} {:?}{}", row.state(), show_directives(row))
        }
        Event::AgentRemoved(id) => format!("agent {id} removed"),
        Event::FrameworkChanged(row) => format!("{} {:?}", row.framework_id, row.state()),
        Event::FrameworkRemoved(id) => format!("{id} removed"),
        Event::TaskChanged(row) => {
            let id = row.info.as_ref().map_or("?", |info| &info.task_id);
            let state = row.status.as_ref().map(|status| status.state());
            format!("task {}/{id} {state:?}", row.framework_id)
        }
        Event::WindowChanged(row) => {
            format!("{} {}", row.window_id, if row.started { "begun" } else { "planned" })
        }
        Event::WindowEnded(id) => format!("{id} ended"),
        Event::OfferMade(offer) => format!("offer {} made", offer.offer_id),
        Event::OfferEnded(id) => format!("offer {id} ended"),
    };
    Some(format!("{}.{} {what}", event.sequence >> 20, event.sequence & 0xf_ffff))
}

fn show_masters(masters: &Masters) -> String {
    format!("masters #{} {}", masters.version, masters.addresses.join(" "))
}

/// Nothing where nothing can be missing.
fn show_age(age: Option<v1::ListingAge>) -> String {
    age.map_or_else(String::new, |age| {
        let v1::ListingAge { node_id, applied_index, silent_ms } = age;
        format!(", as member {node_id} knows it at {applied_index}, {silent_ms} ms of silence")
    })
}

pub(crate) fn show_reservation(row: &v1::Reservation) -> String {
    let shown = |list: &[v1::Resource]| read_resources(list.to_vec()).expect("ours").to_string();
    let parent =
        if row.parent_id.is_empty() { String::new() } else { format!(" of {}", row.parent_id) };
    let used =
        if row.used.is_empty() { String::new() } else { format!(" used {}", shown(&row.used)) };
    let (id, agent, role) = (&row.reservation_id, &row.agent_id, &row.role);
    let declared = if row.declared { " declared" } else { "" };
    let resources = shown(&row.resources);
    format!("{id}{parent} {agent} {role} {resources}{used} owner {}{declared}", row.owner)
}
