//! Volumes between master and agent, and as tasks see them.

use super::{accept, check, tasks::task};
use proto::{
    convert::{
        orders::{read_agent_message, read_master_message},
        task::read_task_info,
        volume_orders::read_path,
    },
    model::{Reason::InvalidField as Invalid, Reason::LimitExceeded as Limit, VolumeKey, limits},
    wire::v1::{
        self, agent_message, master_message, volume_order::Action, volume_ref::Volume as Which,
    },
};

#[expect(clippy::unnecessary_wraps, reason = "as the fields have it")]
fn key(text: &str) -> Option<v1::VolumeKey> {
    Some(v1::VolumeKey { volume_id: text.to_owned(), incarnation: 1 })
}

#[expect(clippy::unnecessary_wraps, reason = "as the fields have it")]
fn mib(count: i64) -> Option<v1::Scalar> {
    Some(v1::Scalar { milli: count * 1_000 })
}

#[test]
fn orders() {
    fn make(order: &mut v1::VolumeOrder) -> &mut v1::MakeVolume {
        match order.action.as_mut() {
            Some(Action::Make(make)) => make,
            other => panic!("{other:?}"),
        }
    }
    let read = |order: v1::VolumeOrder| {
        let message = Some(master_message::Message::Volume(order));
        read_master_message(v1::MasterMessage { term: 1, message })
    };
    let order = v1::VolumeOrder {
        key: key("volume-7"),
        version: 1,
        action: Some(Action::Make(v1::MakeVolume {
            role: "eng".to_owned(),
            name: "data".to_owned(),
            size: mib(1),
            shared: false,
        })),
    };
    check(
        &order,
        read,
        &[
            (|o| o.key = None, "volume.key", Invalid),
            (|o| o.key = key("7"), "volume.key.volume_id", Invalid),
            (|o| o.version = 0, "volume.version", Invalid),
            (|o| o.action = None, "volume.action", Invalid),
            (|o| make(o).role = "*".to_owned(), "volume.make.role", Invalid),
            (|o| make(o).name = "..".to_owned(), "volume.make.name", Invalid),
            (|o| make(o).size = None, "volume.make.size", Invalid),
            (|o| make(o).size = mib(0), "volume.make.size", Invalid),
            (
                |o| o.action = Some(Action::Resize(v1::SizeVolume { size: None })),
                "volume.resize.size",
                Invalid,
            ),
        ],
    );
    accept(&order, read, &[|o| o.action = Some(Action::Delete(v1::DeleteVolume {}))]);
}

#[test]
fn reports() {
    let read = |report: v1::VolumeReport| {
        let message = Some(agent_message::Message::Volume(report));
        read_agent_message(v1::AgentMessage { message })
    };
    let failed = Some("no space left".to_owned());
    let report = v1::VolumeReport { key: key("volume-7"), version: 1, failed };
    check(
        &report,
        read,
        &[
            (|r| r.key = None, "volume.key", Invalid),
            (|r| r.key = key("volume-07"), "volume.key.volume_id", Invalid),
            (|r| r.version = 0, "volume.version", Invalid),
            (|r| r.failed = Some("\u{1b}[2J".to_owned()), "volume.failed", Invalid),
            (|r| r.failed = Some("x".repeat(limits::TEXT_BYTES_MAX + 1)), "volume.failed", Limit),
        ],
    );
    accept(&report, read, &[|r| r.failed = None]);
}

#[test]
fn mounts() {
    fn mount(id: u64, path: &str) -> v1::VolumeMount {
        v1::VolumeMount {
            volume: Some(v1::VolumeRef { volume: Some(Which::VolumeId(format!("volume-{id}"))) }),
            path: path.to_owned(),
            read_only: false,
            incarnation: 0,
        }
    }
    let task = v1::TaskInfo { volumes: vec![mount(7, "data"), mount(8, "data-2/more")], ..task() };
    const PATH: &str = "volumes[1].path";
    check(
        &task,
        read_task_info,
        &[
            (|t| t.volumes[1].volume = None, "volumes[1].volume", Invalid),
            (|t| t.volumes[1].volume = mount(7, "").volume, "volumes[1].volume", Invalid),
            (|t| t.volumes[1].path.clear(), PATH, Invalid),
            (|t| t.volumes[1].path = "/data".to_owned(), PATH, Invalid),
            (|t| t.volumes[1].path = "a//b".to_owned(), PATH, Invalid),
            (|t| t.volumes[1].path = "a/../../b".to_owned(), PATH, Invalid),
            (|t| t.volumes[1].path = "./a".to_owned(), PATH, Invalid),
            (|t| t.volumes[1].path = "a/".to_owned(), PATH, Invalid),
            (|t| t.volumes[1].path = "a\0b".to_owned(), PATH, Invalid),
            (|t| t.volumes[1].path = "stdout".to_owned(), PATH, Invalid),
            (|t| t.volumes[1].path = "stderr/x".to_owned(), PATH, Invalid),
            (|t| t.volumes[1].path = "x".repeat(256), PATH, Invalid),
            (|t| t.volumes[1].path = "x/".repeat(512) + "x", PATH, Limit),
            (|t| t.volumes[1].path = "data".to_owned(), "volumes[0].path", Invalid),
            (|t| t.volumes[1].path = "data/below".to_owned(), PATH, Invalid),
            (
                |t| t.volumes = (0..17).map(|id| mount(id, &format!("v{id}"))).collect(),
                "volumes",
                Limit,
            ),
        ],
    );
    accept(
        &task,
        read_task_info,
        &[
            |t| t.volumes[1].path = "a/stdout".to_owned(),
            |t| t.volumes[1].path = "..a/b..".to_owned(),
            |t| t.volumes.clear(),
        ],
    );
    assert_eq!(read_path("path", "a/b".to_owned()).as_deref(), Ok("a/b"));
}

#[test]
fn keys_are_names_of_directories() {
    let key: VolumeKey = "volume-7.1".parse().expect("a key");
    assert_eq!((key.id.0, key.incarnation, key.to_string().as_str()), (7, 1, "volume-7.1"));
    for text in ["", ".", "volume-7", "volume-7.", "volume-7.01", "volume-07.1", "volume-7.1.1"] {
        assert!(text.parse::<VolumeKey>().is_err(), "{text}");
    }
}
