//! A value whose copy costs nothing until one side changes it, and then all of it: for what is
//! small or seldom changed.

use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
};

/// Shared with its copies until it is changed.
#[derive(Debug, PartialEq, Eq, Default)]
pub struct CopyOnWrite<T>(Arc<T>);

impl<T> Clone for CopyOnWrite<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Deref for CopyOnWrite<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Clone> DerefMut for CopyOnWrite<T> {
    fn deref_mut(&mut self) -> &mut T {
        Arc::make_mut(&mut self.0)
    }
}
