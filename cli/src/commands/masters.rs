//! `bourse masters`: who they are, and changes of them while the cluster goes on.
//!
//! Changes are asked of the leader and completed by it; `--wait` looks on until they are. Does not
//! know what makes a change safe: the leader refuses one that is not.

use crate::{
    connection::{Connection, request},
    context::ContextArgs,
    output::{Format, Row, print_rows},
};
use anyhow::{Context as _, bail};
use proto::{
    model::{Reason, Refusal},
    wire::v1,
};
use serde::Serialize;
use std::{path::PathBuf, time::Duration};
use tokio::time::{Instant, sleep};

/// Between two looks at a change.
const LOOK: Duration = Duration::from_millis(200);
/// For how long a change that meets another one is tried again.
const PATIENCE: Duration = Duration::from_secs(10);

/// Flags of `bourse masters`.
#[derive(Debug, clap::Args)]
pub(crate) struct MastersArgs {
    #[command(flatten)]
    pub(crate) context: ContextArgs,
    #[command(subcommand)]
    pub(crate) command: Option<MastersCommand>,
}

/// What to do with masters; without one, list them.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum MastersCommand {
    /// List masters
    List(ContextArgs),
    /// Add a master: as a learner at first, as a voter once it has caught up
    Add(AddArgs),
    /// Remove a master for good
    Remove(RemoveArgs),
    /// Add a master in the place of another, in one change once it has caught up
    Replace(ReplaceArgs),
    /// Hand leadership over
    Transfer(TransferArgs),
    /// Write the cluster's state to a file that `bourse master restore` reads
    Snapshot(SnapshotArgs),
}

/// A new master, as others reach it.
#[derive(Debug, clap::Args)]
pub(crate) struct NewMaster {
    /// Its address for frameworks, agents and operators
    #[arg(long, value_name = "HOST:PORT")]
    address: String,
    /// Its address for other masters
    #[arg(long, value_name = "HOST:PORT")]
    peer_address: String,
}

/// Until when to look on.
#[derive(Debug, clap::Args)]
pub(crate) struct Wait {
    /// Wait so long for the change to be complete, such as `60s`
    #[arg(long, value_parser = humantime::parse_duration)]
    wait: Option<Duration>,
}

/// Flags of `bourse masters add`.
#[derive(Debug, clap::Args)]
pub(crate) struct AddArgs {
    #[command(flatten)]
    context: ContextArgs,
    /// A number above that of every master there ever was
    #[arg(long, value_name = "NUMBER")]
    node_id: u64,
    #[command(flatten)]
    new: NewMaster,
    #[command(flatten)]
    wait: Wait,
}

/// Flags of `bourse masters remove`.
#[derive(Debug, clap::Args)]
pub(crate) struct RemoveArgs {
    #[command(flatten)]
    context: ContextArgs,
    /// Which
    #[arg(value_name = "NODE")]
    node_id: u64,
    #[command(flatten)]
    wait: Wait,
}

/// Flags of `bourse masters replace`.
#[derive(Debug, clap::Args)]
pub(crate) struct ReplaceArgs {
    #[command(flatten)]
    context: ContextArgs,
    /// Which is to go
    #[arg(value_name = "NODE")]
    old_node_id: u64,
    /// The new one's number, above that of every master there ever was
    #[arg(long, value_name = "NUMBER")]
    with: u64,
    #[command(flatten)]
    new: NewMaster,
    #[command(flatten)]
    wait: Wait,
}

/// Flags of `bourse masters transfer`.
#[derive(Debug, clap::Args)]
pub(crate) struct TransferArgs {
    #[command(flatten)]
    context: ContextArgs,
    /// To whom [default: whoever lacks least]
    #[arg(value_name = "NODE")]
    node_id: Option<u64>,
}

/// Flags of `bourse masters snapshot`.
#[derive(Debug, clap::Args)]
pub(crate) struct SnapshotArgs {
    #[command(flatten)]
    context: ContextArgs,
    /// Where to; a file that is there is not overwritten
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

#[derive(Debug, Serialize)]
struct MasterRow {
    node: u64,
    address: String,
    peer_address: String,
    role: String,
    leader: bool,
    reachable: bool,
    matched_index: u64,
    /// The newest version of the log that it reads; 0 when it is not known.
    log_version: u32,
}

impl Row for MasterRow {
    const TITLES: &'static [&'static str] = &[
        "master",
        "address",
        "peer address",
        "role",
        "leader",
        "reachable",
        "log index",
        "log version",
    ];

    fn cells(&self) -> Vec<String> {
        let yes = |it: bool| if it { "yes" } else { "-" }.to_owned();
        let known = |number: u64| match number {
            0 => "-".to_owned(),
            number => number.to_string(),
        };
        let (index, version) = (known(self.matched_index), known(self.log_version.into()));
        let (node, address) = (self.node.to_string(), self.address.clone());
        let (role, peer) = (self.role.clone(), self.peer_address.clone());
        vec![node, address, peer, role, yes(self.leader), yes(self.reachable), index, version]
    }
}

impl From<v1::Member> for MasterRow {
    fn from(member: v1::Member) -> Self {
        let role = match member.role() {
            v1::MemberRole::MemberVoter if member.voter => "voter".to_owned(),
            // Its disk was lost: it counts as a voter and may not vote yet.
            v1::MemberRole::MemberVoter => "joining".to_owned(),
            v1::MemberRole::MemberLearner => "learner".to_owned(),
            v1::MemberRole::MemberJoining => "joining".to_owned(),
            v1::MemberRole::MemberLeaving => "leaving".to_owned(),
            v1::MemberRole::Unspecified => "unknown".to_owned(),
        };
        let role = match member.replaces {
            0 => role,
            old => format!("{role} for {old}"),
        };
        Self {
            node: member.node_id,
            address: member.address,
            peer_address: member.peer_address,
            role,
            leader: member.leader,
            reachable: member.reachable,
            matched_index: member.matched_index,
            log_version: member.log_version,
        }
    }
}

pub(crate) async fn run(args: MastersArgs, format: Format) -> anyhow::Result<()> {
    match args.command {
        None => list(&Connection::of(&args.context)?, format).await,
        Some(MastersCommand::List(context)) => list(&Connection::of(&context)?, format).await,
        Some(MastersCommand::Add(args)) => add(&Connection::of(&args.context)?, &args).await,
        Some(MastersCommand::Remove(args)) => remove(&Connection::of(&args.context)?, &args).await,
        Some(MastersCommand::Replace(args)) => {
            replace(&Connection::of(&args.context)?, &args).await
        }
        Some(MastersCommand::Transfer(args)) => {
            transfer(&Connection::of(&args.context)?, &args).await
        }
        Some(MastersCommand::Snapshot(args)) => {
            super::backup::write(&Connection::of(&args.context)?, &args.file).await
        }
    }
}

async fn members(connection: &Connection) -> anyhow::Result<Vec<v1::Member>> {
    let cluster = connection
        .ask(
            |mut client| async move { client.get_cluster(request(v1::GetClusterRequest {})).await },
        )
        .await?;
    Ok(cluster.members)
}

async fn list(connection: &Connection, format: Format) -> anyhow::Result<()> {
    let rows: Vec<MasterRow> =
        members(connection).await?.into_iter().map(MasterRow::from).collect();
    print_rows(format, &rows)
}

/// Asks for a change until it does not meet another one on its way.
macro_rules! change {
    ($connection:expr, $method:ident, $message:expr) => {{
        let message = $message;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let asked = $connection
                .ask(|mut client| {
                    let message = request(message.clone());
                    async move { client.$method(message).await }
                })
                .await;
            match asked {
                Err(problem) if may_come_later(&problem) && Instant::now() < deadline => {
                    sleep(LOOK).await;
                }
                outcome => break outcome.map(drop),
            }
        }
    }};
}

/// Another change is on its way, and is about to be over.
fn may_come_later(problem: &anyhow::Error) -> bool {
    let refusal = problem.downcast_ref::<Refusal>();
    refusal.is_some_and(|no| no.reason == Reason::MembershipChanging && no.retry_after.is_some())
}

async fn add(connection: &Connection, args: &AddArgs) -> anyhow::Result<()> {
    let node_id = args.node_id;
    let message = v1::AddMasterRequest {
        node_id,
        address: args.new.address.clone(),
        peer_address: args.new.peer_address.clone(),
    };
    change!(connection, add_master, message)?;
    eprintln!("master {node_id} is added; it votes once it has caught up");
    wait(connection, &args.wait, &format!("master {node_id} does not vote"), |members| {
        votes(members, node_id)
    })
    .await
}

async fn remove(connection: &Connection, args: &RemoveArgs) -> anyhow::Result<()> {
    let node_id = args.node_id;
    change!(connection, remove_master, v1::RemoveMasterRequest { node_id })?;
    eprintln!("master {node_id} is being removed; its number is never used again");
    wait(connection, &args.wait, &format!("master {node_id} is still there"), |members| {
        members.iter().all(|member| member.node_id != node_id)
    })
    .await
}

async fn replace(connection: &Connection, args: &ReplaceArgs) -> anyhow::Result<()> {
    let (old_node_id, node_id) = (args.old_node_id, args.with);
    let message = v1::ReplaceMasterRequest {
        old_node_id,
        node_id,
        address: args.new.address.clone(),
        peer_address: args.new.peer_address.clone(),
    };
    change!(connection, replace_master, message)?;
    eprintln!("master {node_id} takes the place of {old_node_id} once it has caught up");
    let still = format!("master {old_node_id} is still there");
    wait(connection, &args.wait, &still, |members| {
        votes(members, node_id) && members.iter().all(|member| member.node_id != old_node_id)
    })
    .await
}

async fn transfer(connection: &Connection, args: &TransferArgs) -> anyhow::Result<()> {
    let message = v1::TransferLeadershipRequest { node_id: args.node_id.unwrap_or(0) };
    let call = request(message);
    // Asked once: a second leader must not be asked to hand over what it was just given.
    connection.ask_once(|mut client| async move { client.transfer_leadership(call).await }).await?;
    let led = members(connection).await?.into_iter().find(|member| member.leader);
    match led {
        Some(leader) => eprintln!("master {} leads", leader.node_id),
        None => eprintln!("leadership was given up"),
    }
    Ok(())
}

fn votes(members: &[v1::Member], node_id: u64) -> bool {
    let voter = |member: &v1::Member| {
        member.node_id == node_id && member.role() == v1::MemberRole::MemberVoter
    };
    members.iter().any(voter)
}

async fn wait(
    connection: &Connection,
    wait: &Wait,
    still: &str,
    complete: impl Fn(&[v1::Member]) -> bool,
) -> anyhow::Result<()> {
    let deadline = wait.wait.map(|wait| Instant::now() + wait);
    loop {
        let members = members(connection).await.context("the change is made, but not seen")?;
        let voters = members.iter().filter(|m| m.role() == v1::MemberRole::MemberVoter).count();
        if complete(&members) {
            if voters.is_multiple_of(2) {
                eprintln!("{voters} masters vote now: one less would bear as many failures");
            }
            return Ok(());
        }
        match deadline {
            None => return Ok(()),
            Some(deadline) if Instant::now() >= deadline => bail!("{still}; it goes on"),
            Some(_) => sleep(LOOK).await,
        }
    }
}
