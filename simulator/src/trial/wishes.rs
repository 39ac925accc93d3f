//! What frameworks say that they want, what they take where all see the same, and an operator who
//! changes what roles may do meanwhile.
//!
//! Nobody here is consistent: demand is stated anew at random, offers of pieces are used for tasks
//! of other sizes, commits are made on what was shown a while ago.

use super::{framework_host::FrameworkHost, framework_offers::task, world::World};
use master_core::input::OperatorCall;
use proto::model::{
    AgentId, Change, ConflictDetection, DemandId, Milli, OfferMode, Operation, PlacementPolicy,
    Priority, Quota, RequestId, ResourceName, Resources, Role, RoleSettingsChange, SchedulerCall,
    SharedState, StatedDemand, TaskInfo,
};

impl FrameworkHost {
    /// What is free is shown, or is shown no longer.
    pub(crate) fn shown(&mut self, state: SharedState) {
        if state.begins || state.ended {
            self.shown.clear();
        }
        if !state.ended {
            self.shown.extend(state.agents.into_iter().map(|agent| (agent.agent.clone(), agent)));
        }
    }
}

impl World {
    /// States demand, or takes it back.
    pub(crate) fn wish_at_random(&mut self, framework: usize) {
        if !self.options.wishes {
            return;
        }
        let role = Role::any();
        let wanted = self.wanted(framework);
        if self.healed || wanted == 0 {
            // Calls overtake each other: an older statement may have come last.
            if self.chance.frameworks.per_mille(100) {
                self.call(framework, SchedulerCall::StateDemand { role, demands: None });
            }
            return;
        }
        if self.chance.frameworks.per_mille(120) {
            let names = ["a", "b"];
            let count = 1 + self.chance.frameworks.index(names.len());
            let demands = names[..count].iter().map(|name| self.demand(name, wanted)).collect();
            self.sometimes.note("demand stated");
            let demands = Some(demands);
            self.call(framework, SchedulerCall::StateDemand { role, demands });
        } else if self.chance.frameworks.per_mille(30) {
            self.call(framework, SchedulerCall::StateDemand { role, demands: None });
        }
    }

    fn demand(&mut self, name: &str, wanted: usize) -> StatedDemand {
        let chance = &mut self.chance.frameworks;
        let cpus = i64::try_from(chance.between(2, 20) * 100).expect("few");
        let most = u64::try_from(wanted.min(4)).expect("few");
        StatedDemand {
            id: DemandId::new(name).expect("an id"),
            shape: Resources::cpus_mem(cpus, 64),
            count: u32::try_from(chance.between(1, most)).expect("few"),
            constraints: Vec::new(),
            per_agent_max: chance.per_mille(200).then_some(1),
            spread: Vec::new(),
            gang_timeout: chance.per_mille(250).then(|| chance.time(2_000, 20_000)),
            revocable: chance.per_mille(300),
            priority: self.any_priority(),
        }
    }

    /// Mostly one that every role may ask for.
    pub(crate) fn any_priority(&mut self) -> Priority {
        let chance = &mut self.chance.frameworks;
        let level = if chance.per_mille(100) { chance.below(10) } else { chance.below(4) };
        Priority::new(u32::try_from(level).expect("few")).expect("a priority")
    }

    /// Takes of what is shown to all.
    pub(crate) fn commit_at_random(&mut self, framework: usize) {
        let wanted = self.wanted(framework);
        let shown: Vec<AgentId> = self.frameworks[framework].shown.keys().cloned().collect();
        if wanted == 0 || shown.is_empty() || !self.chance.frameworks.per_mille(500) {
            return;
        }
        let tasks = self.tasks_for_commit(framework, wanted, &shown);
        if tasks.is_empty() {
            return;
        }
        let decided_on = tasks.iter().map(|task| {
            let agent = &self.frameworks[framework].shown[&task.agent];
            (agent.agent.clone(), agent.version)
        });
        let decided_on = decided_on.collect();
        let partial = self.chance.frameworks.per_mille(300);
        let operations = match partial {
            true => tasks.into_iter().flat_map(|task| Operation::launch(vec![task])).collect(),
            false => Operation::launch(tasks),
        };
        let number = self.frameworks[framework].number();
        let request = format!("commit-{framework}-{number:012}");
        let detection = match self.chance.frameworks.per_mille(300) {
            true => ConflictDetection::Coarse,
            false => ConflictDetection::Fine,
        };
        let request = Some(RequestId::new(&request).expect("an id"));
        let role = Role::any();
        let commit =
            SchedulerCall::Commit { role, operations, partial, detection, decided_on, request };
        self.call(framework, commit);
    }

    fn tasks_for_commit(
        &mut self,
        framework: usize,
        wanted: usize,
        shown: &[AgentId],
    ) -> Vec<TaskInfo> {
        let mut tasks = Vec::new();
        for _ in 0..self.chance.frameworks.between(1, 3) {
            let Some(agent) = self.chance.frameworks.pick(shown).cloned() else { break };
            let cpus = i64::try_from(self.chance.frameworks.between(1, 12) * 100).expect("few");
            let resources = Resources::cpus_mem(cpus, 64);
            let free = &self.frameworks[framework].shown[&agent].free;
            if tasks.len() < wanted && free.contains(&resources) {
                let number = self.frameworks[framework].number();
                let priority = self.any_priority();
                tasks.push(TaskInfo { priority, ..task(framework, number, agent, resources) });
            }
        }
        tasks
    }

    /// Something about the role, drawn.
    pub(crate) fn role_change(&mut self) -> OperatorCall {
        let role = Role::any();
        let chance = &mut self.chance.frameworks;
        match chance.below(7) {
            0 => {
                let weight = Milli(i64::try_from(chance.between(1, 40) * 100).expect("small"));
                OperatorCall::SetWeight { role, weight: chance.per_mille(700).then_some(weight) }
            }
            1 => {
                // Often little, and a limit that is no more than what is promised: then it is soon
                // reached.
                let largest = if chance.per_mille(500) { 3 } else { 20 };
                let cpus = i64::try_from(chance.between(1, largest) * 1_000).expect("few");
                let most = if chance.per_mille(500) { cpus } else { 3 * cpus };
                let limit = chance.per_mille(700).then_some((ResourceName::CPUS, Milli(most)));
                let guarantee = Resources::cpus_mem(cpus, 64);
                let quota = Quota::new(guarantee, limit.into_iter().collect::<Vec<_>>(), None);
                let quota = quota.expect("a limit above the guarantee");
                OperatorCall::SetQuota { role, quota, force: chance.per_mille(300) }
            }
            // A slip: more than there is, which nobody forces.
            2 => {
                let guarantee = Resources::cpus_mem(2_000_000, 64);
                let quota = Quota::new(guarantee, vec![], None).expect("a guarantee");
                OperatorCall::SetQuota { role, quota, force: false }
            }
            3 => OperatorCall::RemoveQuota(role),
            _ => {
                let offer_mode = match chance.below(4) {
                    0 | 1 => Change::Keep,
                    2 => Change::Set(OfferMode::Shared),
                    _ => Change::Reset,
                };
                let placement = match chance.below(3) {
                    0 => Change::Keep,
                    1 => Change::Set(PlacementPolicy::Pack),
                    _ => Change::Set(PlacementPolicy::Spread),
                };
                let priority_max = match chance.below(3) {
                    0 => Change::Keep,
                    1 => Change::Set(Priority::MAX),
                    _ => Change::Reset,
                };
                let change = RoleSettingsChange { placement, offer_mode, priority_max };
                OperatorCall::ConfigureRole { role, change }
            }
        }
    }
}
