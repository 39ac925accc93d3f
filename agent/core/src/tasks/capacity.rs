//! What is promised here: the second guard against double allocation.
//!
//! The ledger decides; this only refuses to carry out a decision that cannot be right. It trusts
//! nothing but its own totals and the tasks it has accepted.

use proto::model::{Resources, resources::ResourceError};

/// All there is, and what of it live tasks hold.
#[derive(Debug)]
pub(crate) struct Capacity {
    total: Resources,
    promised: Resources,
}

impl Capacity {
    pub(crate) fn new(total: Resources) -> Self {
        Self { total, promised: Resources::new() }
    }

    pub(crate) fn promised(&self) -> &Resources {
        &self.promised
    }

    /// Promises these, or says which of them there is not enough of.
    pub(crate) fn admit(&mut self, wanted: &Resources) -> Result<(), ResourceError> {
        let free = self.total.checked_sub(&self.promised)?;
        free.checked_sub(wanted)?;
        self.promised = self.promised.checked_add(wanted)?;
        Ok(())
    }

    /// Promises what an earlier life had promised.
    pub(crate) fn restore(&mut self, held: &Resources) -> Result<(), ResourceError> {
        self.promised = self.promised.checked_add(held)?;
        Ok(())
    }

    /// Promises `new` instead of `old`, or says which of it there is not enough of.
    pub(crate) fn exchange(
        &mut self,
        old: &Resources,
        new: &Resources,
    ) -> Result<(), ResourceError> {
        let others = self.promised.checked_sub(old).expect("what is exchanged was promised before");
        let promised = others.checked_add(new)?;
        // A total that was lowered since does not keep anybody from shrinking.
        if !self.promised.contains(&promised) {
            self.total.checked_sub(&promised)?;
        }
        self.promised = promised;
        Ok(())
    }

    pub(crate) fn release(&mut self, held: &Resources) {
        let left = self.promised.checked_sub(held);
        self.promised = left.expect("what is released was promised before");
    }
}
