//! Where on this host each controller lives. Probed once by the agent, carried in every plan.
//!
//! Nothing is assumed about mount points or joined controllers: `/proc/self/mountinfo` says where
//! the hierarchies are, `/proc/self/cgroup` says where in them we are. The parsing is a pure
//! function of both texts; only asking a version 2 cgroup for its controllers needs the file
//! system.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::ControllerName;

/// The kernel interface a controller is driven by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Version {
    /// A hierarchy for each controller or for a few joined ones.
    V1,
    /// The one unified hierarchy.
    V2,
}

/// Below which cgroup ours are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Base {
    /// Below the cgroup this process is in. In version 2 that one must not hold processes itself.
    Own,
    /// Below the root of each hierarchy, as runtimes without systemd do. Needs root.
    Root,
}

/// One controller's place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hierarchy {
    /// By which files it is driven.
    pub version: Version,
    /// The directory below which `bourse/<parent>/<container>` is made.
    pub base: PathBuf,
}

/// All places on this host.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layout {
    /// The usable controllers.
    pub controllers: BTreeMap<ControllerName, Hierarchy>,
    /// The base in the version 2 tree, if one is mounted, with or without controllers.
    pub unified: Option<PathBuf>,
}

/// Why the layout could not be found out. A host without cgroups is no error but an empty layout.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// A file needed for it cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// A line of it does not look as documented.
    #[error("{}: malformed line {line:?}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The line.
        line: String,
    },
}

/// A line of `/proc/self/mountinfo` that is a cgroup mount.
struct Mount {
    version: Version,
    root: PathBuf,
    point: PathBuf,
    options: String,
}

const MOUNTS: &str = "/proc/self/mountinfo";
const MEMBERSHIP: &str = "/proc/self/cgroup";

/// Finds out where this host's controllers are.
pub fn probe(base: Base) -> Result<Layout, ProbeError> {
    let mounts = read(Path::new(MOUNTS))?;
    let membership = read(Path::new(MEMBERSHIP))?;
    let mut layout = parse(&mounts, &membership, base)?;
    let Some(unified) = layout.unified.clone() else { return Ok(layout) };
    let offered = read(&unified.join("cgroup.controllers"))?;
    adopt_unified(&mut layout, unified, &offered);
    Ok(layout)
}

/// The version 1 controllers and the base of the version 2 tree, from the texts of
/// `/proc/self/mountinfo` and `/proc/self/cgroup`.
pub fn parse(mounts: &str, membership: &str, base: Base) -> Result<Layout, ProbeError> {
    let mut layout = Layout::default();
    for line in mounts.lines() {
        let Some(mount) = parse_mount(line)? else { continue };
        match mount.version {
            Version::V2 => {
                if layout.unified.is_none() {
                    layout.unified = Some(mount.base(own_path(membership, None)?, base));
                }
            }
            Version::V1 => {
                for name in ControllerName::ALL {
                    if !mount.options.split(',').any(|option| option == name.as_str())
                        || layout.controllers.contains_key(&name)
                    {
                        continue;
                    }
                    let path = mount.base(own_path(membership, Some(name))?, base);
                    let hierarchy = Hierarchy { version: Version::V1, base: path };
                    layout.controllers.insert(name, hierarchy);
                }
            }
        }
    }
    Ok(layout)
}

/// Adds the controllers that the version 2 tree offers. A controller is never in both versions. The
/// counting of processor time is always to be had there, and then preferred.
fn adopt_unified(layout: &mut Layout, unified: PathBuf, offered: &str) {
    let hierarchy = Hierarchy { version: Version::V2, base: unified };
    for name in ControllerName::ALL {
        let here = name == ControllerName::Cpuacct
            || offered.split_ascii_whitespace().any(|word| word == name.as_str());
        if here {
            layout.controllers.insert(name, hierarchy.clone());
        }
    }
}

/// `id parent major:minor root point options [tags…] - type source super-options`
fn parse_mount(line: &str) -> Result<Option<Mount>, ProbeError> {
    let malformed = || ProbeError::Malformed { path: MOUNTS.into(), line: line.to_owned() };
    let (left, right) = line.split_once(" - ").ok_or_else(malformed)?;
    let mut right = right.split(' ');
    let version = match right.next() {
        Some("cgroup") => Version::V1,
        Some("cgroup2") => Version::V2,
        _ => return Ok(None),
    };
    let options = right.nth(1).ok_or_else(malformed)?.to_owned();
    let mut left = left.split(' ');
    let root = unescape(left.nth(3).ok_or_else(malformed)?);
    let point = unescape(left.next().ok_or_else(malformed)?);
    Ok(Some(Mount { version, root, point, options }))
}

impl Mount {
    /// Where a cgroup path appears below this mount. Inside containers the mount may show only a
    /// part of the hierarchy; a path outside that part has no place, and the mount point stands for
    /// it.
    fn base(&self, own: &str, base: Base) -> PathBuf {
        let own = Path::new(own);
        match (base, own.strip_prefix(&self.root)) {
            (Base::Own, Ok(below)) if !below.as_os_str().is_empty() => self.point.join(below),
            _ => self.point.clone(),
        }
    }
}

/// The path of our own cgroup: `number:controller,controller:path`, the version 2 line being
/// `0::path`.
fn own_path(membership: &str, name: Option<ControllerName>) -> Result<&str, ProbeError> {
    for line in membership.lines() {
        let mut fields = line.splitn(3, ':');
        let (Some(_), Some(names), Some(path)) = (fields.next(), fields.next(), fields.next())
        else {
            return Err(ProbeError::Malformed { path: MEMBERSHIP.into(), line: line.to_owned() });
        };
        let found = match name {
            None => names.is_empty(),
            Some(name) => names.split(',').any(|word| word == name.as_str()),
        };
        if found {
            return Ok(path);
        }
    }
    Ok("/")
}

/// Undoes the octal escapes of mountinfo (`\040` for a space).
fn unescape(text: &str) -> PathBuf {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let code = rest.get(at + 1..at + 4).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        let Some(code) = code else { break };
        result.push_str(&rest[..at]);
        result.push(char::from(code));
        rest = &rest[at + 4..];
    }
    result.push_str(rest);
    PathBuf::from(result)
}

fn read(path: &Path) -> Result<String, ProbeError> {
    std::fs::read_to_string(path).map_err(|source| ProbeError::Read { path: path.into(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(layout: &Layout, name: ControllerName) -> (Version, &str) {
        let hierarchy = &layout.controllers[&name];
        (hierarchy.version, hierarchy.base.to_str().unwrap())
    }

    const HYBRID: &str = "\
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/me\\040mory rw,relatime - cgroup cgroup rw,memory
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
";

    #[test]
    fn a_hybrid_host_with_joined_controllers() {
        let membership = "4:memory:/a/b\n2:cpu,cpuacct:/c\n1:name=systemd:/\n0::/u\n";
        let mut layout = parse(HYBRID, membership, Base::Own).unwrap();
        let joined = (Version::V1, "/sys/fs/cgroup/cpu,cpuacct/c");
        assert_eq!(base(&layout, ControllerName::Cpu), joined);
        assert_eq!(base(&layout, ControllerName::Cpuacct), joined);
        let memory = (Version::V1, "/sys/fs/cgroup/me mory/a/b");
        assert_eq!(base(&layout, ControllerName::Memory), memory);
        assert!(!layout.controllers.contains_key(&ControllerName::Pids));
        let unified = layout.unified.clone().unwrap();
        assert_eq!(unified.to_str().unwrap(), "/sys/fs/cgroup/unified/u");
        adopt_unified(&mut layout, unified, "hugetlb\n");
        assert_eq!(base(&layout, ControllerName::Memory), memory, "hugetlb changes nothing");
        assert_eq!(base(&layout, ControllerName::Cpuacct).0, Version::V2);
    }

    #[test]
    fn roots_of_the_hierarchies_on_demand() {
        let membership = "4:memory:/a/b\n0::/u\n";
        let layout = parse(HYBRID, membership, Base::Root).unwrap();
        assert_eq!(base(&layout, ControllerName::Memory).1, "/sys/fs/cgroup/me mory");
        assert_eq!(layout.unified.unwrap().to_str().unwrap(), "/sys/fs/cgroup/unified");
    }

    #[test]
    fn a_version_2_host() {
        let mounts = "30 23 0:26 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
        let mut layout = parse(mounts, "0::/system.slice/b.service\n", Base::Own).unwrap();
        let unified = layout.unified.clone().unwrap();
        adopt_unified(&mut layout, unified, "cpuset cpu io memory pids\n");
        for name in ControllerName::ALL {
            let expected = (Version::V2, "/sys/fs/cgroup/system.slice/b.service");
            assert_eq!(base(&layout, name), expected);
        }
    }

    #[test]
    fn a_mount_that_shows_a_part() {
        let mounts = "30 23 0:26 /docker/x /sys/fs/cgroup ro - cgroup2 cgroup2 rw\n";
        let layout = parse(mounts, "0::/docker/x/inner\n", Base::Own).unwrap();
        assert_eq!(layout.unified.unwrap().to_str().unwrap(), "/sys/fs/cgroup/inner");
        let layout = parse(mounts, "0::/\n", Base::Own).unwrap();
        assert_eq!(layout.unified.unwrap().to_str().unwrap(), "/sys/fs/cgroup");
    }

    #[test]
    fn no_cgroups_is_an_empty_layout_and_damage_is_an_error() {
        let mounts = "31 23 0:28 / / rw - ext4 /dev/vda rw\n";
        assert_eq!(parse(mounts, "", Base::Own).unwrap(), Layout::default());
        assert!(matches!(parse("31 23", "", Base::Own), Err(ProbeError::Malformed { .. })));
        let error = parse(HYBRID, "nonsense\n", Base::Own).unwrap_err();
        assert!(matches!(error, ProbeError::Malformed { .. }));
        assert_eq!(unescape("a\\9z").to_str().unwrap(), "a\\9z", "not an escape");
    }

    #[test]
    fn this_host_can_be_probed() {
        let layout = probe(Base::Own).unwrap();
        let bases = layout.controllers.values().map(|hierarchy| &hierarchy.base);
        for base in bases.chain(&layout.unified) {
            assert!(base.is_dir(), "{}", base.display());
        }
        let text = serde_json::to_string(&layout).unwrap();
        assert_eq!(serde_json::from_str::<Layout>(&text).unwrap(), layout);
    }
}
