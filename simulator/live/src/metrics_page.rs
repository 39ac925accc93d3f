//! A metrics page, read without any library.

use std::{
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// Who says nothing for so long will not.
const SILENCE: Duration = Duration::from_secs(20);

/// The page, with its headers.
pub fn read(address: SocketAddr) -> io::Result<String> {
    let mut socket = TcpStream::connect_timeout(&address, SILENCE)?;
    socket.set_read_timeout(Some(SILENCE))?;
    socket.write_all(b"GET /metrics HTTP/1.1\r\nHost: trial\r\nConnection: close\r\n\r\n")?;
    let mut text = String::new();
    socket.read_to_string(&mut text)?;
    Ok(text)
}

/// The value of the first series of a name.
pub fn value(page: &str, name: &str) -> Option<f64> {
    labelled(page, name, "")
}

/// The value of the first series of a name with this in its labels.
pub fn labelled(page: &str, name: &str, label: &str) -> Option<f64> {
    let is_series = |line: &&str| {
        line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']))
            && line.contains(label)
    };
    page.lines().find(is_series)?.rsplit(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_not_taken_for_a_longer_one() {
        let page = "HTTP/1.1 200 OK\n\nsome_total 3\nsome{a=\"b\"} 4\nsome 5\n";
        assert_eq!(value(page, "some"), Some(4.0));
        assert_eq!(value(page, "some_total"), Some(3.0));
        assert_eq!(value(page, "som"), None);
        assert_eq!(labelled(page, "some", "a=\"b\""), Some(4.0));
        assert_eq!(labelled(page, "some", "a=\"c\""), None);
    }
}
