//! Why somebody gets nothing: one sentence, then the numbers; and what is wanted, as a listing.

use super::{
    Row, holds::ShownCharge, past::PastReport, preemption::PreemptionReport, rows::ShownResources,
    table,
};
use proto::{
    convert::{decline::decline_count_text, demand::read_constraint, domain::read_domain_spread},
    model::Duration,
    wire::v1::{self, WhyState},
};
use serde::Serialize;

/// The answer to `bourse why`.
#[derive(Debug, Serialize)]
pub(crate) struct WhyReport {
    /// State of the task that was asked for.
    task: Option<TaskLine>,
    standings: Vec<StandingReport>,
    /// Demands that are stated no longer.
    past: Vec<PastReport>,
}

#[derive(Debug, Serialize)]
struct TaskLine {
    id: String,
    state: String,
    agent: String,
}

#[derive(Debug, Serialize)]
struct StandingReport {
    framework: String,
    role: String,
    /// Such as `nothing_fits`.
    state: String,
    /// The main reason, for people.
    reason: String,
    offers: u64,
    free_agents: u64,
    filtered_agents: u64,
    refused: Vec<RefusedCount>,
    terms_unmet: Vec<Unmet>,
    terms_too_small: u64,
    decline_message: Option<String>,
    rank: Option<u64>,
    hold_charge: Option<ShownCharge>,
    behind_framework: Option<String>,
    behind_role: Option<String>,
    limit_role: Option<String>,
    limit_resources: Vec<String>,
    kept_for_role: Option<String>,
    states_demand: bool,
    demands: Vec<DemandReport>,
}

#[derive(Debug, Serialize)]
pub(super) struct DemandReport {
    id: String,
    shape: ShownResources,
    pieces_offered: u32,
    pieces_left: u32,
    agents: u64,
    agents_possible: u64,
    agents_fitting: u64,
    agents_refused: u64,
    agents_full: u64,
    agents_domain_full: u64,
    unmet: Vec<Unmet>,
    missing: Vec<Missing>,
    gang: Option<Gang>,
    preemption: Option<PreemptionReport>,
}

#[derive(Debug, Serialize)]
struct RefusedCount {
    reason: String,
    lacking: Vec<String>,
    agents: u64,
    #[serde(skip)]
    words: String,
}

#[derive(Debug, Serialize)]
struct Unmet {
    constraint: String,
    agents: u64,
}

#[derive(Debug, Serialize)]
struct Missing {
    resource: String,
    agents_too_small: u64,
    agents_in_use: u64,
    /// Of these, those that would have enough, were nothing reserved for others.
    agents_reserved: u64,
}

#[derive(Debug, Serialize)]
struct Gang {
    pieces_with_room: u32,
    pieces_needed: u32,
}

/// One demand in a listing.
#[derive(Debug, Serialize)]
pub(crate) struct DemandRow {
    framework: String,
    role: String,
    id: String,
    shape: ShownResources,
    pieces_offered: u32,
    pieces_left: u32,
    constraints: Vec<String>,
    per_agent_max: Option<u32>,
    spread: Vec<String>,
    gang_timeout_ms: Option<u64>,
    revocable: bool,
}

impl WhyReport {
    pub(crate) fn new(answer: v1::WhyResponse) -> Self {
        let task = answer.task.and_then(|task| {
            let (info, status) = (task.info?, task.status?);
            let state = status.state().as_str_name().trim_start_matches("TASK_").to_lowercase();
            Some(TaskLine { id: info.task_id, state, agent: info.agent_id })
        });
        let standings = answer.standings.into_iter().map(StandingReport::new).collect();
        let past = answer.past.into_iter().map(PastReport::new).collect();
        Self { task, standings, past }
    }

    /// For people.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        if let Some(TaskLine { id, state, agent }) = &self.task {
            text += &table::escape(&format!("{id} is {state} on {agent}; it waits for nothing."));
            text += "\n\n";
        }
        let standings: Vec<String> = self.standings.iter().map(StandingReport::text).collect();
        let past: Vec<String> = self.past.iter().map(PastReport::text).collect();
        text + &standings.into_iter().chain(past).collect::<Vec<_>>().join("\n")
    }
}

impl StandingReport {
    fn new(wire: v1::Standing) -> Self {
        let some = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        let state = wire.state().as_str_name().trim_start_matches("WHY_").to_lowercase();
        Self {
            state,
            reason: reason(&wire),
            offers: wire.offers,
            free_agents: wire.free_agents,
            filtered_agents: wire.filtered_agents,
            refused: wire.refused.iter().map(RefusedCount::new).collect(),
            terms_unmet: wire.terms_unmet.into_iter().map(Unmet::new).collect(),
            terms_too_small: wire.terms_too_small,
            decline_message: some(&wire.decline_message),
            hold_charge: ShownCharge::read(wire.hold_charge),
            rank: Some(wire.rank).filter(|rank| *rank > 0),
            behind_framework: some(&wire.behind_framework_id),
            behind_role: some(&wire.behind_role),
            limit_role: some(&wire.limit_role),
            limit_resources: wire.limit_resources,
            kept_for_role: some(&wire.kept_for_role),
            states_demand: wire.states_demand,
            demands: wire.demands.into_iter().map(DemandReport::new).collect(),
            framework: wire.framework_id,
            role: wire.role,
        }
    }

    fn text(&self) -> String {
        let (framework, role) = (&self.framework, &self.role);
        let mut text = format!("{framework} in {role}: {}\n", self.reason);
        let rank = self.rank.map_or("none".to_owned(), |rank| rank.to_string());
        text += &format!(
            "  offers held {}, agents with something free {}, of them refused {}, place by share \
             {rank}\n",
            self.offers, self.free_agents, self.filtered_agents
        );
        let charged = self.hold_charge.iter().flat_map(ShownCharge::lines);
        text += &charged.map(|line| line + "\n").collect::<String>();
        let lines = text.lines().map(table::escape).collect::<Vec<_>>().join("\n") + "\n";
        let demands = self.demands.iter().map(DemandReport::text);
        let refused = self.refused.iter().map(RefusedCount::text);
        let lines = lines + &refused.collect::<String>();
        let lines = lines + &self.terms_text();
        let said = self.decline_message.iter();
        let said = said.map(|said| table::escape(&format!("  it said: {said}")) + "\n");
        let lines = lines + &said.collect::<String>();
        lines + &demands.collect::<String>()
    }
}

impl StandingReport {
    /// How what is free compares with its offer terms.
    fn terms_text(&self) -> String {
        let mut text = String::new();
        for Unmet { constraint, agents } in &self.terms_unmet {
            let line = format!("  {agents} of {} agents fail `{constraint}`", self.free_agents);
            text += &(table::escape(&line) + "\n");
        }
        if self.terms_too_small > 0 {
            let (small, free) = (self.terms_too_small, self.free_agents);
            text += &format!("  {small} of {free} agents have less free than it wants offered\n");
        }
        text
    }
}

impl Unmet {
    fn new(wire: v1::demand_standing::Unmet) -> Self {
        let constraint = constraint_text(wire.constraint.unwrap_or_default());
        Self { constraint, agents: wire.agents }
    }
}

impl RefusedCount {
    fn new(wire: &v1::DeclineCount) -> Self {
        let reason = wire.reason().as_str_name().trim_start_matches("DECLINE_").to_lowercase();
        let (lacking, agents) = (wire.lacking.clone(), wire.agents);
        Self { reason, lacking, agents, words: decline_count_text(wire) }
    }

    fn text(&self) -> String {
        let Self { agents, words, .. } = self;
        let noun = if *agents == 1 { "agent" } else { "agents" };
        table::escape(&format!("  refused by the framework on {agents} {noun}: {words}")) + "\n"
    }
}

impl DemandReport {
    pub(super) fn new(wire: v1::DemandStanding) -> Self {
        let demand = wire.demand.unwrap_or_default();
        let unmet = wire.unmet.into_iter().map(Unmet::new);
        let missing = wire.missing.into_iter().map(|missing| Missing {
            resource: missing.name,
            agents_too_small: missing.agents_too_small,
            agents_in_use: missing.agents_in_use,
            agents_reserved: missing.agents_reserved,
        });
        let (pieces_with_room, pieces_needed) = (wire.gang_collected, wire.gang_needed);
        Self {
            id: demand.demand_id,
            shape: ShownResources::read(demand.shape),
            pieces_offered: wire.pieces_offered,
            pieces_left: wire.pieces_left,
            agents: wire.agents,
            agents_possible: wire.agents_possible,
            agents_fitting: wire.agents_fitting,
            agents_refused: wire.agents_refused,
            agents_full: wire.agents_full,
            agents_domain_full: wire.agents_domain_full,
            unmet: unmet.collect(),
            missing: missing.collect(),
            gang: (pieces_needed > 0).then_some(Gang { pieces_with_room, pieces_needed }),
            preemption: wire.preemption.map(PreemptionReport::from),
        }
    }

    pub(super) fn text(&self) -> String {
        let mut lines = vec![format!(
            "  {}: {} still wanted of {}, {} on offer",
            self.id, self.pieces_left, self.shape.0, self.pieces_offered
        )];
        let mut line = |count: u64, what: String| {
            if count > 0 {
                lines.push(format!("    {count:>6} of {} agents {what}", self.agents));
            }
        };
        for unmet in &self.unmet {
            line(unmet.agents, format!("fail `{}`", unmet.constraint));
        }
        for missing in &self.missing {
            let name = &missing.resource;
            line(missing.agents_too_small, format!("never have enough {name}"));
            let in_use = missing.agents_in_use.saturating_sub(missing.agents_reserved);
            line(in_use, format!("have enough {name}, but it is in use"));
            line(
                missing.agents_reserved,
                format!("have enough {name}, but it is reserved for others"),
            );
        }
        line(self.agents_full, "have as many pieces as it wants on one".to_owned());
        line(
            self.agents_domain_full,
            "are in no fault domain that may have more pieces".to_owned(),
        );
        line(self.agents_refused, "fit, and it refused them for a while".to_owned());
        line(self.agents_fitting, "fit now".to_owned());
        if let Some(Gang { pieces_with_room, pieces_needed }) = &self.gang {
            let room = format!("    room for {pieces_with_room} of the {pieces_needed} pieces");
            lines.push(room + " that it needs at once");
        }
        lines.extend(self.preemption.iter().flat_map(PreemptionReport::lines));
        lines.iter().map(|line| table::escape(line) + "\n").collect()
    }
}

/// The main reason in one sentence.
fn reason(it: &v1::Standing) -> String {
    let behind = match it.behind_framework_id.is_empty() {
        true => "another framework".to_owned(),
        false => it.behind_framework_id.clone(),
    };
    match it.state() {
        WhyState::WhyNotSubscribed => "it is not connected in this role.".to_owned(),
        WhyState::WhySuppressed => "it asked for no offers.".to_owned(),
        WhyState::WhyWantsNothing => "it wants nothing more.".to_owned(),
        WhyState::WhyServed => format!("it holds {} offers; the answer is its own.", it.offers),
        WhyState::WhyNoFreeAgents => "no agent has anything free.".to_owned(),
        WhyState::WhyFiltered => "it refused what is free for a while.".to_owned(),
        WhyState::WhyBehind => {
            format!("what is free is on offer to {behind} in {}.", it.behind_role)
        }
        WhyState::WhyLimitReached => {
            let resources = it.limit_resources.join(" and ");
            format!("role {} may not use more {resources}: its quota is a limit.", it.limit_role)
        }
        WhyState::WhyKeptForRole => {
            format!(
                "what is free is kept for role {}, which is promised it; what is revocable may borrow it.",
                it.kept_for_role
            )
        }
        WhyState::WhyNothingFits => nothing_fits(&it.demands),
        WhyState::WhyShared => {
            "its role is shared: it is shown what is free and takes it by commits.".to_owned()
        }
        WhyState::WhyNothingNew => {
            "nothing keeps it back; it is offered something next.".to_owned()
        }
        WhyState::WhyTermsUnmet => "nothing that is free meets its offer terms.".to_owned(),
        WhyState::Unspecified => "the master does not say.".to_owned(),
    }
}

fn nothing_fits(demands: &[v1::DemandStanding]) -> String {
    let open: Vec<_> = demands.iter().filter(|demand| demand.pieces_left > 0).collect();
    let never = open.iter().all(|demand| demand.agents > 0 && demand.agents_possible == 0);
    let gang = open.iter().any(|demand| demand.gang_needed > 0 && demand.agents_fitting > 0);
    match (never, gang) {
        (true, _) => "no agent can ever fit what it wants.".to_owned(),
        (_, true) => "there is no room for all of a gang at once.".to_owned(),
        _ => "no agent fits what it wants now.".to_owned(),
    }
}

fn constraint_text(constraint: v1::Constraint) -> String {
    // A newer master may know constraints that this version does not.
    read_constraint(constraint).map_or_else(|_| "?".to_owned(), |it| it.to_string())
}

fn spread_text(spread: v1::DomainSpread) -> String {
    read_domain_spread(spread).map_or_else(|_| "?".to_owned(), |it| it.to_string())
}

impl From<v1::DemandRow> for DemandRow {
    fn from(wire: v1::DemandRow) -> Self {
        let demand = wire.demand.unwrap_or_default();
        Self {
            framework: wire.framework_id,
            role: wire.role,
            id: demand.demand_id,
            shape: ShownResources::read(demand.shape),
            pieces_offered: wire.pieces_offered,
            pieces_left: wire.pieces_left,
            constraints: demand.constraints.into_iter().map(constraint_text).collect(),
            per_agent_max: demand.per_agent_max,
            spread: demand.spread.into_iter().map(spread_text).collect(),
            gang_timeout_ms: demand.gang_timeout_ms,
            revocable: demand.revocable,
        }
    }
}

impl Row for DemandRow {
    const TITLES: &'static [&'static str] =
        &["framework", "role", "demand", "shape", "wanted", "on offer", "only where", "placed"];

    fn cells(&self) -> Vec<String> {
        let gang = self.gang_timeout_ms.map(|ms| format!("at once, within {}", Duration(ms)));
        let spread = self.per_agent_max.map(|most| format!("at most {most} on one agent"));
        vec![
            self.framework.clone(),
            self.role.clone(),
            self.id.clone(),
            self.shape.0.to_string(),
            self.pieces_left.to_string(),
            self.pieces_offered.to_string(),
            self.constraints.join("; "),
            [gang, spread, self.revocable.then(|| "revocable".to_owned())]
                .into_iter()
                .flatten()
                .chain(self.spread.iter().cloned())
                .collect::<Vec<_>>()
                .join(", "),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(state: WhyState) -> v1::Standing {
        let unmet = v1::demand_standing::Unmet {
            constraint: Some(proto::convert::demand::write_constraint(
                &"rack in r1".parse().unwrap(),
            )),
            agents: 3,
        };
        let missing = v1::demand_standing::Missing {
            name: "gpus".to_owned(),
            agents_too_small: 2,
            agents_in_use: 1,
            agents_reserved: 0,
        };
        let demand = v1::DemandStanding {
            demand: Some(v1::Demand { demand_id: "train".to_owned(), ..v1::Demand::default() }),
            pieces_left: 4,
            agents: 5,
            unmet: vec![unmet],
            missing: vec![missing],
            ..v1::DemandStanding::default()
        };
        v1::Standing {
            framework_id: "framework-7".to_owned(),
            role: "eng".to_owned(),
            state: state.into(),
            limit_role: "eng".to_owned(),
            limit_resources: vec!["cpus".to_owned()],
            kept_for_role: "ops".to_owned(),
            behind_role: "ops".to_owned(),
            demands: vec![demand],
            refused: vec![v1::DeclineCount {
                reason: v1::DeclineReason::DeclineNotEnough.into(),
                lacking: vec!["mem".to_owned()],
                agents: 12,
            }],
            decline_message: "waits for\u{1b} memory".to_owned(),
            hold_charge: Some(v1::HoldCharge { behind_ms: 9_000, ..Default::default() }),
            ..v1::Standing::default()
        }
    }

    fn text(state: WhyState) -> String {
        let standings = vec![standing(state)];
        WhyReport::new(v1::WhyResponse { standings, ..Default::default() }).text()
    }

    #[test]
    fn the_main_reason_comes_first_and_then_the_numbers() {
        let text = text(WhyState::WhyNothingFits);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "framework-7 in eng: no agent can ever fit what it wants.");
        assert!(text.contains("3 of 5 agents fail `rack in r1`"), "{text}");
        assert!(text.contains("refused by the framework on 12 agents: not enough mem"), "{text}");
        assert!(text.contains("for 9 s it comes after all others"), "{text}");
        assert!(text.contains("it said: waits for\\u{1b} memory"), "{text}");
        assert!(text.contains("2 of 5 agents never have enough gpus"), "{text}");
        assert!(text.contains("1 of 5 agents have enough gpus, but it is in use"), "{text}");
    }

    #[test]
    fn every_reason_has_words_of_its_own() {
        let known = (1..=11).chain([140]).map(|number| WhyState::try_from(number).unwrap());
        let texts: std::collections::BTreeSet<String> = known.map(text).collect();
        assert_eq!(texts.len(), 12);
        assert!(WhyState::try_from(12).is_err(), "a new reason needs words");
        assert!(text(WhyState::WhyLimitReached).contains("role eng may not use more cpus"));
        assert!(text(WhyState::WhyBehind).contains("on offer to another framework in ops"));
    }

    #[test]
    fn programs_get_the_same_as_data() {
        let standings = vec![standing(WhyState::WhyKeptForRole)];
        let report = WhyReport::new(v1::WhyResponse { standings, ..Default::default() });
        let json = serde_json::to_value(&report).unwrap();
        let first = &json["standings"][0];
        assert_eq!(
            (&first["state"], &first["kept_for_role"]),
            (&"kept_for_role".into(), &"ops".into())
        );
        assert_eq!(first["demands"][0]["unmet"][0]["constraint"], "rack in r1");
        assert_eq!(first["refused"][0]["reason"], "not_enough");
    }
}
