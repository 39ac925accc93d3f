//! Talks to the leading master and follows it by itself.

use crate::context::{Context, ContextArgs};
use anyhow::{Context as _, anyhow};
use proto::{
    convert::refusal,
    model::{Reason, Refusal},
    wire::v1::operator_client::OperatorClient,
};
use std::{cell::Cell, future::Future, time::Duration};
use tonic::{
    Code, Request, Status,
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity},
};

/// How long a command looks for a leader before it gives up.
const PATIENCE: Duration = Duration::from_secs(15);

/// A client of the operator API.
#[derive(Debug, Clone)]
pub(crate) struct Connection {
    context: Context,
    tls: Option<ClientTlsConfig>,
}

/// A request that says who calls, for masters without certificates.
pub(crate) fn request<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    let principal = "operator/cli".parse().expect("plain text");
    request.metadata_mut().insert("bourse-principal", principal);
    request
}

impl Connection {
    /// To the cluster that these flags describe.
    pub(crate) fn of(context: &ContextArgs) -> anyhow::Result<Self> {
        Self::new(context.resolve()?)
    }

    pub(crate) fn new(context: Context) -> anyhow::Result<Self> {
        let read = |path: &std::path::Path| {
            std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
        };
        let tls = match &context.tls {
            None => None,
            Some(files) => Some(
                ClientTlsConfig::new()
                    .ca_certificate(Certificate::from_pem(read(&files.ca)?))
                    .identity(Identity::from_pem(read(&files.certificate)?, read(&files.key)?)),
            ),
        };
        Ok(Self { context, tls })
    }

    /// A channel to an address; `name` is what its certificate must say.
    pub(crate) async fn channel(&self, address: &str, name: &str) -> anyhow::Result<Channel> {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let mut endpoint = Endpoint::from_shared(format!("{scheme}://{address}"))
            .with_context(|| format!("{address:?} is not an address; write host:port"))?
            .connect_timeout(Duration::from_secs(3))
            .http2_keep_alive_interval(Duration::from_secs(10))
            .tcp_nodelay(true);
        if let Some(tls) = &self.tls {
            endpoint = endpoint
                .tls_config(tls.clone().domain_name(name))
                .context("the certificates cannot be used")?;
        }
        endpoint.connect().await.with_context(|| format!("cannot reach {address}"))
    }

    /// Calls the leader, once: for what must not be asked of a second one.
    pub(crate) async fn ask_once<T, F, A>(&self, call: F) -> anyhow::Result<T>
    where
        F: FnOnce(OperatorClient<Channel>) -> A,
        A: Future<Output = Result<tonic::Response<T>, Status>>,
    {
        let cluster = self.ask(|mut client| async move {
            client.get_cluster(request(proto::wire::v1::GetClusterRequest {})).await
        });
        let cluster = cluster.await?;
        let leader = cluster.members.iter().find(|member| member.leader);
        let leader = leader.ok_or_else(|| anyhow!("nobody leads"))?;
        let channel = self.channel(&leader.address, crate::certificates::MASTER_NAME).await?;
        let answer = call(OperatorClient::new(channel)).await;
        let answer = answer.map_err(|status| anyhow!(refusal::from_status(&status)))?;
        Ok(answer.into_inner())
    }

    /// Calls the leader, wherever it is; waits a little while for one to be elected.
    pub(crate) async fn ask<T, F, A>(&self, call: F) -> anyhow::Result<T>
    where
        F: Fn(OperatorClient<Channel>) -> A,
        A: Future<Output = Result<tonic::Response<T>, Status>>,
    {
        self.ask_while(may_pass, call).await
    }

    /// As [`Self::ask`], for a call that is done once under its request id: also repeated when it
    /// is not known what became of it. If that stays unknown, says how to repeat it by hand.
    pub(crate) async fn ask_under<T, F, A>(&self, request_id: &str, call: F) -> anyhow::Result<T>
    where
        F: Fn(OperatorClient<Channel>) -> A,
        A: Future<Output = Result<tonic::Response<T>, Status>>,
    {
        let unknown = Cell::new(false);
        let may_repeat = |refusal: &Refusal| {
            let is_unknown = refusal.reason == Reason::OutcomeUnknown;
            let may_repeat = is_unknown || may_pass(refusal);
            // Whoever refuses it for good has found that nothing was done before.
            unknown.set(may_repeat && (is_unknown || unknown.get()));
            may_repeat
        };
        let answer = self.ask_while(may_repeat, call).await;
        answer.map_err(|error| match unknown.get() {
            true => error.context(format!("to repeat exactly this, add --request-id {request_id}")),
            false => error,
        })
    }

    async fn ask_while<T, F, A>(
        &self,
        may_repeat: impl Fn(&Refusal) -> bool,
        call: F,
    ) -> anyhow::Result<T>
    where
        F: Fn(OperatorClient<Channel>) -> A,
        A: Future<Output = Result<tonic::Response<T>, Status>>,
    {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        let mut told: Option<String> = None;
        let mut attempt = 0;
        loop {
            let masters = &self.context.masters;
            let address = told.take().unwrap_or_else(|| masters[attempt % masters.len()].clone());
            attempt += 1;
            let problem = match self.channel(&address, crate::certificates::MASTER_NAME).await {
                Err(problem) => problem,
                Ok(channel) => match call(OperatorClient::new(channel)).await {
                    Ok(response) => return Ok(response.into_inner()),
                    Err(status) => {
                        let refusal = refusal::from_status(&status);
                        // Perhaps no master, but who has the port of one that is gone.
                        let is_stranger = status.code() == Code::Unimplemented;
                        let is_last = attempt >= masters.len();
                        if !may_repeat(&refusal) && (is_last || !is_stranger) {
                            return Err(anyhow!(refusal));
                        }
                        told.clone_from(&refusal.leader_address);
                        anyhow!(refusal)
                    }
                },
            };
            if tokio::time::Instant::now() >= deadline {
                let tried = masters.join(", ");
                return Err(problem.context(format!("no master of {tried} answers as leader")));
            }
            if told.is_none() && attempt >= masters.len() {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }
}

/// Whether trying again, perhaps elsewhere, can help.
fn may_pass(refusal: &Refusal) -> bool {
    matches!(refusal.reason, Reason::NotLeader | Reason::NotReady | Reason::Overloaded)
}
