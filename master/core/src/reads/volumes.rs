//! Volumes, as they are listed.

use super::{
    Moment, Viewer,
    listings::{after, page_of, start},
};
use crate::{input::Page, ledger::Volume};
use proto::{
    convert::volume::write_volume,
    model::{AgentId, Refusal, Role, VolumeId, VolumeInfo},
    wire::v1,
};

/// A page of volumes, by id; of an agent, of a role and those below it, or one, when they are
/// named.
pub(super) fn list_volumes(
    moment: &Moment,
    viewer: &Viewer,
    page: &Page,
    (agent, role, volume): (Option<&AgentId>, Option<&Role>, Option<VolumeId>),
) -> Result<v1::ListVolumesResponse, Refusal> {
    let start = start(after::<VolumeId>(page)?);
    let sees = seen_by(moment, viewer);
    let rows = moment.ledger.volumes().range((start, std::ops::Bound::Unbounded));
    let wanted = |row: &&Volume| {
        let info = &row.info;
        agent.is_none_or(|agent| info.agent == *agent)
            && role.is_none_or(|role| info.role.is_within(role))
            && volume.is_none_or(|id| info.id == id)
            && sees(info)
    };
    let rows = rows.map(|(_, row)| row).filter(wanted);
    let (rows, next_page_token) = page_of(rows, page, |row| row.info.id.to_string());
    let volumes = rows.into_iter().map(|row| write_volume(&row.info)).collect();
    Ok(v1::ListVolumesResponse { volumes, next_page_token, age: moment.age })
}

/// What is shown: to the owner of frameworks, what is the owner's, and what these may use.
fn seen_by(moment: &Moment, viewer: &Viewer) -> impl Fn(&VolumeInfo) -> bool {
    let owner = match viewer {
        Viewer::Operator => None,
        Viewer::Owner(owner) => Some(owner.clone()),
    };
    let frameworks = moment.ledger.frameworks().iter().map(|(_, row)| row);
    let own = frameworks.filter(|row| owner.as_ref() == Some(&row.principal) && !row.is_removed());
    let roles: Vec<Role> = own.flat_map(|row| row.info.roles.iter().cloned()).collect();
    move |info| {
        owner.as_ref().is_none_or(|owner| {
            info.owner == *owner || roles.iter().any(|role| role.is_within(&info.role))
        })
    }
}
