//! Masters, and all agents together, in network namespaces of their own, and packets that are
//! dropped between them.
//!
//! This process must be alone in a network namespace ([`is_hub`]) and routes for the others: a pair
//! of virtual interfaces leads from here to each, and a rule of the router drops silently what goes
//! from one to another. Each namespace is held by a process that ends with this one, and with the
//! last process in a namespace the kernel removes it and its interfaces. So nothing has a name that
//! could be left behind, and nothing of the host is touched. Connections that were closed and wait
//! for a word from the other end keep a namespace for a minute or more; the way to it goes at once.

use super::Party;
use crate::{home::Home, patience::holds};
use anyhow::Context as _;
use std::{
    collections::{BTreeMap, btree_map::Entry},
    fs,
    net::Ipv4Addr,
    os::unix::process::CommandExt as _,
    process::{Child, Command, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Parties and the links between them.
#[derive(Debug)]
pub struct Namespaces {
    parties: BTreeMap<Party, Namespace>,
    cuts: Mutex<BTreeMap<(Party, Party), Instant>>,
}

/// Somebody's namespace, for as long as this lives.
#[derive(Debug)]
struct Namespace {
    /// Waits for the end of its input.
    holder: Child,
    /// The router's interface that leads to it.
    way: String,
    address: Ipv4Addr,
}

/// Names of the router's interfaces begin so.
const TO: &str = "to-";
/// As the kernel numbers them in its tables.
const ESTABLISHED: &str = "01";

/// Whether this process is in a network namespace apart from its parent's. A parent that cannot be
/// seen, as when whoever started it has ended, is not in this one.
pub fn is_hub() -> bool {
    let of = |process: &str| fs::read_link(format!("/proc/{process}/ns/net")).ok();
    let parent = rustix::process::getppid().map(|pid| pid.as_raw_nonzero().to_string());
    let parent = parent.and_then(|pid| of(&pid));
    parent != of("self")
}

/// Ways to namespaces that are still there.
pub fn interfaces() -> Vec<String> {
    let table = fs::read_to_string("/proc/self/net/dev").unwrap_or_default();
    let names = table.lines().filter_map(|line| line.trim_start().split_once(':'));
    let names = names.map(|(name, _)| name.to_owned());
    names.filter(|name| is_hub() && name.starts_with(TO)).collect()
}

impl Namespaces {
    /// Makes one for each of so many masters, and one for clients.
    pub fn new(home: &Home, masters: u64) -> anyhow::Result<Self> {
        anyhow::ensure!(is_hub(), "namespaces are made in a namespace of their own");
        ip(["link", "set", "lo", "up"])?;
        fs::write("/proc/sys/net/ipv4/ip_forward", "1").context("this is no router")?;
        let parties = (1..=masters).map(Party::Master).chain([Party::Clients]);
        let parties = parties.map(|party| Ok((party, Namespace::new(home, party)?)));
        let parties = parties.collect::<anyhow::Result<_>>()?;
        Ok(Self { parties, cuts: Mutex::default() })
    }

    /// Under which a party is reached.
    pub fn address(&self, party: Party) -> anyhow::Result<Ipv4Addr> {
        Ok(self.namespace(party)?.address)
    }

    /// Words before a program that put it into a party's namespace.
    pub fn launcher(&self, party: Party) -> anyhow::Result<Vec<String>> {
        Ok(self.namespace(party)?.launcher())
    }

    pub(super) fn cut(&self, from: Party, to: Party) -> anyhow::Result<()> {
        if let Entry::Vacant(entry) = lock(&self.cuts).entry((from, to)) {
            self.rule("add", from, to)?;
            entry.insert(Instant::now());
        }
        Ok(())
    }

    pub(super) fn heal(&self) -> anyhow::Result<()> {
        let cuts = std::mem::take(&mut *lock(&self.cuts));
        cuts.into_keys().try_for_each(|(from, to)| self.rule("del", from, to))
    }

    /// No call gets through where one direction is cut: whatever is established is older.
    pub(super) fn half_open(&self, longer: Duration) -> anyhow::Result<Vec<String>> {
        let mut found = Vec::new();
        let cuts = lock(&self.cuts).clone();
        for ((from, to), _) in cuts.iter().filter(|(_, since)| since.elapsed() > longer) {
            for (near, far) in [(from, to), (to, from)] {
                let count = self.namespace(*near)?.connections(self.address(*far)?)?;
                if count > 0 {
                    found.push(format!("from {from} to {to} is cut, {near} holds {count}"));
                }
            }
        }
        Ok(found)
    }

    fn rule(&self, what: &str, from: Party, to: Party) -> anyhow::Result<()> {
        let (from, to) = (self.address(from)?.to_string(), self.address(to)?.to_string());
        ip(["rule", what, "from", &from, "to", &to, "blackhole"])
    }

    fn namespace(&self, party: Party) -> anyhow::Result<&Namespace> {
        self.parties.get(&party).with_context(|| format!("{party} has no namespace"))
    }
}

impl Namespace {
    fn new(home: &Home, party: Party) -> anyhow::Result<Self> {
        let (name, number) = match party {
            Party::Clients => (format!("{TO}clients"), 0),
            Party::Master(id) => (format!("{TO}master-{id}"), u8::try_from(id)?),
        };
        let mut command = Command::new("unshare");
        home.clean(command.args(["--net", "cat"]));
        // An interrupt from the terminal is not for it.
        command.stdin(Stdio::piped()).process_group(0);
        let holder = command.spawn().context("cannot run `unshare`")?;
        // Addresses for tests of networks (RFC 2544): nobody else has them.
        let address = Ipv4Addr::new(198, 18, number, 2);
        let namespace = Self { holder, way: name.clone(), address };
        let pid = namespace.holder.id().to_string();
        holds("a network namespace of its own", || {
            let of = |process: &str| fs::read_link(format!("/proc/{process}/ns/net")).ok();
            of(&pid).is_some_and(|found| Some(found) != of("self"))
        })?;
        let router = Ipv4Addr::new(198, 18, number, 1).to_string();
        ip(["link", "add", &name, "type", "veth", "peer", "name", "eth0", "netns", &pid])?;
        ip(["address", "add", &format!("{router}/24"), "dev", &name])?;
        ip(["link", "set", &name, "up"])?;
        namespace.ip(["link", "set", "lo", "up"])?;
        namespace.ip(["address", "add", &format!("{address}/24"), "dev", "eth0"])?;
        namespace.ip(["link", "set", "eth0", "up"])?;
        namespace.ip(["route", "add", "default", "via", &router])?;
        Ok(namespace)
    }

    fn launcher(&self) -> Vec<String> {
        vec!["nsenter".to_owned(), format!("--net=/proc/{}/ns/net", self.holder.id())]
    }

    fn ip<const N: usize>(&self, words: [&str; N]) -> anyhow::Result<()> {
        let launcher = self.launcher();
        done(Command::new(&launcher[0]).args(&launcher[1..]).arg("ip").args(words))
    }

    /// How many connections with an address somebody here believes in.
    fn connections(&self, far: Ipv4Addr) -> anyhow::Result<usize> {
        let table = fs::read_to_string(format!("/proc/{}/net/tcp", self.holder.id()))?;
        let far = format!("{:08X}:", u32::from_ne_bytes(far.octets()));
        let is_one = |line: &&str| {
            let mut fields = line.split_ascii_whitespace().skip(2);
            fields.next().is_some_and(|remote| remote.starts_with(&far))
                && fields.next() == Some(ESTABLISHED)
        };
        Ok(table.lines().filter(is_one).count())
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // Its input ends, and so does it.
        drop(self.holder.stdin.take());
        let _ = self.holder.wait();
        // Mostly the kernel was faster.
        let _ = ip(["link", "delete", &self.way]);
    }
}

fn ip<const N: usize>(words: [&str; N]) -> anyhow::Result<()> {
    done(Command::new("ip").args(words))
}

fn done(command: &mut Command) -> anyhow::Result<()> {
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    let error = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "{command:?}: {error}");
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
