//! The oracle's operators: deactivation, drains, maintenance windows, and the budgets that drains
//! respect. In the tests' histories no task has a label, so that a framework is one group.

use crate::oracle::{AgentModel, No, Oracle, TaskModel, no};
use master_core::ledger::{AgentState, Applied, Event, FrameworkState, Ledger};
use proto::model::{
    AgentDirective, AgentId, DrainPlan, Duration, FrameworkInfo, GroupKey, Reason, Selector,
    Session, StatusReason, TaskState, WindowId, WindowPlan,
};

#[derive(Debug, Clone)]
pub(crate) struct DrainModel {
    since: u64,
    until: u64,
    max_grace: Option<Duration>,
    and_gone: bool,
    last_kill: u64,
    window: Option<WindowId>,
}

#[derive(Debug, Clone)]
pub(crate) struct WindowModel {
    id: WindowId,
    selects: Selector,
    from: u64,
    to: u64,
    begun: bool,
    drain: Option<DrainPlan>,
}

impl Oracle {
    /// Whether an agent that is there may be given tasks.
    pub(crate) fn is_wanted(&self, agent: &AgentModel) -> bool {
        let is_away = |window: &WindowModel| window.begun && window.selects.matches(&agent.info);
        !agent.idle && agent.drain.is_none() && !self.windows.iter().any(is_away)
    }

    pub(crate) fn direct(
        &mut self,
        id: &AgentId,
        directive: AgentDirective,
    ) -> Result<Applied, No> {
        let Some(at) = self.agent_at(id) else { return no(Reason::AgentUnknown, "") };
        if self.agents[at].state == AgentState::Removed {
            return no(Reason::AgentRemoved, "");
        }
        let is_busy = !self.living_on(id).is_empty();
        let agent = &mut self.agents[at];
        let window = agent.drain.as_ref().map(|drain| drain.window);
        match (directive, window) {
            (AgentDirective::Deactivate, _) if agent.idle => {}
            (AgentDirective::Deactivate, _) => {
                agent.idle = true;
                self.events.push(Event::AgentDeactivated(id.clone()));
            }
            (AgentDirective::Reactivate, None) if !agent.idle => {}
            (AgentDirective::Reactivate, Some(window)) if is_busy || window.is_some() => {
                return no(Reason::TransitionIllegal, "");
            }
            (AgentDirective::CancelDrain, None | Some(Some(_))) => {
                return no(Reason::TransitionIllegal, "");
            }
            (AgentDirective::Reactivate, _) => {
                (agent.idle, agent.drain) = (false, None);
                self.events.push(Event::AgentReactivated(id.clone()));
            }
            (AgentDirective::CancelDrain, _) => {
                agent.drain = None;
                self.events.push(Event::AgentReactivated(id.clone()));
            }
            (AgentDirective::Drain(plan), _) => self.empty(id, plan, None),
            (AgentDirective::DeclareGone, _) => self.bury(id, StatusReason::AgentGone),
        }
        Ok(Applied::Done)
    }

    fn empty(&mut self, id: &AgentId, plan: DrainPlan, window: Option<WindowId>) {
        let now = self.now.time.0;
        let at = self.agent_at(id).expect("an agent");
        let before = self.agents[at].drain.clone();
        self.agents[at].drain = Some(DrainModel {
            since: before.as_ref().map_or(now, |drain| drain.since),
            until: now + plan.deadline.0,
            max_grace: plan.max_grace,
            and_gone: plan.mark_gone,
            last_kill: before.as_ref().map_or(now, |drain| drain.last_kill),
            window,
        });
        self.events.push(Event::AgentDraining(id.clone()));
        if self.living_on(id).is_empty() {
            self.events.push(Event::AgentDrained(id.clone()));
        }
    }

    /// The agent's row becomes a tombstone.
    pub(crate) fn bury(&mut self, id: &AgentId, reason: StatusReason) {
        let at = self.agent_at(id).expect("an agent");
        (self.agents[at].idle, self.agents[at].drain) = (false, None);
        self.change(at, AgentState::Removed);
        self.events.push(Event::AgentRemoved(id.clone()));
        self.say_to_all(id, TaskState::Gone, reason);
        self.forget_volumes(id);
        self.forget_reservations(id);
    }

    /// After a task has ended: is that what its agent's drain waited for?
    pub(crate) fn note_if_drained(&mut self, id: &AgentId) {
        let drains = self.agent_at(id).is_some_and(|at| self.agents[at].drain.is_some());
        if drains && self.living_on(id).is_empty() {
            self.events.push(Event::AgentDrained(id.clone()));
        }
    }

    pub(crate) fn advance(&mut self, id: &AgentId) -> Result<Applied, No> {
        let Some(at) = self.agent_at(id) else { return no(Reason::AgentUnknown, "") };
        let Some(drain) = self.agents[at].drain.clone() else {
            return no(Reason::TransitionIllegal, "");
        };
        let mut there = self.living_on(id);
        there.sort();
        if there.is_empty() && drain.and_gone {
            self.bury(id, StatusReason::AgentGone);
            return Ok(Applied::Done);
        }
        let is_late = self.now.time.0 >= drain.until;
        // Groups that may be ended, and such as may not.
        let mut decided: Vec<(GroupKey, bool)> = Vec::new();
        for key in there {
            let model = self.tasks.iter().find(|task| task.key == key).expect("living");
            let own = model.info.kill_policy.grace_period.unwrap_or(Duration(3_000));
            let policy = &model.info.kill_policy;
            let short = drain.max_grace.filter(|max| *max < own).or(policy.grace_period);
            let wanted = match model.kill {
                Some((grace_ms, _)) => {
                    let has = grace_ms.unwrap_or(own.0);
                    is_late && drain.max_grace.is_some_and(|max| max.0 < has)
                }
                None => {
                    let group = self.group_of(&key).map(|group| group.key.clone());
                    let before = decided.iter().find(|(it, _)| Some(it) == group.as_ref());
                    let wanted = before.map(|(_, wanted)| *wanted);
                    let wanted = wanted.unwrap_or_else(|| is_late || self.budget_allows(model));
                    decided.extend(group.map(|group| (group, wanted)));
                    wanted
                }
            };
            if wanted {
                let task = self.tasks.iter_mut().find(|task| task.key == key).expect("living");
                let reason = task.kill.map_or(StatusReason::AgentDraining, |(_, first)| first);
                task.kill = Some((short.map(|grace| grace.0), reason));
                self.events.push(Event::KillRequested(key));
                let drain = self.agents[at].drain.as_mut().expect("it drains");
                drain.last_kill = self.now.time.0;
            }
        }
        Ok(Applied::Done)
    }

    fn budget_allows(&self, task: &TaskModel) -> bool {
        // Who gives way has its place in the budget.
        let is_outside = task.gives_way.is_some() || task.info.revocable;
        is_outside || self.budget_left(task.key.framework) != Some(0)
    }

    pub(crate) fn schedule(&mut self, plan: WindowPlan) -> Applied {
        self.windows_made += 1;
        let id = WindowId(self.windows_made);
        let from = self.now.time.0 + plan.starts_in.0;
        let to = from + plan.duration.0;
        let (selects, drain) = (plan.selector, plan.drain);
        self.windows.push(WindowModel { id, selects, from, to, begun: false, drain });
        self.events.push(Event::WindowScheduled(id));
        Applied::Scheduled(id)
    }

    pub(crate) fn turn(&mut self, id: WindowId, is_cancelled: bool) -> Result<Applied, No> {
        let now = self.now.time.0;
        let Some(at) = self.windows.iter().position(|window| window.id == id) else {
            return no(Reason::WindowUnknown, "");
        };
        let window = self.windows[at].clone();
        let due = if window.begun { window.to } else { window.from };
        match is_cancelled {
            true => self.close(at),
            false if now < due => return no(Reason::TransitionIllegal, ""),
            false if window.begun => self.close(at),
            false => {
                self.windows[at].begun = true;
                self.events.push(Event::WindowStarted(id));
                for agent in self.selected(&window) {
                    let idle = self.agents[self.agent_at(&agent).expect("there")].drain.is_none();
                    match window.drain.filter(|_| idle) {
                        Some(plan) => self.empty(&agent, plan, Some(id)),
                        None => self.events.push(Event::AgentDeactivated(agent)),
                    }
                }
            }
        }
        Ok(Applied::Done)
    }

    fn close(&mut self, at: usize) {
        let window = self.windows.remove(at);
        self.events.push(Event::WindowEnded(window.id));
        let mut touched = self.selected(&window);
        let mut freed = Vec::new();
        for agent in &mut self.agents {
            if agent.drain.as_ref().is_some_and(|drain| drain.window == Some(window.id)) {
                agent.drain = None;
                freed.push(agent.info.clone());
            }
        }
        touched.extend(freed.iter().map(|info| info.id.clone()));
        touched.sort();
        touched.dedup();
        self.events.extend(touched.into_iter().map(Event::AgentReactivated));
        for info in freed {
            let others = self.windows.iter().filter(|w| w.begun && w.selects.matches(&info));
            let other = others.filter(|w| w.drain.is_some()).min_by_key(|w| w.id).cloned();
            if let Some(WindowModel { id, drain: Some(plan), .. }) = other {
                self.empty(&info.id, plan, Some(id));
            }
        }
    }

    fn selected(&self, window: &WindowModel) -> Vec<AgentId> {
        let there = self.agents.iter().filter(|agent| agent.state != AgentState::Removed);
        let selected = there.filter(|agent| window.selects.matches(&agent.info));
        selected.map(|agent| agent.info.id.clone()).collect()
    }

    pub(crate) fn describe(
        &mut self,
        session: Session,
        info: FrameworkInfo,
    ) -> Result<Applied, No> {
        let at = self.session(session)?;
        if self.frameworks[at].state == FrameworkState::Disconnected {
            return no(Reason::NotSubscribed, "");
        }
        let its = |task: &&TaskModel| task.key.framework == session.framework && task.lives();
        if self.tasks.iter().filter(its).any(|task| !info.roles.contains(&task.role)) {
            return no(Reason::InvalidField, "framework.roles");
        }
        self.frameworks[at].info = info;
        self.events.push(Event::FrameworkUpdated(session.framework));
        Ok(Applied::Done)
    }

    pub(crate) fn compare_directives(&self, ledger: &Ledger) {
        for model in &self.agents {
            let row = ledger.agent(&model.info.id).expect("an agent");
            assert_eq!(row.deactivated, model.idle, "{}", model.info.id);
            let found = row.drain.as_ref().map(|drain| {
                let times = (drain.since.0, drain.deadline.0, drain.killed.0);
                (times, drain.max_grace, drain.mark_gone, drain.window)
            });
            let expected = model.drain.as_ref().map(|drain| {
                let times = (drain.since, drain.until, drain.last_kill);
                (times, drain.max_grace, drain.and_gone, drain.window)
            });
            assert_eq!(found, expected, "{}", model.info.id);
            let wanted = row.state == AgentState::Registered && self.is_wanted(model);
            assert_eq!(ledger.takes_tasks(row), wanted, "A6: {}", model.info.id);
        }
        assert_eq!(ledger.windows().count(), self.windows.len());
        for model in &self.windows {
            let row = ledger.window(model.id).expect("a window");
            let found = (&row.selector, row.start.0, row.end.0, row.started, row.drain);
            let expected = (&model.selects, model.from, model.to, model.begun, model.drain);
            assert_eq!(found, expected, "{}", model.id);
        }
    }
}
