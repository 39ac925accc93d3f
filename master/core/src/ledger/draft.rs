//! The rows that a transaction of an accept touches, as they will be: operations are checked and
//! applied here one after the other, each on what those before it did, and all of it is written
//! back once the transaction holds. What is dropped instead has changed nothing.
//!
//! Holds only what is touched, so that an accept of one task costs what one task costs.

use super::{Event, Ledger, Stamp, Task};
use proto::model::{
    AgentId, Instant, Resources, Role, Session, StatusReason, StatusSource, TaskId, TaskInfo,
    TaskKey, TaskState, TaskStatus,
};
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

/// The sums and rows as they will be.
#[derive(Debug, Default)]
pub(super) struct Draft<'a> {
    pub(super) agents: BTreeMap<Cow<'a, AgentId>, AgentDraft>,
    /// What the framework's tasks take in the accept's role; there is one as soon as a task was
    /// looked at.
    pub(super) role: Option<Resources>,
    /// What new tasks and larger ones take together: amounts only.
    pub(super) sum: Resources,
    /// New tasks, in the order in which they come into being.
    pub(super) tasks: Vec<&'a TaskInfo>,
    pub(super) ids: BTreeSet<&'a TaskId>,
    /// What tasks hold while they change their sizes, and what they change them to.
    pub(super) resizes: BTreeMap<&'a TaskId, (Resources, &'a Resources)>,
}

/// One agent.
#[derive(Debug)]
pub(super) struct AgentDraft {
    pub(super) allocated: Resources,
    /// Open tasks.
    pub(super) open: usize,
}

impl Ledger {
    /// Makes a draft the truth, and says so.
    pub(super) fn write_back(
        &mut self,
        now: Stamp,
        (session, role): (Session, &Role),
        draft: Draft<'_>,
        events: &mut Vec<Event>,
    ) {
        let Draft { agents, role: role_sum, sum, tasks, ids: _, resizes } = draft;
        for (id, there) in agents {
            self.agents.get_mut(id.as_ref()).expect("a known agent").allocated = there.allocated;
        }
        if let Some(role_sum) = role_sum {
            let framework = self.frameworks.get_mut(&session.framework).expect("a known framework");
            match role_sum.is_empty() {
                true => drop(framework.allocated.remove(role)),
                false => drop(framework.allocated.insert(role.clone(), role_sum)),
            }
        }
        self.roles.add(role, &sum);
        for info in tasks {
            let task = new_task(now, session, role, info);
            events.push(Event::TaskAdded(task.key.clone()));
            self.insert_task(task);
        }
        for (id, (held, to)) in resizes {
            let key = TaskKey { framework: session.framework, task: id.clone() };
            let task = self.tasks.get_mut(&key).expect("a known task");
            self.index.revocable.remove(task);
            task.change_size(held, to);
            self.index.revocable.add(task);
            events.push(Event::TaskResized(key));
        }
    }
}

fn new_task(now: Stamp, session: Session, role: &Role, info: &TaskInfo) -> Task {
    Task {
        key: TaskKey { framework: session.framework, task: info.id.clone() },
        info: info.clone(),
        role: role.clone(),
        status: TaskStatus {
            task: info.id.clone(),
            agent: info.agent.clone(),
            state: TaskState::Staging,
            source: StatusSource::Master,
            reason: StatusReason::None,
            message: String::new(),
            exit_code: None,
            signal: None,
            memory_peak_bytes: None,
            at: now.wall,
            sequence: 0,
        },
        pending: Vec::new(),
        agent_sequence: 0,
        sequence: 0,
        kill: None,
        launched: Instant::default(),
        preempted: None,
        changed: now.time,
        state_before_unreachable: None,
        size: None,
    }
}
