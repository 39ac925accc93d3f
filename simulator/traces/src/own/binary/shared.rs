//! What rows share by number: names and constraints, written before the first row that has them.

use super::{
    block::{Blocks, Kind, Wrong},
    columns::{put, put_text, take, take_bytes, take_text, take_u32},
};
use crate::{
    error::ReadError,
    limits::{CONSTRAINTS_MAX, NAME_BYTES_MAX},
    model::{Constraints, NameId, Names, PerMachine, Property, Scope},
};
use std::{num::NonZeroU32, sync::Arc};

const NO_NAME: Wrong = "a number of a name that was not announced";

/// The numbers of a file in terms of the table of names that it is read with.
#[derive(Debug, Default)]
pub(super) struct Shared {
    names: Vec<NameId>,
    constraints: Vec<Arc<Constraints>>,
}

impl Shared {
    /// Takes a block of names or constraints.
    pub(super) fn read(
        &mut self,
        kind: Kind,
        blocks: &Blocks,
        names: &mut Names,
    ) -> Result<(), ReadError> {
        let mut rest = &blocks.bytes[..];
        for _ in 0..blocks.rows {
            let read = match kind {
                Kind::Names => self.name(&mut rest, names),
                _ => self.constraint(&mut rest),
            };
            read.map_err(|what| blocks.damaged(what))?;
        }
        if rest.is_empty() { Ok(()) } else { Err(blocks.damaged("a block has more than its rows")) }
    }

    fn name(&mut self, rest: &mut &[u8], names: &mut Names) -> Result<(), Wrong> {
        let text = take_text(rest)?;
        if text.len() > NAME_BYTES_MAX {
            return Err("a name of more than 4096 bytes");
        }
        self.names.push(names.intern(text).ok_or("more names than a table may hold")?);
        Ok(())
    }

    fn constraint(&mut self, rest: &mut &[u8]) -> Result<(), Wrong> {
        if self.constraints.len() == CONSTRAINTS_MAX {
            return Err("more than 1048576 different constraints");
        }
        let mut constraints = Constraints::default();
        for _ in 0..take(rest)? {
            constraints.gpu_models.push(self.named(take(rest)?)?);
        }
        for _ in 0..take(rest)? {
            let name = self.named(take(rest)?)?;
            constraints.properties.push(Property { name, wanted: flag(rest)? });
        }
        constraints.exclusive = flag(rest)?;
        if let Some(at_most) = NonZeroU32::new(take_u32(rest)?) {
            let of = self.optional(take(rest)?)?.map_or(Scope::Job, Scope::Group);
            constraints.per_machine = Some(PerMachine { at_most, of });
        }
        self.constraints.push(Arc::new(constraints));
        Ok(())
    }

    /// A name by its number in the file.
    pub(super) fn named(&self, number: u64) -> Result<NameId, Wrong> {
        self.optional(number.checked_add(1).ok_or(NO_NAME)?)?.ok_or(NO_NAME)
    }

    /// A name by its number and one, where 0 is none.
    pub(super) fn optional(&self, number: u64) -> Result<Option<NameId>, Wrong> {
        let Some(index) = number.checked_sub(1) else { return Ok(None) };
        let index = usize::try_from(index).map_err(|_| NO_NAME)?;
        self.names.get(index).copied().map(Some).ok_or(NO_NAME)
    }

    /// Constraints by their number and one, where 0 is none.
    pub(super) fn constrained(&self, number: u64) -> Result<Option<Arc<Constraints>>, Wrong> {
        const NONE: Wrong = "a number of constraints that were not announced";
        let Some(index) = number.checked_sub(1) else { return Ok(None) };
        let index = usize::try_from(index).map_err(|_| NONE)?;
        self.constraints.get(index).map(|it| Some(Arc::clone(it))).ok_or(NONE)
    }
}

/// A byte that is 0 or 1.
fn flag(rest: &mut &[u8]) -> Result<bool, Wrong> {
    match take_bytes(rest, 1)? {
        [0] => Ok(false),
        [1] => Ok(true),
        _ => Err("a flag is neither 0 nor 1"),
    }
}

/// The number of a name as rows have it: 0 for none.
pub(super) fn number(id: Option<NameId>) -> u64 {
    id.map_or(0, |id| id.index() as u64 + 1)
}

/// Appends the row of a name.
pub(super) fn put_name(text: &str, into: &mut Vec<u8>) {
    put_text(text, into);
}

/// Appends the row of constraints.
pub(super) fn put_constraints(constraints: &Constraints, into: &mut Vec<u8>) {
    put(constraints.gpu_models.len() as u64, into);
    for model in &constraints.gpu_models {
        put(model.index() as u64, into);
    }
    put(constraints.properties.len() as u64, into);
    for property in &constraints.properties {
        put(property.name.index() as u64, into);
        into.push(property.wanted.into());
    }
    into.push(constraints.exclusive.into());
    match constraints.per_machine {
        None => put(0, into),
        Some(limit) => {
            put(u64::from(limit.at_most.get()), into);
            put(
                match limit.of {
                    Scope::Job => 0,
                    Scope::Group(group) => group.index() as u64 + 1,
                },
                into,
            );
        }
    }
}
