//! One proxy: takes calls for one address of a master, and carries them over the links between the
//! caller and that master.

use super::{
    Party,
    link::{Link, Reset, carry},
    proxies::{Shared, lock},
};
use std::{fmt, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    io::Interest,
    net::{TcpListener, TcpStream},
    sync::watch,
    time::{self, Instant},
};

/// How often a caller that hangs is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// A connection, as its proxy sees it.
#[derive(Debug)]
pub(super) struct Conversation {
    caller: Party,
    master: u64,
    links: Links,
    since: Instant,
    /// Whether the caller, and the master, hold it open.
    holds: [bool; 2],
}

/// Both directions between a caller and a master.
#[derive(Debug, Clone)]
struct Links {
    there: watch::Receiver<Link>,
    back: watch::Receiver<Link>,
}

/// A conversation's entry, which goes with its task.
struct Entry {
    number: u64,
    shared: Arc<Shared>,
}

/// Takes calls until the runtime ends; while it `refuses`, nobody listens at its address.
pub(super) async fn serve(
    listener: TcpListener,
    master: u64,
    server: SocketAddr,
    mut refuses: watch::Receiver<bool>,
    shared: Arc<Shared>,
) {
    let Ok(address) = listener.local_addr() else { return };
    let mut listening = Some(listener);
    loop {
        if *refuses.borrow_and_update() {
            listening = None;
            // The word outlives its readers.
            let _ = refuses.changed().await;
            continue;
        }
        let listener = match listening.take() {
            Some(listener) => Ok(listener),
            None => TcpListener::bind(address).await,
        };
        let Ok(listener) = listener else {
            time::sleep(LOOK).await;
            continue;
        };
        tokio::select! {
            _ = refuses.changed() => {}
            accepted = listener.accept() => match accepted {
                Ok((caller, _)) => {
                    tokio::spawn(converse(caller, master, server, Arc::clone(&shared)));
                }
                // Out of descriptors, most likely: some will be free.
                Err(_) => time::sleep(LOOK).await,
            },
        }
        listening = Some(listener);
    }
}

async fn converse(mut caller: TcpStream, master: u64, server: SocketAddr, shared: Arc<Shared>) {
    let (Ok(far), Ok(near)) = (caller.peer_addr(), caller.local_addr()) else { return };
    let party = shared.caller(far, near);
    let (there, back) =
        (shared.link(party, Party::Master(master)), shared.link(Party::Master(master), party));
    let mut links = Links { there, back };
    let entry = Entry::new(party, master, links.clone(), shared);
    // A call needs both directions. Until then it hangs, and whoever gives up was never here.
    tokio::select! {
        () = links.whole() => {}
        () = closed(&caller) => return entry.closed(0),
    }
    let carried = match TcpStream::connect(server).await {
        Ok(mut server) => {
            entry.reached();
            let carried = exchange(&mut caller, &mut server, links, &entry).await;
            if carried.is_err() {
                reset(server);
            }
            carried
        }
        Err(_) => Err(Reset),
    };
    if carried.is_err() {
        reset(caller);
    }
}

/// Carries both directions until both have ended, or one is reset.
async fn exchange(
    caller: &mut TcpStream,
    server: &mut TcpStream,
    links: Links,
    entry: &Entry,
) -> Result<(), Reset> {
    for socket in [&*caller, &*server] {
        socket.set_nodelay(true).map_err(|_| Reset)?;
    }
    let ((from_caller, to_caller), (from_server, to_server)) = (caller.split(), server.split());
    tokio::try_join!(
        carry(from_caller, to_server, links.there, || entry.closed(0)),
        carry(from_server, to_caller, links.back, || entry.closed(1)),
    )?;
    Ok(())
}

/// Returns when the other side has closed its connection, whether or not it was read.
async fn closed(socket: &TcpStream) {
    while socket.ready(Interest::READABLE).await.is_ok_and(|ready| !ready.is_read_closed()) {
        time::sleep(LOOK).await;
    }
}

fn reset(socket: TcpStream) {
    // Without it the socket is closed, which ends the connection as well.
    let _ = socket.set_zero_linger();
}

impl Links {
    /// Returns when calls get through.
    async fn whole(&mut self) {
        let is_whole = |link: &Link| link.cut.is_none();
        while !(is_whole(&self.there.borrow()) && is_whole(&self.back.borrow())) {
            // Rules outlive their readers.
            let _ = self.there.wait_for(is_whole).await;
            let _ = self.back.wait_for(is_whole).await;
        }
    }
}

impl Conversation {
    /// For how long nothing has passed in one of its directions.
    pub(super) fn silence(&self) -> Option<Duration> {
        let since = |link: &watch::Receiver<Link>| link.borrow().cut;
        let cuts = [since(&self.links.there), since(&self.links.back)];
        cuts.into_iter().flatten().min().map(|cut| cut.max(self.since).elapsed())
    }

    /// Whether somebody still believes in it.
    pub(super) fn is_held(&self) -> bool {
        self.holds.contains(&true)
    }
}

impl fmt::Display for Conversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let holds = match self.holds {
            [true, true] => "both",
            [true, false] => "the caller",
            [false, _] => "the master",
        };
        let silence = self.silence().unwrap_or_default();
        let (caller, master) = (self.caller, self.master);
        write!(f, "of {caller} to master {master}, held by {holds}, silent for {silence:.1?}")
    }
}

impl Entry {
    fn new(caller: Party, master: u64, links: Links, shared: Arc<Shared>) -> Self {
        let (since, holds) = (Instant::now(), [true, false]);
        let conversation = Conversation { caller, master, links, since, holds };
        let mut conversations = lock(&shared.conversations);
        let number = conversations.next;
        conversations.next += 1;
        conversations.open.insert(number, conversation);
        drop(conversations);
        Self { number, shared }
    }

    /// The master has a connection as well.
    fn reached(&self) {
        if let Some(it) = lock(&self.shared.conversations).open.get_mut(&self.number) {
            it.holds[1] = true;
        }
    }

    /// A side let go of its connection.
    fn closed(&self, side: usize) {
        let mut conversations = lock(&self.shared.conversations);
        let Some(it) = conversations.open.get_mut(&self.number) else { return };
        it.holds[side] = false;
        let silence = it.silence().unwrap_or_default();
        conversations.silence_max = conversations.silence_max.max(silence);
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        lock(&self.shared.conversations).open.remove(&self.number);
    }
}
