//! The `Peer` service: the receiving side.

use super::{
    frames::{Said, is_peer_address, read_message, read_messages, read_sender},
    roster::Roster,
    snapshot_in::{Incoming, Received},
};
use crate::{
    disk::{ClusterId, SnapshotDirectory},
    inbox::{Arrival, stopping},
    serve::gateway::{Gateway, caller},
};
use edge::identity::Caller;
use master_core::{Input, ledger::LogVersion};
use proto::{
    model::{NodeId, Reason, Refusal},
    wire::v1::{self, peer_server::Peer, snapshot_part::Part},
};
use raft::eraftpb::Message;
use std::sync::Arc;
use tonic::{Request, Response, Status, Streaming};

/// The service.
#[derive(Debug, Clone)]
pub(crate) struct PeerService {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) roster: Arc<Roster>,
    pub(crate) snapshots: SnapshotDirectory,
    /// The cluster as snapshot files name it.
    pub(crate) disk_cluster: ClusterId,
}

#[tonic::async_trait]
impl Peer for PeerService {
    async fn exchange(
        &self,
        request: Request<Streaming<v1::PeerFrame>>,
    ) -> Result<Response<v1::ExchangeResponse>, Status> {
        let caller = caller(request.extensions());
        let (service, frames) = (self.clone(), request.into_inner());
        // In a task of its own: with the connection this call is dropped wherever it stands.
        let hearing = tokio::spawn(async move {
            let mut speaker = None;
            let heard = service.hear(&caller, frames, &mut speaker).await;
            // After everything that it said.
            if let Some(from) = speaker {
                service.offer(Input::PeerGone { from }).await?;
            }
            heard
        });
        match hearing.await {
            Ok(heard) => heard.map(|()| Response::new(v1::ExchangeResponse {})),
            Err(_) => Err(self.refuse(&stopping())),
        }
    }

    async fn install_snapshot(
        &self,
        request: Request<Streaming<v1::SnapshotPart>>,
    ) -> Result<Response<v1::InstallSnapshotResponse>, Status> {
        let caller = caller(request.extensions());
        let mut parts = request.into_inner();
        let (message, mut incoming) = match parts.message().await?.and_then(|part| part.part) {
            Some(Part::Header(header)) => self.begin(&caller, &header)?,
            Some(Part::Chunk(_)) | None => {
                return Err(self.refuse(&Refusal::invalid("header", "must come first")));
            }
        };
        while let Some(part) = parts.message().await? {
            match part.part {
                Some(Part::Chunk(chunk)) => {
                    incoming.push(chunk).await.map_err(|refusal| self.refuse(&refusal))?;
                }
                Some(Part::Header(_)) | None => {
                    return Err(self.refuse(&Refusal::invalid("chunk", "is missing")));
                }
            }
        }
        let Received { pointer, ledger } =
            incoming.finish().await.map_err(|refusal| self.refuse(&refusal))?;
        let (index, from) = (pointer.index, message.from);
        tracing::info!(node = %self.gateway.node, from, index, "received a snapshot");
        let input = Input::PeerSnapshot { message, ledger: Box::new(ledger) };
        let arrival = Arrival::SnapshotReceived(pointer, input);
        if self.gateway.inbox.offer(arrival).await.is_err() {
            return Err(self.refuse(&stopping()));
        }
        Ok(Response::new(v1::InstallSnapshotResponse {}))
    }
}

impl PeerService {
    /// Passes on what a peer says until its stream ends; `speaker` is who that is, once known.
    async fn hear(
        &self,
        caller: &Caller,
        mut frames: Streaming<v1::PeerFrame>,
        speaker: &mut Option<NodeId>,
    ) -> Result<(), Status> {
        let mut last_said = None;
        while let Some(frame) = frames.message().await? {
            let said = Said::of_frame(&frame);
            let from = self.sender(caller, &said)?;
            *speaker = Some(from);
            let messages = read_messages(&frame, from, self.gateway.node)
                .map_err(|refusal| self.refuse(&refusal))?;
            // Most frames say nothing new about their sender.
            let (blank, joining) = (frame.blank, frame.joining);
            let version = LogVersion::from_number(frame.log_version);
            if messages.is_empty() || last_said != Some((blank, joining, version)) {
                last_said = Some((blank, joining, version));
                if is_peer_address(&frame.peer_address) {
                    let arrival = Arrival::PeerKnown(from, frame.peer_address);
                    let offered = self.gateway.inbox.offer(arrival).await;
                    offered.map_err(|_| self.refuse(&stopping()))?;
                }
                self.offer(Input::PeerSeen { from, blank, joining, version }).await?;
            }
            for message in messages {
                self.offer(Input::Peer(message)).await?;
            }
        }
        Ok(())
    }

    fn begin(
        &self,
        caller: &Caller,
        header: &v1::SnapshotHeader,
    ) -> Result<(Message, Incoming), Status> {
        let from = self.sender(caller, &Said::of_header(header))?;
        let message = read_message(&header.message, from, self.gateway.node, true)
            .map_err(|refusal| self.refuse(&refusal.under("header.message")))?;
        let cluster = self.disk_cluster.clone();
        let incoming = Incoming::begin(&self.snapshots, cluster, header, &message)
            .map_err(|refusal| self.refuse(&refusal.under("header")))?;
        Ok((message, incoming))
    }

    fn sender(&self, caller: &Caller, said: &Said<'_>) -> Result<NodeId, Status> {
        read_sender(&self.gateway, &self.roster, caller, said)
            .map_err(|refusal| self.refuse(&refusal))
    }

    async fn offer(&self, input: Input) -> Result<(), Status> {
        let offered = self.gateway.inbox.offer(Arrival::Input(input)).await;
        offered.map_err(|_| self.refuse(&stopping()))
    }

    fn refuse(&self, refusal: &Refusal) -> Status {
        if refusal.reason != Reason::NotReady {
            let node = &self.gateway.node_label;
            tracing::warn!(target: "bourse::audit", %node, %refusal, "a peer was refused");
        }
        self.gateway.refuse(refusal)
    }
}
