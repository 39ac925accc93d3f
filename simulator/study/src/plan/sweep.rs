//! From one file to all its runs: for every case, every combination of what is swept, every
//! repetition.

use super::{PlanError, Study};
use crate::limits::RUNS_MAX;
use std::collections::BTreeMap;
use toml::Value;

/// One run of a study.
#[derive(Debug, Clone)]
pub struct Point {
    /// What is swept, by the last part of its key: results are told apart by it.
    pub labels: BTreeMap<String, String>,
    /// What is repeated: results are averaged over it.
    pub repeats: BTreeMap<String, u64>,
    /// The file with the run's own values, as a table.
    pub table: toml::Table,
    /// The same as a study.
    pub study: Study,
}

impl Point {
    /// The same run with other values for some keys.
    ///
    /// # Errors
    /// When a key or a value is none that a study can have.
    pub fn with(&self, changes: &[(String, Value)]) -> Result<Self, PlanError> {
        let mut point = self.clone();
        for (key, value) in changes {
            set(&mut point.table, "set", key, value.clone())?;
        }
        point.study = point.table.clone().try_into()?;
        Ok(point)
    }
}

/// All runs of a study, in order: the last key of the sweep varies fastest, repetitions faster
/// still.
///
/// # Errors
/// When a run's file is none, or there are too many.
pub fn expand(text: &str) -> Result<Vec<Point>, PlanError> {
    let study = Study::parse(text)?;
    let cases = study.cases.len().max(1) as u64;
    let swept = study.sweep.values().map(|values| values.len() as u64);
    let counts = swept.chain(study.repeat.values().copied()).chain([cases]);
    let runs = counts.fold(1, u64::saturating_mul);
    if runs > RUNS_MAX {
        return Err(PlanError::TooMany { runs, max: RUNS_MAX });
    }
    if runs == 0 {
        return Err(PlanError::NoRuns);
    }
    let base: toml::Table = toml::from_str(text)?;
    (0..runs).map(|number| point(&base, &study, number)).collect()
}

/// The run with a number: its digits in the mixed base of all that varies.
fn point(base: &toml::Table, study: &Study, number: u64) -> Result<Point, PlanError> {
    let mut table = base.clone();
    let (mut labels, mut repeats, mut rest) = (BTreeMap::new(), BTreeMap::new(), number);
    for (key, count) in study.repeat.iter().rev() {
        let value = rest % count;
        rest /= count;
        // Seeds are counted from 0; TOML's numbers are signed.
        for key in keys(key) {
            set(&mut table, "repeat", key, Value::Integer(value as i64))?;
        }
        repeats.insert(last_part(key).to_owned(), value);
    }
    for (key, values) in study.sweep.iter().rev() {
        let value = &values[(rest % values.len() as u64) as usize];
        rest /= values.len() as u64;
        for key in keys(key) {
            set(&mut table, "sweep", key, value.clone())?;
        }
        if labels.insert(last_part(key).to_owned(), label(value)).is_some() {
            return Err(PlanError::SameLabel(last_part(key).to_owned()));
        }
    }
    if let Some((name, keys)) = study.cases.iter().nth(rest as usize) {
        for (key, value) in keys {
            set(&mut table, "cases", key, value.clone())?;
        }
        if labels.insert("case".to_owned(), name.clone()).is_some() {
            return Err(PlanError::SameLabel("case".to_owned()));
        }
    }
    let variables = table.get("variables").and_then(Value::as_table).cloned();
    let variables = variables.unwrap_or_default();
    table.iter_mut().for_each(|(_, value)| fill_in(value, &variables));
    let study = table.clone().try_into()?;
    Ok(Point { labels, repeats, table, study })
}

/// Puts variables into their places in all texts.
fn fill_in(value: &mut Value, variables: &toml::Table) {
    match value {
        Value::String(text) => {
            for (name, with) in variables.iter().filter_map(|(k, v)| Some((k, v.as_str()?))) {
                *text = text.replace(&format!("{{{name}}}"), with);
            }
        }
        Value::Table(table) => table.iter_mut().for_each(|(_, it)| fill_in(it, variables)),
        Value::Array(list) => list.iter_mut().for_each(|it| fill_in(it, variables)),
        _ => {}
    }
}

/// Several keys that take the same values together stand in one, with commas.
fn keys(key: &str) -> impl Iterator<Item = &str> {
    key.split(',').map(str::trim)
}

/// The last part of the first key.
fn last_part(key: &str) -> &str {
    let first = keys(key).next().unwrap_or(key);
    first.rsplit('.').next().unwrap_or(first)
}

/// A value as people read it; of a table what its entries say, of a file its name alone.
fn label(value: &Value) -> String {
    match value {
        Value::String(text) => {
            let name = text.rsplit('/').next().unwrap_or(text);
            let name = name.split_once('.').map_or(name, |(stem, _)| stem);
            name.to_owned()
        }
        Value::Table(table) => table.values().map(label).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

fn set(
    table: &mut toml::Table,
    what: &'static str,
    key: &str,
    value: Value,
) -> Result<(), PlanError> {
    let (path, last) = match key.rsplit_once('.') {
        None => (None, key),
        Some((path, last)) => (Some(path), last),
    };
    let mut at = table;
    for part in path.into_iter().flat_map(|path| path.split('.')) {
        let next = at.entry(part).or_insert_with(|| Value::Table(toml::Table::new()));
        at = next.as_table_mut().ok_or_else(|| PlanError::NoTable {
            table: what,
            key: key.to_owned(),
            part: part.to_owned(),
        })?;
    }
    at.insert(last.to_owned(), value);
    Ok(())
}
