//! A profile as operators write it: Docker's format, read and believed only when nothing in it is
//! unknown. A field that is passed over in silence could be the one that was meant to protect.

use std::fmt;

use serde::Deserialize;

/// The most bytes that a profile may have; the longest known ones have 30 KiB.
pub const MAX_PROFILE_BYTES: usize = 1024 * 1024;
/// What a call is answered with where the profile says only that it fails: `EPERM`.
const ERRNO_DEFAULT: u32 = 1;
/// The highest number that the kernel takes for an error (`MAX_ERRNO`).
const ERRNO_MAX: u32 = 4_095;
/// A system call has six arguments.
const ARGUMENTS: u32 = 6;

/// A profile that was read and checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    pub(crate) default: Action,
    pub(crate) rules: Vec<Rule>,
}

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Action {
    KillProcess,
    KillThread,
    Trap,
    Errno(u32),
    Trace(u32),
    Log,
    Allow,
}

/// Calls that meet the same end under the same conditions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) names: Vec<String>,
    pub(crate) action: Action,
    pub(crate) conditions: Vec<Condition>,
    pub(crate) includes: Selector,
    pub(crate) excludes: Selector,
}

/// A comparison of one argument, as an unsigned number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Condition {
    pub(crate) index: u32,
    pub(crate) value: u64,
    /// With [`Operator::MaskedEqual`], what the masked argument must be; `value` is the mask.
    #[serde(default)]
    pub(crate) value_two: u64,
    pub(crate) op: Operator,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) enum Operator {
    #[serde(rename = "SCMP_CMP_NE")]
    NotEqual,
    #[serde(rename = "SCMP_CMP_LT")]
    Less,
    #[serde(rename = "SCMP_CMP_LE")]
    LessOrEqual,
    #[serde(rename = "SCMP_CMP_EQ")]
    Equal,
    #[serde(rename = "SCMP_CMP_GE")]
    GreaterOrEqual,
    #[serde(rename = "SCMP_CMP_GT")]
    Greater,
    #[serde(rename = "SCMP_CMP_MASKED_EQ")]
    MaskedEqual,
}

/// Hosts and containers that a rule is for, or is not for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Selector {
    /// With their prefix: `CAP_SYS_ADMIN`.
    #[serde(default)]
    pub(crate) caps: Vec<String>,
    /// As Go names them: `amd64`.
    #[serde(default)]
    pub(crate) arches: Vec<String>,
    #[serde(default)]
    pub(crate) min_kernel: Option<KernelVersion>,
}

/// The first two numbers of a kernel's release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct KernelVersion(pub(crate) u32, pub(crate) u32);

/// Why text is no profile. Each names the field.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// More bytes than any profile needs.
    #[error("the profile has more than {MAX_PROFILE_BYTES} bytes")]
    TooLarge,
    /// Not JSON, or a field is missing, unknown or of the wrong type.
    #[error("the profile is malformed")]
    Malformed(#[source] serde_json::Error),
    /// Nobody is there who could decide about single calls.
    #[error("{field}: there is nobody to notify; use another action, such as SCMP_ACT_ERRNO")]
    Notify {
        /// Where.
        field: String,
    },
    /// Flags change what a filter means for the whole process.
    #[error("flags: {flag:?} is not supported; leave it out")]
    Flag {
        /// Which.
        flag: String,
    },
    /// A rule for nothing.
    #[error("{field}: names no system call")]
    NoNames {
        /// Where.
        field: String,
    },
    /// No such error, or one for an action that answers with none.
    #[error("{field}: {number} is no error number from 0 to {ERRNO_MAX}")]
    Errno {
        /// Where.
        field: String,
        /// What was said.
        number: u32,
    },
    /// No such argument.
    #[error("{field}: a system call has no argument {index}, only 0 to 5")]
    Index {
        /// Where.
        field: String,
        /// What was said.
        index: u32,
    },
}

/// The file, field by field.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct File {
    default_action: ActionName,
    #[serde(default)]
    default_errno_ret: Option<u32>,
    /// Filters are made for this host's own architecture, whatever else the profile names.
    #[serde(default, rename = "archMap")]
    _arch_map: serde::de::IgnoredAny,
    #[serde(default, rename = "architectures")]
    _architectures: serde::de::IgnoredAny,
    #[serde(default)]
    flags: Vec<String>,
    #[serde(default)]
    listener_path: Option<String>,
    #[serde(default)]
    syscalls: Vec<FileRule>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct FileRule {
    /// As profiles had it before Docker 1.13.
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    names: Vec<String>,
    action: ActionName,
    #[serde(default)]
    errno_ret: Option<u32>,
    #[serde(default)]
    args: Option<Vec<Condition>>,
    #[serde(default, rename = "comment")]
    _comment: serde::de::IgnoredAny,
    #[serde(default)]
    includes: Option<Selector>,
    #[serde(default)]
    excludes: Option<Selector>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum ActionName {
    #[serde(rename = "SCMP_ACT_KILL_PROCESS")]
    KillProcess,
    #[serde(rename = "SCMP_ACT_KILL", alias = "SCMP_ACT_KILL_THREAD")]
    KillThread,
    #[serde(rename = "SCMP_ACT_TRAP")]
    Trap,
    #[serde(rename = "SCMP_ACT_ERRNO")]
    Errno,
    #[serde(rename = "SCMP_ACT_TRACE")]
    Trace,
    #[serde(rename = "SCMP_ACT_LOG")]
    Log,
    #[serde(rename = "SCMP_ACT_ALLOW")]
    Allow,
    #[serde(rename = "SCMP_ACT_NOTIFY")]
    Notify,
}

impl Profile {
    /// Reads and checks a profile.
    pub fn from_json(bytes: &[u8]) -> Result<Self, ProfileError> {
        if bytes.len() > MAX_PROFILE_BYTES {
            return Err(ProfileError::TooLarge);
        }
        let file: File = serde_json::from_slice(bytes).map_err(ProfileError::Malformed)?;
        if let Some(flag) = file.flags.into_iter().next() {
            return Err(ProfileError::Flag { flag });
        }
        if file.listener_path.is_some_and(|path| !path.is_empty()) {
            return Err(ProfileError::Notify { field: "listenerPath".to_owned() });
        }
        let default = action(file.default_action, file.default_errno_ret, "defaultAction")?;
        let rules = file.syscalls.into_iter().enumerate();
        let rules = rules.map(|(index, rule)| rule.check(&format!("syscalls[{index}]")));
        Ok(Self { default, rules: rules.collect::<Result<_, _>>()? })
    }

    /// The one that containers get when the operator names no other.
    #[must_use]
    pub fn standard() -> Self {
        Self::from_json(crate::DEFAULT_PROFILE.as_bytes()).expect("our own profile is sound")
    }
}

impl FileRule {
    fn check(self, place: &str) -> Result<Rule, ProfileError> {
        let names: Vec<String> = self.name.into_iter().chain(self.names).collect();
        if names.iter().all(String::is_empty) {
            return Err(ProfileError::NoNames { field: format!("{place}.names") });
        }
        let conditions = self.args.unwrap_or_default();
        let wrong = conditions.iter().position(|condition| condition.index >= ARGUMENTS);
        if let Some(position) = wrong {
            let field = format!("{place}.args[{position}].index");
            return Err(ProfileError::Index { field, index: conditions[position].index });
        }
        Ok(Rule {
            names,
            action: action(self.action, self.errno_ret, place)?,
            conditions,
            includes: self.includes.unwrap_or_default(),
            excludes: self.excludes.unwrap_or_default(),
        })
    }
}

/// `errnoRet` is also what a tracer is told.
fn action(name: ActionName, number: Option<u32>, place: &str) -> Result<Action, ProfileError> {
    if let Some(number) = number.filter(|number| *number > ERRNO_MAX) {
        return Err(ProfileError::Errno { field: place.to_owned(), number });
    }
    let number = number.unwrap_or(ERRNO_DEFAULT);
    Ok(match name {
        ActionName::KillProcess => Action::KillProcess,
        ActionName::KillThread => Action::KillThread,
        ActionName::Trap => Action::Trap,
        ActionName::Errno => Action::Errno(number),
        ActionName::Trace => Action::Trace(number),
        ActionName::Log => Action::Log,
        ActionName::Allow => Action::Allow,
        ActionName::Notify => return Err(ProfileError::Notify { field: place.to_owned() }),
    })
}

impl KernelVersion {
    /// The beginning of what `uname -r` says: `6.1.0-18-amd64` is 6.1.
    pub(crate) fn of_release(release: &str) -> Option<Self> {
        let mut numbers = release.split('.').map(|part| {
            let end = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
            part[..end].parse().ok()
        });
        Some(Self(numbers.next()??, numbers.next()??))
    }
}

impl TryFrom<String> for KernelVersion {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::of_release(&text).ok_or_else(|| format!("{text:?} is no kernel version, such as 4.8"))
    }
}

impl fmt::Display for KernelVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.0, self.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(json: &str) -> String {
        let error = Profile::from_json(json.as_bytes()).unwrap_err();
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
        format!("{error}{}", cause.unwrap_or_default())
    }

    #[test]
    fn all_that_dockers_format_has_is_read() {
        let json = r#"{
            "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38,
            "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": null}],
            "syscalls": [
                {"names": ["read", "write"], "action": "SCMP_ACT_ALLOW", "args": null,
                 "comment": "", "includes": {}, "excludes": {}},
                {"name": "clone", "action": "SCMP_ACT_ALLOW",
                 "args": [{"index": 0, "value": 2114060288, "valueTwo": 0,
                           "op": "SCMP_CMP_MASKED_EQ"}],
                 "excludes": {"caps": ["CAP_SYS_ADMIN"], "arches": ["s390"]}},
                {"names": ["ptrace"], "action": "SCMP_ACT_LOG", "includes": {"minKernel": "4.8"}}
            ]}"#;
        let profile = Profile::from_json(json.as_bytes()).unwrap();
        assert_eq!(profile.default, Action::Errno(38));
        let [plain, clone, ptrace] = profile.rules.as_slice() else { panic!("{profile:?}") };
        assert_eq!(plain.names, ["read", "write"]);
        assert_eq!((clone.names[0].as_str(), clone.action), ("clone", Action::Allow));
        assert_eq!(clone.conditions[0].op, Operator::MaskedEqual);
        assert_eq!(clone.excludes.caps, ["CAP_SYS_ADMIN"]);
        assert_eq!(ptrace.includes.min_kernel, Some(KernelVersion(4, 8)));
    }

    #[test]
    fn a_refusal_names_the_field() {
        for (json, said) in [
            ("{}", "missing field `defaultAction`"),
            (r#"{"defaultAction": "SCMP_ACT_DENY"}"#, "unknown variant `SCMP_ACT_DENY`"),
            (r#"{"defaultAction": "SCMP_ACT_LOG", "sycalls": []}"#, "unknown field `sycalls`"),
            (r#"{"defaultAction": "SCMP_ACT_NOTIFY"}"#, "defaultAction: there is nobody"),
            (r#"{"defaultAction": "SCMP_ACT_LOG", "flags": ["X"]}"#, "flags: \"X\""),
            (
                r#"{"defaultAction": "SCMP_ACT_LOG", "defaultErrnoRet": 4096}"#,
                "defaultAction: 4096",
            ),
            (r#"{"defaultAction": "SCMP_ACT_LOG", "listenerPath": "/x"}"#, "listenerPath: "),
        ] {
            assert!(refused(json).contains(said), "{json}: {}", refused(json));
        }
        for (rule, said) in [
            (r#"{"names": [], "action": "SCMP_ACT_ALLOW"}"#, "syscalls[0].names: names no"),
            (
                r#"{"names": ["read"], "action": "SCMP_ACT_ALLOW",
                    "args": [{"index": 6, "value": 0, "op": "SCMP_CMP_EQ"}]}"#,
                "syscalls[0].args[0].index: a system call has no argument 6",
            ),
            (
                r#"{"names": ["read"], "action": "SCMP_ACT_ALLOW",
                    "includes": {"minKernel": "new"}}"#,
                "\"new\" is no kernel version",
            ),
        ] {
            let json = format!(r#"{{"defaultAction": "SCMP_ACT_LOG", "syscalls": [{rule}]}}"#);
            assert!(refused(&json).contains(said), "{json}: {}", refused(&json));
        }
        let long = vec![b' '; MAX_PROFILE_BYTES + 1];
        assert!(matches!(Profile::from_json(&long), Err(ProfileError::TooLarge)));
    }

    #[test]
    fn releases_of_all_kinds_have_a_version() {
        for (release, version) in [
            ("6.1.0-18-amd64", Some(KernelVersion(6, 1))),
            ("4.8", Some(KernelVersion(4, 8))),
            ("5.15-rc1", Some(KernelVersion(5, 15))),
            ("six", None),
            ("6", None),
        ] {
            assert_eq!(KernelVersion::of_release(release), version, "{release}");
        }
    }
}
