//! A member that does not serve: it says who does, if it knows.

use super::rig::{Rig, agent_message, register};
use master_core::{
    Input,
    input::{AgentFilter, FrameworkFilter, OperatorCall, Page},
    ledger::LogVersion,
};
use proto::model::{NodeId, SchedulerCall, Session};
use raft::eraftpb::{Entry, Message, MessageType};

fn everybody_asks(rig: &mut Rig) {
    rig.step(agent_message(1, "a", register("a", 7)));
    let subscription = rig.subscription(2, "hello", None);
    rig.step(subscription);
    let session = Session { framework: proto::model::FrameworkId(1), epoch: 1 };
    rig.call_as("hello", session, SchedulerCall::Teardown);
    let page = Page { size: 1, after: None };
    rig.operator(OperatorCall::ListAgents { page, filter: AgentFilter::default() });
    rig.operator(OperatorCall::GetCluster);
    rig.watch(3, None);
}

/// The others are there, and member 2 says that it leads.
fn hear_of_a_leader(rig: &mut Rig) {
    for node in [2, 3] {
        rig.step(Input::PeerSeen {
            from: NodeId(node),
            blank: true,
            joining: true,
            version: LogVersion::CURRENT,
        });
    }
    let mut heartbeat = Message::default();
    heartbeat.set_msg_type(MessageType::MsgHeartbeat);
    (heartbeat.from, heartbeat.to, heartbeat.term) = (2, 1, 1);
    rig.step(Input::Peer(heartbeat));
}

#[test]
fn a_follower_names_the_leader() {
    let mut rig = Rig::member_of(3);
    rig.tell("nobody leads");
    everybody_asks(&mut rig);
    rig.tell("member 2 leads");
    hear_of_a_leader(&mut rig);
    everybody_asks(&mut rig);
    rig.matches("followers");
}

/// Raft ends the process when it has to pass on one of these that has a term.
#[test]
fn what_no_master_sends_is_dropped() {
    let mut rig = Rig::member_of(3);
    hear_of_a_leader(&mut rig);
    for kind in [MessageType::MsgTransferLeader, MessageType::MsgReadIndex] {
        let mut message = Message::default();
        message.set_msg_type(kind);
        (message.from, message.to, message.term) = (3, 1, 1);
        message.mut_entries().push(Entry::default());
        rig.step(Input::Peer(message));
    }
    assert_eq!(rig.master.leader(), Some(NodeId(2)));
}

#[test]
fn whoever_may_be_told_what_is_stale_is_told_by_anybody() {
    let mut rig = Rig::member_of(3);
    let stale = |call| OperatorCall::Stale(Box::new(call));
    let page = Page { size: 10, after: None };
    let agents = OperatorCall::ListAgents { page: page.clone(), filter: AgentFilter::default() };
    let frameworks =
        OperatorCall::ListFrameworks { page: page.clone(), filter: FrameworkFilter::default() };
    rig.tell("who has heard of no leader does not know how old its knowledge is");
    rig.operator(stale(agents.clone()));
    hear_of_a_leader(&mut rig);
    rig.pass(700);
    rig.tell("700 ms after a word of the leader");
    rig.operator(stale(agents));
    rig.operator(stale(frameworks));
    rig.tell("what only a leader has, and what only the owner may see, stays so");
    rig.operator(stale(OperatorCall::ListRoles(page.clone())));
    let tasks = OperatorCall::ListTasks {
        page: page.clone(),
        framework: None,
        agent: None,
        states: vec![],
        role: None,
    };
    rig.ask_as("framework/hello", stale(tasks));
    let agents = OperatorCall::ListAgents { page, filter: AgentFilter::default() };
    rig.ask_as("framework/hello", stale(agents));
    rig.matches("stale");
}
