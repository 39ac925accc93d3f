//! Protobuf without a schema: a tree of fields that can be changed and is whole again when written.
//!
//! Whether bytes with a length are a message, a text or neither is not known; what can be read as
//! a message is taken for one. Reading and writing again gives the same bytes, except for numbers
//! that were written longer than they need to be.

/// Deeper ones stay bytes.
const DEPTH_MAX: usize = 12;

/// One field.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Its number in the schema.
    pub number: u64,
    /// What is in it.
    pub value: Value,
}

/// What is in a field.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A number of variable length.
    Varint(u64),
    /// Eight bytes.
    Fixed64([u8; 8]),
    /// Four bytes.
    Fixed32([u8; 4]),
    /// Bytes with a length that are no message.
    Bytes(Vec<u8>),
    /// Bytes with a length that can be a message.
    Message(Vec<Field>),
}

/// Reads fields to the end; `None` if that cannot be done.
pub fn read(bytes: &[u8]) -> Option<Vec<Field>> {
    read_at_depth(bytes, 0)
}

/// The fields of the outermost level alone, with what is in those that have a length, up to the
/// first that cannot be read.
pub fn parts(bytes: &[u8]) -> Vec<(u64, &[u8])> {
    let mut rest = bytes;
    let mut parts = Vec::new();
    while let Some(key) = take_varint(&mut rest) {
        match key & 7 {
            0 if take_varint(&mut rest).is_some() => {}
            1 if take(&mut rest, 8).is_some() => {}
            5 if take(&mut rest, 4).is_some() => {}
            2 if key >> 3 > 0 => match take_with_length(&mut rest) {
                Some(part) => parts.push((key >> 3, part)),
                None => break,
            },
            _ => break,
        }
    }
    parts
}

/// The numbers of the outermost level: the last one given of a field counts.
pub fn number(bytes: &[u8], field: u64) -> u64 {
    let fields = read_at_depth(bytes, DEPTH_MAX).unwrap_or_default();
    let numbers = fields.iter().rev().filter(|found| found.number == field);
    let mut numbers = numbers.filter_map(|found| match found.value {
        Value::Varint(number) => Some(number),
        _ => None,
    });
    numbers.next().unwrap_or(0)
}

/// Writes fields.
pub fn write(fields: &[Field]) -> Vec<u8> {
    let mut bytes = Vec::new();
    fields.iter().for_each(|field| write_field(field, &mut bytes));
    bytes
}

/// A field with bytes in it.
pub fn bytes(number: u64, bytes: Vec<u8>) -> Field {
    let value = read_at_depth(&bytes, 1).map_or(Value::Bytes(bytes), Value::Message);
    Field { number, value }
}

/// A field with a number in it.
pub fn varint(number: u64, value: u64) -> Field {
    Field { number, value: Value::Varint(value) }
}

fn read_at_depth(mut bytes: &[u8], depth: usize) -> Option<Vec<Field>> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let key = take_varint(&mut bytes)?;
        let value = match key & 7 {
            0 => Value::Varint(take_varint(&mut bytes)?),
            1 => Value::Fixed64(take(&mut bytes, 8)?.try_into().ok()?),
            5 => Value::Fixed32(take(&mut bytes, 4)?.try_into().ok()?),
            2 => {
                let inner = take_with_length(&mut bytes)?;
                let is_text = inner.len() > 1 && inner.iter().all(|byte| (32..127).contains(byte));
                let message = match is_text || inner.is_empty() || depth >= DEPTH_MAX {
                    true => None,
                    false => read_at_depth(inner, depth + 1),
                };
                message.map_or_else(|| Value::Bytes(inner.to_vec()), Value::Message)
            }
            _ => return None,
        };
        let number = key >> 3;
        if number == 0 {
            return None;
        }
        fields.push(Field { number, value });
    }
    Some(fields)
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}

fn take_with_length<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(take_varint(bytes)?).ok()?;
    take(bytes, length)
}

fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = *take(bytes, 1)?.first()?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

fn write_field(field: &Field, to: &mut Vec<u8>) {
    let kind = match &field.value {
        Value::Varint(_) => 0,
        Value::Fixed64(_) => 1,
        Value::Bytes(_) | Value::Message(_) => 2,
        Value::Fixed32(_) => 5,
    };
    write_varint(field.number << 3 | kind, to);
    match &field.value {
        Value::Varint(number) => write_varint(*number, to),
        Value::Fixed64(bytes) => to.extend(bytes),
        Value::Fixed32(bytes) => to.extend(bytes),
        Value::Bytes(bytes) => {
            write_varint(bytes.len() as u64, to);
            to.extend(bytes);
        }
        Value::Message(fields) => {
            let inner = write(fields);
            write_varint(inner.len() as u64, to);
            to.extend(inner);
        }
    }
}

fn write_varint(mut number: u64, to: &mut Vec<u8>) {
    while number >= 0x80 {
        to.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    to.push(number.to_le_bytes()[0]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_written_again() {
        let inner = vec![varint(1, 300), bytes(2, b"agent-1".to_vec())];
        let fields = vec![
            Field { number: 3, value: Value::Message(inner) },
            Field { number: 40, value: Value::Fixed64([7; 8]) },
            Field { number: 5, value: Value::Fixed32([9; 4]) },
            varint(6, u64::MAX),
        ];
        let written = write(&fields);
        assert_eq!(read(&written), Some(fields));
        assert_eq!(parts(&written).len(), 1);
        assert_eq!(number(&written, 6), u64::MAX);
    }

    #[test]
    fn what_is_cut_or_strange_is_no_tree() {
        let written = write(&[bytes(1, b"some text".to_vec())]);
        assert_eq!(read(&written[..4]), None);
        assert_eq!(read(&[0x0b]), None);
        assert_eq!(read(&[0x00, 0x00]), None);
        assert_eq!(parts(&[0x0a, 0xff]), []);
    }
}
