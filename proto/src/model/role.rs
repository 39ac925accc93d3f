//! Roles: who resources are offered to, as a tree. `eng/search/batch` is a part of `eng/search`,
//! which is a part of `eng`: what a role uses counts for every role above it.

use super::{
    ids::{IdError, check_id},
    limits,
};
use smol_str::SmolStr;
use std::{cmp::Ordering, fmt, str::FromStr};

/// A role: a path of components, each under the rule for ids, separated by `/`; or `*`, the role of
/// those who name none.
///
/// At most [`limits::ID_BYTES_MAX`] bytes and [`limits::ROLE_DEPTH_MAX`] components. Ordered by
/// path: a role comes right before those below it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Role(SmolStr);

impl Role {
    /// Checks the text: `*`, or components separated by `/`.
    pub fn new(text: &str) -> Result<Self, IdError> {
        if text != "*" {
            if text.len() > limits::ID_BYTES_MAX {
                let limit_bytes = limits::ID_BYTES_MAX;
                return Err(IdError::TooLong { length_bytes: text.len(), limit_bytes });
            }
            text.split('/').try_for_each(check_id)?;
            let depth = text.split('/').count();
            if depth > limits::ROLE_DEPTH_MAX {
                return Err(IdError::TooDeep { depth, limit: limits::ROLE_DEPTH_MAX });
            }
        }
        Ok(Self(SmolStr::new(text)))
    }

    /// The role of those who name none, `*`.
    pub fn any() -> Self {
        Self(SmolStr::new_static("*"))
    }

    /// The whole path.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last component.
    pub fn name(&self) -> &str {
        self.0.rsplit_once('/').map_or(&*self.0, |(_, name)| name)
    }

    /// How many components there are; 1 at the top of the tree.
    pub fn depth(&self) -> usize {
        1 + self.0.bytes().filter(|byte| *byte == b'/').count()
    }

    /// The role right above; none at the top of the tree.
    pub fn parent(&self) -> Option<Role> {
        let (parent, _) = self.0.rsplit_once('/')?;
        Some(Self(SmolStr::new(parent)))
    }

    /// The role itself, then every role above it up to the top of the tree.
    pub fn ancestors(&self) -> impl Iterator<Item = Role> + use<> {
        std::iter::successors(Some(self.clone()), Role::parent)
    }

    /// Whether this is the role or one below it.
    pub fn is_within(&self, role: &Role) -> bool {
        let rest = self.0.strip_prefix(role.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl Ord for Role {
    fn cmp(&self, other: &Self) -> Ordering {
        // The separator comes before everything that a component may hold, so that nothing stands
        // between a role and those below it: `a`, `a/b`, `a-c`.
        let rank = |byte: u8| if byte == b'/' { 0 } else { byte };
        let (mine, theirs) = (self.0.as_bytes(), other.0.as_bytes());
        match mine.iter().zip(theirs).find(|(a, b)| a != b) {
            Some((a, b)) => rank(*a).cmp(&rank(*b)),
            None => mine.len().cmp(&theirs.len()),
        }
    }
}

impl PartialOrd for Role {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Role({:?})", self.0)
    }
}

impl FromStr for Role {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        Self::new(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(text: &str) -> Role {
        Role::new(text).unwrap()
    }

    #[test]
    fn roles_are_paths_of_ids() {
        assert!(Role::new("*").is_ok());
        assert!(Role::new("eng/search/batch").is_ok());
        for bad in ["", "/", "/a", "a/", "a//b", "a/../b", "a/./b", "a/*", "*/a", "**", "a b"] {
            assert!(Role::new(bad).is_err(), "{bad}");
        }
        assert!(matches!(Role::new(&"x".repeat(129)), Err(IdError::TooLong { .. })));
        let deep = |depth: usize| vec!["a"; depth].join("/");
        assert!(Role::new(&deep(limits::ROLE_DEPTH_MAX)).is_ok());
        let (depth, limit) = (limits::ROLE_DEPTH_MAX + 1, limits::ROLE_DEPTH_MAX);
        assert_eq!(Role::new(&deep(depth)), Err(IdError::TooDeep { depth, limit }));
    }

    #[test]
    fn a_role_knows_its_place_in_the_tree() {
        let batch = role("eng/search/batch");
        assert_eq!((batch.name(), batch.depth()), ("batch", 3));
        assert_eq!(batch.parent(), Some(role("eng/search")));
        let path: Vec<Role> = batch.ancestors().collect();
        assert_eq!(path, [role("eng/search/batch"), role("eng/search"), role("eng")]);
        assert_eq!((role("eng").parent(), Role::any().parent()), (None, None));
        assert_eq!((role("eng").name(), Role::any().name()), ("eng", "*"));
        assert!(batch.is_within(&role("eng")) && batch.is_within(&batch));
        assert!(!role("engine").is_within(&role("eng")) && !role("eng").is_within(&batch));
    }

    #[test]
    fn nothing_stands_between_a_role_and_those_below_it() {
        let mut roles = ["b", "a-c", "a/b/c", "a", "*", "a.d", "a/b", "a/b+", "a+"].map(role);
        roles.sort();
        let texts = roles.each_ref().map(Role::as_str);
        assert_eq!(texts, ["*", "a", "a/b", "a/b/c", "a/b+", "a+", "a-c", "a.d", "b"]);
    }
}
