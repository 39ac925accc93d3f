//! openb: nodes and pods.

use crate::kit::{added, all, complaints, file, lines, text};
use traces::{
    formats::openb::{nodes, pods},
    model::{Kind, Names},
};

const HEAD: &str = "name,cpu_milli,memory_mib,num_gpu,gpu_milli\n";

#[test]
fn nodes_have_cards_of_a_model() {
    let (events, reader) = all(nodes, file("openb_nodes.csv"));
    let (first, second) = (added(&events[0]), added(&events[1]));
    assert_eq!(first.capacity.0, [96_000, 393_216_000, 8_000, 0, 0]);
    assert_eq!((first.cards, first.count), (8, 1));
    assert_eq!(reader.names().get(first.gpu_model.unwrap()), "G9");
    assert_eq!(reader.names().get(second.name.unwrap()), "node-b");
    assert_eq!((second.gpu_model, second.capacity[Kind::Gpus]), (None, 0));
    assert_eq!(events.iter().map(|event| event.machine).collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn pods_ask_for_parts_of_a_card_or_whole_ones() {
    let expected = [
        "0 at 10000000000: 1 x [4000, 8192000, 0, 0, 0] for 58000000000 of -, service 2, - in LS",
        "1 at 20000000000: 1 x [2500, 1024000, 250, 0, 0] for 20500000000 of -, batch 0, - in BE, \
         on G9, on T7",
        "2 at 30000000000: 1 x [8000, 4096000, 4000, 0, 0] for - of -, service 1, - in Burstable, \
         on G9, on T7",
    ];
    assert_eq!(lines(pods, file("openb_pods.csv")), expected);
}

#[test]
fn a_list_of_five_columns_in_any_order_arrives_at_the_start() {
    let short = "num_gpu,gpu_milli,name,memory_mib,cpu_milli,extra\n2,1000,a,3,4,x\n";
    let expected = ["0 at 0: 1 x [4, 3000, 2000, 0, 0] for - of -, batch 0, - in -"];
    assert_eq!(lines(pods, text(short)), expected);
}

#[test]
fn models_have_one_number_when_one_table_goes_from_nodes_to_pods() {
    let mut machines = nodes(file("openb_nodes.csv"), Names::new()).unwrap();
    let model = added(&machines.next().unwrap().unwrap()).gpu_model;
    let mut arrivals = pods(file("openb_pods.csv"), machines.into_names()).unwrap();
    let pod = arrivals.nth(1).unwrap().unwrap();
    assert_eq!(pod.constraints.unwrap().gpu_models.first().copied(), model);
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let row = |row: &str| format!("{HEAD}{row}\n");
    let cases = [
        (
            row("a,1,1,1,0"),
            "it:2, column `gpu_milli`: `0` is not thousandths of a card, from 1 to 1000",
        ),
        (
            row("a,1,1,2,500"),
            "it:2, column `gpu_milli`: `500` is not 1000: only one card can be shared",
        ),
        (row("a,1,1,x,0"), "it:2, column `num_gpu`: `x` is not a number of cards from 0 to 1024"),
        (
            row("a,1,1,4000,0"),
            "it:2, column `num_gpu`: `4000` is not a number of cards from 0 to 1024",
        ),
        (row("a,,1,0,0"), "it:2, column `cpu_milli`: `` is not a number of thousandths of a core"),
        (row("a,1,-1,0,0"), "it:2, column `memory_mib`: `-1` is not a number of MiB"),
        (row("a,1,1,0"), "it:2: 4 fields, 5 expected"),
        ("name\n".into(), "it:1: no column `cpu_milli`; this is not a list of openb's pods"),
        (String::new(), "it: no column `cpu_milli`; this is not a list of openb's pods"),
    ];
    let cases: Vec<(&str, &str)> = cases.iter().map(|(a, b)| (a.as_str(), *b)).collect();
    complaints(pods, &cases);
    let qos = "cpu_milli,memory_mib,num_gpu,gpu_milli,qos\n1,1,0,0,LS\n1,1,0,0,Best\n";
    let message = "it:3, column `qos`: `Best` is not `LS`, `BE`, `Burstable` or `Guaranteed`";
    complaints(pods, &[(qos, message)]);
    let nameless = "cpu_milli,memory_mib,gpu\n1,1,1\n";
    complaints(nodes, &[(nameless, "it:1: no column `sn`; this is not a list of openb's nodes")]);
}

#[test]
fn a_pod_that_ended_before_it_began_has_no_duration() {
    let odd = "cpu_milli,memory_mib,num_gpu,gpu_milli,deletion_time,scheduled_time\n1,1,0,0,4,5\n";
    let (found, reader) = all(pods, text(odd));
    assert_eq!(found[0].duration_ns, None);
    let expected = ["1 repaired: deleted before it was scheduled: without a duration"];
    assert_eq!(crate::kit::notes(&reader), expected);
}
