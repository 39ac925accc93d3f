//! What an agent wants of the directories of its volumes: it is done after a while, unless the
//! process that wanted it has died; some of it fails.

use super::{agent_disk::Use, agent_host::Container, event::Happening, world::World};
use agent_core::{ContainerId, Effect, Input};
use proto::model::{Duration, TaskInfo, TaskKey, VolumeKey, VolumeMount};

/// What a directory is in for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum VolumeWork {
    Make,
    Shrink,
    Delete,
}

impl World {
    /// Begins with it. A directory is there at once, so that what is started next finds it.
    pub(crate) fn begin_volume_work(&mut self, agent: usize, effect: &Effect) {
        let (key, version, work) = match effect {
            Effect::MakeVolume { key, version } => (*key, *version, VolumeWork::Make),
            Effect::ShrinkVolume { key, version, .. } => (*key, *version, VolumeWork::Shrink),
            Effect::DeleteVolume { key, version } => (*key, *version, VolumeWork::Delete),
            other => unreachable!("{other:?} is about no volume"),
        };
        let often = match (work, self.healed) {
            (VolumeWork::Make, false) => 150,
            (VolumeWork::Shrink, _) => 350,
            (VolumeWork::Delete, false) => 250,
            (_, true) => 0,
        };
        let fails = often > 0 && self.chance.agents.per_mille(often);
        if work == VolumeWork::Make && !fails {
            self.agents[agent].disk.make(key);
        }
        let wait = match work {
            VolumeWork::Make => Duration(1),
            VolumeWork::Shrink | VolumeWork::Delete => self.chance.agents.time(5, 900),
        };
        let life = self.agents[agent].life;
        let done = Happening::VolumeDone { agent, life, key, version, work, fails };
        self.queue.after(wait, done);
    }

    pub(crate) fn volume_done(
        &mut self,
        (agent, life): (usize, u64),
        (key, version): (VolumeKey, u64),
        work: VolumeWork,
        fails: bool,
    ) {
        let host = &mut self.agents[agent];
        if host.life != life || host.agent.is_none() {
            return;
        }
        let is_lost = work == VolumeWork::Shrink && !host.disk.directories.contains(&key);
        if work == VolumeWork::Delete && !fails {
            let containers = &host.containers;
            host.disk.delete(key, |container| is_up(containers.get(container)));
        }
        self.sometimes.note(match (work, fails || is_lost) {
            (VolumeWork::Make, false) => "volume made",
            (VolumeWork::Make, true) => "volume not made",
            (VolumeWork::Shrink, false) => "volume shrunk",
            (VolumeWork::Shrink, true) => "volume not shrunk",
            (VolumeWork::Delete, false) => "volume deleted",
            (VolumeWork::Delete, true) => "volume not deleted",
        });
        let result = if fails || is_lost { Err(format!("{work:?} failed")) } else { Ok(()) };
        self.step_agent(agent, Input::VolumeDone { key, version, result });
    }

    /// A container begins; whether its volumes are there.
    pub(crate) fn open_volumes(
        &mut self,
        agent: usize,
        container: &ContainerId,
        task: TaskKey,
        info: &TaskInfo,
    ) -> bool {
        if info.volumes.is_empty() {
            return true;
        }
        self.sometimes.note("volume used");
        let host = &mut self.agents[agent];
        let group = host.agent.as_ref().and_then(|core| core.task(&task)?.group());
        let volumes = info.volumes.iter().filter_map(VolumeMount::key).collect();
        let containers = &host.containers;
        let runs = |container: &ContainerId| is_up(containers.get(container));
        host.disk.open(container, Use { task, group, volumes }, runs)
    }

    /// Now and then a boot does not find the directories, though the journal is there: a disk was
    /// not mounted. The next one finds them.
    pub(crate) fn boot_disk(&mut self, agent: usize) {
        let disk = &mut self.agents[agent].disk;
        if disk.mount() {
            self.sometimes.note("volume found again");
        } else if !disk.directories.is_empty() && self.chance.faults.per_mille(700) {
            self.sometimes.note("volume lost");
            disk.unmount();
        }
    }
}

fn is_up(container: Option<&Container>) -> bool {
    matches!(container, Some(Container::Starting | Container::Running))
}
