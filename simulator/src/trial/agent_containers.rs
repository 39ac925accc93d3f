//! What the kernels of agents' machines do with containers: they start, some slowly or not at all,
//! run, hang, use more memory than they may, and end.

use super::{agent_host::Container, event::Happening, world::World};
use agent_core::{ContainerId, Ending, ExitReport, FailureKind, Input, LaunchFailure};
use proto::model::{Duration, TaskInfo, TaskKey};

/// Some containers take as long until they run.
const SLOW_START_MS: u64 = 15_000;

impl World {
    pub(super) fn start_container(
        &mut self,
        agent: usize,
        container: ContainerId,
        key: &TaskKey,
        task: &TaskInfo,
    ) {
        let has_volumes = self.open_volumes(agent, &container, key.clone(), task);
        let host = &mut self.agents[agent];
        assert_eq!(task.agent, host.id, "a task runs where it was meant to");
        self.oracles.containers.starts(&host.id, &container, key);
        self.oracles.losses.starts(key, host.incarnation());
        host.containers.insert(container.clone(), Container::Starting);
        let boot = host.boot;
        if !has_volumes {
            let failure = LaunchFailure { kind: FailureKind::Volume, message: "none".to_owned() };
            let ending = Ending::LaunchFailed(failure);
            let ends = Happening::ContainerEnds { agent, boot, container, ending, asked: false };
            return self.queue.after(Duration(1), ends);
        }
        let is_slow = !self.healed && self.chance.agents.per_mille(30);
        let wait = self.chance.agents.time(5, if is_slow { SLOW_START_MS } else { 600 });
        self.queue.after(wait, Happening::ContainerStarts { agent, boot, container });
    }

    /// Some cannot be: they hold more memory than they would be allowed.
    pub(crate) fn container_resized(
        &mut self,
        agent: usize,
        boot: u64,
        container: ContainerId,
        version: u64,
    ) {
        let host = &self.agents[agent];
        if host.boot != boot || host.containers.get(&container) != Some(&Container::Running) {
            return;
        }
        let result = match self.chance.agents.per_mille(350) {
            true => Err("it holds more".to_owned()),
            false => Ok(()),
        };
        self.sometimes.note(if result.is_ok() { "task resized" } else { "task not resized" });
        self.step_agent(agent, Input::ContainerResized { container, version, result });
    }

    pub(crate) fn container_starts(&mut self, agent: usize, boot: u64, container: ContainerId) {
        let host = &mut self.agents[agent];
        if host.boot != boot || host.containers.get(&container) != Some(&Container::Starting) {
            return;
        }
        let fails = !self.healed && self.chance.agents.per_mille(40);
        if fails {
            let failure =
                LaunchFailure { kind: FailureKind::Other, message: "no sandbox".to_owned() };
            let report = report(Ending::LaunchFailed(failure.clone()), false);
            host.containers.insert(container.clone(), Container::Exited(report));
            self.step_agent(agent, Input::ContainerFailed { container, failure });
            return;
        }
        host.containers.insert(container.clone(), Container::Running);
        if let Some((ending, last)) = self.fate() {
            if matches!(ending, Ending::OutOfMemory { .. }) {
                self.sometimes.note("container out of memory");
            }
            let (wait, asked) = (self.chance.agents.time(100, last), false);
            let container = container.clone();
            let ends = Happening::ContainerEnds { agent, boot, container, ending, asked };
            self.queue.after(wait, ends);
        }
        self.step_agent(agent, Input::ContainerStarted { container });
    }

    /// How a container ends that nobody stops, and after how many milliseconds at the latest; one
    /// that hangs never does.
    fn fate(&mut self) -> Option<(Ending, u64)> {
        let bad = if self.healed { 5 } else { 0 };
        match self.chance.agents.between(bad, 12) {
            0 => Some((Ending::Exited(3), 4_000)),
            1 => Some((Ending::Signaled(11), 2_000)),
            2 => Some((Ending::SupervisorLost, 2_000)),
            3 => {
                let limit_bytes = self.chance.agents.per_mille(500).then_some(64 << 20);
                Some((Ending::OutOfMemory { limit_bytes }, 4_000))
            }
            4 => None,
            5 | 6 => Some((Ending::Exited(0), 20_000)),
            _ => Some((Ending::Exited(0), 4_000)),
        }
    }

    pub(super) fn stop_container(
        &mut self,
        agent: usize,
        container: ContainerId,
        grace: Option<Duration>,
    ) {
        let boot = self.agents[agent].boot;
        let last = grace.unwrap_or_default().0.clamp(2, 400);
        // Some do not listen, and are killed when their time is over.
        let (ending, wait) = match self.chance.agents.per_mille(250) {
            true => (Ending::Signaled(9), Duration(last)),
            false => (Ending::Signaled(15), self.chance.agents.time(1, last)),
        };
        let ends = Happening::ContainerEnds { agent, boot, container, ending, asked: true };
        self.queue.after(wait, ends);
    }

    pub(crate) fn container_ends(
        &mut self,
        agent: usize,
        boot: u64,
        container: &ContainerId,
        ending: Ending,
        asked: bool,
    ) {
        let host = &mut self.agents[agent];
        let runs = matches!(
            host.containers.get(container),
            Some(Container::Running | Container::Starting)
        );
        if host.boot != boot || !runs {
            return;
        }
        if asked {
            self.sometimes.note("kill carried out");
        }
        let report = report(ending, asked);
        host.containers.insert(container.clone(), Container::Exited(report.clone()));
        self.step_agent(agent, Input::ContainerExited { container: container.clone(), report });
    }
}

fn report(ending: Ending, killed_by_request: bool) -> ExitReport {
    ExitReport { ending, killed_by_request, memory_peak_bytes: None }
}
