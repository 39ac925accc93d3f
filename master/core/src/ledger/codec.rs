//! Log entries as bytes: a version, a checksum, and a protobuf batch.
//!
//! ```text
//! byte 0      version: the highest that one of the commands needs
//! bytes 1-4   CRC-32 of the rest, little-endian
//! bytes 5-    bourse.log.v1.Batch
//! ```
//!
//! What was written stays readable for ever; `tests/compat` holds a batch of each version.

use super::{
    Command, LogVersion,
    codec_commands::{read_command, write_command},
};
use prost::Message as _;
use proto::model::{Instant, Refusal, WallTime, limits};
use proto::wire::log::v1;

const HEADER_BYTES: usize = 5;

/// One log entry: every command of one turn of the leader.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Batch {
    /// On the cluster's clock.
    pub time: Instant,
    /// For people.
    pub wall: WallTime,
    /// In the order in which they are applied.
    pub commands: Vec<Command>,
}

/// Why bytes are not a batch.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CodecError {
    /// Not even a header.
    #[error("has {length_bytes} bytes, fewer than a header")]
    Short {
        /// Bytes there are.
        length_bytes: usize,
    },
    /// Written by a software that this one does not know.
    #[error("has version {version}; this software reads up to {}", LogVersion::CURRENT)]
    Version {
        /// The version.
        version: u8,
    },
    /// Not what was written.
    #[error("has checksum {found:08x} where {expected:08x} was written")]
    Checksum {
        /// Of the bytes.
        found: u32,
        /// In the header.
        expected: u32,
    },
    /// Not protobuf, or of another schema.
    #[error("is not a protobuf batch")]
    Protobuf(#[from] prost::DecodeError),
    /// A command of a kind that this software does not know.
    #[error("command {index} is of an unknown kind")]
    Kind {
        /// Which, from 0.
        index: usize,
    },
    /// A command's part is not what it must be.
    #[error("command {index} is malformed")]
    Field {
        /// Which, from 0.
        index: usize,
        /// What is wrong.
        #[source]
        source: Refusal,
    },
}

/// Bytes of a batch in the making.
#[derive(Debug)]
struct Writer {
    bytes: Vec<u8>,
    version: LogVersion,
    /// One command at a time: messages that are written one after the other are read as one.
    part: v1::Batch,
}

/// Writes a batch.
pub fn encode_batch(batch: &Batch) -> Vec<u8> {
    let mut writer = Writer::begin(batch.time, batch.wall);
    batch.commands.iter().for_each(|command| writer.add(command));
    writer.end()
}

/// Writes the first of these commands, as many as one entry may have: at least one, bounded in
/// number and in bytes. How many there are comes with the bytes.
pub fn encode_first<'a>(
    time: Instant,
    wall: WallTime,
    commands: impl Iterator<Item = &'a Command>,
) -> (Vec<u8>, usize) {
    let mut writer = Writer::begin(time, wall);
    let start = writer.bytes.len();
    let mut count = 0;
    for command in commands.take(limits::COMMANDS_PER_BATCH_MAX) {
        let (end, version) = (writer.bytes.len(), writer.version);
        writer.add(command);
        if count > 0 && writer.bytes.len() - start > limits::BATCH_BYTES {
            writer.bytes.truncate(end);
            writer.version = version;
            break;
        }
        count += 1;
    }
    (writer.end(), count)
}

impl Writer {
    fn begin(time: Instant, wall: WallTime) -> Self {
        let mut bytes = vec![0; HEADER_BYTES];
        let part = v1::Batch { time_ms: time.0, unix_ms: wall.0, commands: Vec::new() };
        part.encode(&mut bytes).expect("a vector grows");
        Self { bytes, version: LogVersion::OLDEST, part: v1::Batch::default() }
    }

    fn add(&mut self, command: &Command) {
        self.version = self.version.max(command.since());
        self.part.commands.push(write_command(command));
        self.part.encode(&mut self.bytes).expect("a vector grows");
        self.part.commands.clear();
    }

    fn end(mut self) -> Vec<u8> {
        let checksum = crc32fast::hash(&self.bytes[HEADER_BYTES..]);
        self.bytes[0] = self.version.byte();
        self.bytes[1..HEADER_BYTES].copy_from_slice(&checksum.to_le_bytes());
        self.bytes
    }
}

/// Reads a batch; believes nothing before the checksum is right.
pub fn decode_batch(bytes: &[u8]) -> Result<Batch, CodecError> {
    let Some((header, body)) = bytes.split_first_chunk::<HEADER_BYTES>() else {
        return Err(CodecError::Short { length_bytes: bytes.len() });
    };
    let [version, checksum @ ..] = *header;
    if version == 0 || !LogVersion::from_number(version.into()).is_known() {
        return Err(CodecError::Version { version });
    }
    let (found, expected) = (crc32fast::hash(body), u32::from_le_bytes(checksum));
    if found != expected {
        return Err(CodecError::Checksum { found, expected });
    }
    let wire = v1::Batch::decode(body)?;
    let mut commands = Vec::with_capacity(wire.commands.len());
    for (index, command) in wire.commands.into_iter().enumerate() {
        let kind = command.command.ok_or(CodecError::Kind { index })?;
        let command = read_command(kind);
        commands.push(command.map_err(|source| CodecError::Field { index, source })?);
    }
    Ok(Batch { time: Instant(wire.time_ms), wall: WallTime(wire.unix_ms), commands })
}
