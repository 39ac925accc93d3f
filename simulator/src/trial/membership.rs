//! An operator who adds, replaces and removes masters all the time.

use super::{
    event::Happening,
    framework_calls::Asked,
    master_world::{address_of, peer_address_of},
    world::World,
};
use master_core::{input::OperatorCall, ledger::Standing};
use proto::model::{Duration, MasterInfo, NodeId};

impl World {
    /// Asks the leader for a change, drawn, as often as not.
    pub(crate) fn change_masters(&mut self, leader: usize) {
        let Some(master) = &self.masters[leader].master else { return };
        let voters: Vec<NodeId> = master.ledger().members().of(Standing::Voter).collect();
        let Some(voter) = self.chance.faults.pick(&voters).copied() else { return };
        let request = match self.chance.faults.below(8) {
            0 | 1 if voters.len() < 5 => match self.start_spare() {
                Some(info) => OperatorCall::AddMaster(info),
                None => return,
            },
            2 | 3 => match self.start_spare() {
                Some(info) => OperatorCall::ReplaceMaster { old: voter, info },
                None => return,
            },
            4 | 5 if voters.len() > 2 => OperatorCall::RemoveMaster(voter),
            6 => OperatorCall::TransferLeadership(None),
            _ => return,
        };
        self.ask(Asked::Operator(request), leader, 1);
    }

    /// Starts the next machine that has no past.
    fn start_spare(&mut self) -> Option<MasterInfo> {
        let host = self.masters.iter().position(|host| host.absent)?;
        self.masters[host].absent = false;
        let wait = Duration(self.chance.faults.below(3_000));
        self.queue.after(wait, Happening::MasterStart(host));
        let node = self.masters[host].node;
        let (address, peer_address) = (address_of(node.0), peer_address_of(node.0));
        Some(MasterInfo { node, address, peer_address })
    }

    /// What is still to come of changes of the masters, as the leader sees it.
    pub(crate) fn unsettled_masters(&self, leader: usize) -> Vec<String> {
        let members = self.masters[leader].master.as_ref().expect("it serves").ledger().members();
        let mut wrong = Vec::new();
        if members.is_joint() || members.learner().is_some() {
            wrong.push("a change of the masters is under way".to_owned());
        }
        for host in &self.masters {
            if host.is_up() && members.is_retired(host.node) {
                wrong.push(format!("{} goes on after its removal", host.node));
            }
        }
        wrong
    }

    /// Whether a machine is a master now, by the leader's word.
    pub(crate) fn is_member(&self, leader: usize, node: NodeId) -> bool {
        let master = self.masters[leader].master.as_ref().expect("it serves");
        master.ledger().members().get(node).is_some()
    }
}
