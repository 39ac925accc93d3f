//! Studies that come with the program: published results, each as one file with its expectations.
//!
//! Their data is not here: terms differ. It is read from a directory that the user names.

/// A study that comes with the program.
#[derive(Debug, Clone, Copy)]
pub struct BuiltIn {
    /// Its name.
    pub name: &'static str,
    /// Its file.
    pub text: &'static str,
}

macro_rules! built_in {
    ($($name:literal),* $(,)?) => {
        &[$(BuiltIn { name: $name, text: include_str!(concat!($name, ".toml")) }),*]
    };
}

/// All of them, by name.
pub const ALL: &[BuiltIn] = built_in![
    "borg-compaction",
    "borg-powers-of-two",
    "borg-segregation",
    "constraints-metacentrum",
    "constraints-openb",
    "drf-canonical",
    "drf-google",
    "easy-vs-fcfs",
    "fgd-fig7",
    "fgd-fig9",
    "fgd-lists",
    "fgd-other-lists",
    "fgd-ties",
    "gangs-philly",
    "hawk-hybrid",
    "mesos-scale",
    "mesos-static",
    "month",
    "omega-fig10",
    "omega-fig7",
    "omega-fig7-offers",
    "omega-fig8",
    "omega-fig8-cell",
    "omega-monolithic",
    "omega-uniform",
    "overcommit-surf",
    "power-of-choices",
    "preemption-bands",
    "queueing-theory",
    "several-servers",
    "small-and-large",
    "sparrow-sampling",
];

/// The one with a name.
pub fn find(name: &str) -> Option<BuiltIn> {
    ALL.iter().copied().find(|study| study.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::expand;

    #[test]
    fn every_study_is_one_and_has_its_name() {
        for built_in in ALL {
            let points = expand(built_in.text)
                .unwrap_or_else(|problem| panic!("{}: {problem}", built_in.name));
            assert_eq!(points[0].study.name, built_in.name);
            assert!(!points[0].study.expect.is_empty(), "{} expects something", built_in.name);
        }
        assert!(ALL.is_sorted_by_key(|study| study.name));
        assert!(find("fgd-fig9").is_some() && find("nothing").is_none());
    }
}
