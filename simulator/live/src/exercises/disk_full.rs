//! The disk of the master, or of the agent, is full for a while.
//!
//! A master stops and says why; with room again it starts without help and knows all that was
//! acknowledged. An agent runs on: it refuses launches and says so, and what runs ends in order.

use super::{
    Order,
    power_cut::on_lossy_disks,
    stage::{Limits, Stage},
};
use crate::{
    figures::Report,
    lossy_disk::LossyDisk,
    node::Node,
    patience::{holds, within},
    verdict::Ends,
};
use anyhow::Context as _;
use std::time::{Duration, Instant};

/// Under a load, until a full disk is noticed.
const NOTICED: Duration = Duration::from_secs(30);
/// What is left to an agent: too little for launches, enough for its journal.
const AGENT_BYTES: u64 = 40 << 20;

pub(super) fn run(order: &Order<'_>) -> anyhow::Result<Report> {
    let stage = on_lossy_disks(order)?;
    stage.perform("disk-full", order, Ends::Somehow, Limits::NONE, |stage, round| {
        stage.harm();
        match round % 2 {
            0 => full_master(stage)?,
            _ => full_agent(stage)?,
        }
        stage.cluster.start_all()?;
        stage.resumes(Instant::now())
    })
}

fn full_master(stage: &mut Stage) -> anyhow::Result<()> {
    let log = stage.cluster.home.log("master-1");
    let before = std::fs::read(&log)?.len();
    let node = stage.cluster.master(1)?;
    // Anything between none and a few pages, so that it fails in different places.
    leave(node, Some(rand::random_range(..64 << 10)))?;
    within(NOTICED, "a master without room stops", || (!node.is_running()).then_some(()))?;
    let status = node.take()?.wait()?;
    leave(node, None)?;
    let text = std::fs::read(&log)?.split_off(before);
    let said = String::from_utf8_lossy(&text);
    anyhow::ensure!(status.code() == Some(1), "a master without room ended with {status}");
    anyhow::ensure!(said.contains("No space left on device"), "it does not say why: {said}");
    Ok(())
}

fn full_agent(stage: &mut Stage) -> anyhow::Result<()> {
    let log = stage.cluster.home.log("agent-1");
    let says = |what: &'static str, before: usize| {
        holds(&format!("an agent says: {what}"), || {
            let text = std::fs::read(&log).unwrap_or_default();
            String::from_utf8_lossy(text.get(before..).unwrap_or_default()).contains(what)
        })
    };
    let before = std::fs::read(&log)?.len();
    leave(stage.cluster.agent("agent-1")?, Some(AGENT_BYTES))?;
    says("launches are refused", before)?;
    let agent = stage.cluster.agent("agent-1")?;
    anyhow::ensure!(agent.is_running(), "an agent without room has ended");
    leave(agent, None)?;
    says("the disk has room again", before)
}

/// Leaves so much room on a node's disk.
fn leave(node: &Node, bytes: Option<u64>) -> anyhow::Result<()> {
    let disk: &LossyDisk = node.disk.as_ref().context("it is on a disk of ours")?;
    let capacity = bytes.map(|bytes| disk.used_bytes() + bytes);
    disk.trouble(|troubles| troubles.capacity = capacity);
    Ok(())
}
