//! The checks that every message shares: what is there, how many, how long, and which id.
//!
//! Each takes the field's name and refuses with it.

use crate::model::{Duration, IdError, Refusal, limits};
use std::{collections::BTreeSet, str::FromStr};

/// Up to here it costs less to compare each entry with each other than to make a tree of them.
const SHORT_LIST: usize = 8;

/// What reading gives.
pub(super) type Read<T> = Result<T, Refusal>;

/// A part that must be there.
pub(super) fn required<T>(field: &str, part: Option<T>) -> Read<T> {
    part.ok_or_else(|| Refusal::invalid(field, "is missing"))
}

/// A list that must not be empty.
pub(super) fn some<T>(field: &str, list: Vec<T>) -> Read<Vec<T>> {
    match list.is_empty() {
        true => Err(Refusal::invalid(field, "is empty")),
        false => Ok(list),
    }
}

/// A count within its limit.
pub(super) fn at_most(field: &str, count: usize, limit: usize) -> Read<()> {
    match count <= limit {
        true => Ok(()),
        false => Err(Refusal::limit(field, count, limit)),
    }
}

/// Any kind of id.
pub(super) fn id<T: FromStr<Err = IdError>>(field: &str, text: &str) -> Read<T> {
    text.parse().map_err(|error| match error {
        IdError::TooLong { length_bytes, limit_bytes } => {
            Refusal::limit(field, length_bytes, limit_bytes)
        }
        IdError::TooDeep { depth, limit } => Refusal::limit(field, depth, limit),
        other => Refusal::invalid(field, other),
    })
}

/// An id that may be left out.
pub(super) fn optional_id<T: FromStr<Err = IdError>>(field: &str, text: &str) -> Read<Option<T>> {
    match text.is_empty() {
        true => Ok(None),
        false => id(field, text).map(Some),
    }
}

/// A list of ids, in the order given.
pub(super) fn ids<T>(field: &str, texts: Vec<String>, limit: usize) -> Read<Vec<T>>
where
    T: FromStr<Err = IdError>,
{
    each(field, texts, limit, |text| id("", &text))
}

/// A list of ids of which none comes twice.
pub(super) fn distinct_ids<T>(field: &str, texts: Vec<String>, limit: usize) -> Read<Vec<T>>
where
    T: FromStr<Err = IdError> + Ord,
{
    let list = ids(field, texts, limit)?;
    distinct(&list, |item| item, |index| format!("{field}[{index}]"))?;
    Ok(list)
}

/// Reads each of a list and puts its place into the refusal's path.
pub(super) fn each<W, M>(
    field: &str,
    list: Vec<W>,
    limit: usize,
    read: impl Fn(W) -> Read<M>,
) -> Read<Vec<M>> {
    at_most(field, list.len(), limit)?;
    let place = |index: usize| format!("{field}[{index}]");
    let entries = list.into_iter().enumerate();
    entries.map(|(index, entry)| read(entry).map_err(|no| no.under(&place(index)))).collect()
}

/// Refuses the first entry whose key an earlier one has; `path` names its field.
pub(super) fn distinct<'a, T, K: Ord + 'a + ?Sized>(
    list: &'a [T],
    key: impl Fn(&'a T) -> &'a K,
    path: impl Fn(usize) -> String,
) -> Read<()> {
    let repeated = match list.len() <= SHORT_LIST {
        true => (1..list.len()).find(|&index| {
            let (earlier, this) = (&list[..index], key(&list[index]));
            earlier.iter().any(|entry| key(entry) == this)
        }),
        false => {
            let mut seen = BTreeSet::new();
            list.iter().position(|entry| !seen.insert(key(entry)))
        }
    };
    match repeated {
        None => Ok(()),
        Some(index) => Err(Refusal::invalid(path(index), "is given twice")),
    }
}

/// A length of time within its limit.
pub(super) fn duration(field: &str, ms: u64, limit: Duration) -> Read<Duration> {
    let count = |ms: u64| usize::try_from(ms).unwrap_or(usize::MAX);
    match ms <= limit.as_ms() {
        true => Ok(Duration(ms)),
        false => Err(Refusal::limit(field, count(ms), count(limit.as_ms()))),
    }
}

/// The time between TERM and KILL.
pub(super) fn grace_period(field: &str, ms: Option<u64>) -> Read<Option<Duration>> {
    ms.map(|ms| duration(field, ms, limits::GRACE_PERIOD_MAX)).transpose()
}

/// An interval: zero would have its reader spin.
pub(super) fn interval(field: &str, ms: u64) -> Read<Duration> {
    match ms {
        0 => Err(Refusal::invalid(field, "is zero")),
        _ => Ok(Duration(ms)),
    }
}

/// `host:port`, or nothing.
pub(super) fn address(field: &str, text: String) -> Read<String> {
    at_most(field, text.len(), limits::ADDRESS_BYTES_MAX)?;
    match text.is_empty() || is_address(&text) {
        true => Ok(text),
        false => Err(Refusal::invalid(field, "is not of the form host:port")),
    }
}

/// Whether a text can be an address, by its form.
pub(super) fn is_address(text: &str) -> bool {
    let part = |c: char| c.is_ascii_alphanumeric() || "._-:[]%".contains(c);
    text.rsplit_once(':').is_some_and(|(host, port)| {
        !host.is_empty()
            && host.chars().all(part)
            && port.bytes().all(|b| b.is_ascii_digit())
            && port.parse::<u16>().is_ok()
    })
}
