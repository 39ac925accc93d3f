//! Random legal work on the real log and on a plain vector: both must agree at every reopening.

use master::disk::{LogStore, RedbLogStore};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::power_cut_disk::PowerCutDisk;
use super::scribe::{Model, STORE, new_log};

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn the_log_agrees_with_a_vector(seed: u64, steps in 1_usize..40) {
        let mut random = Pcg64Mcg::seed_from_u64(seed);
        let disk = PowerCutDisk::default();
        let mut store = new_log(disk.cable());
        let mut model = Model::default();
        for step in 0..steps {
            let batches = model.invent(&mut random);
            if let Err(error) = store.append(&batches) {
                panic!("step {step}: {error:?} for {batches:?}");
            }
            model.apply(&batches);
            // Loading again, with and without reopening the file, changes nothing.
            match random.random_range(0..6) {
                0 => prop_assert_eq!(store.load().unwrap(), model.restored()),
                1 => {
                    drop(store);
                    store = RedbLogStore::open(disk.cable(), STORE, None).unwrap();
                    let restored = store.load().unwrap();
                    prop_assert_eq!(&restored, &model.restored());
                    model = Model::resume(restored);
                }
                _ => {}
            }
        }
        prop_assert_eq!(store.load().unwrap(), model.restored());
    }
}
