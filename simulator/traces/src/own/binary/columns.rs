//! Columns of numbers, and single ones. A column whose values are all the same is one value; others
//! are seven bits to a byte, or as many bytes each as the largest needs, whichever is shorter.

use super::block::Wrong;

const CONSTANT: u8 = 0;
const VARINTS: u8 = 1;
/// With the number of bytes, from 1 to 8, added.
const FIXED: u8 = 2;

const SHORT: Wrong = "a column ends before its values";

/// Appends a column.
pub(super) fn put_column(values: &[u64], into: &mut Vec<u8>) {
    let first = values.first().copied().unwrap_or(0);
    if values.iter().all(|value| *value == first) {
        into.push(CONSTANT);
        return put(first, into);
    }
    let most = values.iter().fold(0, |most, value| most | value);
    let width = (64 - most.leading_zeros()).div_ceil(8).max(1) as usize;
    let varints: usize = values.iter().map(|value| varint_bytes(*value)).sum();
    if varints < width * values.len() {
        into.push(VARINTS);
        values.iter().for_each(|value| put(*value, into));
    } else {
        into.push(FIXED + width as u8);
        values.iter().for_each(|value| into.extend(&value.to_le_bytes()[..width]));
    }
}

/// Appends a number.
pub(super) fn put(mut value: u64, into: &mut Vec<u8>) {
    while value >= 0x80 {
        into.push(value as u8 | 0x80);
        value >>= 7;
    }
    into.push(value as u8);
}

/// Appends a text with its length.
pub(super) fn put_text(text: &str, into: &mut Vec<u8>) {
    put(text.len() as u64, into);
    into.extend(text.as_bytes());
}

/// Takes a column of so many values off the front.
pub(super) fn take_column(rest: &mut &[u8], rows: usize, into: &mut Vec<u64>) -> Result<(), Wrong> {
    into.clear();
    match take_bytes(rest, 1)?[0] {
        CONSTANT => into.resize(rows, take(rest)?),
        VARINTS => {
            for _ in 0..rows {
                into.push(take(rest)?);
            }
        }
        form if (FIXED + 1..=FIXED + 8).contains(&form) => {
            let width = usize::from(form - FIXED);
            let bytes = take_bytes(rest, rows * width)?;
            into.extend(bytes.chunks_exact(width).map(|chunk| {
                let mut whole = [0; 8];
                whole[..width].copy_from_slice(chunk);
                u64::from_le_bytes(whole)
            }));
        }
        _ => return Err("a column has an unknown form"),
    }
    Ok(())
}

/// Takes a number off the front.
pub(super) fn take(rest: &mut &[u8]) -> Result<u64, Wrong> {
    let (mut value, mut shift) = (0, 0);
    for (index, byte) in rest.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            if index == 9 && *byte > 1 {
                break;
            }
            *rest = &rest[index + 1..];
            return Ok(value);
        }
        shift += 7;
    }
    Err(if rest.len() < 10 { SHORT } else { "a number is too long" })
}

/// Takes a number of 32 bits off the front.
pub(super) fn take_u32(rest: &mut &[u8]) -> Result<u32, Wrong> {
    u32::try_from(take(rest)?).map_err(|_| "a number is too large")
}

/// Takes a text off the front.
pub(super) fn take_text<'a>(rest: &mut &'a [u8]) -> Result<&'a str, Wrong> {
    let length = usize::try_from(take(rest)?).map_err(|_| SHORT)?;
    std::str::from_utf8(take_bytes(rest, length)?).map_err(|_| "a name is not in UTF-8")
}

/// Takes so many bytes off the front.
pub(super) fn take_bytes<'a>(rest: &mut &'a [u8], count: usize) -> Result<&'a [u8], Wrong> {
    let (taken, more) = rest.split_at_checked(count).ok_or(SHORT)?;
    *rest = more;
    Ok(taken)
}

/// A difference, small whichever its sign.
pub(super) fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63).cast_unsigned()
}

/// The difference that was made small.
pub(super) fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

fn varint_bytes(value: u64) -> usize {
    (70 - (value | 1).leading_zeros() as usize) / 7
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_every_form_come_back() {
        let columns: [&[u64]; 7] = [
            &[],
            &[7, 7, 7],
            &[0, 1, 127, 128, 16_383, 16_384],
            &[u64::MAX, 0, 1 << 63, (1 << 63) - 1],
            &[1 << 40, (1 << 40) + 5, 1 << 39],
            &[0, u64::MAX, 0, 0, 0, 0, 0, 0],
            &[255, 254, 253],
        ];
        for values in columns {
            let mut bytes = Vec::new();
            put_column(values, &mut bytes);
            let (mut rest, mut found) = (&bytes[..], Vec::new());
            take_column(&mut rest, values.len(), &mut found).unwrap();
            assert_eq!((found.as_slice(), rest.len()), (values, 0));
            for cut in 0..bytes.len() {
                assert!(take_column(&mut &bytes[..cut], values.len(), &mut found).is_err());
            }
        }
    }

    #[test]
    fn sizes_and_signs_are_right() {
        for shift in 0..64 {
            for value in [1_u64 << shift, (1 << shift) - 1, u64::MAX >> shift] {
                let mut bytes = Vec::new();
                put(value, &mut bytes);
                assert_eq!(bytes.len(), varint_bytes(value), "{value}");
                assert_eq!(take(&mut &bytes[..]), Ok(value));
                assert_eq!(unzigzag(zigzag(value.cast_signed())), value.cast_signed());
            }
        }
        assert!(take(&mut &[0xff; 10][..]).is_err());
        assert_eq!((zigzag(0), zigzag(-1), zigzag(1)), (0, 1, 2));
    }
}
