//! Alibaba's batch tasks of 2017, inference of 2025 and nodes of 2026.

use crate::kit::{added, all, complaints, file, lines, notes};
use traces::formats::alibaba::{batch2017, inference2025, nodes2026};

#[test]
fn batch_tasks_are_as_many_as_their_instances() {
    let expected = [
        "1 at 539000000000: 283 x [1000, 5405, 0, 0, 0] for 116381625442 of -, batch 0, - in -",
        "1 at 538000000000: 1 x [500, 250000, 0, 500000, 0] for 9000000000 of -, batch 0, - in -",
    ];
    assert_eq!(lines(batch2017, file("batch2017.csv")), expected);
    let head = "submit_time,duration,cpu,memory,job_id,instances_num\n";
    let message = "it:2, column `instances_num`: `0` is not a number of tasks from 1 to 4294967295";
    complaints(batch2017, &[(&format!("{head}1,1,1,1,1,0\n"), message)]);
}

#[test]
fn instances_have_five_kinds_and_a_limit_on_each_machine() {
    let expected = [
        "0 at 0: 1 x [12000, 122880000, 1000, 655872000, 25000] for - of -, service 0, app_0 in HN, \
         at most 8 of Group(NameId(1))",
        "1 at 475000000000: 1 x [12000, 122880000, 1000, 655872000, 25000] for 91107000000000 of -, \
         service 0, app_0 in HN, at most 8 of Group(NameId(1))",
        "2 at 0: 1 x [4000, 491520000, 0, 0, 1000] for 50000000000 of -, service 0, app_1 in CN",
        "3 at 60000000000: 1 x [4000, 491520000, 0, 0, 1000] for - of -, service 0, app_1 in CN",
    ];
    assert_eq!(lines(inference2025, file("inference2025.csv")), expected);
    let (_, reader) = all(inference2025, file("inference2025.csv"));
    let expected = ["1 repaired: deleted before it was scheduled: without a duration"];
    assert_eq!(notes(&reader), expected);
    let wrong = "app_name,cpu_request,memory_request,gpu_request,disk_request,rdma_request,\
                 max_instance_per_node,creation_time,deletion_time\na,1,1,1,1,1,0,,\n";
    let message = "it:2, column `max_instance_per_node`: `0` is not a number of instances from 1 \
                   to 4294967295, or -1";
    complaints(inference2025, &[(wrong, message)]);
}

#[test]
fn nodes_have_cards() {
    let (events, reader) = all(nodes2026, file("nodes2026.csv"));
    let machine = added(&events[0]);
    assert_eq!((machine.cards, machine.capacity.0), (8, [192_000, 0, 8_000, 0, 0]));
    assert_eq!(reader.names().get(machine.gpu_model.unwrap()), "G9");
}
