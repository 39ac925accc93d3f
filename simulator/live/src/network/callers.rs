//! Which process of this host is at the other end of a connection.
//!
//! Addresses do not tell: all parties call from the same one. The kernel lists which socket has
//! which ends, and which process holds which socket.

use std::{
    fs,
    net::{IpAddr, SocketAddr},
};

/// The process among these that holds the socket at `far`, connected with `near`.
pub(super) fn caller(far: SocketAddr, near: SocketAddr, among: &[u32]) -> Option<u32> {
    let table = fs::read_to_string("/proc/self/net/tcp").ok()?;
    let wanted = format!("socket:[{}]", inode(&table, &ends(far)?, &ends(near)?)?);
    among.iter().copied().find(|pid| {
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        let mut targets = descriptors.filter_map(|entry| fs::read_link(entry.path()).ok());
        targets.any(|target| target.as_os_str() == wanted.as_str())
    })
}

/// An address as the kernel's table has it.
fn ends(address: SocketAddr) -> Option<String> {
    let IpAddr::V4(ip) = address.ip() else { return None };
    Some(format!("{:08X}:{:04X}", u32::from_ne_bytes(ip.octets()), address.port()))
}

fn inode<'a>(table: &'a str, local: &str, remote: &str) -> Option<&'a str> {
    table.lines().find_map(|line| {
        let mut fields = line.split_ascii_whitespace().skip(1);
        let is_it = fields.next() == Some(local) && fields.next() == Some(remote);
        is_it.then(|| fields.nth(6)).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn whoever_holds_the_socket_is_the_caller() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(server.local_addr().unwrap()).unwrap();
        let (far, near) = (client.local_addr().unwrap(), server.local_addr().unwrap());
        let own = std::process::id();
        let mut other = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        assert_eq!(caller(far, near, &[other.id(), own]), Some(own));
        assert_eq!(caller(far, near, &[other.id()]), None);
        other.kill().unwrap();
        other.wait().unwrap();
    }
}
