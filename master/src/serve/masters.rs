//! The `Operator` service's calls about masters: what is read of them, what goes into the audit
//! log, and the stream of a backup.

use super::gateway::Gateway;
use crate::inbox::{Arrival, stopping};
use futures_util::Stream;
use master_core::input::OperatorCall;
use proto::{
    convert::masters::{read_master_info, read_node_id},
    model::{NodeId, Principal, Reason, Refusal, limits},
    wire::v1,
};
use std::{
    fs::File,
    io::{self, Read as _},
    pin::Pin,
};
use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

/// Parts read ahead of the network.
const PARTS_AHEAD: usize = 4;

/// A backup on its way out.
pub(crate) type BackupStream =
    Pin<Box<dyn Stream<Item = Result<v1::SnapshotChunk, Status>> + Send + 'static>>;

pub(super) fn read_add(request: v1::AddMasterRequest) -> Result<OperatorCall, Refusal> {
    let v1::AddMasterRequest { node_id, address, peer_address } = request;
    Ok(OperatorCall::AddMaster(read_master_info(node_id, address, peer_address)?))
}

pub(super) fn read_remove(request: v1::RemoveMasterRequest) -> Result<OperatorCall, Refusal> {
    Ok(OperatorCall::RemoveMaster(read_node_id("node_id", request.node_id)?))
}

pub(super) fn read_replace(request: v1::ReplaceMasterRequest) -> Result<OperatorCall, Refusal> {
    let v1::ReplaceMasterRequest { old_node_id, node_id, address, peer_address } = request;
    let old = read_node_id("old_node_id", old_node_id)?;
    Ok(OperatorCall::ReplaceMaster { old, info: read_master_info(node_id, address, peer_address)? })
}

pub(super) fn read_transfer(
    request: v1::TransferLeadershipRequest,
) -> Result<OperatorCall, Refusal> {
    let to = (request.node_id != 0).then_some(NodeId(request.node_id));
    Ok(OperatorCall::TransferLeadership(to))
}

/// Who the masters are decides about everything: whoever changes that is written down.
pub(super) fn audit(node: &str, principal: &Principal, call: &OperatorCall) {
    match call {
        OperatorCall::AddMaster(info) => tracing::info!(
            target: "bourse::audit", %node, %principal, master = %info.node,
            address = info.address, peer_address = info.peer_address, "add master"
        ),
        OperatorCall::RemoveMaster(master) => {
            tracing::info!(target: "bourse::audit", %node, %principal, %master, "remove master");
        }
        OperatorCall::ReplaceMaster { old, info } => tracing::info!(
            target: "bourse::audit", %node, %principal, %old, master = %info.node,
            address = info.address, peer_address = info.peer_address, "replace master"
        ),
        OperatorCall::TransferLeadership(_) => {
            tracing::info!(target: "bourse::audit", %node, %principal, "transfer leadership");
        }
        _ => {}
    }
}

/// Has the core make a snapshot as of now, and streams its file.
pub(super) async fn backup(gateway: &Gateway) -> Result<BackupStream, Status> {
    let (reply, answer) = oneshot::channel();
    if gateway.inbox.offer(Arrival::Backup(reply)).await.is_err() {
        return Err(gateway.refuse(&stopping()));
    }
    let unreadable = |error: io::Error| {
        let text = format!("there is no snapshot: {error}");
        gateway.refuse(&Refusal::new(Reason::NotReady, text))
    };
    let file = answer.await.map_err(|_| gateway.refuse(&stopping()))?.map_err(unreadable)?;
    let (parts, stream) = mpsc::channel(PARTS_AHEAD);
    tokio::task::spawn_blocking(move || send_file(file, &parts));
    Ok(Box::pin(ReceiverStream::new(stream)))
}

/// Ends when the file does, or whoever reads.
fn send_file(mut file: File, parts: &mpsc::Sender<Result<v1::SnapshotChunk, Status>>) {
    loop {
        let mut data = vec![0; limits::SNAPSHOT_CHUNK_BYTES];
        let part = match file.read(&mut data) {
            Ok(0) => return,
            Ok(bytes) => {
                data.truncate(bytes);
                Ok(v1::SnapshotChunk { data })
            }
            Err(error) => Err(Status::data_loss(format!("the snapshot cannot be read: {error}"))),
        };
        let failed = part.is_err();
        if parts.blocking_send(part).is_err() || failed {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(node_id: u64, address: &str, peer_address: &str) -> Result<OperatorCall, Refusal> {
        let (address, peer_address) = (address.to_owned(), peer_address.to_owned());
        read_add(v1::AddMasterRequest { node_id, address, peer_address })
    }

    #[test]
    fn a_master_is_added_with_all_that_others_need() {
        assert!(add(4, "m4:5050", "m4:5051").is_ok());
        let field = |outcome: Result<OperatorCall, Refusal>| outcome.unwrap_err().field;
        assert_eq!(field(add(0, "m4:5050", "m4:5051")), "node_id");
        assert_eq!(field(add(u64::MAX, "m4:5050", "m4:5051")), "node_id");
        assert_eq!(field(add(4, "", "m4:5051")), "address");
        assert_eq!(field(add(4, "m4:0", "m4:5051")), "address");
        assert_eq!(field(add(4, "m4:5050", "m4")), "peer_address");
        assert_eq!(field(add(4, "m4:5050", "m4:5050")), "peer_address");
        let long = format!("{}:1", "x".repeat(300));
        assert_eq!(add(4, &long, "m4:5051").unwrap_err().reason, Reason::LimitExceeded);
    }

    #[test]
    fn a_removal_and_a_replacement_name_whom_they_mean() {
        assert_eq!(read_remove(v1::RemoveMasterRequest::default()).unwrap_err().field, "node_id");
        let request = v1::ReplaceMasterRequest { node_id: 4, ..Default::default() };
        assert_eq!(read_replace(request).unwrap_err().field, "old_node_id");
    }
}
