//! What operators say of volumes, read from the wire.

use super::{
    listings::{may_be_stale, read_page},
    operators::{id, optional_id},
    reservations::as_asked,
};
use master_core::input::OperatorCall;
use proto::{
    convert::{
        calls::read_request_id,
        volume::{read_volume_plan, read_volume_size},
    },
    model::{Principal, Refusal, ReservationRef, VolumeId, VolumeRef, VolumeResize},
    wire::v1,
};

pub(super) fn read_list(request: v1::ListVolumesRequest) -> Result<OperatorCall, Refusal> {
    let listing = OperatorCall::ListVolumes {
        page: read_page(request.page)?,
        agent: optional_id("agent_id", &request.agent_id)?,
        role: optional_id("role", &request.role)?,
        volume: optional_id("volume_id", &request.volume_id)?,
    };
    Ok(may_be_stale(request.stale_ok, listing))
}

pub(super) fn read_create(request: v1::CreateVolumeRequest) -> Result<OperatorCall, Refusal> {
    let plan = request.plan.ok_or_else(|| Refusal::invalid("plan", "is missing"))?;
    let plan = read_volume_plan(plan).map_err(|refusal| refusal.under("plan"))?;
    match plan.reservation {
        ReservationRef::Made(_) => Err(Refusal::invalid(
            "plan.reservation.operation",
            "is of an accept; name it by its id",
        )),
        ReservationRef::Known(_) => {
            let once = read_request_id(&request.request_id)?;
            Ok(as_asked(once, OperatorCall::CreateVolume(plan)))
        }
    }
}

pub(super) fn read_grow(request: v1::GrowVolumeRequest) -> Result<OperatorCall, Refusal> {
    let once = read_request_id(&request.request_id)?;
    let resize = read_resize(&request.volume_id, request.size)?;
    Ok(as_asked(once, OperatorCall::GrowVolume(resize)))
}

pub(super) fn read_shrink(request: v1::ShrinkVolumeRequest) -> Result<OperatorCall, Refusal> {
    let once = read_request_id(&request.request_id)?;
    let resize = read_resize(&request.volume_id, request.size)?;
    Ok(as_asked(once, OperatorCall::ShrinkVolume(resize)))
}

pub(super) fn read_destroy(request: v1::DestroyVolumeRequest) -> Result<OperatorCall, Refusal> {
    let once = read_request_id(&request.request_id)?;
    let volume = id("volume_id", &request.volume_id)?;
    Ok(as_asked(once, OperatorCall::DestroyVolume(volume)))
}

/// Writes down who did what to volumes.
pub(super) fn audit(node: &str, principal: &Principal, call: &OperatorCall) {
    match call {
        OperatorCall::Once { call, .. } => audit(node, principal, call),
        OperatorCall::CreateVolume(plan) => {
            let (reservation, name, size) = (&plan.reservation, &plan.name, plan.size.0);
            tracing::info!(
                target: "bourse::audit", %node, %principal, %reservation, %name,
                size_milli_mib = size, "create volume"
            );
        }
        OperatorCall::GrowVolume(VolumeResize { volume, size }) => {
            let size = size.0;
            tracing::info!(
                target: "bourse::audit", %node, %principal, %volume, size_milli_mib = size,
                "grow volume"
            );
        }
        OperatorCall::ShrinkVolume(VolumeResize { volume, size }) => {
            let size = size.0;
            tracing::info!(
                target: "bourse::audit", %node, %principal, %volume, size_milli_mib = size,
                "shrink volume"
            );
        }
        OperatorCall::DestroyVolume(volume) => {
            tracing::info!(target: "bourse::audit", %node, %principal, %volume, "destroy volume");
        }
        _ => {}
    }
}

fn read_resize(text: &str, size: Option<v1::Scalar>) -> Result<VolumeResize, Refusal> {
    let volume: VolumeId = id("volume_id", text)?;
    Ok(VolumeResize { volume: VolumeRef::Known(volume), size: read_volume_size("size", size)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::wire::v1::reservation_ref::Reservation;

    fn plan(reservation: Reservation) -> v1::CreateVolumePlan {
        v1::CreateVolumePlan {
            reservation: Some(v1::ReservationRef { reservation: Some(reservation) }),
            name: "data".to_owned(),
            size: Some(v1::Scalar { milli: 64_000 }),
            ..Default::default()
        }
    }

    #[test]
    fn plans_name_their_reservation_by_id() {
        let read =
            |plan| read_create(v1::CreateVolumeRequest { plan: Some(plan), ..Default::default() });
        let known = Reservation::ReservationId("reservation-1".to_owned());
        assert!(matches!(read(plan(known)), Ok(OperatorCall::CreateVolume(_))));
        let made = read(plan(Reservation::Operation(0))).unwrap_err();
        assert_eq!(made.field, "plan.reservation.operation");
        assert_eq!(read_create(v1::CreateVolumeRequest::default()).unwrap_err().field, "plan");
    }

    #[test]
    fn volumes_are_named_by_id() {
        let size = Some(v1::Scalar { milli: 64_000 });
        let grow = |text: &str, size| {
            read_grow(v1::GrowVolumeRequest {
                volume_id: text.to_owned(),
                size,
                ..Default::default()
            })
        };
        assert!(matches!(grow("volume-7", size), Ok(OperatorCall::GrowVolume(_))));
        assert_eq!(grow("7", size).unwrap_err().field, "volume_id");
        assert_eq!(grow("volume-7", None).unwrap_err().field, "size");
        let none = v1::ShrinkVolumeRequest { size, ..Default::default() };
        assert_eq!(read_shrink(none).unwrap_err().field, "volume_id");
        let destroy = |volume_id: &str, request_id: &str| v1::DestroyVolumeRequest {
            volume_id: volume_id.to_owned(),
            request_id: request_id.to_owned(),
        };
        let once = read_destroy(destroy("volume-7", "0123456789abcdef"));
        assert!(matches!(once, Ok(OperatorCall::Once { .. })), "{once:?}");
        assert_eq!(read_destroy(destroy("volume-7", "7")).unwrap_err().field, "request_id");
        let none = destroy("volume-07", "");
        assert_eq!(read_destroy(none).unwrap_err().field, "volume_id");
        let list = v1::ListVolumesRequest { volume_id: "7".to_owned(), ..Default::default() };
        assert_eq!(read_list(list).unwrap_err().field, "volume_id");
    }
}
