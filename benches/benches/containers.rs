//! Being measured.
fn main() {}
