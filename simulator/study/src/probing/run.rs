//! One run under way: what stands between the world and whoever looks on.

use super::{
    jobs::ProbedJobs,
    results::{Account, Results},
    worker::Doing,
    world::World,
};
use crate::{
    error::RunError,
    measures::Measures,
    running::{Resource, Running, State, Waiting},
};
use simulator::engine::Time;

#[derive(Debug)]
pub(super) struct Run<'a> {
    world: World<'a, Account<'a>>,
    list: &'a ProbedJobs,
    /// What becomes of the same jobs in the omniscient queue.
    bound: Results,
}

impl<'a> Run<'a> {
    pub(super) fn new(world: World<'a, Account<'a>>, list: &'a ProbedJobs, bound: Results) -> Self {
        Self { world, list, bound }
    }
}

impl Running for Run<'_> {
    fn run(&mut self, until: Option<Time>) {
        self.world.run_until(until);
    }

    fn is_over(&self) -> bool {
        self.world.queue.is_empty()
    }

    fn span(&self) -> (Time, Time) {
        self.world.plan.span(self.list)
    }

    /// Tasks that wait, wherever they do: no queue is anybody's own.
    fn waiting(&self) -> Vec<Waiting> {
        let (count, come) = (self.world.waiting, self.world.come());
        vec![Waiting { queue: String::new(), count, come }]
    }

    /// What is measured is measured of all jobs, up to the end of the last one.
    fn settles(&self) -> bool {
        false
    }

    /// A worker is one of a resource: it has what the task needs, whatever that is.
    fn state(&self) -> State {
        let workers = &self.world.workers;
        let busy = workers.iter().filter(|worker| worker.doing != Doing::Nothing).count();
        let resource = Resource {
            capacity: workers.len() as u128 * 1_000,
            allocated: busy as u128 * 1_000,
            used: u128::from(self.world.running) * 1_000,
            ..Resource::default()
        };
        State {
            at: self.world.queue.now(),
            resources: [("workers".to_owned(), resource)].into(),
            running: self.world.running,
            digest: self.world.counts.digest.value(),
            ..State::default()
        }
    }

    /// `warm_up` says which jobs are measured.
    fn count_from(&mut self, _: Time) {}

    fn finish(self: Box<Self>) -> Result<Measures, RunError> {
        let plan = self.world.plan;
        let (account, counts) = self.world.end_of_all()?;
        let mut measures = Measures { digest: counts.digest.value(), ..Measures::default() };
        counts.measure(&mut measures, self.list.tasks());
        plan.measure(&mut measures, self.list, &account.results, &self.bound);
        Ok(measures)
    }
}
