//! Each check of `convert`, one line of a table each: what is broken, the field that is named, why.
//!
//! Every table starts from a message that is read, and breaks one thing in it.

mod agents;
mod calls;
mod commits;
mod declines;
mod demands;
mod devices;
mod inverse;
mod leadership;
mod operations;
mod quotas;
mod reservations;
mod role_settings;
mod task_groups;
mod tasks;
mod volume_orders;
mod volumes;
mod watches;

use proto::model::{Reason, Refusal};
use std::fmt::Debug;

/// What breaks the message, the field that the refusal names, and its reason.
type Case<W> = (fn(&mut W), &'static str, Reason);

/// Reads the message as it is, which must do, and once for each line of the table.
fn check<W: Clone, M: Debug>(good: &W, read: fn(W) -> Result<M, Refusal>, table: &[Case<W>]) {
    read(good.clone()).unwrap_or_else(|refusal| panic!("the good message: {refusal}"));
    for (index, (breaks, field, reason)) in table.iter().enumerate() {
        let mut bad = good.clone();
        breaks(&mut bad);
        let Err(refusal) = read(bad) else { panic!("line {index}, {field}: was believed") };
        assert_eq!((refusal.field.as_str(), refusal.reason), (*field, *reason), "line {index}");
        assert!(!refusal.message.is_empty(), "line {index}, {field}: says nothing");
    }
}

/// Reads the message once for each line, changed but still good.
fn accept<W: Clone, M: Debug>(good: &W, read: fn(W) -> Result<M, Refusal>, table: &[fn(&mut W)]) {
    for (index, changes) in table.iter().enumerate() {
        let mut other = good.clone();
        changes(&mut other);
        read(other).unwrap_or_else(|refusal| panic!("line {index}: {refusal}"));
    }
}

fn texts(count: usize, text: impl Fn(usize) -> String) -> Vec<String> {
    (0..count).map(text).collect()
}
