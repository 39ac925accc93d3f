//! Steps as a study writes them: what is not known is refused, and what is read is written alike.

use crate::steps;
use traces::transform::Transform;

#[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
struct Study {
    steps: Vec<Transform>,
}

#[test]
fn every_step_comes_back_as_it_was_written() {
    let text = "'sort', { shuffle = {} }, { sample = { per_mille = 1 } },
        { sample_jobs = { jobs = 5 } },
        { first = { arrivals = 2 } }, { scale_time = 3 }, { scale_durations = '1/3' },
        { scale_sizes = { cpus = '1.25' } }, { powers_of_two = { mem = 1024000 } },
        { repeat = { times = 2 } }, { window = { from_s = 0 } },
        { inflate = { of = 'gpus', per_cent = 130, capacity = 6212000 } },
        { assign = { rules = [{ framework = 'x' }] } }, { only = { priority_min = 1 } }";
    let study = Study { steps: steps(text) };
    let again: Study = toml::from_str(&toml::to_string(&study).unwrap()).unwrap();
    assert_eq!(again, study);
    let held = study.steps.iter().filter(|step| step.holds_all()).count();
    assert_eq!((study.steps.len(), held), (14, 4));
}

#[test]
fn what_is_not_known_or_out_of_range_is_refused() {
    let cases = [
        ("'mix'", "unknown variant `mix`"),
        ("{ sample = { per_mille = 5, seed = 1 } }", "unexpected keys in table: seed"),
        ("{ sample = { per_mille = 0 } }", "0 is not a part of a thousand, from 1 to 1000"),
        ("{ sample = { per_mille = 1001 } }", "1001 is not a part of a thousand"),
        ("{ sample = {} }", "missing field `per_mille`"),
        ("{ scale_time = '1/0' }", "`1/0` is not a factor such as 3, 3/2 or 1.5"),
        ("{ scale_time = -1 }", "a factor such as 3, \"3/2\" or \"1.5\""),
        ("{ scale_sizes = { cpu = 2 } }", "unknown field `cpu`"),
        ("{ inflate = { of = 'cards', per_cent = 1, capacity = 1 } }", "unknown variant `cards`"),
        ("{ inflate = { of = 'gpus', per_cent = 1, capacity = 0 } }", "expected a nonzero u64"),
        ("{ only = { priority = 1 } }", "unknown field `priority`"),
        ("{ assign = { rules = [{ when = { users = 'ann' } }] } }", "expected a sequence"),
    ];
    for (text, message) in cases {
        let error = toml::from_str::<Study>(&format!("steps = [{text}]")).unwrap_err().to_string();
        assert!(error.contains(message), "{text}: {error}");
    }
}
