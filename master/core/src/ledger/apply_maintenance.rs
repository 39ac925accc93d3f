//! Maintenance windows are planned, begin, end.
//!
//! Beginning drains the agents that it concerns, if the window says so and they are not draining
//! already; ending lets go of those that drain for it. That its agents take no new tasks meanwhile
//! is not written into their rows: see `windows.rs`.

use super::{Applied, Event, Ledger, Stamp, Window, windows::window_unknown};
use proto::model::{AgentId, Reason, Refusal, WindowId, WindowPlan, limits};
use std::collections::BTreeSet;

impl Ledger {
    pub(super) fn schedule_window(
        &mut self,
        now: Stamp,
        plan: &WindowPlan,
        events: &mut Vec<Event>,
    ) -> Result<Applied, Refusal> {
        if self.windows.len() >= limits::WINDOWS_MAX {
            let count = self.windows.len() + 1;
            return Err(Refusal::limit("plan", count, limits::WINDOWS_MAX));
        }
        let id = WindowId(self.next_window);
        self.next_window += 1;
        let start = now.time + plan.starts_in;
        let window = Window {
            id,
            selector: plan.selector.clone(),
            start,
            end: start + plan.duration,
            started: false,
            drain: plan.drain,
            comment: plan.comment.clone(),
        };
        self.windows.insert(id, window);
        events.push(Event::WindowScheduled(id));
        Ok(Applied::Scheduled(id))
    }

    /// Refuses with `TRANSITION_ILLEGAL` what is not due.
    pub(super) fn turn_window(
        &mut self,
        now: Stamp,
        id: WindowId,
        events: &mut Vec<Event>,
    ) -> Result<Applied, Refusal> {
        let window = self.windows.get(&id).ok_or_else(|| window_unknown(id))?;
        if now.time < window.turns_at() {
            let message = format!("{id} is not due yet");
            return Err(Refusal::new(Reason::TransitionIllegal, message));
        }
        match window.started {
            false => self.start_window(now, id, events),
            true => self.end_window(now, id, events),
        }
        Ok(Applied::Done)
    }

    pub(super) fn cancel_window(
        &mut self,
        now: Stamp,
        id: WindowId,
        events: &mut Vec<Event>,
    ) -> Result<Applied, Refusal> {
        if !self.windows.contains_key(&id) {
            return Err(window_unknown(id));
        }
        self.end_window(now, id, events);
        Ok(Applied::Done)
    }

    fn start_window(&mut self, now: Stamp, id: WindowId, events: &mut Vec<Event>) {
        let window = self.windows.get_mut(&id).expect("a known window");
        window.started = true;
        let drain = window.drain;
        events.push(Event::WindowStarted(id));
        for agent in self.concerned(id) {
            let row = self.agents.get(&agent).expect("a concerned agent is known");
            match drain {
                Some(plan) if row.drain.is_none() => {
                    self.begin_drain(now, &agent, plan, Some(id), events);
                }
                _ => events.push(Event::AgentDeactivated(agent)),
            }
        }
    }

    /// Ends a window, begun or not.
    fn end_window(&mut self, now: Stamp, id: WindowId, events: &mut Vec<Event>) {
        let concerned = self.concerned(id);
        let window = self.windows.remove(&id).expect("a known window");
        // By the drains too: an agent may have changed its attributes meanwhile.
        let drained = self.index.draining.iter().filter(|agent| {
            let row = self.agents.get(agent).expect("an indexed agent has a row");
            row.drain.as_ref().is_some_and(|drain| drain.window == Some(id))
        });
        let drained: Vec<AgentId> = drained.cloned().collect();
        events.push(Event::WindowEnded(id));
        for agent in &drained {
            self.end_drain(agent);
        }
        assert!(window.started || drained.is_empty(), "only what has begun drains");
        let all: BTreeSet<_> = concerned.into_iter().chain(drained.iter().cloned()).collect();
        events.extend(all.into_iter().map(Event::AgentReactivated));
        for agent in &drained {
            let info = &self.agents.get(agent).expect("it was draining").info;
            let begun = self.windows_of(info).filter(|window| window.started);
            let other = begun.filter_map(|window| Some((window.drain?, window.id))).next();
            if let Some((plan, id)) = other {
                self.begin_drain(now, agent, plan, Some(id), events);
            }
        }
    }

    fn concerned(&self, id: WindowId) -> Vec<AgentId> {
        let window = self.windows.get(&id).expect("a known window");
        self.agents_of_window(window).cloned().collect()
    }
}
