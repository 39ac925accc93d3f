//! Why settings are refused: which key, where it came from, what is wrong with it.

use std::{error::Error, fmt, io, path::PathBuf};

/// Which layer said something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The command line.
    Flag(String),
    /// The environment.
    Environment(String),
    /// A file.
    File(PathBuf),
    /// Nobody: it is the default.
    Default,
}

/// Why a process has no settings to start with. `P` is what can be wrong with one of its values.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError<P: Error + 'static> {
    /// The file cannot be read.
    #[error("the settings file {} cannot be read", path.display())]
    FileUnreadable {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The file is not of the right form, or has a key that does not exist.
    #[error("the settings file {} is malformed", path.display())]
    FileMalformed {
        /// Which.
        path: PathBuf,
        /// Where and why.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// Nobody said it, and there is no default.
    #[error("`{key}` is missing: give it as {flag}, as {variable}, or in the settings file")]
    Missing {
        /// What.
        key: &'static str,
        /// Its flag.
        flag: String,
        /// Its environment variable.
        variable: String,
    },
    /// A value that cannot be.
    #[error("`{key}` ({origin}) is refused")]
    Invalid {
        /// What.
        key: &'static str,
        /// Who said it.
        origin: Origin,
        /// What is wrong.
        #[source]
        problem: P,
    },
    /// Neither certificates nor the word that there are to be none.
    #[error(
        "no security is configured: give `tls.ca`, `tls.certificate` and `tls.key`, or say \
         `insecure` for plain text without identities"
    )]
    NoSecurity,
    /// Certificates and the word that there are to be none.
    #[error("`insecure` ({insecure}) contradicts `{key}` ({tls}): leave one of them out")]
    Contradiction {
        /// Who said that it is to be insecure.
        insecure: Origin,
        /// Which certificate setting is there all the same.
        key: &'static str,
        /// Who gave it.
        tls: Origin,
    },
}

/// A value that is not of the form that its key has, in whichever process.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Not a whole number within bounds.
    #[error("{text:?} is not a whole number from {minimum} to {maximum}")]
    Number {
        /// What was said.
        text: String,
        /// Least.
        minimum: u64,
        /// Most.
        maximum: u64,
    },
    /// Neither true nor false.
    #[error("{text:?} is neither true nor false")]
    Boolean {
        /// What was said.
        text: String,
    },
    /// Nothing was said.
    #[error("is empty")]
    Empty,
    /// Not an address to listen on.
    #[error("{text:?} is not of the form IP:PORT")]
    ListenAddress {
        /// What was said.
        text: String,
    },
    /// Not an address to call.
    #[error("{text:?} is not of the form HOST:PORT")]
    CallAddress {
        /// What was said.
        text: String,
    },
    /// An entry of a list has the wrong form.
    #[error("{entry:?} is not of the form {form}")]
    Entry {
        /// The entry.
        entry: String,
        /// The form.
        form: &'static str,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Flag(flag) => write!(f, "flag {flag}"),
            Origin::Environment(variable) => write!(f, "environment variable {variable}"),
            Origin::File(path) => write!(f, "file {}", path.display()),
            Origin::Default => f.write_str("default"),
        }
    }
}
