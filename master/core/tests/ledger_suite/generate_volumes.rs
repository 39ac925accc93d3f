//! Random volumes, rather of what there is; and what agents say of them, mostly what they were
//! asked.

use crate::build::*;
use crate::generate::Draw;
use master_core::ledger::{Command, Ledger, Volume, VolumeChange};
use proto::model::{
    Milli, Operation, ReservationId, ReservationRef, ResourceName, VolumeId, VolumeKey, VolumeName,
    VolumePlan, VolumeRef, VolumeReport, VolumeResize, VolumeState,
};

/// What an operator asks.
pub(crate) fn asked(ledger: &Ledger, draw: &mut Draw) -> Command {
    let volume = VolumeRef::Known(known(ledger, draw));
    Command::ChangeVolumes(match draw.below(8) {
        0..=3 => {
            let owner = draw.pick(&["ops", "alice"]).to_owned();
            VolumeChange::Create { plan: plan(ledger, draw, false), owner }
        }
        4 => VolumeChange::Grow(resize(ledger, draw, volume)),
        5 => VolumeChange::Shrink(resize(ledger, draw, volume)),
        _ => VolumeChange::Destroy(volume),
    })
}

/// What a framework does.
pub(crate) fn operation(ledger: &Ledger, draw: &mut Draw) -> Operation {
    let volume = match draw.one_in(5) {
        true => VolumeRef::Made(draw.below(3) as u32),
        false => VolumeRef::Known(known(ledger, draw)),
    };
    match draw.below(8) {
        0..=3 => Operation::CreateVolume(plan(ledger, draw, true)),
        4 => Operation::GrowVolume(resize(ledger, draw, volume)),
        5 => Operation::ShrinkVolume(resize(ledger, draw, volume)),
        _ => Operation::DestroyVolume(volume),
    }
}

/// What an agent says, rather of what was ordered and not said before.
pub(crate) fn report(ledger: &Ledger, draw: &mut Draw) -> Command {
    let rows = || ledger.volumes().iter().map(|(_, row)| row);
    let is_ordered = |row: &&Volume| {
        use VolumeState::{Creating, Destroying, Resizing};
        matches!(row.info.state, Creating | Destroying | Resizing)
    };
    let ordered: Vec<&Volume> = rows().filter(is_ordered).collect();
    let any: Vec<&Volume> = rows().collect();
    let row = match (ordered.is_empty() || draw.one_in(8), any.is_empty()) {
        (false, _) => Some(draw.pick(&ordered)),
        (true, false) => Some(draw.pick(&any)),
        (true, true) => None,
    };
    let mut agent = row.map_or_else(|| agent("a1"), |row| row.info.agent.clone());
    if draw.one_in(16) {
        agent = self::agent(draw.pick(&["a0", "a2", "a9"]));
    }
    let journal = ledger.agent(&agent).map_or(1, |row| row.incarnation);
    let version = row.map_or(1, |row| row.info.version);
    let failed = draw.one_in(4).then(|| draw.pick(&["no space", "in use"]).to_owned());
    let report = VolumeReport {
        key: VolumeKey {
            id: row.map_or(VolumeId(7), |row| row.info.id),
            incarnation: u64::from(draw.one_in(16)),
        },
        version: if draw.one_in(10) { version + 1 - draw.below(3).min(version) } else { version },
        failed,
    };
    Command::RecordVolume { agent, incarnation: journal + u64::from(draw.one_in(20)), report }
}

/// Rather of a reservation that has disk left.
fn plan(ledger: &Ledger, draw: &mut Draw, in_accept: bool) -> VolumePlan {
    let rows = ledger.reservations().iter().map(|(_, row)| row);
    let with_disk = rows.filter(|row| row.free().scalar(&ResourceName::DISK) > Milli(0));
    let ids: Vec<_> = with_disk.map(|row| row.id).collect();
    let reservation = match (in_accept && draw.one_in(4), ids.is_empty() || draw.one_in(10)) {
        (true, _) => ReservationRef::Made(draw.below(3) as u32),
        (false, true) => ReservationRef::Known(ReservationId(1 + draw.below(50))),
        (false, false) => ReservationRef::Known(draw.pick(&ids)),
    };
    VolumePlan {
        reservation,
        name: VolumeName::new(draw.pick(&["data", "more", "logs"])).expect("a name"),
        size: size(draw),
        shared: draw.one_in(3),
        labels: Vec::new(),
    }
}

fn resize(ledger: &Ledger, draw: &mut Draw, volume: VolumeRef) -> VolumeResize {
    // Those that can be resized are few.
    let active = ledger.volumes().iter().filter(|(_, row)| row.info.state == VolumeState::Active);
    let active: Vec<_> = active.map(|(id, _)| *id).collect();
    let volume = match active.is_empty() || draw.one_in(4) {
        true => volume,
        false => VolumeRef::Known(draw.pick(&active)),
    };
    VolumeResize { volume, size: size(draw) }
}

fn size(draw: &mut Draw) -> Milli {
    Milli(1_000 * draw.pick(&[1, 20, 50, 50, 100, 200]))
}

fn known(ledger: &Ledger, draw: &mut Draw) -> VolumeId {
    let ids: Vec<_> = ledger.volumes().iter().map(|(id, _)| *id).collect();
    match ids.is_empty() || draw.one_in(10) {
        true => VolumeId(1 + draw.below(30)),
        false => draw.pick(&ids),
    }
}
