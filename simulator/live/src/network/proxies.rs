//! Proxies before the addresses of masters, with rules for each ordered pair of parties.
//!
//! Members and clients are told the proxies' addresses. A proxy asks the kernel who calls, and so
//! knows of each connection between whom it is, in both directions. It needs no privilege, and no
//! traffic leaves the loopback interface. What it does not have are packets: bytes that do not
//! pass wait and arrive later, a call that does not get through hangs.

use super::{
    Party, callers,
    link::Link,
    proxy::{self, Conversation},
};
use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{net::TcpListener, runtime::Runtime, sync::watch, time::Instant};

/// All proxies of a cluster, and the links that they make up.
#[derive(Debug)]
pub struct Proxies {
    pub(super) shared: Arc<Shared>,
    // Ends all proxies when it is dropped.
    runtime: Runtime,
}

#[derive(Debug, Default)]
pub(super) struct Shared {
    /// Rules from one to another; pairs that nobody has asked for yet are missing.
    links: Mutex<BTreeMap<(Party, Party), watch::Sender<Link>>>,
    /// The processes of masters. Whoever asks who calls waits while one is being started.
    masters: Mutex<BTreeMap<u64, u32>>,
    /// Masters behind proxies, and whether these refuse every call.
    served: Mutex<BTreeMap<u64, watch::Sender<bool>>>,
    pub(super) conversations: Mutex<Conversations>,
}

/// Connections that at least one side holds open.
#[derive(Debug, Default)]
pub(super) struct Conversations {
    pub(super) open: BTreeMap<u64, Conversation>,
    pub(super) next: u64,
    /// The longest time from a cut until a side of a connection over it was closed.
    pub(super) silence_max: Duration,
}

impl Proxies {
    /// One in which nobody is.
    pub fn new() -> io::Result<Self> {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).thread_name("network").enable_all().build()?;
        Ok(Self { shared: Arc::default(), runtime })
    }

    /// Puts a proxy before an address of a master; answers with the address to call instead.
    pub fn proxy(&self, master: u64, server: SocketAddr) -> io::Result<SocketAddr> {
        let listener = self.runtime.block_on(TcpListener::bind((server.ip(), 0)))?;
        let address = listener.local_addr()?;
        let refuses = lock(&self.shared.served).entry(master).or_default().subscribe();
        let shared = Arc::clone(&self.shared);
        self.runtime.spawn(proxy::serve(listener, master, server, refuses, shared));
        Ok(address)
    }

    /// Starts a master by `start`, which answers with its process: its first call is known as its
    /// own.
    pub fn introduce<E>(
        &self,
        master: u64,
        start: impl FnOnce() -> Result<u32, E>,
    ) -> Result<(), E> {
        let mut masters = lock(&self.shared.masters);
        masters.insert(master, start()?);
        Ok(())
    }

    /// Changes the rules of one direction.
    pub fn set(&self, from: Party, to: Party, change: impl FnOnce(&mut Link)) {
        self.shared.change(from, to, change);
    }

    /// From now on nothing passes from one to the other.
    pub fn cut(&self, from: Party, to: Party) {
        let now = Instant::now();
        self.set(from, to, |link| link.cut = Some(link.cut.unwrap_or(now)));
    }

    /// Whether calls for a master are refused, as when nobody listens there.
    pub fn refuse(&self, master: u64, refuses: bool) {
        lock(&self.shared.served).entry(master).or_default().send_replace(refuses);
    }

    /// All links are whole.
    pub fn heal(&self) {
        let links = lock(&self.shared.links);
        links.values().for_each(|link| link.send_modify(|link| *link = Link::default()));
    }

    /// Connections that have been silent for longer than this because of a cut, and that one side
    /// or both still believe in.
    pub fn half_open(&self, longer: Duration) -> Vec<String> {
        let conversations = lock(&self.shared.conversations);
        let open = conversations.open.values();
        let believed = open.filter(|it| it.is_held() && it.silence() > Some(longer));
        believed.map(ToString::to_string).collect()
    }

    /// The longest time from a cut until a side closed its connection.
    pub fn silence_max(&self) -> Duration {
        lock(&self.shared.conversations).silence_max
    }
}

impl Shared {
    pub(super) fn link(&self, from: Party, to: Party) -> watch::Receiver<Link> {
        lock(&self.links).entry((from, to)).or_default().subscribe()
    }

    fn change(&self, from: Party, to: Party, change: impl FnOnce(&mut Link)) {
        lock(&self.links).entry((from, to)).or_default().send_modify(change);
    }

    /// Who is at the other end of a connection to a proxy.
    pub(super) fn caller(&self, far: SocketAddr, near: SocketAddr) -> Party {
        let masters = lock(&self.masters);
        let pids: Vec<u32> = masters.values().copied().collect();
        let pid = callers::caller(far, near, &pids);
        let master = masters.iter().find(|(_, process)| Some(**process) == pid);
        master.map_or(Party::Clients, |(master, _)| Party::Master(*master))
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
