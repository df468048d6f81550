//! DER written forwards: what an answer is made of, without a tree of values in between.

use ca_core::domain::Timestamp;
use ca_core::tlv::tag;
use der::DateTime;

use super::WireError;

/// Appends an element whose content is what `content` appends.
pub(super) fn nest(out: &mut Vec<u8>, tag: u8, content: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(&[tag, 0]);
    let start = out.len();
    content(out);
    let length = out.len() - start;
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => out[start - 1] = short,
        _ => {
            let octets = length.to_be_bytes();
            let octets = &octets[octets.iter().take_while(|octet| **octet == 0).count()..];
            out[start - 1] = 0x80 | u8::try_from(octets.len()).unwrap_or(0);
            out.splice(start..start, octets.iter().copied());
        }
    }
}

/// Appends an element with this content.
pub(super) fn element(out: &mut Vec<u8>, tag: u8, content: &[u8]) {
    nest(out, tag, |out| out.extend_from_slice(content));
}

/// A moment, ready to be written as GeneralizedTime.
#[derive(Clone, Copy)]
pub(super) struct Moment([u8; 15]);

impl Moment {
    pub(super) fn of(at: Timestamp) -> Result<Self, WireError> {
        let seconds = u64::try_from(at.unix()).map_err(|_| WireError::Value("a moment before 1970"))?;
        let date = DateTime::from_unix_duration(std::time::Duration::from_secs(seconds))?;
        let mut text = *b"00000000000000Z";
        let century = [date.year() / 100, date.year() % 100].map(|half| u8::try_from(half).unwrap_or(0));
        let parts = [century[0], century[1], date.month(), date.day(), date.hour(), date.minutes(), date.seconds()];
        for (place, part) in text.chunks_exact_mut(2).zip(parts) {
            place[0] += part / 10;
            place[1] += part % 10;
        }
        Ok(Self(text))
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        element(out, tag::GENERALIZED_TIME, &self.0);
    }
}
