//! What a framework does not want to be offered again, and why.

use super::{
    form::{self, Read},
    resources::read_name,
    text,
};
use crate::model::{DeclineFilter, DeclineReason, Duration, Refusal, ResourceName, limits};
use crate::wire::v1;

/// Reads what becomes of what is handed back; nothing said means the default time.
pub(super) fn read_filters(filters: Option<v1::Filters>) -> Read<DeclineFilter> {
    let Some(filters) = filters else { return Ok(DeclineFilter::default()) };
    let lacking = form::each("lacking", filters.lacking, limits::DECLINE_LACKING_MAX, |name| {
        read_name(&name).map_err(|no| Refusal::invalid("", no.message))
    })?;
    let reason = read_decline_reason(filters.reason, &lacking)?;
    let limit = limits::DECLINE_MESSAGE_BYTES_MAX;
    Ok(DeclineFilter {
        // Too long is cut and not refused, as in Mesos: "for ever" is a sensible thing to ask.
        time: filters.refuse_ms.map_or(limits::REFUSE_DEFAULT, Duration).min(limits::REFUSE_MAX),
        reason,
        message: text::read_line_to("message", filters.message, limit)?,
    })
}

/// Writes what becomes of what is handed back.
pub(super) fn write_filters(filter: &DeclineFilter) -> v1::Filters {
    v1::Filters {
        refuse_ms: Some(filter.time.as_ms()),
        reason: write_decline_reason(filter.reason).into(),
        lacking: filter.reason.lacking().names().map(str::to_owned).collect(),
        message: filter.message.clone(),
    }
}

fn read_decline_reason(reason: i32, lacking: &[ResourceName]) -> Read<DeclineReason> {
    use v1::DeclineReason as Wire;
    let wire =
        Wire::try_from(reason).map_err(|_| Refusal::invalid("reason", "is not known here"))?;
    let reason = match wire {
        Wire::Unspecified => DeclineReason::Unspecified,
        Wire::DeclineNotEnough => return Ok(DeclineReason::not_enough(lacking)),
        Wire::DeclineConstraintUnmet => DeclineReason::ConstraintUnmet,
        Wire::DeclineSpread => DeclineReason::Spread,
        Wire::DeclineBusy => DeclineReason::Busy,
        Wire::DeclineNothingPending => DeclineReason::NothingPending,
        Wire::DeclineNotAnswered | Wire::DeclineQuotaExceeded => {
            return Err(Refusal::invalid("reason", "is for the master to say"));
        }
    };
    match lacking.is_empty() {
        true => Ok(reason),
        false => Err(Refusal::invalid("lacking", "is said beside another reason")),
    }
}

/// Writes why an offer was not taken, without what lacked.
pub fn write_decline_reason(reason: DeclineReason) -> v1::DeclineReason {
    use v1::DeclineReason as Wire;
    match reason {
        DeclineReason::Unspecified => Wire::Unspecified,
        DeclineReason::NotEnough(_) => Wire::DeclineNotEnough,
        DeclineReason::ConstraintUnmet => Wire::DeclineConstraintUnmet,
        DeclineReason::Spread => Wire::DeclineSpread,
        DeclineReason::Busy => Wire::DeclineBusy,
        DeclineReason::NothingPending => Wire::DeclineNothingPending,
        DeclineReason::NotAnswered => Wire::DeclineNotAnswered,
        DeclineReason::QuotaExceeded => Wire::DeclineQuotaExceeded,
    }
}

/// Writes how many agents were refused for a reason.
pub fn write_decline_count((reason, agents): (DeclineReason, u64)) -> v1::DeclineCount {
    v1::DeclineCount {
        reason: write_decline_reason(reason).into(),
        lacking: reason.lacking().names().map(str::to_owned).collect(),
        agents,
    }
}

/// The reason of a count in words, also one that only a newer master knows.
pub fn decline_count_text(count: &v1::DeclineCount) -> String {
    use v1::DeclineReason as Wire;
    let names = count.lacking.iter().filter_map(|name| ResourceName::new(name).ok());
    let names: Vec<ResourceName> = names.collect();
    match (Wire::try_from(count.reason), read_decline_reason(count.reason, &names)) {
        (Ok(Wire::DeclineNotAnswered), _) => DeclineReason::NotAnswered.to_string(),
        (Ok(Wire::DeclineQuotaExceeded), _) => DeclineReason::QuotaExceeded.to_string(),
        (Ok(_), Ok(reason)) => reason.to_string(),
        _ => "?".to_owned(),
    }
}
