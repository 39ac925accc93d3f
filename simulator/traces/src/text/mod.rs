//! Text files: lines out of bytes, fields out of lines, integers out of fields, and the place of
//! whatever is wrong. Knows nothing of any trace.

pub(crate) mod lines;
pub(crate) mod number;
pub(crate) mod rows;
pub(crate) mod values;

pub(crate) use number::Unit;
pub(crate) use rows::{Fields, Rows};
pub(crate) use values::{Column, Header, Row};
