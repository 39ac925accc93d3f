//! Who an agent is for a registry: nobody, a user with a password, or whoever has a token.
//!
//! A registry that wants to know says how with `401` and a challenge (RFC 9110, section 11). To
//! `Bearer` belongs a service that gives tokens (distribution-spec, "Token Authentication"), each
//! for one repository and a short while.

use crate::{
    access::Credentials,
    error::PullError,
    limits::{TOKEN_LIFE, TOKENS_MAX},
};
use reqwest::{
    Url,
    header::{HeaderMap, WWW_AUTHENTICATE},
};
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// What goes with a request.
#[derive(Clone)]
pub(crate) enum Authorization {
    Basic(Credentials),
    Bearer(String),
}

/// What a registry wants to know.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Challenge {
    Basic,
    Bearer { realm: Url, service: Option<String> },
}

/// What was good a moment ago, by registry and repository.
#[derive(Debug, Default)]
pub(crate) struct Remembered(Mutex<BTreeMap<(String, String), (Authorization, Instant)>>);

/// A token service's answer.
#[derive(Deserialize)]
struct Answer {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<u64>,
}

impl fmt::Debug for Authorization {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Basic(_) => "Basic",
            Self::Bearer(_) => "Bearer",
        })
    }
}

impl Challenge {
    /// From an answer's head; a token is preferred. `Err` is what it wants and nobody here knows.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, String> {
        let values = headers.get_all(WWW_AUTHENTICATE).iter();
        let texts: Vec<&str> = values.filter_map(|value| value.to_str().ok()).collect();
        let mut basic = None;
        for text in &texts {
            for challenge in http_auth::parse_challenges(text).unwrap_or_default() {
                if challenge.scheme.eq_ignore_ascii_case("bearer") {
                    let parameter = |wanted: &str| {
                        let mut all = challenge.params.iter();
                        let found = all.find(|(name, _)| name.eq_ignore_ascii_case(wanted));
                        found.map(|(_, value)| value.to_unescaped())
                    };
                    let realm = parameter("realm").and_then(|realm| Url::parse(&realm).ok());
                    if let Some(realm) = realm {
                        return Ok(Self::Bearer { realm, service: parameter("service") });
                    }
                } else if challenge.scheme.eq_ignore_ascii_case("basic") {
                    basic = Some(Self::Basic);
                }
            }
        }
        basic.ok_or_else(|| texts.join(", "))
    }
}

/// Where a token for a repository is asked for.
pub(crate) fn address(mut realm: Url, service: Option<&str>, repository: &str) -> Url {
    realm
        .query_pairs_mut()
        .extend_pairs(service.map(|service| ("service", service)))
        .append_pair("scope", &format!("repository:{repository}:pull"));
    realm
}

/// A token, and how long it is good for.
pub(crate) fn read(host: &str, bytes: &[u8]) -> Result<(Authorization, Duration), PullError> {
    let wrong = |source| PullError::Token { host: host.to_owned(), source };
    let answer: Answer = serde_json::from_slice(bytes).map_err(wrong)?;
    let token = answer.token.or(answer.access_token);
    let missing = || wrong(serde::de::Error::missing_field("token"));
    let life = answer.expires_in.map_or(TOKEN_LIFE, Duration::from_secs);
    Ok((Authorization::Bearer(token.ok_or_else(missing)?), life))
}

impl Remembered {
    pub(crate) fn find(&self, host: &str, repository: &str) -> Option<Authorization> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known.get(&(host.to_owned(), repository.to_owned()));
        found.filter(|(_, until)| *until > Instant::now()).map(|(it, _)| it.clone())
    }

    pub(crate) fn keep(&self, host: &str, repository: &str, it: Authorization, until: Instant) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= TOKENS_MAX {
            known.clear();
        }
        known.insert((host.to_owned(), repository.to_owned()), (it, until));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn challenge(texts: &[&str]) -> Result<Challenge, String> {
        let mut headers = HeaderMap::new();
        for text in texts {
            headers.append(WWW_AUTHENTICATE, text.parse().unwrap());
        }
        Challenge::of(&headers)
    }

    #[test]
    fn a_token_is_preferred_to_a_password() {
        let bearer = r#"bearer Realm="https://auth.example/t",service="reg, \"x\"",scope="a b""#;
        for texts in [&[r#"Basic realm="r""#, bearer][..], &[bearer, "Basic realm=r"]] {
            let Ok(Challenge::Bearer { realm, service }) = challenge(texts) else { panic!() };
            assert_eq!(service.as_deref(), Some(r#"reg, "x""#));
            let address = address(realm, service.as_deref(), "library/busybox");
            assert_eq!(
                address.as_str(),
                "https://auth.example/t?service=reg%2C+%22x%22\
                 &scope=repository%3Alibrary%2Fbusybox%3Apull"
            );
        }
        assert_eq!(challenge(&["Basic realm=r"]), Ok(Challenge::Basic));
    }

    #[test]
    fn what_nobody_knows_is_said() {
        assert_eq!(challenge(&["Negotiate"]), Err("Negotiate".to_owned()));
        assert_eq!(challenge(&[]), Err(String::new()));
        for text in ["Bearer realm=\"no address\"", "Bearer service=x", "=\"", "Bearer realm="] {
            assert!(challenge(&[text]).is_err(), "{text}");
        }
    }

    #[test]
    fn tokens_come_under_two_names_and_end() {
        let token = |text: &str| match read("h", text.as_bytes()) {
            Ok((Authorization::Bearer(token), life)) => Some((token, life)),
            _ => None,
        };
        let life = Duration::from_secs(5);
        assert_eq!(token(r#"{"token":"a"}"#), Some(("a".into(), TOKEN_LIFE)));
        assert_eq!(token(r#"{"access_token":"b","expires_in":5}"#), Some(("b".into(), life)));
        for text in ["{}", "", "[]", r#"{"token":1}"#] {
            assert_eq!(token(text), None, "{text}");
        }
        let remembered = Remembered::default();
        let it = || Authorization::Bearer("a".into());
        remembered.keep("h", "r", it(), Instant::now() + life);
        assert!(remembered.find("h", "r").is_some());
        assert!(remembered.find("h", "other").is_none());
        remembered.keep("h", "r", it(), Instant::now());
        assert!(remembered.find("h", "r").is_none());
    }
}
