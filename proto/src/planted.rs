//! Known bugs for the mutation check of the trials: if trials do not find these, what they say of
//! bugs that nobody knows is worth little.
//!
//! Each is planted in real code by one question at the place where it would be made. It is asked
//! here because all cores share this crate. Without the feature `planted-bugs` the answer is a
//! constant, so that nothing of it is in what is released; with it, a bug is there for as long as
//! the thread wants it to be.

macro_rules! bugs {
    ($($(#[doc = $what:literal])+ $bug:ident, $watched:literal;)+) => {
        /// A bug that can be planted: what is wrong then.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Bug {
            $($(#[doc = $what])+ $bug,)+
        }

        /// All of them.
        pub const BUGS: &[Bug] = &[$(Bug::$bug,)+];

        impl Bug {
            /// What is wrong, in words.
            pub fn what(self) -> &'static str {
                match self {
                    $(Self::$bug => concat!($($what),+).trim_start(),)+
                }
            }

            /// The invariants that should notice, by their names.
            pub fn watched(self) -> &'static str {
                match self {
                    $(Self::$bug => $watched,)+
                }
            }
        }
    };
}

bugs! {
    /// A message leaves before what it promises is on disk.
    MessageBeforeWrite, "C6 C1";
    /// A member speaks in a term that is not on its disk.
    TermNotAwaited, "C6 C1";
    /// A leader counts its own entry before it is on its disk.
    OwnEntryCountedUnwritten, "C3 C5 D1";
    /// A member that lost its disk votes at once, as if the cluster were new.
    WipedVotesAtOnce, "C1 C3";
    /// A leader serves before the first entry of its term is applied.
    ServesBeforeBarrier, "C3 C7";
    /// The log is compacted before the snapshot in its place is on disk.
    CompactsBeforeSnapshot, "D1 D3";
    /// A master that is to learn is counted among those who vote.
    LearnerCounted, "C8";
    /// Reads are answered without asking whether this member still leads.
    ReadUnconfirmed, "C7";
    /// Snapshots leave out the maintenance windows.
    SnapshotLacksWindows, "D3 C4";
    /// An agent is told that its update is recorded when it is only received.
    UpdateConfirmedEarly, "U1";
    /// A framework is told that its acknowledgement is recorded when it is only received.
    AcknowledgedEarly, "U3";
    /// A call of an instance of a framework that was replaced is carried out.
    FencedInstanceObeyed, "A3";
    /// An offer stays open after it was used.
    OfferHonouredTwice, "A3";
    /// The offers of an agent that is lost are not taken back.
    OffersOfLostAgentStay, "A6";
    /// A draining agent is offered.
    DrainingAgentOffered, "A6";
    /// What a declined offer held is not free again.
    DeclinedStaysHeld, "A7 A8";
    /// What a task gives up by becoming smaller is freed twice.
    FreedTwice, "A1 A5";
    /// An ended task still holds its part of a reservation.
    EndedKeepsReservation, "A1 T5";
    /// Tasks are launched beyond the limit of their role.
    QuotaNotCounted, "A5";
    /// An accept that is repeated is judged anew.
    RequestForgotten, "T2";
    /// What a refused accept would have done first is remembered as done.
    RefusalLeavesTrace, "T2 S2";
    /// The time of a framework that is away never runs out.
    ExpiryNeverFires, "T6";
    /// Silent agents are given up without a limit.
    LossesUnlimited, "N5";
    /// An agent is believed what it says of another's tasks.
    ForeignUpdateBelieved, "I5";
    /// The journal of a removed agent may come back.
    RemovedJournalReturns, "T6";
    /// A watch that resumes lacks the first fact that it missed.
    WatchSkipsFact, "U2";
    /// An agent that is back is told to launch what it has ended before.
    EndedLaunchedAgain, "T3";
    /// An agent acts before its intent is in its journal.
    ActsBeforeJournal, "T3 T7";
    /// An update is sent and is not in the journal.
    UpdateNotJournaled, "U1 U2 T8";
    /// A restarted agent overlooks the last task of its journal.
    LastRowForgotten, "T3 T7";
    /// An agent whose host was rebooted starts its tasks again.
    StartedAgain, "T3";
    /// A confirmed update takes the later ones of its task with it.
    ConfirmedTooMuch, "U1 U2 T8";
    /// Of a group only the first task is in the journal.
    GroupHalfJournaled, "T2 T8";
    /// A volume is destroyed while tasks use it.
    VolumeDestroyedInUse, "V3 V6";
    /// A restarted agent forgets a volume whose directory it does not find.
    MissingVolumeForgotten, "V4";
}

impl std::fmt::Display for Bug {
    /// `freed-twice`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, letter) in format!("{self:?}").char_indices() {
            if letter.is_uppercase() && index > 0 {
                write!(f, "-")?;
            }
            write!(f, "{}", letter.to_ascii_lowercase())?;
        }
        Ok(())
    }
}

impl std::str::FromStr for Bug {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let named = BUGS.iter().find(|bug| bug.to_string() == text).copied();
        named.ok_or_else(|| {
            let names: Vec<String> = BUGS.iter().map(Self::to_string).collect();
            format!("there is no bug called \"{text}\"; there are {}", names.join(", "))
        })
    }
}

/// Whether this bug is planted: never, in this build.
#[cfg(not(feature = "planted-bugs"))]
#[inline(always)]
pub const fn is(_: Bug) -> bool {
    false
}

#[cfg(not(feature = "planted-bugs"))]
const _: () = assert!(!is(Bug::MessageBeforeWrite), "known when it is compiled");

#[cfg(feature = "planted-bugs")]
pub use planting::{is, plant};

#[cfg(feature = "planted-bugs")]
mod planting {
    use super::Bug;
    use std::cell::Cell;

    thread_local! {
        static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
    }

    /// Whether this bug is planted in what this thread runs.
    pub fn is(bug: Bug) -> bool {
        PLANTED.get() == Some(bug)
    }

    /// Plants a bug in what this thread runs from now on, or none.
    pub fn plant(bug: Option<Bug>) {
        PLANTED.set(bug);
    }
}
