//! Bytes that no honest program sends, to every listener: nobody falls over.

use crate::rig::{Cluster, Isolation, Shape, holds};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpStream},
    time::Duration,
};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Payloads: noise, other protocols, and HTTP/2 that goes wrong at some point.
fn payloads() -> Vec<Vec<u8>> {
    let mut random = StdRng::seed_from_u64(0x1bad_b002);
    let mut noise = |length: usize| -> Vec<u8> {
        let mut bytes = vec![0; length];
        random.fill(&mut bytes[..]);
        bytes
    };
    let mut payloads: Vec<Vec<u8>> =
        [1, 3, 24, 64, 1_000, 70_000].into_iter().map(&mut noise).collect();
    payloads.push(Vec::new());
    payloads.push(b"GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n".to_vec());
    payloads.push(b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n".to_vec());
    payloads.push(vec![b'A'; 200_000]);
    // A TLS record that announces more than follows, and an alert.
    payloads.push([&[0x16, 3, 1, 0xff, 0xff][..], &noise(300)].concat());
    payloads.push(vec![0x15, 3, 3, 0, 2, 2, 40]);
    // Frames: too long, unknown, settings of nonsense, headers that are no HPACK, a stream of 0.
    for frame in [
        &[0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1][..],
        &[0, 0, 1, 0xee, 0xff, 0x7f, 0xff, 0xff, 0xff, 0],
        &[0, 0, 5, 4, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5],
        &[0, 0, 4, 1, 4, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff],
        &[0, 0, 4, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ] {
        payloads.push([PREFACE, frame].concat());
        payloads.push([PREFACE, &[0, 0, 0, 4, 0, 0, 0, 0, 0], frame, &noise(500)].concat());
    }
    payloads
}

/// Sends bytes and hangs up, or waits a little for an answer.
fn attack(address: SocketAddr, payload: &[u8], waits: bool) {
    let Ok(mut socket) = TcpStream::connect_timeout(&address, Duration::from_secs(5)) else {
        panic!("{address} does not listen any more");
    };
    socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    // The other side may hang up at any byte, which is its right.
    let _ = socket.write_all(payload);
    if waits {
        let _ = socket.shutdown(Shutdown::Write);
        let _ = socket.read(&mut [0; 1_024]);
    }
}

fn everybody_survives(secure: bool) {
    let shape = Shape { name: "besieged", masters: 3, secure, flags: &[] };
    let mut cluster = Cluster::start(shape);
    cluster.add_agent("one", Isolation::Emulated(1), "cpus:1;mem:64");
    let before = cluster.operator.cluster();
    let nodes = cluster.masters.values().chain(cluster.agents.values());
    let mut targets: Vec<SocketAddr> = nodes.flat_map(|node| [node.api, node.metrics]).collect();
    targets.extend(cluster.masters.values().map(|node| node.peer));
    for target in &targets {
        for (number, payload) in payloads().iter().enumerate() {
            attack(*target, payload, number % 2 == 0);
        }
    }
    // Connections that say nothing must not keep others out.
    let silent: Vec<TcpStream> =
        targets.iter().flat_map(|at| (0..8).map(|_| TcpStream::connect(*at).unwrap())).collect();
    let after = cluster.operator.cluster();
    drop(silent);
    assert_eq!(
        (after.ledger_digest, after.applied_index, after.term),
        (before.ledger_digest, before.applied_index, before.term),
        "nothing has changed"
    );
    for node in cluster.masters.values_mut().chain(cluster.agents.values_mut()) {
        assert!(node.is_alive(), "{node:?}");
    }
    holds("the agent is still there", || cluster.operator.agents().len() == 1);
    cluster.finish();
}

#[test]
fn noise_in_plain_text() {
    everybody_survives(false);
}

#[test]
fn noise_before_tls() {
    everybody_survives(true);
}
