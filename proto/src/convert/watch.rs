//! What a watcher asks to hear.

use super::form::{self, Read};
use crate::model::{Refusal, WatchFilter, WatchKind};
use crate::wire::v1;

/// Reads a filter.
pub fn read_watch_filter(filter: v1::WatchFilter) -> Result<WatchFilter, Refusal> {
    let kinds = form::each("kinds", filter.kinds, WatchKind::ALL.len(), read_kind)?;
    form::distinct(&kinds, |kind| kind, |index| format!("kinds[{index}]"))?;
    Ok(WatchFilter {
        kinds: kinds.into_iter().collect(),
        framework: form::optional_id("framework_id", &filter.framework_id)?,
        agent: form::optional_id("agent_id", &filter.agent_id)?,
        role: form::optional_id("role", &filter.role)?,
    })
}

/// Writes a filter.
pub fn write_watch_filter(filter: &WatchFilter) -> v1::WatchFilter {
    let text = |id: Option<String>| id.unwrap_or_default();
    v1::WatchFilter {
        kinds: filter.kinds.iter().map(|kind| write_kind(*kind).into()).collect(),
        framework_id: text(filter.framework.as_ref().map(ToString::to_string)),
        agent_id: text(filter.agent.as_ref().map(ToString::to_string)),
        role: text(filter.role.as_ref().map(ToString::to_string)),
    }
}

fn read_kind(number: i32) -> Read<WatchKind> {
    Ok(match v1::WatchKind::try_from(number) {
        Ok(v1::WatchKind::Agent) => WatchKind::Agent,
        Ok(v1::WatchKind::Framework) => WatchKind::Framework,
        Ok(v1::WatchKind::Task) => WatchKind::Task,
        Ok(v1::WatchKind::Offer) => WatchKind::Offer,
        Ok(v1::WatchKind::Role) => WatchKind::Role,
        Ok(v1::WatchKind::Window) => WatchKind::Window,
        Ok(v1::WatchKind::Unspecified) | Err(_) => {
            return Err(Refusal::invalid("", format!("{number} is no kind of fact")));
        }
    })
}

fn write_kind(kind: WatchKind) -> v1::WatchKind {
    match kind {
        WatchKind::Agent => v1::WatchKind::Agent,
        WatchKind::Framework => v1::WatchKind::Framework,
        WatchKind::Task => v1::WatchKind::Task,
        WatchKind::Offer => v1::WatchKind::Offer,
        WatchKind::Role => v1::WatchKind::Role,
        WatchKind::Window => v1::WatchKind::Window,
    }
}
