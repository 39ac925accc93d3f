//! What a network does to connections, on loopback: a client and a server around one proxy.

use super::{
    Party,
    link::Link,
    proxies::{Proxies, lock},
};
use crate::patience::{eventually, holds};
use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    time::{Duration, Instant},
};

/// Long enough to see that something does not come, short enough to wait for.
const A_WHILE: Duration = Duration::from_millis(300);
const MASTER: Party = Party::Master(2);

/// A master, and a proxy before it.
struct Rig {
    network: Proxies,
    server: TcpListener,
    proxy: SocketAddr,
}

impl Rig {
    fn new() -> Self {
        let network = Proxies::new().unwrap();
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = network.proxy(2, server.local_addr().unwrap()).unwrap();
        Self { network, server, proxy }
    }

    /// Nothing passes between the master and another.
    fn cut(&self, other: Party) {
        self.network.cut(other, MASTER);
        self.network.cut(MASTER, other);
    }

    /// A connection, at both ends.
    fn connect(&self) -> (TcpStream, TcpStream) {
        let client = TcpStream::connect(self.proxy).unwrap();
        (client, self.server.accept().unwrap().0)
    }
}

fn says(from: &mut TcpStream, text: &str) {
    from.write_all(text.as_bytes()).unwrap();
}

fn hears(at: &mut TcpStream, text: &str) {
    let mut bytes = vec![0; text.len()];
    at.read_exact(&mut bytes).unwrap();
    assert_eq!(String::from_utf8_lossy(&bytes), text);
}

/// Whether nothing comes for a while.
fn is_silent(at: &mut TcpStream) -> bool {
    at.set_read_timeout(Some(A_WHILE)).unwrap();
    let kind = at.read(&mut [0]).map_err(|error| error.kind());
    at.set_read_timeout(None).unwrap();
    kind == Err(ErrorKind::WouldBlock)
}

fn is_over(at: &mut TcpStream) -> bool {
    at.read(&mut [0]).is_ok_and(|count| count == 0)
}

fn is_reset(at: &mut TcpStream) -> bool {
    at.read(&mut [0]).is_err_and(|error| error.kind() == ErrorKind::ConnectionReset)
}

#[test]
fn a_whole_link_carries_words_and_ends() {
    let rig = Rig::new();
    let (mut client, mut server) = rig.connect();
    says(&mut client, "there");
    hears(&mut server, "there");
    says(&mut server, "back");
    hears(&mut client, "back");
    drop(client);
    assert!(is_over(&mut server));
    drop(server);
    holds("nothing is remembered of it", || {
        lock(&rig.network.shared.conversations).open.is_empty()
    })
    .unwrap();
}

#[test]
fn a_cut_link_holds_back_what_arrives_when_it_is_whole() {
    let rig = Rig::new();
    let (mut client, mut server) = rig.connect();
    rig.cut(Party::Clients);
    says(&mut client, "late");
    says(&mut server, "later");
    assert!(is_silent(&mut server) && is_silent(&mut client));
    rig.network.heal();
    hears(&mut server, "late");
    hears(&mut client, "later");
}

#[test]
fn one_direction_is_cut_and_the_other_is_not() {
    let rig = Rig::new();
    let (mut client, mut server) = rig.connect();
    rig.network.cut(Party::Clients, MASTER);
    says(&mut client, "lost");
    says(&mut server, "heard");
    hears(&mut client, "heard");
    assert!(is_silent(&mut server));
}

#[test]
fn who_calls_over_a_cut_link_hangs_and_whoever_gave_up_was_never_there() {
    let rig = Rig::new();
    let calls = || lock(&rig.network.shared.conversations).open.len();
    rig.network.cut(MASTER, Party::Clients);
    let mut one = TcpStream::connect(rig.proxy).unwrap();
    says(&mut one, "gives up");
    holds("it hangs", || calls() == 1).unwrap();
    drop(one);
    holds("it is gone", || calls() == 0).unwrap();
    let mut other = TcpStream::connect(rig.proxy).unwrap();
    says(&mut other, "waits");
    rig.network.heal();
    let (mut server, _) = rig.server.accept().unwrap();
    hears(&mut server, "waits");
}

#[test]
fn a_connection_is_half_open_while_one_side_believes_in_it() {
    let rig = Rig::new();
    let (client, mut server) = rig.connect();
    assert!(rig.network.half_open(Duration::ZERO).is_empty(), "nothing is cut");
    rig.cut(Party::Clients);
    drop(client);
    let found = eventually("the caller is gone", || {
        let found = rig.network.half_open(Duration::ZERO);
        found.first().filter(|text| text.contains("held by the master")).cloned()
    });
    assert!(found.unwrap().contains("of a client to master 2"));
    assert!(is_silent(&mut server), "no end and no reset");
    assert!(rig.network.half_open(Duration::from_secs(60)).is_empty(), "not for so long");
    server.shutdown(std::net::Shutdown::Both).unwrap();
    holds("nobody believes in it", || rig.network.half_open(Duration::ZERO).is_empty()).unwrap();
    assert!(rig.network.silence_max() > Duration::ZERO);
}

#[test]
fn a_late_link_keeps_the_order_and_the_time() {
    let rig = Rig::new();
    let (delay, jitter) = (Duration::from_millis(50), Duration::from_millis(20));
    let late = |link: &mut Link| (link.delay, link.jitter) = (delay, jitter);
    rig.network.set(Party::Clients, MASTER, late);
    let (mut client, mut server) = rig.connect();
    let begun = Instant::now();
    let words: Vec<String> = (100..200).map(|number| number.to_string()).collect();
    words.iter().for_each(|word| says(&mut client, word));
    hears(&mut server, &words.concat());
    assert!(begun.elapsed() >= delay);
}

#[test]
fn a_slow_link_is_slow_and_holds_back_who_sends() {
    let rig = Rig::new();
    let rate = 64 * 1_024;
    rig.network.set(Party::Clients, MASTER, |link| link.bytes_per_second = Some(rate));
    let (mut client, mut server) = rig.connect();
    let begun = Instant::now();
    client.write_all(&vec![7; rate as usize / 4]).unwrap();
    server.read_exact(&mut vec![0; rate as usize / 4]).unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(150), "a quarter of a second's worth");
    assert_is_bounded(&mut client);
}

#[test]
fn what_waits_before_a_cut_is_bounded() {
    let rig = Rig::new();
    let (mut client, _server) = rig.connect();
    rig.network.cut(Party::Clients, MASTER);
    assert_is_bounded(&mut client);
}

/// No more is taken than the kernel and the proxy hold.
fn assert_is_bounded(client: &mut TcpStream) {
    client.set_write_timeout(Some(A_WHILE)).unwrap();
    let piece = vec![7; 1_024 * 1_024];
    let refused = (0..200).any(|_| client.write_all(&piece).is_err());
    assert!(refused, "200 MiB were taken");
}

#[test]
fn a_link_that_resets_ends_what_is_open_and_what_is_called() {
    let rig = Rig::new();
    let (mut client, mut server) = rig.connect();
    rig.network.set(Party::Clients, MASTER, |link| link.resets = true);
    assert!(is_reset(&mut client) && is_reset(&mut server));
    let mut client = TcpStream::connect(rig.proxy).unwrap();
    assert!(is_reset(&mut client));
    rig.network.heal();
    let (server, _) = rig.server.accept().unwrap();
    drop(server);
    let (mut client, mut server) = rig.connect();
    says(&mut client, "well");
    hears(&mut server, "well");
}

#[test]
fn a_reset_passes_as_such() {
    let rig = Rig::new();
    let (mut client, server) = rig.connect();
    let (mut first, mut second) = rig.connect();
    // What was sent and never read makes a reset of a closing.
    says(&mut client, "unread");
    server.peek(&mut [0]).unwrap();
    drop(server);
    assert!(is_reset(&mut client));
    says(&mut first, "others are well");
    hears(&mut second, "others are well");
}

#[test]
fn calls_are_refused_while_nobody_listens() {
    let rig = Rig::new();
    rig.network.refuse(2, true);
    let kind = |rig: &Rig| TcpStream::connect(rig.proxy).map_err(|error| error.kind()).err();
    holds("calls are refused", || kind(&rig) == Some(ErrorKind::ConnectionRefused)).unwrap();
    rig.network.refuse(2, false);
    holds("calls are taken", || kind(&rig).is_none()).unwrap();
}

#[test]
fn a_master_is_known_by_its_process() {
    let rig = Rig::new();
    rig.network.introduce(1, || Ok::<_, ()>(std::process::id())).unwrap();
    rig.cut(Party::Clients);
    let (mut client, mut server) = rig.connect();
    rig.cut(Party::Master(1));
    says(&mut client, "no");
    assert!(is_silent(&mut server));
}
