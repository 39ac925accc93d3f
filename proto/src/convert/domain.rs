//! Fault domains, and how pieces are spread over them.

use super::form::{self, Read};
use crate::model::{Domain, DomainSpread, Refusal, domain::DomainShare, limits};
use crate::wire::v1::{self, domain_spread::Share};

/// Reads where an agent is; nothing is said by those that do not know.
pub(super) fn read_domain(text: &str) -> Read<Option<Domain>> {
    form::optional_id("domain", text)
}

/// Writes where an agent is.
pub(super) fn write_domain(domain: Option<&Domain>) -> String {
    domain.map(Domain::to_string).unwrap_or_default()
}

/// Reads how pieces are spread: each level at most once.
pub(super) fn read_spread(list: Vec<v1::DomainSpread>) -> Read<Vec<DomainSpread>> {
    let spread = form::each("spread", list, limits::DOMAIN_LEVELS_MAX, read_domain_spread)?;
    form::distinct(&spread, |one| &one.level, |index| format!("spread[{index}].level"))?;
    Ok(spread)
}

/// Writes how pieces are spread over one level.
pub(super) fn write_spread(spread: &DomainSpread) -> v1::DomainSpread {
    let share = match spread.share {
        DomainShare::AtMost(most) => Share::AtMost(most),
        DomainShare::Even => Share::Even(true),
    };
    v1::DomainSpread { level: spread.level.into(), share: Some(share) }
}

/// Reads how pieces are spread over one level.
pub fn read_domain_spread(spread: v1::DomainSpread) -> Read<DomainSpread> {
    let share = match form::required("share", spread.share)? {
        Share::AtMost(0) => return Err(Refusal::invalid("at_most", "is zero")),
        Share::AtMost(most) => DomainShare::AtMost(most),
        Share::Even(true) => DomainShare::Even,
        Share::Even(false) => {
            return Err(Refusal::invalid("even", "is false; leave the spread out"));
        }
    };
    let level = usize::try_from(spread.level).unwrap_or(usize::MAX);
    form::at_most("level", level, limits::DOMAIN_LEVELS_MAX)?;
    match u8::try_from(level).ok().filter(|level| *level > 0) {
        Some(level) => Ok(DomainSpread { level, share }),
        None => Err(Refusal::invalid("level", "is zero; the outermost is 1")),
    }
}
