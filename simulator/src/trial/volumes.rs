//! Volumes, drawn: what operators and frameworks say of them, and which of them tasks use.

use super::{reservations::reserved_role, world::World};
use master_core::{
    input::OperatorCall,
    ledger::{Ledger, Reservation},
};
use proto::model::{
    Milli, Offer, Operation, ReservationId, ReservationPlan, ReservationRef, ReservedPart,
    ResourceName, Resources, Role, TaskInfo, Value, VolumeId, VolumeInfo, VolumeMount, VolumePlan,
    VolumeRef, VolumeResize, VolumeState,
};

/// MiB, on each agent.
const AGENT_DISK: i64 = 4_000;

/// MiB, in each reservation.
const RESERVED_DISK: i64 = 400;

/// So few that they are taken now and then.
const NAMES: u64 = 5;

impl World {
    /// Something about volumes, drawn; first there must be disk that they can be made of.
    pub(super) fn volume_call(&mut self, leader: usize) -> OperatorCall {
        let ledger = self.masters[leader].master.as_ref().map(|master| master.ledger());
        let has_disk = |row: &&Reservation| row.resources.scalar(&disk()) > Milli(0);
        let rows = ledger.into_iter().flat_map(|ledger| ledger.reservations().iter());
        let rows = rows.map(|(_, row)| row).filter(has_disk);
        let reservations: Vec<ReservationId> = rows.map(|row| row.id).collect();
        let rows = ledger.into_iter().flat_map(|ledger| ledger.volumes().iter());
        let volumes: Vec<VolumeInfo> = rows.map(|(_, row)| row.info.clone()).collect();
        let chance = &mut self.chance.volumes;
        let size = Milli(1_000 * i64::try_from(chance.between(1, 150)).expect("few"));
        match (chance.below(8), chance.pick(&reservations), chance.pick(&volumes)) {
            (0 | 1, _, Some(row)) => OperatorCall::DestroyVolume(row.id),
            (2 | 3, _, Some(row)) => {
                let resize = VolumeResize { volume: VolumeRef::Known(row.id), size };
                match size > row.size {
                    true => OperatorCall::GrowVolume(resize),
                    false => OperatorCall::ShrinkVolume(resize),
                }
            }
            (4.., Some(reservation), _) => OperatorCall::CreateVolume(VolumePlan {
                reservation: ReservationRef::Known(*reservation),
                name: format!("volume-{}", chance.below(NAMES)).parse().expect("a name"),
                size,
                shared: chance.per_mille(400),
                labels: Vec::new(),
            }),
            _ => OperatorCall::Reserve(ReservationPlan {
                agent: self.agents[chance.index(self.agents.len())].id.clone(),
                role: reserved_role(),
                // With room for tasks, or without.
                resources: match chance.per_mille(500) {
                    true => with_disk(&Resources::cpus_mem(400, 128), RESERVED_DISK),
                    false => with_disk(&Resources::new(), RESERVED_DISK),
                },
                labels: Vec::new(),
                parent: None,
            }),
        }
    }
}

impl World {
    /// Some tasks use volumes of their agents, as far as the author knows; some cannot be had.
    pub(super) fn give_volumes(&mut self, tasks: &mut [TaskInfo], role: &Role) {
        if self.healed || *role != reserved_role() || !self.options.volumes {
            return;
        }
        let leader = self.serving().first().copied();
        let master = leader.and_then(|leader| self.masters[leader].master.as_ref());
        let Some(ledger) = master.map(|master| master.ledger()) else { return };
        for task in tasks {
            let rows = ledger.volumes_of_agent(&task.agent);
            let volumes: Vec<VolumeId> = rows.map(|row| row.info.id).collect();
            let chance = &mut self.chance.volumes;
            if let Some(id) = chance.pick(&volumes).filter(|_| chance.per_mille(700)) {
                task.volumes = vec![mount(VolumeRef::Known(*id))];
            }
        }
    }
}

impl World {
    /// Some frameworks make a volume of what they are offered of a reservation and use it in the
    /// same accept; some destroy one, whoever's it is.
    pub(super) fn with_volumes(
        &mut self,
        mut operations: Vec<Operation>,
        offer: &Offer,
    ) -> Vec<Operation> {
        if self.healed || !self.options.volumes || operations.is_empty() {
            return operations;
        }
        let has_disk = |part: &&ReservedPart| part.resources.scalar(&disk()) >= Milli(20_000);
        let part = offer.reserved.iter().find(has_disk);
        if let Some(part) = part.filter(|_| self.chance.volumes.per_mille(700)) {
            let chance = &mut self.chance.volumes;
            let plan = VolumePlan {
                reservation: part.from,
                name: format!("volume-{}", chance.below(NAMES)).parse().expect("a name"),
                size: Milli(1_000 * i64::try_from(chance.between(1, 20)).expect("few")),
                shared: chance.per_mille(400),
                labels: Vec::new(),
            };
            // What follows names reservations by their ids, so that it may move.
            operations.insert(0, Operation::CreateVolume(plan));
            let tasks = operations.iter_mut().filter_map(|operation| match operation {
                Operation::Launch { tasks } => Some(tasks),
                _ => None,
            });
            let fits = |task: &&mut TaskInfo| task.agent == offer.agent && task.volumes.is_empty();
            if let Some(task) = tasks.flatten().find(fits) {
                task.volumes = vec![mount(VolumeRef::Made(0))];
            }
        }
        let leader = self.serving().first().copied();
        let master = leader.and_then(|leader| self.masters[leader].master.as_ref());
        let rows = master.into_iter().flat_map(|master| master.ledger().volumes().iter());
        let volumes: Vec<VolumeId> = rows.map(|(id, _)| *id).collect();
        let chance = &mut self.chance.volumes;
        if let Some(id) = chance.pick(&volumes).filter(|_| chance.per_mille(30)) {
            operations.push(Operation::DestroyVolume(VolumeRef::Known(*id)));
        }
        operations
    }

    /// An accept was done: did it make a volume and use it?
    pub(super) fn note_volumes(&mut self, operations: &[Operation]) {
        let makes = |operation: &Operation| matches!(operation, Operation::CreateVolume(_));
        let uses = |task: &TaskInfo| {
            task.volumes.iter().any(|mount| matches!(mount.volume, VolumeRef::Made(_)))
        };
        let tasks = || operations.iter().flat_map(Operation::tasks);
        if operations.iter().any(makes) && tasks().any(uses) {
            self.sometimes.note("volume made and used in one accept");
        }
    }
}

fn mount(volume: VolumeRef) -> VolumeMount {
    VolumeMount { volume, path: "data".to_owned(), read_only: false, incarnation: 0 }
}

/// A volume that can be destroyed at once.
pub(super) fn to_destroy(ledger: &Ledger) -> Option<VolumeId> {
    let is_ripe = |info: &VolumeInfo| {
        let is_busy = matches!(info.state, VolumeState::Resizing | VolumeState::Destroying);
        !is_busy && info.task_count == 0
    };
    let mut rows = ledger.volumes().iter().map(|(_, row)| &row.info);
    rows.find(|info| is_ripe(info)).map(|info| info.id)
}

/// These, and what an agent has of disk.
pub(super) fn with_agent_disk(resources: &Resources) -> Resources {
    with_disk(resources, AGENT_DISK)
}

fn with_disk(resources: &Resources, size: i64) -> Resources {
    let disk = Resources::from_entries([(disk(), Value::Scalar(Milli(size * 1_000)))]);
    let sum = disk.and_then(|disk| resources.checked_add(&disk));
    sum.expect("small amounts of different things")
}

fn disk() -> ResourceName {
    ResourceName::new("disk").expect("a name")
}
