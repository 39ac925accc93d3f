//! Values that more than one process is told, read from text.

use super::Malformed;
use std::{
    net::{Ipv6Addr, SocketAddr},
    path::PathBuf,
};

/// A whole number within bounds.
pub fn number(text: &str, minimum: u64, maximum: u64) -> Result<u64, Malformed> {
    let wrong = || Malformed::Number { text: text.to_owned(), minimum, maximum };
    let value = text.parse().map_err(|_| wrong())?;
    match (minimum..=maximum).contains(&value) {
        true => Ok(value),
        false => Err(wrong()),
    }
}

/// `true` or `false`.
pub fn boolean(text: &str) -> Result<bool, Malformed> {
    text.parse().map_err(|_| Malformed::Boolean { text: text.to_owned() })
}

/// Any path but none.
pub fn path(text: &str) -> Result<PathBuf, Malformed> {
    match text.is_empty() {
        true => Err(Malformed::Empty),
        false => Ok(PathBuf::from(text)),
    }
}

/// Where to listen: an IP and a port, which may be 0.
pub fn listen_address(text: &str) -> Result<SocketAddr, Malformed> {
    text.parse().map_err(|_| Malformed::ListenAddress { text: text.to_owned() })
}

/// Whom to call: a name or an IP, and a port that is at least `port_min`.
pub fn call_address(text: &str, port_min: u16) -> Result<String, Malformed> {
    let wrong = || Malformed::CallAddress { text: text.to_owned() };
    let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
    let name = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    let host_fits = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(inside) => inside.parse::<Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.chars().all(name),
    };
    let digits = port.bytes().all(|b| b.is_ascii_digit());
    let port_fits = digits && port.parse::<u16>().is_ok_and(|port| port >= port_min);
    match host_fits && port_fits {
        true => Ok(text.to_owned()),
        false => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_a_host_and_a_port() {
        for good in ["a:1", "10.0.0.1:65535", "[::1]:5050", "rack-1_b.example:80"] {
            assert_eq!(call_address(good, 1).as_deref(), Ok(good));
        }
        for bad in ["a", ":1", "a b:1", "a/b:1", "u@a:1", "::1:5", "[a]:1", "[::1:5", "a:", "a:+1"]
        {
            assert!(call_address(bad, 0).is_err(), "{bad}");
        }
        assert!(call_address("a:0", 0).is_ok());
        assert!(call_address("a:0", 1).is_err() && call_address("a:00", 1).is_err());
        assert!(listen_address("localhost:1").is_err());
        assert!(listen_address("[::]:0").is_ok());
    }

    #[test]
    fn numbers_keep_their_bounds() {
        assert_eq!((number("1", 1, 3), number("3", 1, 3)), (Ok(1), Ok(3)));
        for bad in ["0", "4", "-1", "", "1.0", "18446744073709551616"] {
            let (text, minimum, maximum) = (bad.to_owned(), 1, 3);
            assert_eq!(number(bad, 1, 3), Err(Malformed::Number { text, minimum, maximum }));
        }
    }
}
