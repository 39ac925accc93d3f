//! Volumes: what is asked for, what is offered, and what frameworks hear.

use super::{accept, check};
use proto::{
    convert::{calls::read_accept, calls::read_event, offer::read_offer, volume::*},
    model::{Reason::InvalidField as Invalid, Reason::LimitExceeded as Limit, limits},
    wire::v1::{
        self, operation::Operation as Kind, reservation_ref::Reservation, volume_ref::Volume,
    },
};

fn of(text: &str) -> Option<v1::ReservationRef> {
    let reservation = Some(Reservation::ReservationId(text.to_owned()));
    Some(v1::ReservationRef { reservation })
}

fn by_id(text: &str) -> Option<v1::VolumeRef> {
    Some(v1::VolumeRef { volume: Some(Volume::VolumeId(text.to_owned())) })
}

#[expect(clippy::unnecessary_wraps, reason = "as the fields have it")]
fn mib(count: i64) -> Option<v1::Scalar> {
    Some(v1::Scalar { milli: count * 1_000 })
}

#[test]
fn plans() {
    let plan = v1::CreateVolumePlan {
        reservation: of("reservation-1"),
        name: "data".to_owned(),
        size: mib(64),
        shared: false,
        labels: vec![v1::Label { key: "for".to_owned(), value: "tests".to_owned() }],
    };
    check(
        &plan,
        read_volume_plan,
        &[
            (|p| p.reservation = None, "reservation", Invalid),
            (|p| p.reservation = of("1"), "reservation.reservation_id", Invalid),
            (|p| p.name.clear(), "name", Invalid),
            (|p| p.name = "../data".to_owned(), "name", Invalid),
            (|p| p.name = "x".repeat(limits::ID_BYTES_MAX + 1), "name", Limit),
            (|p| p.size = None, "size", Invalid),
            (|p| p.size = mib(0), "size", Invalid),
            (|p| p.size = Some(v1::Scalar { milli: 999 }), "size", Invalid),
            (|p| p.size = Some(v1::Scalar { milli: limits::MILLI_MAX + 1 }), "size", Invalid),
            (|p| p.labels[0].key.clear(), "labels[0].key", Invalid),
        ],
    );
    accept(&plan, read_volume_plan, &[|p| p.shared = true, |p| p.size = mib(1)]);
}

#[test]
fn sizes_and_ends() {
    let resize = v1::ResizeVolumePlan { volume: by_id("volume-7"), size: mib(64) };
    check(
        &resize,
        read_volume_resize,
        &[
            (|p| p.volume = None, "volume", Invalid),
            (|p| p.volume = Some(v1::VolumeRef { volume: None }), "volume", Invalid),
            (|p| p.volume = by_id("volume-07"), "volume.volume_id", Invalid),
            (|p| p.size = None, "size", Invalid),
            (|p| p.size = mib(-1), "size", Invalid),
        ],
    );
    let destroy = v1::DestroyVolumePlan { volume: by_id("volume-7") };
    check(
        &destroy,
        read_volume_destroy,
        &[
            (|p| p.volume = None, "volume", Invalid),
            (|p| p.volume = by_id("reservation-7"), "volume.volume_id", Invalid),
        ],
    );
    accept(
        &destroy,
        read_volume_destroy,
        &[|p| p.volume = Some(v1::VolumeRef { volume: Some(Volume::Operation(0)) })],
    );
}

/// What gives something back needs no offers, what takes something does.
#[test]
fn accepts_without_offers() {
    fn with(kind: Kind) -> v1::AcceptRequest {
        let framework_id = "framework-1".to_owned();
        v1::AcceptRequest {
            session: Some(v1::FrameworkSession { framework_id, epoch: 1 }),
            operations: vec![v1::Operation { operation: Some(kind) }],
            ..Default::default()
        }
    }
    let resize = || v1::ResizeVolumePlan { volume: by_id("volume-7"), size: mib(64) };
    check(
        &with(Kind::ShrinkVolume(resize())),
        read_accept,
        &[
            (
                |a| a.operations[0].operation = Some(Kind::GrowVolume(Default::default())),
                "operations[0].grow_volume.volume",
                Invalid,
            ),
            (
                |a| a.operations[0].operation = Some(Kind::ShrinkVolume(Default::default())),
                "operations[0].shrink_volume.volume",
                Invalid,
            ),
            (
                |a| a.operations[0].operation = Some(Kind::DestroyVolume(Default::default())),
                "operations[0].destroy_volume.volume",
                Invalid,
            ),
            (
                |a| a.operations[0].operation = Some(Kind::CreateVolume(Default::default())),
                "operations[0].create_volume.reservation",
                Invalid,
            ),
            (
                |a| a.operations.push(with(Kind::GrowVolume(grown())).operations.remove(0)),
                "offer_ids",
                Invalid,
            ),
        ],
    );
    fn grown() -> v1::ResizeVolumePlan {
        v1::ResizeVolumePlan { volume: by_id("volume-7"), size: mib(64) }
    }
    let destroy = Kind::DestroyVolume(v1::DestroyVolumePlan { volume: by_id("volume-7") });
    accept(&with(destroy), read_accept, &[|_| {}]);
}

#[test]
fn offered() {
    let volume = |id: &str| v1::OfferedVolume {
        volume_id: id.to_owned(),
        name: "data".to_owned(),
        role: "eng".to_owned(),
        size: mib(64),
        shared: true,
    };
    let offer = v1::Offer {
        offer_id: "offer-1-1".to_owned(),
        framework_id: "framework-1".to_owned(),
        role: "eng".to_owned(),
        agent_id: "a1".to_owned(),
        hostname: "a1.example".to_owned(),
        volumes: vec![volume("volume-1"), volume("volume-2")],
        ..Default::default()
    };
    check(
        &offer,
        read_offer,
        &[
            (|o| o.volumes[1].volume_id.clear(), "volumes[1].volume_id", Invalid),
            (|o| o.volumes[1] = o.volumes[0].clone(), "volumes[1].volume_id", Invalid),
            (|o| o.volumes[1].name.clear(), "volumes[1].name", Invalid),
            (|o| o.volumes[1].role = "*".to_owned(), "volumes[1].role", Invalid),
            (|o| o.volumes[1].size = None, "volumes[1].size", Invalid),
            (
                |o| o.volumes = vec![o.volumes[0].clone(); limits::VOLUMES_PER_AGENT_MAX + 1],
                "volumes",
                Limit,
            ),
        ],
    );
}

#[test]
fn updates() {
    fn volume(event: &mut v1::Event) -> &mut v1::Volume {
        match event.event.as_mut() {
            Some(v1::event::Event::VolumeUpdate(update)) => update.volume.as_mut().expect("is one"),
            other => panic!("{other:?} is no update"),
        }
    }
    let good = v1::Volume {
        volume_id: "volume-1".to_owned(),
        agent_id: "a1".to_owned(),
        reservation_id: "reservation-1".to_owned(),
        role: "eng".to_owned(),
        owner: "ann".to_owned(),
        name: "data".to_owned(),
        size: mib(64),
        state: v1::VolumeState::VolumeResizing.into(),
        resizing_to: mib(32),
        ..Default::default()
    };
    let update = v1::VolumeUpdate { volume: Some(good) };
    let event = v1::Event { event: Some(v1::event::Event::VolumeUpdate(update)) };
    const VOLUME: &str = "volume_update.volume";
    let none = |e: &mut v1::Event| {
        e.event = Some(v1::event::Event::VolumeUpdate(v1::VolumeUpdate::default()));
    };
    check(
        &event,
        read_event,
        &[
            (none, VOLUME, Invalid),
            (|e| volume(e).volume_id.clear(), "volume_update.volume.volume_id", Invalid),
            (|e| volume(e).agent_id.clear(), "volume_update.volume.agent_id", Invalid),
            (|e| volume(e).reservation_id.clear(), "volume_update.volume.reservation_id", Invalid),
            (|e| volume(e).role.clear(), "volume_update.volume.role", Invalid),
            (|e| volume(e).owner = "\n".to_owned(), "volume_update.volume.owner", Invalid),
            (|e| volume(e).name.clear(), "volume_update.volume.name", Invalid),
            (|e| volume(e).size = None, "volume_update.volume.size", Invalid),
            (|e| volume(e).state = 0, "volume_update.volume.state", Invalid),
            (|e| volume(e).state = 99, "volume_update.volume.state", Invalid),
            (|e| volume(e).resizing_to = None, "volume_update.volume.resizing_to", Invalid),
            (|e| volume(e).resizing_to = mib(0), "volume_update.volume.resizing_to", Invalid),
            (|e| volume(e).state = 2, "volume_update.volume.resizing_to", Invalid),
            (|e| volume(e).message = "\0".to_owned(), "volume_update.volume.message", Invalid),
        ],
    );
}
