//! Room 5: the offers that are out. Leader-only and volatile; see [`book`].

pub mod book;

pub use book::{AcceptId, Accepting, Book, Returned};
