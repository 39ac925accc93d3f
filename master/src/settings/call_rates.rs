//! Call rates as text: `default=20000/40000,batch=100/200,probe=none`.

use super::Problem;
use master_core::config::{CallRate, CallRates};
use std::collections::BTreeMap;

/// Whoever is not named.
const DEFAULT: &str = "default";

/// No limit.
const NONE: &str = "none";

pub(super) fn rates_from_text(text: &str) -> Result<CallRates, Problem> {
    let mut read = Reading::default();
    for part in text.split(',').filter(|part| !part.trim().is_empty()) {
        let (principal, rate) = part
            .trim()
            .split_once('=')
            .ok_or_else(|| Problem::Rate { text: part.trim().to_owned() })?;
        read.add(principal.trim(), rate.trim())?;
    }
    Ok(read.rates)
}

pub(super) fn rates_from_table(table: &BTreeMap<String, String>) -> Result<CallRates, Problem> {
    let mut read = Reading::default();
    table.iter().try_for_each(|(principal, rate)| read.add(principal, rate))?;
    Ok(read.rates)
}

pub(super) fn write(rates: &CallRates) -> BTreeMap<String, String> {
    let rate = |rate: &CallRate| format!("{}/{}", rate.calls_per_second, rate.burst);
    let default = rates.default.as_ref().map_or_else(|| NONE.to_owned(), rate);
    // A rate that nobody reaches is how one principal is left without a limit.
    let named = rates.named.iter().map(|(principal, named)| match *named == UNLIMITED {
        true => (principal.clone(), NONE.to_owned()),
        false => (principal.clone(), rate(named)),
    });
    named.chain([(DEFAULT.to_owned(), default)]).collect()
}

/// More than any master answers.
const UNLIMITED: CallRate = CallRate { calls_per_second: u32::MAX, burst: u32::MAX };

#[derive(Default)]
struct Reading {
    rates: CallRates,
    has_default: bool,
}

impl Reading {
    fn add(&mut self, principal: &str, text: &str) -> Result<(), Problem> {
        let problem = || Problem::Rate { text: format!("{principal}={text}") };
        let rate = match text {
            NONE => None,
            text => Some(read_rate(text).ok_or_else(problem)?),
        };
        let is_first = match principal {
            "" => return Err(problem()),
            DEFAULT => {
                self.rates.default = rate;
                !std::mem::replace(&mut self.has_default, true)
            }
            named => {
                let rate = rate.unwrap_or(UNLIMITED);
                self.rates.named.insert(named.to_owned(), rate).is_none()
            }
        };
        let twice = || Problem::RateTwice { principal: principal.to_owned() };
        is_first.then_some(()).ok_or_else(twice)
    }
}

fn read_rate(text: &str) -> Option<CallRate> {
    let (calls, burst) = text.split_once('/')?;
    let number = |text: &str| text.trim().parse().ok().filter(|number| *number > 0);
    Some(CallRate { calls_per_second: number(calls)?, burst: number(burst)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let text = "default=10/20, batch=100/200,probe=none";
        let rates = rates_from_text(text).unwrap();
        assert_eq!(rates.default, Some(CallRate { calls_per_second: 10, burst: 20 }));
        assert_eq!(rates.named["batch"].burst, 200);
        assert_eq!(rates_from_table(&write(&rates)).unwrap(), rates);
        let free = rates_from_text("default=none").unwrap();
        assert_eq!(free.default, None);
        assert_eq!(rates_from_table(&write(&free)).unwrap(), free);
        assert_eq!(rates_from_text("").unwrap(), CallRates::default());
    }

    #[test]
    fn a_bad_rate_is_no_limit_of_zero() {
        for text in ["batch", "batch=5", "batch=0/5", "batch=5/0", "=5/5", "a=-1/5", "a=1/2/3"] {
            assert!(matches!(rates_from_text(text), Err(Problem::Rate { .. })), "{text}");
        }
        for text in ["a=1/1,a=2/2", "default=1/1,default=none"] {
            assert!(matches!(rates_from_text(text), Err(Problem::RateTwice { .. })), "{text}");
        }
    }
}
