//! Drains, windows, budgets, and the notices about them.

use super::{
    form::{self, Read},
    inverse::{read_inverse_offer, write_inverse_offer},
    text,
};
use crate::model::{
    AgentId, AgentNotice, DisruptionBudget, DrainPlan, Duration, InverseOffer, InverseOfferId,
    Refusal, SchedulerEvent, Selector, Unavailability, WindowPlan, limits,
};
use crate::wire::v1::{self, event::agent_notice::Notice};

/// Reads how an agent is emptied; nothing said means the default deadline.
pub fn read_drain_plan(plan: v1::DrainPlan) -> Read<DrainPlan> {
    let ms = plan.deadline_ms.unwrap_or(limits::DRAIN_DEADLINE_DEFAULT.as_ms());
    Ok(DrainPlan {
        deadline: form::duration("deadline_ms", ms, limits::DRAIN_DEADLINE_MAX)?,
        max_grace: form::grace_period("max_grace_period_ms", plan.max_grace_period_ms)?,
        mark_gone: plan.mark_gone,
    })
}

/// Writes how an agent is emptied.
pub fn write_drain_plan(plan: &DrainPlan) -> v1::DrainPlan {
    v1::DrainPlan {
        deadline_ms: Some(plan.deadline.as_ms()),
        max_grace_period_ms: plan.max_grace.map(Duration::as_ms),
        mark_gone: plan.mark_gone,
    }
}

/// Reads a window to be.
pub fn read_window_plan(plan: v1::WindowPlan) -> Read<WindowPlan> {
    form::interval("duration_ms", plan.duration_ms)?;
    let drain = plan.drain.map(read_drain_plan).transpose().map_err(|no| no.under("drain"))?;
    if drain.is_some_and(|drain| drain.mark_gone) {
        let problem = "cannot be asked of a window: its agents come back";
        return Err(Refusal::invalid("drain.mark_gone", problem));
    }
    Ok(WindowPlan {
        selector: read_selector("selector", &plan.selector)?,
        starts_in: form::duration("starts_in_ms", plan.starts_in_ms, limits::WINDOW_MAX)?,
        duration: form::duration("duration_ms", plan.duration_ms, limits::WINDOW_MAX)?,
        drain,
        comment: text::read_line("comment", plan.comment)?,
    })
}

/// Writes a window to be.
pub fn write_window_plan(plan: &WindowPlan) -> v1::WindowPlan {
    v1::WindowPlan {
        selector: plan.selector.to_string(),
        starts_in_ms: plan.starts_in.as_ms(),
        duration_ms: plan.duration.as_ms(),
        drain: plan.drain.as_ref().map(write_drain_plan),
        comment: plan.comment.clone(),
    }
}

/// Reads which agents.
pub fn read_selector(field: &str, text: &str) -> Read<Selector> {
    form::at_most(field, text.len(), limits::TEXT_BYTES_MAX)?;
    text.parse().map_err(|problem| Refusal::invalid(field, problem))
}

/// Reads when an agent will be away.
pub fn read_unavailability(away: v1::Unavailability) -> Unavailability {
    Unavailability {
        starts_in: Duration(away.starts_in_ms),
        duration: Duration(away.duration_ms),
        drains: away.drains,
    }
}

/// Writes when an agent will be away.
pub fn write_unavailability(away: &Unavailability) -> v1::Unavailability {
    v1::Unavailability {
        starts_in_ms: away.starts_in.as_ms(),
        duration_ms: away.duration.as_ms(),
        drains: away.drains,
    }
}

/// Reads a framework's budget.
pub fn read_budget(budget: v1::DisruptionBudget) -> Read<DisruptionBudget> {
    let label = text::read_line("label", budget.label)?;
    let label = Some(label).filter(|label| !label.is_empty());
    Ok(DisruptionBudget { label, tasks_max: budget.tasks_max })
}

/// Writes a framework's budget.
pub fn write_budget(budget: &DisruptionBudget) -> v1::DisruptionBudget {
    let label = budget.label.clone().unwrap_or_default();
    v1::DisruptionBudget { label, tasks_max: budget.tasks_max }
}

/// Reads what is to become of some agents.
pub(super) fn read_notice(notice: v1::event::AgentNotice) -> Read<SchedulerEvent> {
    let agents = form::ids("agent_ids", notice.agent_ids, usize::MAX)?;
    let (field, list) = ("inverse_offers", notice.inverse_offers);
    let inverse_offers = form::each(field, list, usize::MAX, read_inverse_offer)?;
    let (field, list) = ("rescinded_inverse_offer_ids", notice.rescinded_inverse_offer_ids);
    let rescinded = form::ids(field, list, usize::MAX)?;
    let notice = match form::required("notice", notice.notice)? {
        Notice::Draining(draining) => {
            AgentNotice::Draining { deadline: Duration(draining.deadline_ms) }
        }
        Notice::Unavailable(away) => AgentNotice::Unavailable(read_unavailability(away)),
        Notice::Available(v1::event::Available {}) => AgentNotice::Available,
    };
    Ok(SchedulerEvent::AgentNotice { agents, notice, inverse_offers, rescinded })
}

/// Writes what is to become of some agents.
pub(super) fn write_notice(
    agents: &[AgentId],
    notice: &AgentNotice,
    inverse_offers: &[InverseOffer],
    rescinded: &[InverseOfferId],
) -> v1::event::AgentNotice {
    let notice = match notice {
        AgentNotice::Draining { deadline } => {
            Notice::Draining(v1::event::Draining { deadline_ms: deadline.as_ms() })
        }
        AgentNotice::Unavailable(away) => Notice::Unavailable(write_unavailability(away)),
        AgentNotice::Available => Notice::Available(v1::event::Available {}),
    };
    v1::event::AgentNotice {
        agent_ids: agents.iter().map(ToString::to_string).collect(),
        notice: Some(notice),
        inverse_offers: inverse_offers.iter().map(write_inverse_offer).collect(),
        rescinded_inverse_offer_ids: rescinded.iter().map(ToString::to_string).collect(),
    }
}
