//! A cluster that plays by itself, to see where it comes to rest.

use super::rig::{Rig, accept, register, status, task};
use master_core::{input::OperatorCall, ledger::Task};
use proto::model::{
    AgentCall, Change, DemandId, DisruptionBudget, FrameworkId, Priority, ResourceName, Resources,
    Role, RoleSettingsChange, SchedulerCall, StatedDemand, StatusReason, TaskInfo, TaskState,
    TaskStatus,
};
use std::collections::{BTreeMap, BTreeSet};

pub(crate) fn role(text: &str) -> Role {
    Role::new(text).expect("a role")
}

pub(crate) fn priority(number: u32) -> Priority {
    Priority::new(number).expect("a priority")
}

pub(crate) fn demand(name: &str, cpus_milli: i64, count: u32, at: u32) -> StatedDemand {
    StatedDemand {
        id: DemandId::new(name).expect("an id"),
        shape: Resources::cpus_mem(cpus_milli, 64),
        count,
        constraints: Vec::new(),
        per_agent_max: None,
        spread: Vec::new(),
        gang_timeout: None,
        priority: priority(at),
        revocable: false,
    }
}

pub(crate) fn state(of: &str, demands: Vec<StatedDemand>) -> SchedulerCall {
    SchedulerCall::StateDemand { role: role(of), demands: Some(demands) }
}

pub(crate) fn at(number: u32, task: TaskInfo) -> TaskInfo {
    TaskInfo { priority: priority(number), ..task }
}

/// What an operator lets a role ask for.
pub(crate) fn allow(rig: &mut Rig, of: &str, most: u32) {
    let change =
        RoleSettingsChange { priority_max: Change::Set(priority(most)), ..Default::default() };
    rig.operator(OperatorCall::ConfigureRole { role: role(of), change });
}

/// A cluster that plays by itself: whoever is offered what it wants launches it, whoever is told to
/// end ends, whoever was ended wants it again.
pub(crate) struct Play {
    pub(crate) rig: Rig,
    pub(crate) wishes: Vec<Wish>,
    launched: u64,
    /// How often each framework's tasks gave way.
    pub(crate) preempted: usize,
}

pub(crate) struct Wish {
    pub(crate) name: String,
    pub(crate) role: String,
    pub(crate) cpus_milli: i64,
    pub(crate) at: u32,
    pub(crate) count: u32,
    pub(crate) budget: Option<u32>,
    /// What it runs is on what others are promised, too.
    pub(crate) revocable: bool,
}

pub(crate) const ROLES: [&str; 3] = ["eng", "eng/a", "ops"];

impl Play {
    pub(crate) fn new(agents: u64, wishes: Vec<(usize, i64, u32, u32, Option<u32>)>) -> Self {
        let mut rig = Rig::serving();
        for agent in 0..agents {
            rig.agent(100 + agent, &format!("a{agent}"), register(&format!("a{agent}"), 7));
        }
        ROLES.iter().for_each(|of| allow(&mut rig, of, 9));
        let wish =
            |(number, (of, cpus, at, count, budget)): (usize, (usize, i64, u32, u32, _))| Wish {
                name: format!("f{number}"),
                role: ROLES[of % ROLES.len()].to_owned(),
                cpus_milli: 250 * (1 + cpus % 8),
                at: at % 10,
                count: 1 + count % 4,
                budget,
                revocable: false,
            };
        let wishes: Vec<Wish> = wishes.into_iter().enumerate().map(wish).collect();
        Self { rig, wishes, launched: 0, preempted: 0 }
    }

    /// Everybody comes, one after the other.
    pub(crate) fn come(&mut self) {
        (0..self.wishes.len()).for_each(|index| self.comes(index));
    }

    /// One comes.
    pub(crate) fn comes(&mut self, index: usize) {
        let wish = &self.wishes[index];
        let (name, of, budget) = (wish.name.clone(), wish.role.clone(), wish.budget);
        self.rig.subscribe_in(index as u64 + 1, &name, &[of.as_str()]);
        if let Some(tasks_max) = budget {
            let framework = self.rig.framework(&name);
            let row = self.rig.master.ledger().framework(framework).expect("it came");
            let mut info = row.info.clone();
            info.disruption_budget = Some(DisruptionBudget { label: None, tasks_max });
            self.rig.call(&name, SchedulerCall::UpdateFramework { info });
        }
        self.want(index);
        (0..10).for_each(|_| self.go_on());
    }

    /// Says what is wanted beyond what runs.
    fn want(&mut self, index: usize) {
        let wish = &self.wishes[index];
        let framework = self.rig.framework(&wish.name);
        let runs = self.rig.master.ledger().tasks_of_framework(framework);
        let runs = runs.filter(|task| !task.is_terminal() && !task.is_ending()).count() as u32;
        let (name, of) = (wish.name.clone(), wish.role.clone());
        let missing = wish.count.saturating_sub(runs);
        let wanted = (missing > 0).then(|| StatedDemand {
            revocable: wish.revocable,
            ..demand("d", wish.cpus_milli, missing, wish.at)
        });
        self.rig.call(&name, state(&of, wanted.into_iter().collect()));
    }

    /// A fifth of a second.
    pub(crate) fn go_on(&mut self) {
        self.rig.pass(200);
        let agents: Vec<_> =
            self.rig.master.ledger().agents().iter().map(|(id, _)| id.to_string()).collect();
        for (number, name) in agents.iter().enumerate() {
            self.rig.agent(100 + number as u64, name, AgentCall::Heartbeat);
        }
        for offer in std::mem::take(&mut self.rig.offers) {
            let index = self.wishes.iter().position(|wish| {
                self.rig.sessions.get(&wish.name).is_some_and(|it| it.framework == offer.framework)
            });
            let wish = &self.wishes[index.expect("an offer for one of them")];
            let pieces: u32 = offer.pieces.iter().map(|(_, count)| count).sum();
            let mut tasks = Vec::new();
            for _ in 0..pieces {
                self.launched += 1;
                let id = format!("t{}", self.launched);
                tasks.push(at(wish.at, task(&id, offer.agent.as_str(), wish.cpus_milli)));
            }
            let name = wish.name.clone();
            self.rig.call(&name, accept(&[offer.id], tasks));
        }
        let ending = |task: &&Task| !task.is_terminal() && task.kill.is_some();
        let tasks = self.rig.master.ledger().tasks().iter().map(|(_, task)| task);
        let ending: Vec<Task> = tasks.filter(ending).cloned().collect();
        let mut ended = BTreeSet::new();
        for task in ending {
            self.preempted += 1;
            let agent = task.info.agent.clone();
            let end = TaskStatus {
                reason: StatusReason::Preempted,
                ..status(
                    task.info.id.as_str(),
                    agent.as_str(),
                    TaskState::Killed,
                    task.agent_sequence + 1,
                )
            };
            let number: u64 = agent.as_str()[1..].parse().expect("its number");
            let update = AgentCall::Update { framework: task.key.framework, status: end };
            self.rig.agent(100 + number, agent.as_str(), update);
            ended.insert(task.key.framework);
        }
        for index in 0..self.wishes.len() {
            let session = self.rig.sessions.get(&self.wishes[index].name);
            if session.is_some_and(|session| ended.contains(&session.framework)) {
                self.want(index);
            }
        }
        self.check();
    }

    /// What must hold at any time.
    fn check(&self) {
        let ledger = self.rig.master.ledger();
        for (task, to) in ledger.preempted_tasks() {
            let is_lower = task.info.revocable || task.info.priority < to.priority;
            assert!(is_lower, "{} gives way to its like", task.key);
        }
        let mut disrupted = BTreeMap::<FrameworkId, u32>::new();
        for (task, _) in ledger.preempted_tasks().filter(|(task, _)| !task.info.revocable) {
            *disrupted.entry(task.key.framework).or_default() += 1;
        }
        for (framework, count) in disrupted {
            let row = ledger.framework(framework).expect("it is there");
            let most = row.info.disruption_budget.as_ref().map_or(u32::MAX, |it| it.tasks_max);
            assert!(count <= most, "{framework} loses {count} of {most}");
        }
    }

    /// When all is quiet, nobody waits whose own role runs something lower that would do.
    pub(crate) fn check_rest(&self) {
        let ledger = self.rig.master.ledger();
        for wish in self.wishes.iter().filter(|wish| !wish.revocable) {
            let framework = self.rig.framework(&wish.name);
            let runs = ledger.tasks_of_framework(framework).filter(|task| !task.is_terminal());
            if runs.count() as u32 >= wish.count {
                continue;
            }
            for (id, _) in ledger.agents().iter() {
                let lower = ledger.tasks_of_agent(id).filter(|task| {
                    let has_budget = ledger
                        .framework(task.key.framework)
                        .is_some_and(|row| row.info.disruption_budget.is_some());
                    !task.is_terminal()
                        && task.info.priority < priority(wish.at)
                        && task.role.is_within(&role(&wish.role))
                        && !has_budget
                });
                let cpus: i64 =
                    lower.map(|task| task.info.resources.scalar(&ResourceName::CPUS).0).sum();
                assert!(
                    cpus < wish.cpus_milli,
                    "{:#?}\n{} waits for {} and {cpus} run below it on {id}",
                    self.rig.transcript.lines().rev().take(40).collect::<Vec<_>>(),
                    wish.name,
                    wish.cpus_milli
                );
            }
        }
    }
}
