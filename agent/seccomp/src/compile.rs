//! From a profile to programs for the kernel.
//!
//! A program of seccompiler knows two answers, one for what it names and one for the rest, and a
//! profile may have more. The kernel takes several programs, asks them all, and the severest answer
//! counts (seccomp(2), "Filters": the order there is that of [`Action`]). So the first program lets
//! pass whatever any rule names, and answers the rest as the profile's default says; each further
//! answer has a program of its own that lets pass what it does not name. Where two rules fit the
//! same call the severer one wins; of two error numbers the later program's, by the kernel's rule.

use std::collections::{BTreeMap, BTreeSet};

use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch, sock_filter,
};
use syscalls::Sysno;

use crate::Profile;
use crate::profile::{Action, Condition, KernelVersion, Operator, Rule, Selector};

/// What a profile may ask about the host and its containers.
#[derive(Debug, Clone)]
pub struct Host<'a> {
    /// What `uname -r` says.
    pub release: &'a str,
    /// The capabilities that containers have, with their prefix: `CAP_CHOWN`.
    pub capabilities: &'a [&'a str],
}

/// A profile that the kernel understands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compiled {
    /// To be installed in this order; each an array of `struct sock_filter` in this host's byte
    /// order. None where everything is allowed.
    pub filters: Vec<Vec<u8>>,
    /// Names that this architecture has no call for: those of others, or misspelt.
    pub unknown: BTreeSet<String>,
}

/// Why a profile cannot be had on this host.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// Filters are made for `x86_64` and `aarch64`.
    #[error("there are no filters of system calls for {arch}")]
    Architecture {
        /// This host's.
        arch: &'static str,
    },
    /// Not of the form `6.1.0`.
    #[error("the kernel's release {release:?} has no version that profiles could ask for")]
    Release {
        /// What the kernel says.
        release: String,
    },
    /// More rules than the kernel takes in one program, 4,096 instructions.
    #[error("the profile is too long for the kernel")]
    TooLong(#[source] BackendError),
}

/// The kernel's own bound for one program (`BPF_MAXINSNS`).
const MAX_INSTRUCTIONS: usize = 4_096;
/// `BPF_LD | BPF_W | BPF_ABS` and so on, from `linux/bpf_common.h`.
const LOAD: u16 = 0x20;
const JUMP_IF_EQUAL: u16 = 0x15;
const JUMP_IF_AT_LEAST: u16 = 0x35;
const RETURN: u16 = 0x06;
/// Of the call's number, in `struct seccomp_data`.
const NUMBER_OFFSET: u32 = 0;
/// `__X32_SYSCALL_BIT`.
const X32_SYSCALL_BIT: u32 = 0x4000_0000;

/// For each call, when it is named: any of these, or always when there is none.
type Named = BTreeMap<i64, Vec<SeccompRule>>;

impl Profile {
    /// Compiles the profile for this host.
    pub fn compile(&self, host: &Host<'_>) -> Result<Compiled, CompileError> {
        let arch = std::env::consts::ARCH;
        let (Ok(target), Some(go_arch)) = (TargetArch::try_from(arch), go_name(arch)) else {
            return Err(CompileError::Architecture { arch });
        };
        let version = KernelVersion::of_release(host.release)
            .ok_or_else(|| CompileError::Release { release: host.release.to_owned() })?;
        let about = About { go_arch, version, capabilities: host.capabilities };
        let rules = self.rules.iter().filter(|rule| about.concerns(rule));
        let mut unknown = BTreeSet::new();
        let mut passing = Named::new();
        let mut others: BTreeMap<Action, Named> = BTreeMap::new();
        for rule in rules {
            let conditions = rule.conditions().map_err(CompileError::TooLong)?;
            for name in &rule.names {
                let Some(number) = number(name) else {
                    unknown.insert(name.clone());
                    continue;
                };
                add(&mut passing, number, &conditions);
                if rule.action != Action::Allow {
                    add(others.entry(rule.action).or_default(), number, &conditions);
                }
            }
        }
        let mut filters = Vec::new();
        if self.default != Action::Allow {
            filters.push(program(passing, self.default, Action::Allow, target)?);
        }
        // After the first, so that the error number of a rule is what the caller sees.
        for (action, named) in others.into_iter().rev() {
            filters.push(program(named, Action::Allow, action, target)?);
        }
        Ok(Compiled { filters, unknown })
    }
}

/// What selectors are compared with.
struct About<'a> {
    go_arch: &'static str,
    version: KernelVersion,
    capabilities: &'a [&'a str],
}

impl About<'_> {
    fn concerns(&self, rule: &Rule) -> bool {
        let Selector { caps, arches, min_kernel } = &rule.includes;
        let has = |name: &String| self.capabilities.contains(&name.as_str());
        let is_included = caps.iter().all(has)
            && (arches.is_empty() || arches.iter().any(|arch| arch == self.go_arch))
            && min_kernel.is_none_or(|least| self.version >= least);
        let Selector { caps, arches, min_kernel } = &rule.excludes;
        let is_excluded = caps.iter().any(has)
            || arches.iter().any(|arch| arch == self.go_arch)
            || min_kernel.is_some_and(|least| self.version >= least);
        is_included && !is_excluded
    }
}

impl Rule {
    /// Conditions on different arguments must all hold. Of several on the same argument any is
    /// enough, and then each condition stands for itself: so Docker and runc read their profiles.
    fn conditions(&self) -> Result<Vec<SeccompRule>, BackendError> {
        let indices: BTreeSet<u32> = self.conditions.iter().map(|one| one.index).collect();
        let all: Result<Vec<_>, _> = self.conditions.iter().map(Condition::translate).collect();
        match all? {
            none if none.is_empty() => Ok(Vec::new()),
            all if indices.len() == all.len() => Ok(vec![SeccompRule::new(all)?]),
            all => all.into_iter().map(|one| SeccompRule::new(vec![one])).collect(),
        }
    }
}

impl Condition {
    fn translate(&self) -> Result<SeccompCondition, BackendError> {
        let (operator, value) = match self.op {
            Operator::NotEqual => (SeccompCmpOp::Ne, self.value),
            Operator::Less => (SeccompCmpOp::Lt, self.value),
            Operator::LessOrEqual => (SeccompCmpOp::Le, self.value),
            Operator::Equal => (SeccompCmpOp::Eq, self.value),
            Operator::GreaterOrEqual => (SeccompCmpOp::Ge, self.value),
            Operator::Greater => (SeccompCmpOp::Gt, self.value),
            Operator::MaskedEqual => (SeccompCmpOp::MaskedEq(self.value), self.value_two),
        };
        let index = u8::try_from(self.index).expect("a checked profile's argument is below six");
        SeccompCondition::new(index, SeccompCmpArgLen::Qword, operator, value)
    }
}

impl From<Action> for SeccompAction {
    fn from(action: Action) -> Self {
        match action {
            Action::KillProcess => Self::KillProcess,
            Action::KillThread => Self::KillThread,
            Action::Trap => Self::Trap,
            Action::Errno(number) => Self::Errno(number),
            Action::Trace(number) => Self::Trace(number),
            Action::Log => Self::Log,
            Action::Allow => Self::Allow,
        }
    }
}

/// A call that is named without a condition is named always.
fn add(named: &mut Named, number: i64, conditions: &[SeccompRule]) {
    match named.get_mut(&number) {
        None => drop(named.insert(number, conditions.to_vec())),
        Some(before) if before.is_empty() || conditions.is_empty() => before.clear(),
        Some(before) => before.extend_from_slice(conditions),
    }
}

fn program(
    named: Named,
    rest: Action,
    action: Action,
    target: TargetArch,
) -> Result<Vec<u8>, CompileError> {
    let filter = SeccompFilter::new(named, rest.into(), action.into(), target);
    let program: BpfProgram = filter.and_then(TryInto::try_into).map_err(CompileError::TooLong)?;
    let whole = [&only_native(target), program.as_slice()].concat();
    if whole.len() > MAX_INSTRUCTIONS {
        return Err(CompileError::TooLong(BackendError::FilterTooLarge(whole.len())));
    }
    let bytes = whole.iter().flat_map(|instruction| {
        let [a, b] = instruction.code.to_ne_bytes();
        let [c, d, e, f] = instruction.k.to_ne_bytes();
        [a, b, instruction.jt, instruction.jf, c, d, e, f]
    });
    Ok(bytes.collect())
}

/// What comes before a program: on `x86_64` the calls of its 32-bit sister have numbers of their
/// own, which no rule names, so that a profile that names what it forbids would let them pass
/// (seccomp(2), "Caveats"). Who makes one is ended, as programs of other architectures are. All
/// ones is what a tracer puts in the place of a call that is not to be made.
fn only_native(target: TargetArch) -> Vec<sock_filter> {
    let one = |code, jt, jf, k| sock_filter { code, jt, jf, k };
    match target {
        TargetArch::x86_64 => vec![
            one(LOAD, 0, 0, NUMBER_OFFSET),
            one(JUMP_IF_AT_LEAST, 0, 2, X32_SYSCALL_BIT),
            one(JUMP_IF_EQUAL, 1, 0, u32::MAX),
            one(RETURN, 0, 0, SeccompAction::KillProcess.into()),
        ],
        _ => Vec::new(),
    }
}

/// libseccomp knows `newfstatat` on every architecture, the kernel's tables do not.
fn number(name: &str) -> Option<i64> {
    let found = name.parse::<Sysno>().ok();
    let found = found.or_else(|| match name {
        "newfstatat" => "fstatat".parse().ok(),
        _ => None,
    });
    found.map(|call| i64::from(call.id()))
}

/// As profiles name architectures.
fn go_name(arch: &str) -> Option<&'static str> {
    match arch {
        "x86_64" => Some("amd64"),
        "aarch64" => Some("arm64"),
        _ => None,
    }
}
