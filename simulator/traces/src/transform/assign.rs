//! Which framework runs what, in which band; and what of it counts.

use super::{each, keep};
use crate::{
    model::{Arrival, Class, Names},
    reader::Arrivals,
};
use serde::{Deserialize, Serialize};

/// What an arrival must be like, and what it becomes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Everything that is said must hold; nothing said fits all.
    #[serde(default)]
    pub when: Match,
    /// The framework, which becomes the queue; none leaves it.
    #[serde(default)]
    pub framework: Option<String>,
    /// The band, which becomes the priority; none leaves it.
    #[serde(default)]
    pub band: Option<i32>,
    /// What kind of work it becomes; none leaves it.
    #[serde(default)]
    pub class: Option<Class>,
}

/// What an arrival must be like.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Match {
    /// The kind of work.
    pub class: Option<Class>,
    /// The queue is one of these; empty means any. Google's queues are scheduling classes, `0` to
    /// `3`.
    pub queues: Vec<String>,
    /// The user is one of these; empty means any.
    pub users: Vec<String>,
    /// The least priority. Google's production of 2011 is 9 and more.
    pub priority_min: Option<i32>,
    /// The greatest priority.
    pub priority_max: Option<i32>,
}

/// Changes arrivals by the first rule that fits. A framework whose name has no room in the table
/// leaves the queue as it is, and is counted.
pub(super) fn assign(arrivals: Arrivals, rules: Vec<Rule>) -> Arrivals {
    each(arrivals, move |mut it, aside| {
        let Some(rule) = rules.iter().find(|rule| rule.when.fits(&it, &aside.names)) else {
            return Some(it);
        };
        if let Some(framework) = &rule.framework {
            match aside.names.intern(framework) {
                Some(id) => it.queue = Some(id),
                None => aside.notes.repair("the table of names has no room for its framework"),
            }
        }
        it.priority = rule.band.unwrap_or(it.priority);
        it.class = rule.class.unwrap_or(it.class);
        Some(it)
    })
}

/// Those that are like this.
pub(super) fn only(arrivals: Arrivals, of: Match) -> Arrivals {
    keep(arrivals, move |it, aside| of.fits(it, &aside.names))
}

impl Match {
    fn fits(&self, arrival: &Arrival, names: &Names) -> bool {
        let is_one_of = |texts: &[String], id: Option<_>| {
            let text = id.map(|id| names.get(id));
            texts.is_empty() || text.is_some_and(|text| texts.iter().any(|it| it == text))
        };
        self.class.is_none_or(|class| class == arrival.class)
            && is_one_of(&self.queues, arrival.queue)
            && is_one_of(&self.users, arrival.user)
            && self.priority_min.is_none_or(|least| arrival.priority >= least)
            && self.priority_max.is_none_or(|most| arrival.priority <= most)
    }
}
