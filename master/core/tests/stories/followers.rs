//! A member that does not serve: it says who does, if it knows.

use super::rig::{Rig, agent_message, register};
use master_core::{
    Input,
    input::{OperatorCall, Page},
    ledger::LogVersion,
};
use proto::model::{NodeId, SchedulerCall, Session};
use raft::eraftpb::{Message, MessageType};

fn everybody_asks(rig: &mut Rig) {
    rig.step(agent_message(1, "a", register("a", 7)));
    let subscription = rig.subscription(2, "hello", None);
    rig.step(subscription);
    let session = Session { framework: proto::model::FrameworkId(1), epoch: 1 };
    rig.call_as("hello", session, SchedulerCall::Teardown);
    rig.operator(OperatorCall::ListAgents(Page { size: 1, after: None }));
    rig.operator(OperatorCall::GetCluster);
    rig.watch(3, None);
}

#[test]
fn a_follower_names_the_leader() {
    let mut rig = Rig::member_of(3);
    rig.tell("nobody leads");
    everybody_asks(&mut rig);
    rig.tell("member 2 leads");
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
    everybody_asks(&mut rig);
    rig.matches("followers");
}
