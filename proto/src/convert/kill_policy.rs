//! How a task is ended: signals by name or number, steps in the order of time.

use super::form::{self, Read};
use crate::model::{Duration, KillPolicy, KillStep, Refusal, StopSignal, limits};
use crate::wire::v1;

/// Reads a task's policy; none is the default one. `field` is where it stands.
pub(super) fn read_kill_policy(field: &str, policy: Option<v1::KillPolicy>) -> Read<KillPolicy> {
    let Some(policy) = policy else { return Ok(KillPolicy::default()) };
    read_policy(policy).map_err(|no| no.under(field))
}

/// Reads what a kill may say of it: the grace period. What signals a task gets is its own affair;
/// one that is asked for and not sent would be worse than a refusal.
pub fn read_kill_grace(
    field: &str,
    policy: Option<v1::KillPolicy>,
) -> Result<Option<Duration>, Refusal> {
    let own = |part| Refusal::invalid(format!("{field}.{part}"), "is of the task; a kill has none");
    match policy {
        Some(policy) if !policy.signal.is_empty() => Err(own("signal")),
        Some(policy) if !policy.steps.is_empty() => Err(own("steps")),
        Some(policy) => {
            form::grace_period(&format!("{field}.grace_period_ms"), policy.grace_period_ms)
        }
        None => Ok(None),
    }
}

/// Writes a task's policy; the default one is none.
pub(super) fn write_kill_policy(policy: &KillPolicy) -> Option<v1::KillPolicy> {
    (*policy != KillPolicy::default()).then(|| v1::KillPolicy {
        grace_period_ms: policy.grace_period.map(Duration::as_ms),
        signal: write_signal(policy.signal),
        steps: policy.steps.iter().map(write_step).collect(),
    })
}

/// Writes what a kill says of it.
pub fn write_kill_grace(grace_period: Option<Duration>) -> Option<v1::KillPolicy> {
    let ms = grace_period?.as_ms();
    Some(v1::KillPolicy { grace_period_ms: Some(ms), ..v1::KillPolicy::default() })
}

fn read_policy(policy: v1::KillPolicy) -> Read<KillPolicy> {
    let policy = KillPolicy {
        grace_period: form::grace_period("grace_period_ms", policy.grace_period_ms)?,
        signal: read_signal("signal", &policy.signal)?,
        steps: form::each("steps", policy.steps, limits::KILL_STEPS_MAX, read_step)?,
    };
    match policy.misplaced_step() {
        None => Ok(policy),
        Some(index) => {
            let problem = "is not after the step before it and before the end of the grace period";
            Err(Refusal::invalid(format!("steps[{index}].after_ms"), problem))
        }
    }
}

fn read_step(step: v1::KillStep) -> Read<KillStep> {
    let signal = read_signal("signal", &step.signal)?;
    Ok(KillStep { after: Duration(step.after_ms), signal })
}

/// Empty is the default one.
fn read_signal(field: &str, text: &str) -> Read<StopSignal> {
    form::at_most(field, text.len(), limits::SIGNAL_BYTES_MAX)?;
    match text.is_empty() {
        true => Ok(StopSignal::default()),
        false => text.parse().map_err(|error| Refusal::invalid(field, error)),
    }
}

fn write_step(step: &KillStep) -> v1::KillStep {
    v1::KillStep { after_ms: step.after.as_ms(), signal: write_signal(step.signal) }
}

fn write_signal(signal: StopSignal) -> String {
    match signal {
        StopSignal::Term => String::new(),
        other => other.name().to_owned(),
    }
}
