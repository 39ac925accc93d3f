//! A metrics page, read without any library.

use std::{
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// The page, with its headers.
pub(crate) fn metrics_page(address: SocketAddr) -> io::Result<String> {
    let mut socket = TcpStream::connect(address)?;
    socket.set_read_timeout(Some(Duration::from_secs(20)))?;
    socket.write_all(b"GET /metrics HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")?;
    let mut text = String::new();
    socket.read_to_string(&mut text)?;
    Ok(text)
}

/// The value of the first series of a name with this in its labels.
pub(crate) fn metric(page: &str, name: &str, label: &str) -> Option<f64> {
    let is_series = |line: &&str| {
        line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']))
            && line.contains(label)
    };
    page.lines().find(is_series)?.rsplit(' ').next()?.parse().ok()
}
