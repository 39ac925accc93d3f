//! What frameworks have stated that they want, as operators see it. Only the leader knows.

use super::listings::page_of;
use crate::{allocator::Bidder, input::Page, master::leadership::Leadership};
use proto::{
    convert::demand::write_demand,
    model::{DemandId, FrameworkId, Refusal, Role},
    wire::v1,
};
use std::str::FromStr;

/// What separates a row's framework, role and id in a page's token; none of them has one.
const SEPARATOR: char = ',';

type Key = (FrameworkId, Role, DemandId);

pub(super) fn list_demands(
    leader: Option<&Leadership>,
    page: &Page,
    framework: Option<FrameworkId>,
) -> Result<v1::ListDemandsResponse, Refusal> {
    let start = page.after.as_deref().map(read_key).transpose()?;
    let bidders = leader.into_iter().flat_map(|leader| leader.demand.bidders());
    // Bidders come in the order of the rows; those before the page are not looked into.
    let bidders = bidders.filter(|bidder| {
        let is_before = |(of, role, _): &Key| (bidder.framework, &bidder.role) < (*of, role);
        framework.is_none_or(|only| only == bidder.framework)
            && !start.as_ref().is_some_and(is_before)
    });
    let rows = bidders.flat_map(|bidder| rows_of(leader, bidder));
    let rows = rows.filter(|(key, _)| start.as_ref().is_none_or(|start| key > start));
    let (rows, next_page_token) = page_of(rows, page, |((framework, role, demand), _)| {
        format!("{framework}{SEPARATOR}{role}{SEPARATOR}{demand}")
    });
    let demands = rows.into_iter().map(|(_, row)| row).collect();
    Ok(v1::ListDemandsResponse { demands, next_page_token })
}

/// A bidder's demands by id.
fn rows_of(leader: Option<&Leadership>, bidder: Bidder) -> Vec<(Key, v1::DemandRow)> {
    let Bidder { framework, role } = bidder;
    let wanted = leader.and_then(|leader| {
        let index = leader.demand.index(framework, &role)?;
        leader.demand.wanted(index)
    });
    let entries = wanted.map_or(&[][..], |wanted| wanted.entries());
    let row = |entry: &crate::allocator::wanted::Entry| v1::DemandRow {
        framework_id: framework.to_string(),
        role: role.to_string(),
        demand: Some(write_demand(entry.stated())),
        pieces_offered: entry.out(),
        pieces_left: entry.open(),
    };
    let key = |id: &DemandId| (framework, role.clone(), id.clone());
    let mut rows: Vec<_> = entries.iter().map(|entry| (key(entry.id()), row(entry))).collect();
    rows.sort_by(|(a, _), (b, _)| a.cmp(b));
    rows
}

fn read_key(token: &str) -> Result<Key, Refusal> {
    fn part<T: FromStr<Err: std::fmt::Display>>(text: Option<&str>) -> Result<T, Refusal> {
        let problem = |problem: &dyn std::fmt::Display| Refusal::invalid("page.token", problem);
        let text = text.ok_or_else(|| problem(&"did not come from an earlier answer"))?;
        text.parse().map_err(|error| problem(&error))
    }
    let mut parts = token.split(SEPARATOR);
    let key = (part(parts.next())?, part(parts.next())?, part(parts.next())?);
    match parts.next() {
        None => Ok(key),
        Some(_) => Err(Refusal::invalid("page.token", "did not come from an earlier answer")),
    }
}
