//! What compiled profiles say of calls, asked of a small interpreter of the kernel's programs.
//!
//! The interpreter is the oracle: it knows the instruction set (`linux/filter.h`) and the kernel's
//! rule for several programs (seccomp(2)), and nothing of profiles.

use proptest::prelude::*;
use seccomp::{Compiled, DEFAULT_PROFILE, Host, Profile};
use syscalls::Sysno;

const ALLOW: u32 = 0x7fff_0000;
const ERRNO: u32 = 0x0005_0000;
const LOG: u32 = 0x7ffc_0000;
const TRAP: u32 = 0x0003_0000;
const KILL_PROCESS: u32 = 0x8000_0000;

/// As containers have them.
const HOST: Host<'static> = Host { release: "6.1.0", capabilities: &["CAP_CHOWN"] };

fn compile(json: &str) -> Compiled {
    Profile::from_json(json.as_bytes()).unwrap().compile(&HOST).unwrap()
}

fn with_rules(default: &str, rules: &str) -> Compiled {
    compile(&format!(r#"{{"defaultAction": "{default}", "syscalls": [{rules}]}}"#))
}

fn number(name: &str) -> u32 {
    name.parse::<Sysno>().unwrap().id().try_into().unwrap()
}

/// What the kernel would do.
fn ask(compiled: &Compiled, name: &str, arguments: [u64; 6]) -> u32 {
    let mut answer = ALLOW;
    for filter in &compiled.filters {
        let own = run(filter, &data(number(name), native(), arguments));
        // Signed, as the kernel compares them; of equals the later one.
        if (own & 0xffff_0000) as i32 <= (answer & 0xffff_0000) as i32 {
            answer = own;
        }
    }
    answer
}

fn native() -> u32 {
    if cfg!(target_arch = "x86_64") { 0xc000_003e } else { 0xc000_00b7 }
}

/// `struct seccomp_data`.
fn data(number: u32, architecture: u32, arguments: [u64; 6]) -> Vec<u8> {
    let head = [number, architecture, 0, 0].into_iter().flat_map(u32::to_ne_bytes);
    head.chain(arguments.into_iter().flat_map(u64::to_ne_bytes)).collect()
}

fn run(filter: &[u8], data: &[u8]) -> u32 {
    let mut at = 0;
    let mut accumulator = 0_u32;
    loop {
        let one = &filter[at * 8..at * 8 + 8];
        let code = u16::from_ne_bytes([one[0], one[1]]);
        let (yes, no) = (usize::from(one[2]), usize::from(one[3]));
        let k = u32::from_ne_bytes([one[4], one[5], one[6], one[7]]);
        let jump = |holds: bool| if holds { yes } else { no };
        at += 1;
        at += match code {
            0x20 => {
                let k = k as usize;
                accumulator = u32::from_ne_bytes(data[k..k + 4].try_into().unwrap());
                0
            }
            0x54 => {
                accumulator &= k;
                0
            }
            0x05 => k as usize,
            0x15 => jump(accumulator == k),
            0x25 => jump(accumulator > k),
            0x35 => jump(accumulator >= k),
            0x06 => return k,
            _ => panic!("no instruction of such filters: {code:#x}"),
        };
    }
}

#[test]
fn rules_and_the_rest_meet_what_the_profile_says() {
    let rules = r#"
        {"names": ["read"], "action": "SCMP_ACT_ALLOW"},
        {"names": ["write"], "action": "SCMP_ACT_ERRNO", "errnoRet": 5},
        {"names": ["close"], "action": "SCMP_ACT_LOG"},
        {"names": ["kill"], "action": "SCMP_ACT_TRAP"},
        {"names": ["bpf"], "action": "SCMP_ACT_KILL_PROCESS"}"#;
    let compiled = with_rules("SCMP_ACT_ERRNO", rules);
    for (name, answer) in [
        ("read", ALLOW),
        ("write", ERRNO | 5),
        ("close", LOG),
        ("kill", TRAP),
        ("bpf", KILL_PROCESS),
        ("lseek", ERRNO | 1),
    ] {
        assert_eq!(ask(&compiled, name, [0; 6]), answer, "{name}");
    }
    let lenient = with_rules("SCMP_ACT_ALLOW", rules);
    assert_eq!(ask(&lenient, "lseek", [0; 6]), ALLOW);
    assert_eq!(ask(&lenient, "write", [0; 6]), ERRNO | 5);
    assert_eq!(with_rules("SCMP_ACT_ALLOW", "").filters.len(), 0);
}

#[test]
fn every_operator_compares_whole_unsigned_numbers() {
    let high = 1_u64 << 40;
    for (operator, value, two, yes, no) in [
        ("NE", 7, 0, vec![6, 8, high | 7], vec![7]),
        ("LT", 7, 0, vec![0, 6], vec![7, 8, high]),
        ("LE", 7, 0, vec![0, 7], vec![8, high]),
        ("EQ", high | 7, 0, vec![high | 7], vec![7, high]),
        ("GE", high, 0, vec![high, high + 1, u64::MAX], vec![high - 1, 0]),
        ("GT", high, 0, vec![high + 1, u64::MAX], vec![high, 7]),
        ("MASKED_EQ", high | 6, high | 2, vec![high | 2, high | 3, high | 8 | 2], vec![2, high]),
    ] {
        let rule = format!(
            r#"{{"names": ["dup"], "action": "SCMP_ACT_ALLOW", "args": [
                {{"index": 1, "value": {value}, "valueTwo": {two}, "op": "SCMP_CMP_{operator}"}}]}}"#
        );
        let compiled = with_rules("SCMP_ACT_ERRNO", &rule);
        for (arguments, answer) in [(yes, ALLOW), (no, ERRNO | 1)] {
            for argument in arguments {
                let got = ask(&compiled, "dup", [9, argument, 9, 9, 9, 9]);
                assert_eq!(got, answer, "{operator} {value:#x}: {argument:#x}");
            }
        }
    }
}

#[test]
fn conditions_on_different_arguments_hold_together_and_on_one_each_alone() {
    let condition =
        |index, value| format!(r#"{{"index": {index}, "value": {value}, "op": "SCMP_CMP_EQ"}}"#);
    let rule = |conditions: [String; 2]| {
        let args = conditions.join(",");
        with_rules(
            "SCMP_ACT_ERRNO",
            &format!(r#"{{"names": ["dup"], "action": "SCMP_ACT_ALLOW", "args": [{args}]}}"#),
        )
    };
    let both = rule([condition(0, 1), condition(1, 2)]);
    assert_eq!(ask(&both, "dup", [1, 2, 0, 0, 0, 0]), ALLOW);
    assert_eq!(ask(&both, "dup", [1, 1, 0, 0, 0, 0]), ERRNO | 1);
    let either = rule([condition(0, 1), condition(0, 2)]);
    assert_eq!(ask(&either, "dup", [2, 0, 0, 0, 0, 0]), ALLOW);
    assert_eq!(ask(&either, "dup", [3, 0, 0, 0, 0, 0]), ERRNO | 1);
}

#[test]
fn a_call_that_is_named_without_condition_is_named_always() {
    let conditional = r#"{"names": ["dup"], "action": "SCMP_ACT_ALLOW",
        "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]}"#;
    let always = r#"{"names": ["dup"], "action": "SCMP_ACT_ALLOW"}"#;
    for rules in [format!("{conditional}, {always}"), format!("{always}, {conditional}")] {
        let compiled = with_rules("SCMP_ACT_ERRNO", &rules);
        assert_eq!(ask(&compiled, "dup", [2, 0, 0, 0, 0, 0]), ALLOW, "{rules}");
    }
}

#[test]
fn rules_are_for_whom_they_say() {
    let own = if cfg!(target_arch = "x86_64") { "amd64" } else { "arm64" };
    for (selectors, applies) in [
        (r#""includes": {"caps": ["CAP_CHOWN"]}"#.to_owned(), true),
        (r#""includes": {"caps": ["CAP_CHOWN", "CAP_SYS_ADMIN"]}"#.to_owned(), false),
        (r#""excludes": {"caps": ["CAP_CHOWN"]}"#.to_owned(), false),
        (r#""includes": {"minKernel": "6.1"}"#.to_owned(), true),
        (r#""includes": {"minKernel": "6.2"}"#.to_owned(), false),
        (format!(r#""includes": {{"arches": ["s390x", "{own}"]}}"#), true),
        (r#""includes": {"arches": ["s390x"]}"#.to_owned(), false),
        (format!(r#""excludes": {{"arches": ["{own}"]}}"#), false),
    ] {
        let rule = format!(r#"{{"names": ["dup"], "action": "SCMP_ACT_ALLOW", {selectors}}}"#);
        let compiled = with_rules("SCMP_ACT_ERRNO", &rule);
        let answer = if applies { ALLOW } else { ERRNO | 1 };
        assert_eq!(ask(&compiled, "dup", [0; 6]), answer, "{selectors}");
    }
}

/// A rule that the oracle understands.
#[derive(Debug, Clone)]
struct Plain {
    name: &'static str,
    /// Its place in the order of severity: the lower the severer.
    action: usize,
    /// Argument, operator, value, second value.
    conditions: Vec<(usize, usize, u64, u64)>,
}

const NAMES: [&str; 3] = ["dup", "read", "kill"];
/// With what the kernel is told, by severity (seccomp(2)).
const ACTIONS: [(&str, u32); 6] = [
    ("SCMP_ACT_KILL_PROCESS", KILL_PROCESS),
    ("SCMP_ACT_KILL_THREAD", 0),
    ("SCMP_ACT_TRAP", TRAP),
    ("SCMP_ACT_ERRNO", ERRNO | 1),
    ("SCMP_ACT_LOG", LOG),
    ("SCMP_ACT_ALLOW", ALLOW),
];
const OPERATORS: [&str; 7] = ["NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"];

impl Plain {
    fn json(&self) -> String {
        let condition = |(index, operator, value, two): &(usize, usize, u64, u64)| {
            let operator = OPERATORS[*operator];
            format!(
                r#"{{"index": {index}, "value": {value}, "valueTwo": {two},
                     "op": "SCMP_CMP_{operator}"}}"#
            )
        };
        let args: Vec<String> = self.conditions.iter().map(condition).collect();
        let (name, action, args) = (self.name, ACTIONS[self.action].0, args.join(","));
        format!(r#"{{"names": ["{name}"], "action": "{action}", "args": [{args}]}}"#)
    }

    fn fits(&self, name: &str, arguments: [u64; 6]) -> bool {
        let holds = |(index, operator, value, two): &(usize, usize, u64, u64)| {
            let argument = arguments[*index];
            match OPERATORS[*operator] {
                "NE" => argument != *value,
                "LT" => argument < *value,
                "LE" => argument <= *value,
                "EQ" => argument == *value,
                "GE" => argument >= *value,
                "GT" => argument > *value,
                _ => argument & value == value & two,
            }
        };
        let mut indices: Vec<usize> = self.conditions.iter().map(|one| one.0).collect();
        indices.sort_unstable();
        indices.dedup();
        let fits = match indices.len() == self.conditions.len() {
            true => self.conditions.iter().all(holds),
            false => self.conditions.iter().any(holds),
        };
        self.name == name && fits
    }
}

fn number_of_interest() -> impl Strategy<Value = u64> {
    let high = 1_u64 << 40;
    prop_oneof![0_u64..4, Just(high), Just(high | 1), Just(high | 2), Just(u64::MAX)]
}

fn plain() -> impl Strategy<Value = Plain> {
    let condition = (0_usize..3, 0..OPERATORS.len(), number_of_interest(), number_of_interest());
    let conditions = prop::collection::vec(condition, 0..4);
    (0..NAMES.len(), 0..ACTIONS.len(), conditions).prop_map(|(name, action, conditions)| Plain {
        name: NAMES[name],
        action,
        conditions,
    })
}

proptest! {
    /// The severest of the rules that fit a call decides, and without any the default.
    #[test]
    fn programs_say_what_the_rules_say(
        default in 0..ACTIONS.len(),
        rules in prop::collection::vec(plain(), 0..8),
        calls in prop::collection::vec(
            (0..NAMES.len(), prop::array::uniform3(number_of_interest())),
            1..8,
        ),
    ) {
        let json: Vec<String> = rules.iter().map(Plain::json).collect();
        let compiled = with_rules(ACTIONS[default].0, &json.join(","));
        for (name, [a, b, c]) in calls {
            let (name, arguments) = (NAMES[name], [a, b, c, 0, 0, 0]);
            let fitting = rules.iter().filter(|rule| rule.fits(name, arguments));
            let decides = fitting.map(|rule| rule.action).min().unwrap_or(default);
            prop_assert_eq!(
                ask(&compiled, name, arguments),
                ACTIONS[decides].1,
                "{} {:?}",
                name,
                arguments
            );
        }
    }
}

/// A profile that names what it forbids does not let the same call pass under another number.
#[cfg(target_arch = "x86_64")]
#[test]
fn calls_of_the_32_bit_sister_are_ended() {
    let forbidding =
        with_rules("SCMP_ACT_ALLOW", r#"{"names": ["mount"], "action": "SCMP_ACT_ERRNO"}"#);
    for compiled in [forbidding, Profile::standard().compile(&HOST).unwrap()] {
        let x32 = |number: u32| data(number | 0x4000_0000, native(), [0; 6]);
        for number in [number("mount"), number("read"), 512] {
            assert_eq!(run(&compiled.filters[0], &x32(number)), KILL_PROCESS);
        }
        let none = run(&compiled.filters[0], &data(u32::MAX, native(), [0; 6]));
        assert_ne!(none, KILL_PROCESS, "a tracer skips a call");
    }
}

#[test]
fn programs_of_another_architecture_are_ended() {
    let compiled = Profile::standard().compile(&HOST).unwrap();
    let i386 = data(number("read"), 0x4000_0003, [0; 6]);
    assert_eq!(run(&compiled.filters[0], &i386), KILL_PROCESS);
}

#[test]
fn names_that_this_architecture_lacks_are_told() {
    let rule = r#"{"names": ["read", "socketcall", "raed"], "action": "SCMP_ACT_ALLOW"}"#;
    let compiled = with_rules("SCMP_ACT_ERRNO", rule);
    assert_eq!(compiled.unknown.into_iter().collect::<Vec<_>>(), ["raed", "socketcall"]);
}

/// Each call that the kernel has is in the profile or here, so that a new one is decided about.
#[cfg(target_arch = "x86_64")]
#[test]
fn what_the_default_profile_keeps_out_is_known() {
    let kept_out = [
        // Mounts, and what namespaces are for.
        "mount umount2 pivot_root open_tree open_tree_attr move_mount fsopen fsconfig fsmount",
        "fspick mount_setattr unshare setns sethostname setdomainname",
        // The host: its modules, kernel, power, swap, quotas, clocks, log, accounts, terminals.
        "create_module init_module finit_module delete_module get_kernel_syms query_module",
        "kexec_load kexec_file_load reboot swapon swapoff quotactl quotactl_fd acct syslog",
        "settimeofday clock_settime vhangup iopl ioperm nfsservctl",
        // The keys of others, and files past their directories.
        "add_key request_key keyctl open_by_handle_at fanotify_init fanotify_mark",
        // Ways that containers got out by.
        "bpf perf_event_open userfaultfd io_uring_setup io_uring_enter io_uring_register",
        "kcmp pidfd_getfd lookup_dcookie clone3 lsm_set_self_attr",
        // Where memory lies on the host.
        "mbind set_mempolicy get_mempolicy set_mempolicy_home_node migrate_pages move_pages",
        // Old or never there.
        "uselib ustat sysfs _sysctl getpmsg putpmsg afs_syscall tuxcall security vserver",
        "epoll_ctl_old epoll_wait_old",
    ];
    let kept_out: Vec<&str> = kept_out.iter().flat_map(|line| line.split(' ')).collect();
    let compiled = Profile::standard().compile(&HOST).unwrap();
    for call in (0..1_000).filter_map(Sysno::new) {
        let name = call.name();
        let answer = ask(&compiled, name, [0; 6]);
        let wanted = match name {
            "clone3" => ERRNO | 38,
            name if kept_out.contains(&name) => ERRNO | 1,
            _ => ALLOW,
        };
        assert_eq!(answer, wanted, "{name}");
    }
    assert!(compiled.unknown.iter().all(|name| name == "fstatat"), "{:?}", compiled.unknown);
    let longest = compiled.filters.iter().map(|filter| filter.len() / 8).max();
    assert!(longest < Some(2_048), "half of what the kernel takes: {longest:?}");
}

#[test]
fn the_default_profile_looks_at_arguments() {
    let compiled = Profile::standard().compile(&HOST).unwrap();
    let denied = ERRNO | 1;
    let first = |argument: u64| [argument, 0, 0, 0, 0, 0];
    for (name, argument, answer) in [
        ("clone", 0x0100_0011, ALLOW),
        ("clone", 0x1000_0011, denied),
        ("clone", 0x0002_0011, denied),
        ("personality", 0xffff_ffff, ALLOW),
        ("personality", 0x0040_0000, denied),
        ("socket", 2, ALLOW),
        ("socket", 16, ALLOW),
        ("socket", 45, ALLOW),
        ("socket", 40, denied),
        // The kernel would take it for 40.
        ("socket", 0x1_0000_0028, denied),
    ] {
        assert_eq!(ask(&compiled, name, first(argument)), answer, "{name} {argument:#x}");
    }
    let old = Host { release: "4.4.0", ..HOST };
    let compiled = Profile::standard().compile(&old).unwrap();
    assert_eq!(ask(&compiled, "ptrace", [0; 6]), denied);
}

#[test]
fn a_profile_that_is_too_long_for_the_kernel_is_refused() {
    let one = r#"{"names": ["dup"], "action": "SCMP_ACT_ALLOW",
        "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]}"#;
    let rules = vec![one; 1_000].join(",");
    let json = format!(r#"{{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{rules}]}}"#);
    let error = Profile::from_json(json.as_bytes()).unwrap().compile(&HOST).unwrap_err();
    assert_eq!(error.to_string(), "the profile is too long for the kernel");
    assert!(DEFAULT_PROFILE.len() < json.len());
}

#[test]
fn hosts_that_profiles_cannot_be_compared_with_are_refused() {
    let strange = Host { release: "strange", ..HOST };
    assert!(Profile::standard().compile(&strange).is_err());
}
