//! Our own forms: whatever the model can hold comes back from them, what is damaged says where, and
//! the first bytes of what is written stay what they are.

#![forbid(unsafe_code)]

mod damaged;
mod model;
mod round;
