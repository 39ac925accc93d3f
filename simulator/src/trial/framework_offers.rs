//! What a scripted framework does with its offers: it uses them or hands them back. Now and then it
//! is careless: it uses an offer that was taken back, or one a second time, or names a task as an
//! older one.

use super::world::World;
use proto::model::{
    AgentId, Command, DeclineFilter, DeclineReason, Duration, Offer, OfferId, Operation, RequestId,
    ResourceName, Resources, SchedulerCall, TaskId, TaskInfo,
};

/// After this long a task is ended: no honest one runs for longer than 20 s.
pub(crate) const TIME_MAX: Duration = Duration::from_seconds(25);

impl World {
    /// The framework uses or hands back what it was offered.
    pub(crate) fn framework_decides(
        &mut self,
        framework: usize,
        generation: u64,
        offers: Vec<OfferId>,
    ) {
        let host = &mut self.frameworks[framework];
        if host.generation != generation || host.session.is_none() {
            return;
        }
        // It hears of rescinded offers, but now and then tries all the same.
        let stubborn = self.chance.frameworks.per_mille(300) && !self.healed;
        let mut held: Vec<Offer> =
            offers.iter().filter_map(|offer| host.offers.remove(offer)).collect();
        if stubborn && held.is_empty() {
            let request = SchedulerCall::Decline { offers, refuse: Duration(0).into() };
            self.call(framework, request);
            return;
        }
        while let Some(offer) = held.pop() {
            let wanted = self.wanted(framework);
            if wanted == 0 || self.chance.frameworks.per_mille(150) {
                let refuse = match wanted {
                    0 => self.chance.frameworks.time(1_000, 8_000),
                    _ => self.chance.frameworks.time(0, 2_000),
                };
                let offers = vec![offer.id];
                let refuse = DeclineFilter::because(DeclineReason::Busy).for_time(refuse);
                self.call(framework, SchedulerCall::Decline { offers, refuse });
                continue;
            }
            // Sometimes two offers of two agents in one accept; both revocable, or none.
            let mut together = vec![offer];
            if self.chance.frameworks.per_mille(250) {
                let revocable = together[0].revocable;
                together.extend(held.pop_if(|other| other.revocable == revocable));
            }
            self.accept(framework, &together, wanted);
            // Both are under way; one at most is done.
            if !self.healed && self.chance.frameworks.per_mille(30) {
                self.accept(framework, &together, wanted);
            }
        }
    }

    /// How many more tasks the framework would launch.
    pub(crate) fn wanted(&self, framework: usize) -> usize {
        let host = &self.frameworks[framework];
        let open = host.finished + host.under_way() + self.calls.launching(framework);
        self.options.tasks_per_framework.saturating_sub(open)
    }

    fn accept(&mut self, framework: usize, offers: &[Offer], wanted: usize) {
        let mut tasks = Vec::new();
        for offer in offers {
            let mut left = offer.resources.clone();
            for _ in 0..self.chance.frameworks.between(1, 3) {
                let cpus = self.chance.frameworks.between(1, 12) * 100;
                let cpus = i64::try_from(cpus).expect("few");
                let resources = Resources::cpus_mem(cpus, 64);
                if tasks.len() >= wanted || !left.contains(&resources) {
                    break;
                }
                left = left.checked_sub(&resources).expect("it is contained");
                let number = self.frameworks[framework].number();
                let priority = self.any_priority();
                let info = task(framework, number, offer.agent.clone(), resources);
                tasks.push(TaskInfo { priority, ..info });
                if !offer.pieces.is_empty() {
                    self.sometimes.note("offer of pieces used");
                }
                if offer.revocable {
                    self.sometimes.note("revocable offer used");
                }
            }
        }
        if !self.healed && self.chance.frameworks.per_mille(40) {
            self.name_an_older_task(framework, &mut tasks);
        }
        self.give_volumes(&mut tasks, &offers[0].role);
        let number = self.frameworks[framework].number();
        let request = format!("accept-{framework}-{number:012}");
        // No group is of revocable resources.
        let operations = match offers[0].revocable {
            true => Operation::launch(tasks),
            false => self.grouped(tasks, number),
        };
        let operations = self.with_reservations(operations, &offers[0]);
        let operations = self.with_volumes(operations, &offers[0]);
        let accept = SchedulerCall::Accept {
            offers: offers.iter().map(|offer| offer.id).collect(),
            operations,
            partial: false,
            refuse: self.chance.frameworks.time(0, 2_000).into(),
            request: Some(RequestId::new(&request).expect("an id")),
        };
        self.call(framework, accept);
    }

    /// A careless author: the last of the tasks gets the id of one that exists.
    fn name_an_older_task(&mut self, framework: usize, tasks: &mut [TaskInfo]) {
        let known: Vec<&TaskId> = self.frameworks[framework].tasks.keys().collect();
        if let (Some(task), Some(id)) = (tasks.last_mut(), self.chance.frameworks.pick(&known)) {
            task.id = (*id).clone();
        }
    }
}

/// A task that does nothing.
pub(crate) fn task(
    framework: usize,
    number: u64,
    agent: AgentId,
    resources: Resources,
) -> TaskInfo {
    let cpus = ResourceName::new("cpus").expect("a name");
    assert!(resources.scalar(&cpus).0 > 0, "a task takes something");
    let id = format!("task-{framework}-{number}");
    let command = Command { arguments: vec!["true".to_owned()], ..Command::default() };
    let task = TaskInfo::new(TaskId::new(&id).expect("an id"), agent, resources, command);
    TaskInfo { max_completion_time: Some(TIME_MAX), ..task }
}
