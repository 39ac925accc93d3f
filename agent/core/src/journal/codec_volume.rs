//! Rows of volumes to bytes and back; see [`super::codec`].

use super::{
    codec::JournalError,
    volume_row::{VolumeRow, VolumeStage},
};
use prost::Message as _;
use proto::{
    convert::{
        reservation::read_reserved_role,
        text,
        volume::{read_volume_size, write_volume_size},
        volume_orders::{read_key, write_key},
    },
    model::{Milli, Refusal, VolumeName},
    wire::{journal::v1, v1::Scalar},
};

/// Encodes a volume's row.
pub fn encode_volume(row: &VolumeRow) -> Vec<u8> {
    let shrinking_to = match row.stage {
        VolumeStage::Shrinking { to } => Some(write_volume_size(to)),
        _ => None,
    };
    v1::VolumeRow {
        key: Some(write_key(row.key)),
        role: row.role.to_string(),
        name: row.name.to_string(),
        size: Some(write_volume_size(row.size)),
        shared: row.shared,
        stage: write_stage(row.stage).into(),
        shrinking_to,
        version: row.version,
        failed: row.failed.clone(),
    }
    .encode_to_vec()
}

/// Decodes a volume's row.
pub fn decode_volume(bytes: &[u8]) -> Result<VolumeRow, JournalError> {
    let row = "volume";
    let wire =
        v1::VolumeRow::decode(bytes).map_err(|source| JournalError::Encoding { row, source })?;
    read_volume_row(wire).map_err(|source| JournalError::Field { row, source })
}

fn read_volume_row(wire: v1::VolumeRow) -> Result<VolumeRow, Refusal> {
    let key = wire.key.ok_or_else(|| Refusal::invalid("key", "is missing"))?;
    let size = read_volume_size("size", wire.size)?;
    let stage = read_stage(wire.stage, size, wire.shrinking_to)?;
    if wire.version == 0 {
        return Err(Refusal::invalid("version", "is zero; orders are counted from 1"));
    }
    check_failed(stage, wire.failed.as_deref())?;
    Ok(VolumeRow {
        key: read_key(key).map_err(|no| no.under("key"))?,
        role: read_reserved_role(&wire.role)?,
        name: VolumeName::new(&wire.name).map_err(|e| Refusal::invalid("name", e))?,
        size,
        shared: wire.shared,
        stage,
        version: wire.version,
        failed: wire.failed,
    })
}

/// What failed to be made says why, and what is under way has not failed yet, except that a
/// deletion is tried again.
fn check_failed(stage: VolumeStage, failed: Option<&str>) -> Result<(), Refusal> {
    match (stage, failed) {
        (VolumeStage::Failed, None) => Err(Refusal::invalid("failed", "is missing")),
        (VolumeStage::Making | VolumeStage::Shrinking { .. }, Some(_)) => {
            Err(Refusal::invalid("failed", "is there of what is under way"))
        }
        (_, Some(message)) if text::fit(message) != message => {
            Err(Refusal::invalid("failed", "is not a message"))
        }
        _ => Ok(()),
    }
}

fn write_stage(stage: VolumeStage) -> v1::VolumeStage {
    match stage {
        VolumeStage::Making => v1::VolumeStage::Making,
        VolumeStage::Ready => v1::VolumeStage::Ready,
        VolumeStage::Failed => v1::VolumeStage::Failed,
        VolumeStage::Shrinking { .. } => v1::VolumeStage::Shrinking,
        VolumeStage::Destroying => v1::VolumeStage::Destroying,
    }
}

/// A size to come is there of what shrinks, and smaller than the present one.
fn read_stage(
    stage: i32,
    size: Milli,
    shrinking_to: Option<Scalar>,
) -> Result<VolumeStage, Refusal> {
    let field = "shrinking_to";
    let is_shrinking = stage == i32::from(v1::VolumeStage::Shrinking);
    if shrinking_to.is_some() && !is_shrinking {
        return Err(Refusal::invalid(field, "is there of what does not shrink"));
    }
    Ok(match v1::VolumeStage::try_from(stage).unwrap_or(v1::VolumeStage::Unspecified) {
        v1::VolumeStage::Unspecified => {
            return Err(Refusal::invalid("stage", "is not a volume's stage"));
        }
        v1::VolumeStage::Making => VolumeStage::Making,
        v1::VolumeStage::Ready => VolumeStage::Ready,
        v1::VolumeStage::Failed => VolumeStage::Failed,
        v1::VolumeStage::Shrinking => match read_volume_size(field, shrinking_to)? {
            to if to < size => VolumeStage::Shrinking { to },
            _ => return Err(Refusal::invalid(field, "is not smaller than the size")),
        },
        v1::VolumeStage::Destroying => VolumeStage::Destroying,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::model::{VolumeId, VolumeKey};

    fn row(stage: VolumeStage, failed: Option<&str>) -> VolumeRow {
        VolumeRow {
            key: VolumeKey { id: VolumeId(7), incarnation: 2 },
            role: "db".parse().expect("a role"),
            name: "data".parse().expect("a name"),
            size: Milli(9_000),
            shared: true,
            stage,
            version: 3,
            failed: failed.map(str::to_owned),
        }
    }

    #[test]
    fn every_stage_comes_back() {
        let rows = [
            row(VolumeStage::Making, None),
            row(VolumeStage::Ready, None),
            row(VolumeStage::Ready, Some("120 MiB are used")),
            row(VolumeStage::Failed, Some("no room")),
            row(VolumeStage::Shrinking { to: Milli(1_000) }, None),
            row(VolumeStage::Destroying, None),
            row(VolumeStage::Destroying, Some("it is a mount point")),
        ];
        for row in rows {
            assert_eq!(decode_volume(&encode_volume(&row)).expect("own bytes"), row);
        }
    }

    /// The field that is named when one is spoiled.
    fn refused(row: &VolumeRow, spoil: impl Fn(&mut v1::VolumeRow)) -> String {
        let mut wire = v1::VolumeRow::decode(encode_volume(row).as_slice()).expect("own bytes");
        spoil(&mut wire);
        match decode_volume(&wire.encode_to_vec()) {
            Err(JournalError::Field { source, .. }) => source.field,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_damaged_row_is_refused_with_the_field() {
        let ready = row(VolumeStage::Ready, None);
        let shrinking = row(VolumeStage::Shrinking { to: Milli(1_000) }, None);
        let failed = row(VolumeStage::Failed, Some("no room"));
        assert_eq!(refused(&ready, |row| row.key = None), "key");
        let spoil = |row: &mut v1::VolumeRow| {
            row.key.as_mut().expect("a key").volume_id = "volume-07".to_owned();
        };
        assert_eq!(refused(&ready, spoil), "key.volume_id");
        assert_eq!(refused(&ready, |row| row.role = "*".to_owned()), "role");
        assert_eq!(refused(&ready, |row| row.name = String::new()), "name");
        assert_eq!(refused(&ready, |row| row.size = None), "size");
        assert_eq!(refused(&ready, |row| row.size = Some(Scalar { milli: 999 })), "size");
        assert_eq!(refused(&ready, |row| row.stage = 0), "stage");
        assert_eq!(refused(&ready, |row| row.stage = 99), "stage");
        assert_eq!(refused(&ready, |row| row.version = 0), "version");
        assert_eq!(refused(&ready, |row| row.shrinking_to = row.size), "shrinking_to");
        assert_eq!(refused(&shrinking, |row| row.shrinking_to = row.size), "shrinking_to");
        assert_eq!(refused(&shrinking, |row| row.shrinking_to = None), "shrinking_to");
        assert_eq!(refused(&shrinking, |row| row.failed = Some("no".to_owned())), "failed");
        assert_eq!(refused(&failed, |row| row.failed = None), "failed");
        assert_eq!(refused(&failed, |row| row.failed = Some("\u{1b}".to_owned())), "failed");
        let damaged = decode_volume(&[0xff; 9]).expect_err("no message");
        assert!(matches!(damaged, JournalError::Encoding { row: "volume", .. }), "{damaged:?}");
    }
}
