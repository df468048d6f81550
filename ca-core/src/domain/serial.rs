//! Certificate serial numbers (RFC 5280 §4.1.2.2).

use std::fmt;
use std::str::FromStr;

use rand::{CryptoRng, RngCore};
use serde::{Deserialize, Serialize};

use super::Timestamp;

/// A positive serial number of 16 octets, drawn by us and never chosen by anyone: when it was drawn, to eight seconds, and
/// 96 random bits. So later numbers stand behind earlier ones, and what is issued now touches the end of an index, however
/// many certificates there are.
///
/// Written as lower-case hex without leading zeros beyond whole octets, in stores, logs and pages alike.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Serial {
    /// Followed by zeros, so that they sort as numbers of one length do.
    octets: [u8; MOST_OCTETS],
    length: u8,
}

/// RFC 5280 §4.1.2.2.
const MOST_OCTETS: usize = 20;

const NO_DIGIT: u8 = 0xf0;

/// What each character is worth as a digit of lower-case hex. A list of a million is read through this: of digits that
/// nobody can foresee, comparing one after the other costs a processor ten times as much.
const DIGITS: [u8; 256] = {
    let mut worth = [NO_DIGIT; 256];
    let digits = b"0123456789abcdef";
    let mut digit = 0;
    while digit < 16 {
        worth[digits[digit as usize] as usize] = digit;
        digit += 1;
    }
    worth
};

/// Text or octets that are not a serial number.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a serial number is 1 to 20 octets, positive, in lower-case hex")]
pub struct SerialError;

impl Serial {
    /// Draws a new serial number.
    pub fn draw<R: RngCore + CryptoRng + ?Sized>(now: Timestamp, rng: &mut R) -> Self {
        // Top bit clear: positive without a leading zero octet. Next bit set: always 16 octets long. Thirty bits of time
        // reach from 1970 to 2242.
        let time = u32::try_from((now.unix() >> 3) & 0x3fff_ffff).unwrap_or(0) | 0x4000_0000;
        let mut octets = [0_u8; 16];
        octets[..4].copy_from_slice(&time.to_be_bytes());
        rng.fill_bytes(&mut octets[4..]);
        Self::of(&octets)
    }

    /// 1 to 20 octets; what is more would be cut off.
    fn of(octets: &[u8]) -> Self {
        let mut padded = [0; MOST_OCTETS];
        let length = octets.len().min(MOST_OCTETS);
        padded[..length].copy_from_slice(&octets[..length]);
        Self { octets: padded, length: u8::try_from(length).unwrap_or(0) }
    }

    /// Reads the content octets of a DER INTEGER that some certificate or request carries.
    ///
    /// # Errors
    /// [`SerialError`] for zero, negative or over-long numbers.
    pub fn from_der_content(content: &[u8]) -> Result<Self, SerialError> {
        let octets = match content {
            [0, rest @ ..] => rest,
            [first, ..] if *first >= 0x80 => return Err(SerialError),
            other => other,
        };
        if octets.is_empty() || octets.len() > MOST_OCTETS || octets[0] == 0 {
            return Err(SerialError);
        }
        Ok(Self::of(octets))
    }

    /// The magnitude, big-endian, without leading zeros.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        &self.octets[..usize::from(self.length)]
    }

    /// Into which of so many lists of its issuer this certificate falls, from 0: its last two octets modulo
    /// `shards`. 0 where the issuer has no shards.
    #[must_use]
    pub fn shard(&self, shards: u16) -> u16 {
        let last = self.octets().iter().rev().take(2).rev().fold(0_u16, |sum, octet| (sum << 8) | u16::from(*octet));
        last.checked_rem(shards).unwrap_or(0)
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.octets()))
    }
}

impl fmt::Debug for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Serial({self})")
    }
}

impl FromStr for Serial {
    type Err = SerialError;

    fn from_str(text: &str) -> Result<Self, SerialError> {
        let mut octets = [0; MOST_OCTETS];
        let octets = octets.get_mut(..text.len().div_ceil(2)).ok_or(SerialError)?;
        let mut wrong = if text.len().is_multiple_of(2) { 0 } else { NO_DIGIT };
        for (octet, pair) in octets.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let [high, low] = [pair[0], pair[1]].map(|digit| DIGITS[usize::from(digit)]);
            wrong |= high | low;
            *octet = (high << 4) | low;
        }
        if wrong & NO_DIGIT != 0 {
            return Err(SerialError);
        }
        if octets.first().is_none_or(|first| *first == 0) {
            return Err(SerialError);
        }
        Ok(Self::of(octets))
    }
}

impl TryFrom<String> for Serial {
    type Error = SerialError;

    fn try_from(text: String) -> Result<Self, SerialError> {
        text.parse()
    }
}

impl From<Serial> for String {
    fn from(serial: Serial) -> Self {
        serial.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawn_serials_are_positive_and_16_octets() {
        let mut rng = crate::clock::system_rng();
        for _ in 0..1000 {
            let serial = Serial::draw(Timestamp::from_unix(1_790_000_000), &mut rng);
            assert_eq!(serial.octets().len(), 16);
            assert!((0x40..0x80).contains(&serial.octets()[0]));
        }
    }

    #[test]
    fn later_serials_stand_behind_earlier_ones_and_chance_tells_those_of_one_moment_apart() {
        let mut rng = crate::clock::system_rng();
        let mut at = |unix| Serial::draw(Timestamp::from_unix(unix), &mut rng);
        let drawn = [0, 8, 1_790_000_000, 1_790_000_008, 4_102_444_800].map(&mut at);
        assert!(drawn.is_sorted(), "{drawn:?}");
        let (one, other) = (at(1_790_000_000), at(1_790_000_000));
        assert_eq!(one.octets()[..4], other.octets()[..4]);
        assert_ne!(one, other);
    }

    #[test]
    fn zero_negative_and_overlong_numbers_are_refused() {
        assert_eq!(Serial::from_der_content(&[0]), Err(SerialError));
        assert_eq!(Serial::from_der_content(&[0x80]), Err(SerialError));
        assert_eq!(Serial::from_der_content(&[0x7f; 21]), Err(SerialError));
        assert_eq!("00".parse::<Serial>(), Err(SerialError));
        assert_eq!("FF".parse::<Serial>(), Err(SerialError));
    }

    #[test]
    fn numbers_sort_as_their_text_does_and_their_length_is_part_of_them() {
        let read = |text: &str| text.parse::<Serial>().expect("a number");
        let mut texts = vec!["4a", "4a00", "4a0000", "4a01", "4b", "01", "7f00ff"];
        let mut numbers: Vec<Serial> = texts.iter().map(|text| read(text)).collect();
        texts.sort_unstable();
        numbers.sort();
        assert_eq!(numbers.iter().map(ToString::to_string).collect::<Vec<_>>(), texts);
        for wrong in ["", "4", "4ag0", "4A", "4a0", "/4", "4é", &"4a".repeat(21)] {
            assert_eq!(wrong.parse::<Serial>(), Err(SerialError), "{wrong}");
        }
    }

    #[test]
    fn a_shard_is_the_last_two_octets_modulo_their_number() {
        let shard = |text: &str, shards| text.parse::<Serial>().expect("positive").shard(shards);
        assert_eq!(shard("4a0110", 16), 0x0110 % 16);
        assert_eq!(shard("4a01ff", 100), 0x01ff % 100);
        assert_eq!(shard("07", 4), 3);
        assert_eq!(shard("4a01ff", 0), 0, "an issuer without shards");
    }

    #[test]
    fn a_leading_zero_octet_of_der_is_not_part_of_the_number() {
        let serial = Serial::from_der_content(&[0, 0x9a, 1]).expect("positive");
        assert_eq!(serial.to_string(), "9a01");
    }
}
