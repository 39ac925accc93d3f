//! gRPC's framing: a byte that says "not compressed", four bytes of length, a message.

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use prost::Message;

const HEAD: usize = 5;

/// Appends a message with its frame.
pub fn frame(message: &impl Message, out: &mut BytesMut) {
    let length = message.encoded_len();
    out.reserve(HEAD + length);
    out.put_u8(0);
    out.put_u32(u32::try_from(length).expect("messages are small"));
    message.encode(out).expect("room was reserved");
}

/// Cuts what comes into messages.
#[derive(Debug, Default)]
pub struct Frames {
    /// The beginning of a message whose end has not come; without memory of its own while empty.
    rest: BytesMut,
}

impl Frames {
    /// Calls back for each message that is complete.
    pub fn take(
        &mut self,
        mut data: Bytes,
        mut each: impl FnMut(Bytes) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        if !self.rest.is_empty() {
            let mut whole = std::mem::take(&mut self.rest);
            whole.extend_from_slice(&data);
            data = whole.freeze();
        }
        while data.len() >= HEAD {
            anyhow::ensure!(data[0] == 0, "a compressed message came");
            let length = u32::from_be_bytes([data[1], data[2], data[3], data[4]]) as usize;
            if data.len() < HEAD + length {
                break;
            }
            data.advance(HEAD);
            each(data.split_to(length))?;
        }
        if !data.is_empty() {
            self.rest = BytesMut::from(&data[..]);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::wire::v1::Page;

    #[test]
    fn messages_come_out_however_they_are_cut() {
        let page = |size| Page { size, token: "t".repeat(size as usize) };
        let mut bytes = BytesMut::new();
        (0..40).for_each(|size| frame(&page(size), &mut bytes));
        for piece in [1, 2, 7, 1_000] {
            let (mut frames, mut found) = (Frames::default(), Vec::new());
            for part in bytes.chunks(piece) {
                let take = |message: Bytes| {
                    found.push(Page::decode(message)?);
                    Ok(())
                };
                frames.take(Bytes::copy_from_slice(part), take).unwrap();
            }
            assert_eq!(found, (0..40).map(page).collect::<Vec<_>>());
        }
    }
}
