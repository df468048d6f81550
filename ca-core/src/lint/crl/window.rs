//! Reads DER elements one after the other from a source of any length, and hashes what it reads: all of it, what a
//! signature covers, or both.

use std::io::{self, Read};
use std::ops::Range;

use openssl::sha::Sha256 as Hash;

use crate::domain::Sha256;
use crate::keys::stream::{Digested, MessageDigest};
use crate::tlv::{self, Element, Reader, TlvError};

/// How much is read at once. No element that is read whole may be longer.
const PIECE: usize = 512 * 1024;

/// Why nothing more is read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    /// The source failed: nothing is said of the CRL.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is no CRL.
    #[error("{0}")]
    Structure(String),
}

impl From<TlvError> for Broken {
    fn from(error: TlvError) -> Self {
        Self::Structure(error.to_string())
    }
}

/// The part of the source that is in memory.
pub(super) struct Window<R> {
    source: R,
    buffer: Vec<u8>,
    /// What of the buffer is not consumed yet.
    left: Range<usize>,
    /// Where the buffer begins in the source.
    offset: u64,
    hash: Option<Hash>,
    signed: Range<u64>,
    digest: Option<MessageDigest>,
}

impl<R: Read> Window<R> {
    pub(super) fn new(source: R) -> Self {
        Self { hash: Some(Hash::new()), ..Self::unhashed(source) }
    }

    /// Without a hash of all of it.
    pub(super) fn unhashed(source: R) -> Self {
        Self { source, buffer: vec![0; PIECE], left: 0..0, offset: 0, hash: None, signed: 0..0, digest: None }
    }

    /// How much was consumed so far.
    pub(super) const fn position(&self) -> u64 {
        self.offset + self.left.start as u64
    }

    /// Says which bytes of the source the signature covers. All of them are still to be consumed, or in the buffer.
    pub(super) fn digest(&mut self, signed: Range<u64>, digest: MessageDigest) {
        self.signed = signed;
        self.digest = Some(digest);
    }

    /// The tag of the next element, if there is one.
    pub(super) fn peek(&mut self) -> Result<Option<u8>, Broken> {
        self.want(1)?;
        Ok(self.buffer[self.left.clone()].first().copied())
    }

    /// Consumes the tag and length of an element that is too long to be read whole, and says how long its content
    /// is and how long the two were.
    pub(super) fn header(&mut self, wanted: u8) -> Result<(u64, u64), Broken> {
        let (tag, length, header) = self.announced()?;
        if tag != wanted {
            return Err(TlvError::Tag { wanted, found: tag }.into());
        }
        self.left.start += header;
        Ok((length, header as u64))
    }

    /// The next element, whole.
    pub(super) fn element(&mut self) -> Result<Element<'_>, Broken> {
        // Nearly every element is an entry: short, and in memory.
        if let [_, length @ 0..0x80, rest @ ..] = &self.buffer[self.left.clone()]
            && rest.len() >= usize::from(*length)
        {
            let (start, whole) = (self.left.start, 2 + usize::from(*length));
            self.left.start += whole;
            return Ok(Reader::new(&self.buffer[start..start + whole]).next()?);
        }
        let (_, length, header) = self.announced()?;
        let whole = usize::try_from(length).ok().and_then(|length| length.checked_add(header));
        let whole = whole.filter(|whole| *whole <= PIECE).ok_or(TlvError::Length)?;
        if self.left.len() < whole {
            self.want(whole)?;
        }
        let start = self.left.start;
        let end = start.saturating_add(whole).min(self.left.end);
        self.left.start = end;
        Ok(Reader::new(&self.buffer[start..end]).next()?)
    }

    /// Nothing may be left. Answers the hash of all (zeros without one), and the digest of what is signed.
    pub(super) fn end(mut self) -> Result<(Sha256, Option<Digested>), Broken> {
        if self.peek()?.is_some() {
            return Err(TlvError::Trailing.into());
        }
        self.flush()?;
        let digested = self.digest.and_then(|digest| digest.finish().ok());
        Ok((Sha256(self.hash.map_or([0; 32], Hash::finish)), digested))
    }

    /// What the next element says of itself; it may not be there in full.
    fn announced(&mut self) -> Result<(u8, u64, usize), Broken> {
        if self.left.len() < 6 {
            self.want(6)?;
        }
        Ok(tlv::announced(&self.buffer[self.left.clone()])?)
    }

    /// Reads until so many bytes are in memory, or the source ends.
    fn want(&mut self, count: usize) -> Result<(), Broken> {
        if self.left.len() >= count {
            return Ok(());
        }
        self.flush()?;
        while self.left.end < self.buffer.len() {
            match self.source.read(&mut self.buffer[self.left.end..])? {
                0 => break,
                read => self.left.end += read,
            }
        }
        Ok(())
    }

    /// Hashes what was consumed and moves the rest to the front.
    fn flush(&mut self) -> Result<(), Broken> {
        let consumed = &self.buffer[..self.left.start];
        if let Some(hash) = &mut self.hash {
            hash.update(consumed);
        }
        if let Some(digest) = &mut self.digest {
            let within = |at: u64| {
                let at = at.saturating_sub(self.offset).min(consumed.len() as u64);
                usize::try_from(at).unwrap_or(consumed.len())
            };
            let signed = &consumed[within(self.signed.start)..within(self.signed.end)];
            digest.update(signed).map_err(|error| Broken::Structure(error.to_string()))?;
        }
        self.offset += consumed.len() as u64;
        self.buffer.copy_within(self.left.clone(), 0);
        self.left = 0..self.left.len();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlv::tag;

    /// Gives a few bytes at a time, as a pipe may.
    struct Dripping<'a>(&'a [u8]);

    impl Read for Dripping<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = buffer.len().min(self.0.len()).min(7);
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    #[test]
    fn elements_are_whole_across_the_ends_of_the_buffer() {
        let elements: Vec<Vec<u8>> = (0..4000_usize)
            .map(|n| tlv::write(tag::OCTET_STRING, &[vec![u8::try_from(n % 251).expect("small"); n % 700]]))
            .collect();
        let all = elements.concat();
        assert!(all.len() > 2 * PIECE - 1000);
        let mut window = Window::new(Dripping(&all));
        for element in &elements {
            assert_eq!(window.element().expect("an element").whole, element);
        }
        assert_eq!(window.position(), all.len() as u64);
        assert_eq!(window.end().expect("the end").0, Sha256(openssl::sha::sha256(&all)));
    }

    #[test]
    fn what_ends_too_soon_or_is_too_long_is_no_element() {
        for bad in [&[4_u8, 2, 0][..], &[4], &[], &[4, 0x81, 1, 0], &[4, 0x80], &[4, 0x85, 1, 1, 1, 1, 1]] {
            assert!(matches!(Window::new(bad).element(), Err(Broken::Structure(_))), "{bad:x?}");
        }
        let long = tlv::write(tag::OCTET_STRING, &[vec![0; PIECE]]);
        assert!(matches!(Window::new(&long[..]).element(), Err(Broken::Structure(_))));
        let mut window = Window::new(&long[..]);
        assert_eq!(window.header(tag::OCTET_STRING).expect("a header"), (PIECE as u64, 5));
    }
}
