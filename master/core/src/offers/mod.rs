//! Room 5: the offers that are out, inverse ones, and who was shown what of shared roles.
//! Leader-only and volatile; see [`book`].

pub mod book;
pub(crate) mod inverse;
pub(crate) mod shared;

pub use book::{AcceptId, Accepting, Book, Returned, Shown};
pub(crate) use inverse::InverseBook;
pub(crate) use shared::Shared;
