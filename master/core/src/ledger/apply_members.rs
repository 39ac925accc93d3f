//! Changes of the masters: one at a time, a learner first, and never a node id twice.
//!
//! Whether enough of the others can be reached is not known here: that is asked before a change is
//! proposed. What is checked here holds whoever proposes.

use super::{
    Applied, Event, Ledger,
    members::{Member, MemberChange, Members, Standing},
};
use proto::model::{MasterInfo, NodeId, Reason, Refusal, limits};

impl Ledger {
    pub(super) fn change_members(
        &mut self,
        change: &MemberChange,
        events: &mut Vec<Event>,
    ) -> Result<Applied, Refusal> {
        self.members.check(change)?;
        self.members.change(change);
        events.push(Event::MembersChanged);
        Ok(Applied::Done)
    }
}

impl Members {
    /// Whether the change may be made.
    pub(crate) fn check(&self, change: &MemberChange) -> Result<(), Refusal> {
        match change {
            MemberChange::Found(_) if self.version > 0 => {
                Err(Refusal::new(Reason::MemberExists, "the cluster is founded already"))
            }
            // Nobody could ever vote, nor be added.
            MemberChange::Found(members) if members.is_empty() => {
                Err(Refusal::invalid("members", "names nobody"))
            }
            MemberChange::Found(_) => Ok(()),
            MemberChange::AddLearner { info, replaces } => self.check_add(info, *replaces),
            MemberChange::Promote(node) => match self.known(*node, "node_id")?.standing {
                Standing::Learner => Ok(()),
                _ => Err(Refusal::new(Reason::MemberExists, "votes already").at("node_id")),
            },
            MemberChange::Remove(node) => self.check_remove(*node),
            MemberChange::Settle => match self.is_joint() {
                true => Ok(()),
                false => Err(Refusal::new(Reason::MemberUnknown, "nobody is leaving")),
            },
            MemberChange::Moved(info) => {
                self.known(info.node, "node_id")?;
                self.check_addresses(info)
            }
        }
    }

    fn known(&self, node: NodeId, field: &str) -> Result<&Member, Refusal> {
        let unknown = || {
            if self.is_retired(node) {
                let text = format!("master {node} was removed for good");
                Refusal::new(Reason::MemberRemoved, text).at(field)
            } else {
                Refusal::new(Reason::MemberUnknown, format!("there is no master {node}")).at(field)
            }
        };
        self.rows.get(&node).ok_or_else(unknown)
    }

    fn check_add(&self, info: &MasterInfo, replaces: Option<NodeId>) -> Result<(), Refusal> {
        // Without founders nobody votes, and whoever is added first would be alone.
        if self.version == 0 {
            let text = "the cluster is not founded yet";
            return Err(Refusal::new(Reason::MembershipUnsafe, text));
        }
        let node = info.node;
        if self.rows.contains_key(&node) {
            let text = format!("master {node} is a member already");
            return Err(Refusal::new(Reason::MemberExists, text).at("node_id"));
        }
        if node.0 <= self.last_node {
            let text = format!(
                "node ids are never used again and only grow: {node} is not above {}",
                self.last_node
            );
            return Err(Refusal::new(Reason::MemberRemoved, text).at("node_id"));
        }
        self.check_addresses(info)?;
        if let Some(old) = replaces
            && self.known(old, "old_node_id")?.standing != Standing::Voter
        {
            return Err(self.changing());
        }
        self.check_idle()?;
        if let Some(lone) = self.rows.values().find(|member| member.info.peer_address.is_empty()) {
            let text = format!(
                "master {} has no address for other masters; restart it with one in --members and \
                 with --peer-listen",
                lone.info.node
            );
            return Err(Refusal::new(Reason::MembershipUnsafe, text));
        }
        let voters = self.of(Standing::Voter).count() + usize::from(replaces.is_none());
        match voters > limits::VOTERS_MAX {
            true => Err(Refusal::limit("node_id", voters, limits::VOTERS_MAX)),
            false => Ok(()),
        }
    }

    fn check_remove(&self, node: NodeId) -> Result<(), Refusal> {
        let member = self.known(node, "node_id")?;
        match member.standing {
            Standing::Learner => Ok(()),
            Standing::Leaving => Err(self.changing()),
            Standing::Voter => {
                self.check_idle()?;
                match self.of(Standing::Voter).count() {
                    1 => {
                        let text = "it is the only master that votes";
                        Err(Refusal::new(Reason::MembershipUnsafe, text).at("node_id"))
                    }
                    _ => Ok(()),
                }
            }
        }
    }

    /// Two masters at one address would be one that votes twice.
    fn check_addresses(&self, info: &MasterInfo) -> Result<(), Refusal> {
        let others = self.rows.values().filter(|member| member.info.node != info.node);
        for other in others.map(|member| &member.info) {
            let taken = |address: &String| {
                !address.is_empty() && (*address == other.address || *address == other.peer_address)
            };
            let field = match () {
                () if taken(&info.address) => "address",
                () if taken(&info.peer_address) => "peer_address",
                () => continue,
            };
            let text = format!("is the address of master {}", other.node);
            return Err(Refusal::new(Reason::MemberExists, text).at(field));
        }
        Ok(())
    }

    fn check_idle(&self) -> Result<(), Refusal> {
        match self.learner().is_some() || self.is_joint() {
            true => Err(self.changing()),
            false => Ok(()),
        }
    }

    /// The refusal of a change while another is under way.
    pub(crate) fn changing(&self) -> Refusal {
        let busy = self.rows.values().find(|member| member.standing != Standing::Voter);
        let text = match busy.map(|member| (member.info.node, member.standing)) {
            Some((node, Standing::Learner)) => {
                format!("master {node} is still catching up; wait, or remove it")
            }
            Some((node, _)) => format!("master {node} is still leaving; try again"),
            None => "a change of the masters is on its way; try again".to_owned(),
        };
        Refusal::new(Reason::MembershipChanging, text)
    }

    /// Makes a change that was checked.
    fn change(&mut self, change: &MemberChange) {
        self.version += 1;
        match change {
            MemberChange::Found(members) => {
                self.incarnation = 1;
                for info in members {
                    self.insert(info, Standing::Voter, None);
                }
            }
            MemberChange::AddLearner { info, replaces } => {
                self.insert(info, Standing::Learner, *replaces);
            }
            MemberChange::Promote(node) => {
                let member = self.rows.get_mut(node).expect("checked");
                member.standing = Standing::Voter;
                // Whom it replaces cannot have gone meanwhile: one change at a time.
                if let Some(old) = member.replaces.take()
                    && let Some(old) = self.rows.get_mut(&old)
                {
                    old.standing = Standing::Leaving;
                }
            }
            MemberChange::Remove(node) => match self.rows.get_mut(node).expect("checked") {
                member if member.standing == Standing::Voter => member.standing = Standing::Leaving,
                _ => drop(self.rows.remove(node)),
            },
            MemberChange::Settle => {
                self.rows.retain(|_, member| member.standing != Standing::Leaving);
            }
            MemberChange::Moved(info) => {
                self.rows.get_mut(&info.node).expect("checked").info = info.clone();
            }
        }
    }

    fn insert(&mut self, info: &MasterInfo, standing: Standing, replaces: Option<NodeId>) {
        self.last_node = self.last_node.max(info.node.0);
        self.rows.insert(info.node, Member { info: info.clone(), standing, replaces });
    }
}
