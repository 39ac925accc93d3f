//! Thousands of power cuts: nothing acknowledged is lost, nothing half-written comes back.

use master::disk::{LogStore, RedbLogStore};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::power_cut_disk::PowerCutDisk;
use super::scribe::{Model, STORE, new_log};

const CUTS_PER_DISK: u64 = 50;

/// How often each interesting thing happened; a test that never met it proves nothing.
#[derive(Debug, Default)]
struct Tally {
    cuts: u64,
    with_sectors_in_flight: u64,
    while_opening: u64,
    last_step_survived: u64,
    last_step_vanished: u64,
}

/// One disk's life: work, cut, reopen, compare, again.
fn live_through_cuts(seed: u64, tally: &mut Tally) {
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    let disk = PowerCutDisk::default();
    drop(new_log(disk.cable()));
    // Everything in here may be what the disk holds; only the first was acknowledged.
    let mut possible = vec![Model::default()];
    for cut in 0..CUTS_PER_DISK {
        let operations = if random.random_range(0..4) == 0 { 12 } else { 80 };
        disk.cut_after(random.random_range(0..operations));
        work_until_the_cut(&disk, &mut possible, &mut random, tally);
        let in_flight = disk.cut(&mut random);
        tally.cuts += 1;
        tally.with_sectors_in_flight += u64::from(in_flight > 0);

        let mut store = RedbLogStore::open(disk.cable(), STORE, None)
            .unwrap_or_else(|error| panic!("seed {seed}, cut {cut}: {error:?}"));
        let found =
            store.load().unwrap_or_else(|error| panic!("seed {seed}, cut {cut}: {error:?}"));
        let which = possible.iter().position(|model| model.restored() == found);
        let Some(which) = which else {
            panic!("seed {seed}, cut {cut}: found {found:?}, possible were {possible:?}")
        };
        if possible.len() > 1 {
            tally.last_step_survived += u64::from(which == 1);
            tally.last_step_vanished += u64::from(which == 0);
        }
        possible = vec![Model::resume(found)];
    }
}

fn work_until_the_cut(
    disk: &PowerCutDisk,
    possible: &mut Vec<Model>,
    random: &mut Pcg64Mcg,
    tally: &mut Tally,
) {
    let opened = RedbLogStore::open(disk.cable(), STORE, None);
    let Ok(mut store) = opened else {
        tally.while_opening += 1;
        return;
    };
    assert_eq!(store.load().unwrap(), possible[0].restored());
    loop {
        let batches = possible[0].invent(random);
        let mut next = possible[0].clone();
        next.apply(&batches);
        match store.append(&batches) {
            Ok(()) => possible[0] = next,
            Err(error) => {
                assert!(error.to_string().contains("cannot be written"), "{error:?}");
                possible.push(next);
                return;
            }
        }
    }
}

/// Two tests share the work so that both cores take part.
fn live_through_many(seeds: std::ops::Range<u64>) {
    let mut tally = Tally::default();
    for seed in seeds.clone() {
        live_through_cuts(seed, &mut tally);
    }
    println!("{tally:?}");
    assert_eq!(tally.cuts, (seeds.end - seeds.start) * CUTS_PER_DISK);
    assert!(tally.with_sectors_in_flight > tally.cuts / 2, "{tally:?}");
    assert!(tally.while_opening > 0, "{tally:?}");
    assert!(tally.last_step_survived > 0, "{tally:?}");
    assert!(tally.last_step_vanished > tally.cuts / 4, "{tally:?}");
}

#[test]
fn nothing_acknowledged_is_lost_in_power_cuts() {
    live_through_many(0..52);
}

#[test]
fn nothing_acknowledged_is_lost_in_more_power_cuts() {
    live_through_many(1_000_000..1_000_052);
}
