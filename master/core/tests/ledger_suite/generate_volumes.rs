//! Random volumes, rather of what there is; and what agents say of them, mostly what they were
//! asked.

use crate::build::*;
use crate::generate::{Action, Draw};
use master_core::ledger::{Command, Ledger, LogVersion, ReservationChange, Volume, VolumeChange};
use proto::model::{
    AgentId, Milli, Operation, ReservationId, ReservationPlan, ReservationRef, ResourceName, Role,
    TaskInfo, VolumeId, VolumeKey, VolumeMount, VolumeName, VolumePlan, VolumeRef, VolumeReport,
    VolumeResize, VolumeState,
};

/// Agents with disk that is reserved, frameworks, and some volumes.
pub(crate) fn with_volumes() -> Vec<Command> {
    let mut commands = vec![Command::RaiseVersion(LogVersion::CURRENT)];
    for name in ["a0", "a1"] {
        let info = agent_info(name, with_disk(resources(4_000, 31_000..31_010), 1_000));
        let (tasks, volumes) = (vec![], vec![]);
        commands.push(Command::RegisterAgent { info, incarnation: 1, tasks, volumes });
    }
    for (call, owner) in [("r-0", "alice"), ("r-1", "bob")] {
        commands.push(Command::SubscribeFramework {
            info: framework_info(&["*", "eng", "eng/search"], 1_000),
            framework: None,
            principal: owner.to_owned(),
            request: request(call),
        });
    }
    for (id, on) in [(1, "a0"), (2, "a1")] {
        let plan = ReservationPlan {
            agent: agent(on),
            role: role("eng"),
            resources: with_disk(resources(100, 0..0), 700),
            labels: Vec::new(),
            parent: None,
        };
        let owner = "alice".to_owned();
        let reserve = ReservationChange::Reserve { plan, owner: owner.clone() };
        commands.push(Command::ChangeReservations(reserve));
        for (name, shared) in [("data", false), ("logs", true)] {
            let plan = VolumePlan {
                reservation: ReservationRef::Known(ReservationId(id)),
                name: VolumeName::new(name).expect("a name"),
                size: Milli(100_000),
                shared,
                labels: Vec::new(),
            };
            let owner = owner.clone();
            commands.push(Command::ChangeVolumes(VolumeChange::Create { plan, owner }));
        }
    }
    commands
}

/// An action as one of those that volumes have to do with, launches above all.
pub(crate) fn among_volumes((kind, details): Action) -> Action {
    let kinds = [0, 3, 9, 10, 11, 12, 13, 14, 14, 17, 22, 40, 44, 45, 46, 47, 48, 49, 50];
    (kinds[usize::from(kind) % kinds.len()], details)
}

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

/// What an agent finds of its volumes when it registers: mostly all.
pub(crate) fn found(ledger: &Ledger, draw: &mut Draw, agent: &AgentId) -> Vec<VolumeKey> {
    let lost = draw.one_in(4);
    let rows = ledger.volumes_of_agent(agent).map(|row| row.info.key());
    let mut keys: Vec<VolumeKey> = rows.filter(|_| !lost || draw.one_in(2)).collect();
    if draw.one_in(20) {
        keys.push(VolumeKey { id: VolumeId(1 + draw.below(9)), incarnation: 3 });
    }
    keys
}

/// Lets a task use a volume, or two, mostly of its agent and for its role, where there are any.
pub(crate) fn use_volume(ledger: &Ledger, draw: &mut Draw, role: &Role, info: &mut TaskInfo) {
    let any = draw.one_in(8);
    let there = ledger.volumes_of_agent(&info.agent).map(|row| &row.info);
    let there = there.filter(|row| any || (row.state.is_usable() && role.is_within(&row.role)));
    let there: Vec<_> = there.map(|row| row.id).collect();
    if there.is_empty() && !any {
        return;
    }
    for path in ["data", "more"].into_iter().take(if draw.one_in(4) { 2 } else { 1 }) {
        let volume = match (draw.below(8), there.is_empty()) {
            (0, _) => VolumeRef::Made(draw.below(3) as u32),
            (1, _) | (_, true) => VolumeRef::Known(known(ledger, draw)),
            (_, false) => VolumeRef::Known(draw.pick(&there)),
        };
        // What is said twice could not be read again, so that nobody proposes it.
        if info.volumes.iter().any(|mount| mount.volume == volume) {
            continue;
        }
        let (path, read_only) = (path.to_owned(), draw.one_in(4));
        info.volumes.push(VolumeMount { volume, path, read_only, incarnation: 0 });
    }
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
