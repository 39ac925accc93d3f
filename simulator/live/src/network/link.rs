//! One direction between two parties: its rules, and the bytes that are on their way.
//!
//! A byte stream has no lost packets: what a network swallows is sent again until it arrives or
//! somebody gives up. So nothing passes a link that is cut, neither bytes nor the end of a
//! connection, nobody is told, and all of it arrives when the link is whole again. What is on the
//! way is bounded; a sender that is faster has to wait, as it would before a full window.

use rand::RngExt as _;
use std::{collections::VecDeque, io, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::tcp::{ReadHalf, WriteHalf},
    sync::watch,
    time::{self, Instant},
};

/// More than peers of ours may send ahead (a window of 4 MiB), so that the end behind it is seen.
const ON_THE_WAY_BYTES_MAX: usize = 5 * 1_024 * 1_024;
const PIECE_BYTES: usize = 16 * 1_024;
/// A slow link moves its bytes in so many steps per second.
const STEPS_PER_SECOND: u32 = 20;

/// What becomes of bytes on their way from one party to another.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Link {
    /// Since when nothing passes; `None` when everything does.
    pub cut: Option<Instant>,
    /// Everything resets: what is open, and what is dialled.
    pub resets: bool,
    /// Everything arrives later, by this at least.
    pub delay: Duration,
    /// And by up to this more.
    pub jitter: Duration,
    /// So many bytes in a second, at most.
    pub bytes_per_second: Option<u32>,
}

/// How a party ended its side of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Closed,
    Reset,
}

/// The other side is to be reset.
#[derive(Debug)]
pub(super) struct Reset;

/// What was read and not written, oldest first.
#[derive(Debug, Default)]
struct Transit {
    pieces: VecDeque<Piece>,
    bytes: usize,
    end: Option<End>,
    /// Nothing overtakes what was sent before.
    last_due: Option<Instant>,
    /// A slow link is busy until then.
    busy_until: Option<Instant>,
}

#[derive(Debug)]
struct Piece {
    due: Instant,
    /// Empty for the end of the stream.
    bytes: Vec<u8>,
    written: usize,
}

impl Link {
    /// What a sender may have on the way.
    fn room(&self) -> usize {
        // A slow link is slow to whoever sends, too: it must not take everything at once.
        self.bytes_per_second.map_or(ON_THE_WAY_BYTES_MAX, |rate| rate as usize)
    }

    fn lateness(&self) -> Duration {
        self.delay + self.jitter.mul_f64(rand::rng().random::<f64>())
    }
}

impl Transit {
    fn add(&mut self, bytes: &[u8], now: Instant, link: &Link) {
        let due = now + link.lateness();
        let due = self.last_due.map_or(due, |last| last.max(due));
        self.last_due = Some(due);
        self.bytes += bytes.len();
        self.pieces.push_back(Piece { due, bytes: bytes.to_vec(), written: 0 });
    }

    /// When something is to be written, if the link lets it.
    fn due(&self, link: &Link) -> Option<Instant> {
        let due = self.pieces.front().filter(|_| link.cut.is_none())?.due;
        Some(self.busy_until.map_or(due, |free| free.max(due)))
    }

    /// What is to be written next; nothing at the end of the stream.
    fn next(&self, link: &Link) -> &[u8] {
        let rest = self.pieces.front().map_or(&[][..], |piece| &piece.bytes[piece.written..]);
        let step = link.bytes_per_second.map(|rate| rate.div_ceil(STEPS_PER_SECOND) as usize);
        &rest[..rest.len().min(step.unwrap_or(PIECE_BYTES))]
    }

    fn written(&mut self, count: usize, link: &Link) {
        self.bytes -= count;
        if let Some(rate) = link.bytes_per_second {
            let count = u32::try_from(count).unwrap_or(u32::MAX);
            self.busy_until = Some(Instant::now() + Duration::from_secs(1) * count / rate.max(1));
        }
        if let Some(piece) = self.pieces.front_mut() {
            piece.written += count;
            if piece.written == piece.bytes.len() {
                self.pieces.pop_front();
            }
        }
    }

    fn is_at_end(&self) -> bool {
        self.pieces.front().is_some_and(|piece| piece.bytes.is_empty())
    }
}

/// Carries what one side sends to the other, as the link has it, until its end has arrived too.
/// `ended` is told when the sender ends.
pub(super) async fn carry(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    mut link: watch::Receiver<Link>,
    ended: impl Fn(),
) -> Result<(), Reset> {
    let (mut transit, mut buffer) = (Transit::default(), vec![0; PIECE_BYTES]);
    // A receiver that is gone says so on its own way back; its bytes are taken and dropped.
    let mut is_deaf = false;
    loop {
        let rules = *link.borrow_and_update();
        if rules.resets {
            return Err(Reset);
        }
        let now = Instant::now();
        let due = transit.due(&rules);
        let is_due = due.is_some_and(|due| due <= now);
        if is_due && transit.is_at_end() {
            if transit.end == Some(End::Reset) {
                return Err(Reset);
            }
            // What is closed already cannot be closed.
            let _ = to.shutdown().await;
            return Ok(());
        }
        let has_room = transit.end.is_none() && transit.bytes < rules.room();
        tokio::select! {
            // Whoever sets rules outlives whoever follows them.
            _ = link.changed() => {}
            read = from.read(&mut buffer), if has_room => {
                let count = read.as_ref().map_or(0, |count| *count);
                if count == 0 {
                    transit.end = Some(read.map_or(End::Reset, |_| End::Closed));
                    ended();
                }
                transit.add(&buffer[..count], Instant::now(), &rules);
            }
            sent = write(&mut to, transit.next(&rules), is_deaf), if is_due => match sent {
                Ok(count) => transit.written(count, &rules),
                Err(_) => is_deaf = true,
            },
            () = time::sleep_until(due.unwrap_or(now)), if due.is_some() && !is_due => {}
        }
    }
}

async fn write(to: &mut WriteHalf<'_>, bytes: &[u8], is_deaf: bool) -> io::Result<usize> {
    match is_deaf {
        true => Ok(bytes.len()),
        false => to.write(bytes).await,
    }
}
