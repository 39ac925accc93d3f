//! A master that joins a cluster asks those that it was told of who the others are, greets them,
//! and says in the log what an operator has to do. It is let in by the log itself, not by this.

use super::{PeerContext, frames::is_peer_address};
use crate::inbox::Arrival;
use edge::{
    connect::{Connector, Patience},
    errors::chain,
    identity::CLAIM_KEY,
    tls::Tls,
};
use proto::{
    model::NodeId,
    wire::v1::{self, operator_client::OperatorClient},
};
use std::time::Duration;
use tokio::time;
use tonic::{Request, Status};

const PATIENCE: Patience = Patience {
    connect: Duration::from_secs(2),
    probe_interval: Duration::from_secs(5),
    probe_timeout: Duration::from_secs(5),
};
/// Between two rounds over all addresses.
const PAUSE: Duration = Duration::from_secs(1);

/// Asks until this member knows a cluster of its own.
pub(crate) async fn join(context: PeerContext, addresses: Vec<String>, tls: Option<Tls>) {
    let mut told = String::new();
    while !context.roster.is_founded() {
        for address in &addresses {
            let said = match ask(&context, address, tls.as_ref()).await {
                Ok(members) => greet(&context, members).await,
                Err(problem) => format!("{address} does not say who is there: {problem}"),
            };
            // The same again and again is said once.
            if said != told {
                tracing::info!(node = %context.node, "{said}");
                told = said;
            }
        }
        tokio::select! {
            () = context.stop.cancelled() => return,
            () = time::sleep(PAUSE) => {}
        }
    }
}

async fn ask(
    context: &PeerContext,
    address: &str,
    tls: Option<&Tls>,
) -> Result<Vec<v1::Member>, String> {
    let secure = tls.map(|tls| (tls, &context.cluster));
    let connector = Connector::new(address.to_owned(), None, secure, PATIENCE);
    let channel = connector.connect().await.map_err(|error| chain(&error))?;
    let mut request = Request::new(v1::GetClusterRequest {});
    let claim = format!("master/{}", context.node).parse().expect("digits and letters");
    request.metadata_mut().insert(CLAIM_KEY, claim);
    let mut client = OperatorClient::new(channel);
    let answer = time::timeout(PATIENCE.probe_timeout, client.get_cluster(request)).await;
    let answer = answer.map_err(|_| "no answer".to_owned())?;
    let cluster = answer.map_err(|status| said(&status))?.into_inner();
    match cluster.cluster_id == context.cluster.as_str() {
        true => Ok(cluster.members),
        false => Err(format!("it is of cluster {:?}", cluster.cluster_id)),
    }
}

/// What a refusal says; whoever is no master may say nothing but a code.
fn said(status: &Status) -> String {
    match status.message() {
        "" => status.code().to_string(),
        message => message.to_owned(),
    }
}

/// Makes the others known, which connects to them; says how things stand.
async fn greet(context: &PeerContext, members: Vec<v1::Member>) -> String {
    let own = context.node;
    let known = members.iter().any(|member| member.node_id == own.0);
    for member in members {
        if is_peer_address(&member.peer_address) {
            let arrival = Arrival::PeerKnown(NodeId(member.node_id), member.peer_address);
            let _ = context.inbox.offer(arrival).await;
        }
    }
    match known {
        true => format!("master {own} is being let in"),
        false => format!(
            "waiting for an operator: bourse masters add --node-id {own} --address HOST:PORT \
             --peer-address HOST:PORT"
        ),
    }
}
