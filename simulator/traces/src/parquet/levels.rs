//! Runs and packed bits: how Parquet writes small numbers, and whether values are there.

use super::Wrong;

const SHORT: Wrong = "a page ends before its values";

/// Small numbers as runs of one number, or eight and more packed into bits.
#[derive(Debug)]
pub(crate) struct Runs<'a> {
    rest: &'a [u8],
    bits: u32,
}

impl<'a> Runs<'a> {
    /// Numbers of so many bits, at most 32.
    pub(crate) fn new(bytes: &'a [u8], bits: u32) -> Result<Self, Wrong> {
        if bits > 32 {
            return Err("a page has numbers of more than 32 bits");
        }
        Ok(Self { rest: bytes, bits })
    }

    /// Reads so many.
    pub(crate) fn read(&mut self, count: usize, into: &mut Vec<u32>) -> Result<(), Wrong> {
        let end = into.len() + count;
        while into.len() < end {
            let head = varint(&mut self.rest)?;
            let wanted = end - into.len();
            if head & 1 == 0 {
                let bytes = take(&mut self.rest, self.bits.div_ceil(8) as usize)?;
                let value = bytes.iter().rev().fold(0, |value, byte| value << 8 | u32::from(*byte));
                let run = usize::try_from(head >> 1).unwrap_or(usize::MAX);
                if run == 0 {
                    return Err("a page has an empty run");
                }
                into.extend(std::iter::repeat_n(value, run.min(wanted)));
            } else {
                let groups = usize::try_from(head >> 1).unwrap_or(usize::MAX);
                let bytes = groups.checked_mul(self.bits as usize).ok_or(SHORT)?;
                if groups == 0 {
                    return Err("a page has an empty run");
                }
                // The last group may be cut where its values end.
                let (packed, rest) = self.rest.split_at(bytes.min(self.rest.len()));
                self.rest = rest;
                let run = groups.saturating_mul(8).min(wanted);
                unpack(packed, self.bits, run, |value| into.push(value as u32))?;
            }
        }
        Ok(())
    }
}

/// Numbers of `bits` bits each, least bits first.
pub(crate) fn unpack(
    packed: &[u8],
    bits: u32,
    count: usize,
    mut take: impl FnMut(u64),
) -> Result<(), Wrong> {
    let needed = (count as u128 * u128::from(bits)).div_ceil(8);
    if needed > packed.len() as u128 {
        return Err(SHORT);
    }
    let mask = if bits == 64 { u64::MAX } else { (1 << bits) - 1 };
    let (mut held, mut held_bits, mut rest) = (0_u128, 0, packed.iter());
    for _ in 0..count {
        while held_bits < bits {
            held |= u128::from(*rest.next().ok_or(SHORT)?) << held_bits;
            held_bits += 8;
        }
        take(held as u64 & mask);
        held >>= bits;
        held_bits -= bits;
    }
    Ok(())
}

/// A number of seven bits for each byte.
pub(crate) fn varint(rest: &mut &[u8]) -> Result<u64, Wrong> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = take(rest, 1)?[0];
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err("a page has a number that is too long")
}

/// So many bytes off the front.
pub(crate) fn take<'a>(rest: &mut &'a [u8], count: usize) -> Result<&'a [u8], Wrong> {
    let (taken, more) = rest.split_at_checked(count).ok_or(SHORT)?;
    *rest = more;
    Ok(taken)
}
