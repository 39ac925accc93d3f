//! What operators say of agents, maintenance and frameworks' ends, read from the wire.

use super::operators::id;
use master_core::input::OperatorCall;
use proto::{
    convert::agent_life::{read_drain_plan, read_window_plan},
    model::{AgentDirective, Principal, Refusal},
    wire::v1,
};

fn direct(agent: &str, directive: AgentDirective) -> Result<OperatorCall, Refusal> {
    Ok(OperatorCall::DirectAgent { agent: id("agent_id", agent)?, directive })
}

/// A request without a plan is one with the defaults.
pub(super) fn read_drain(request: v1::DrainAgentRequest) -> Result<OperatorCall, Refusal> {
    let plan = read_drain_plan(request.plan.unwrap_or_default()).map_err(|no| no.under("plan"))?;
    direct(&request.agent_id, AgentDirective::Drain(plan))
}

pub(super) fn read_cancel_drain(request: v1::CancelDrainRequest) -> Result<OperatorCall, Refusal> {
    direct(&request.agent_id, AgentDirective::CancelDrain)
}

pub(super) fn read_deactivate(
    request: v1::DeactivateAgentRequest,
) -> Result<OperatorCall, Refusal> {
    direct(&request.agent_id, AgentDirective::Deactivate)
}

pub(super) fn read_reactivate(
    request: v1::ReactivateAgentRequest,
) -> Result<OperatorCall, Refusal> {
    direct(&request.agent_id, AgentDirective::Reactivate)
}

pub(super) fn read_declare_gone(
    request: v1::DeclareAgentGoneRequest,
) -> Result<OperatorCall, Refusal> {
    direct(&request.agent_id, AgentDirective::DeclareGone)
}

pub(super) fn read_teardown(
    request: v1::TeardownFrameworkRequest,
) -> Result<OperatorCall, Refusal> {
    Ok(OperatorCall::TeardownFramework(id("framework_id", &request.framework_id)?))
}

pub(super) fn read_schedule(
    request: v1::ScheduleMaintenanceRequest,
) -> Result<OperatorCall, Refusal> {
    let plan = request.plan.ok_or_else(|| Refusal::invalid("plan", "is missing"))?;
    let plan = read_window_plan(plan).map_err(|no| no.under("plan"))?;
    Ok(OperatorCall::ScheduleMaintenance(plan))
}

pub(super) fn read_cancel_window(
    request: v1::CancelMaintenanceRequest,
) -> Result<OperatorCall, Refusal> {
    Ok(OperatorCall::CancelMaintenance(id("window_id", &request.window_id)?))
}

/// Writes down who directed what.
pub(super) fn audit(node: &str, principal: &Principal, call: &OperatorCall) {
    match call {
        OperatorCall::DirectAgent { agent, directive } => {
            tracing::info!(
                target: "bourse::audit", %node, %principal, %agent, ?directive, "direct agent"
            );
        }
        OperatorCall::TeardownFramework(framework) => {
            tracing::info!(target: "bourse::audit", %node, %principal, %framework, "tear down");
        }
        OperatorCall::ScheduleMaintenance(plan) => {
            let selector = &plan.selector;
            tracing::info!(
                target: "bourse::audit", %node, %principal, %selector, starts_in = %plan.starts_in,
                duration = %plan.duration, "schedule maintenance"
            );
        }
        OperatorCall::CancelMaintenance(window) => {
            tracing::info!(
                target: "bourse::audit", %node, %principal, %window, "cancel maintenance"
            );
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::model::{DrainPlan, Duration, Reason, limits};

    fn drain(agent_id: &str, plan: Option<v1::DrainPlan>) -> Result<OperatorCall, Refusal> {
        read_drain(v1::DrainAgentRequest { agent_id: agent_id.to_owned(), plan })
    }

    #[test]
    fn a_drain_has_defaults_and_bounds() {
        let expected = AgentDirective::Drain(DrainPlan {
            deadline: limits::DRAIN_DEADLINE_DEFAULT,
            max_grace: None,
            mark_gone: false,
        });
        let agent = "a1".parse().unwrap();
        assert_eq!(drain("a1", None), Ok(OperatorCall::DirectAgent { agent, directive: expected }));
        assert_eq!(drain("", None).unwrap_err().field, "agent_id");
        let plan = |deadline_ms, grace| v1::DrainPlan {
            deadline_ms: Some(deadline_ms),
            max_grace_period_ms: Some(grace),
            mark_gone: true,
        };
        assert!(drain("a1", Some(plan(0, 0))).is_ok());
        let far = drain("a1", Some(plan(u64::MAX, 0))).unwrap_err();
        assert_eq!((far.reason, &*far.field), (Reason::LimitExceeded, "plan.deadline_ms"));
        let long = drain("a1", Some(plan(0, u64::MAX))).unwrap_err();
        assert_eq!(long.field, "plan.max_grace_period_ms");
    }

    #[test]
    fn a_window_names_the_field_that_is_wrong() {
        let plan = v1::WindowPlan {
            selector: "rack=r1".to_owned(),
            starts_in_ms: 0,
            duration_ms: 1,
            drain: None,
            comment: String::new(),
        };
        let field = |plan: v1::WindowPlan| {
            read_schedule(v1::ScheduleMaintenanceRequest { plan: Some(plan) }).unwrap_err().field
        };
        let drain = v1::DrainPlan { mark_gone: true, ..v1::DrainPlan::default() };
        let far = Duration(limits::WINDOW_MAX.0 + 1).0;
        for (wrong, expected) in [
            (v1::WindowPlan { selector: String::new(), ..plan.clone() }, "plan.selector"),
            (v1::WindowPlan { selector: "rack".to_owned(), ..plan.clone() }, "plan.selector"),
            (v1::WindowPlan { starts_in_ms: far, ..plan.clone() }, "plan.starts_in_ms"),
            (v1::WindowPlan { duration_ms: 0, ..plan.clone() }, "plan.duration_ms"),
            (v1::WindowPlan { duration_ms: far, ..plan.clone() }, "plan.duration_ms"),
            (v1::WindowPlan { drain: Some(drain), ..plan.clone() }, "plan.drain.mark_gone"),
            (v1::WindowPlan { comment: "a\u{7}".to_owned(), ..plan.clone() }, "plan.comment"),
        ] {
            assert_eq!(field(wrong), expected);
        }
        let nothing = read_schedule(v1::ScheduleMaintenanceRequest { plan: None }).unwrap_err();
        assert_eq!(nothing.field, "plan");
    }

    #[test]
    fn ids_are_of_their_kind() {
        let window = v1::CancelMaintenanceRequest { window_id: "1".to_owned() };
        assert_eq!(read_cancel_window(window).unwrap_err().field, "window_id");
        let framework = v1::TeardownFrameworkRequest { framework_id: "batch".to_owned() };
        assert_eq!(read_teardown(framework).unwrap_err().field, "framework_id");
    }
}
