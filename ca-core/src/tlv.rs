//! DER as bytes: one element after the other, with the original bytes of each at hand.
//!
//! For: checking signatures over exactly the bytes that were signed. The typed parsers of `der` give values
//! that would have to be encoded again, and the field has certificates that are not DER inside
//! (`domain.md` §1.2). Trusts nothing. Never accepts an indefinite or over-long length, a high tag number,
//! or bytes after the end.

/// Tag bytes of the universal types and of the constructed context tags that X.509 and CMS use.
pub mod tag {
    /// BOOLEAN.
    pub const BOOLEAN: u8 = 0x01;
    /// INTEGER.
    pub const INTEGER: u8 = 0x02;
    /// BIT STRING.
    pub const BIT_STRING: u8 = 0x03;
    /// OCTET STRING.
    pub const OCTET_STRING: u8 = 0x04;
    /// NULL.
    pub const NULL: u8 = 0x05;
    /// OBJECT IDENTIFIER.
    pub const OID: u8 = 0x06;
    /// ENUMERATED.
    pub const ENUMERATED: u8 = 0x0a;
    /// UTF8String.
    pub const UTF8_STRING: u8 = 0x0c;
    /// PrintableString.
    pub const PRINTABLE_STRING: u8 = 0x13;
    /// IA5String.
    pub const IA5_STRING: u8 = 0x16;
    /// UTCTime.
    pub const UTC_TIME: u8 = 0x17;
    /// GeneralizedTime.
    pub const GENERALIZED_TIME: u8 = 0x18;
    /// SEQUENCE and SEQUENCE OF.
    pub const SEQUENCE: u8 = 0x30;
    /// SET and SET OF.
    pub const SET: u8 = 0x31;
    /// `[0]`, constructed.
    pub const CONTEXT_0: u8 = 0xa0;
    /// `[1]`, constructed.
    pub const CONTEXT_1: u8 = 0xa1;
    /// `[2]`, constructed.
    pub const CONTEXT_2: u8 = 0xa2;
    /// `[3]`, constructed.
    pub const CONTEXT_3: u8 = 0xa3;
    /// `[0]`, primitive.
    pub const PRIMITIVE_0: u8 = 0x80;
    /// `[1]`, primitive.
    pub const PRIMITIVE_1: u8 = 0x81;
    /// `[2]`, primitive.
    pub const PRIMITIVE_2: u8 = 0x82;
    /// `[6]`, primitive: uniformResourceIdentifier of a GeneralName.
    pub const PRIMITIVE_6: u8 = 0x86;
    /// `[7]`, primitive: iPAddress of a GeneralName.
    pub const PRIMITIVE_7: u8 = 0x87;
}

/// Bytes that are not the DER that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlvError {
    /// The bytes end inside an element.
    #[error("the bytes end inside an element")]
    Truncated,
    /// A length that is indefinite, not minimal, or over 4 GiB.
    #[error("a length is not DER")]
    Length,
    /// A tag number above 30.
    #[error("a tag number is too high")]
    HighTag,
    /// Another tag than the structure asks for.
    #[error("tag {found:#04x} stands where {wanted:#04x} should")]
    Tag {
        /// What the structure asks for.
        wanted: u8,
        /// What is there.
        found: u8,
    },
    /// Bytes after the end of the structure.
    #[error("bytes after the end")]
    Trailing,
}

/// One element: tag, content, and all of it as it stood in the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element<'a> {
    /// The tag byte.
    pub tag: u8,
    /// Without tag and length.
    pub content: &'a [u8],
    /// With tag and length.
    pub whole: &'a [u8],
}

impl<'a> Element<'a> {
    /// Reads the elements inside.
    #[must_use]
    pub const fn reader(&self) -> Reader<'a> {
        Reader(self.content)
    }
}

/// Reads elements from the front of a byte string.
#[derive(Clone, Debug)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Starts at the first byte.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The tag of the next element, if there is one.
    #[must_use]
    pub fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// The next element, whatever it is.
    ///
    /// # Errors
    /// [`TlvError`] if what follows is not DER.
    #[expect(clippy::should_implement_trait, reason = "an Iterator could not stop at the first error")]
    pub fn next(&mut self) -> Result<Element<'a>, TlvError> {
        let [tag, first, ..] = *self.0 else { return Err(TlvError::Truncated) };
        if tag & 0x1f == 0x1f {
            return Err(TlvError::HighTag);
        }
        let (header, length) = if first < 0x80 {
            (2, usize::from(first))
        } else {
            let count = usize::from(first & 0x7f);
            if !(1..=4).contains(&count) {
                return Err(TlvError::Length);
            }
            let octets = self.0.get(2..2 + count).ok_or(TlvError::Truncated)?;
            let length = octets.iter().fold(0_usize, |sum, &octet| (sum << 8) | usize::from(octet));
            // X.690 §10.1: definite, in the fewest octets.
            if octets[0] == 0 || length < 0x80 {
                return Err(TlvError::Length);
            }
            (2 + count, length)
        };
        let end = header.checked_add(length).filter(|&end| end <= self.0.len()).ok_or(TlvError::Truncated)?;
        let (whole, rest) = self.0.split_at(end);
        self.0 = rest;
        Ok(Element { tag, content: &whole[header..], whole })
    }

    /// The next element, which must have this tag.
    ///
    /// # Errors
    /// [`TlvError::Tag`] for another tag, else as [`Self::next`].
    pub fn expect(&mut self, wanted: u8) -> Result<Element<'a>, TlvError> {
        let element = self.next()?;
        if element.tag == wanted { Ok(element) } else { Err(TlvError::Tag { wanted, found: element.tag }) }
    }

    /// The next element if it has this tag; else nothing is read.
    ///
    /// # Errors
    /// As [`Self::next`].
    pub fn optional(&mut self, wanted: u8) -> Result<Option<Element<'a>>, TlvError> {
        if self.peek() == Some(wanted) { self.next().map(Some) } else { Ok(None) }
    }

    /// All elements up to the end.
    ///
    /// # Errors
    /// As [`Self::next`].
    pub fn rest(mut self) -> Result<Vec<Element<'a>>, TlvError> {
        let mut elements = Vec::new();
        while !self.0.is_empty() {
            elements.push(self.next()?);
        }
        Ok(elements)
    }

    /// Says that nothing more may follow.
    ///
    /// # Errors
    /// [`TlvError::Trailing`] if something does.
    pub const fn end(&self) -> Result<(), TlvError> {
        if self.0.is_empty() { Ok(()) } else { Err(TlvError::Trailing) }
    }
}

/// What the first octets of an element say of it: its tag, the length of its content, and the length of tag and
/// length. For elements that are too long to be read whole.
///
/// # Errors
/// [`TlvError::Truncated`] if the octets end too soon; else as [`Reader::next`].
pub fn announced(bytes: &[u8]) -> Result<(u8, u64, usize), TlvError> {
    let [tag, first, rest @ ..] = bytes else { return Err(TlvError::Truncated) };
    if tag & 0x1f == 0x1f {
        return Err(TlvError::HighTag);
    }
    if *first < 0x80 {
        return Ok((*tag, u64::from(*first), 2));
    }
    let count = usize::from(first & 0x7f);
    if !(1..=4).contains(&count) {
        return Err(TlvError::Length);
    }
    let octets = rest.get(..count).ok_or(TlvError::Truncated)?;
    let length = octets.iter().fold(0_u64, |sum, octet| (sum << 8) | u64::from(*octet));
    if octets[0] == 0 || length < 0x80 { Err(TlvError::Length) } else { Ok((*tag, length, 2 + count)) }
}

/// Reads a byte string that is one element of this tag and nothing else.
///
/// # Errors
/// [`TlvError`] if it is not.
pub fn single(bytes: &[u8], wanted: u8) -> Result<Element<'_>, TlvError> {
    let mut reader = Reader::new(bytes);
    let element = reader.expect(wanted)?;
    reader.end()?;
    Ok(element)
}

/// Writes one element whose content is the given parts, one after the other.
#[must_use]
pub fn write<P: AsRef<[u8]>>(tag: u8, parts: &[P]) -> Vec<u8> {
    let length = parts.iter().map(|part| part.as_ref().len()).sum();
    let mut out = Vec::with_capacity(length + 6);
    header(&mut out, tag, length);
    for part in parts {
        out.extend_from_slice(part.as_ref());
    }
    out
}

/// Writes tag and length of an element whose content follows.
pub fn header(out: &mut Vec<u8>, tag: u8, length: usize) {
    out.push(tag);
    let octets = length.to_be_bytes();
    let leading = octets.iter().take_while(|&&octet| octet == 0).count();
    match octets.len() - leading {
        0 => out.push(0),
        1 if length < 0x80 => out.push(octets[octets.len() - 1]),
        count => {
            // `count` is at most 8, the size of a usize.
            out.push(0x80 | u8::try_from(count).unwrap_or(8));
            out.extend_from_slice(&octets[leading..]);
        }
    }
}

/// Writes the DER INTEGER of a positive number given big-endian.
#[must_use]
pub fn positive_integer(magnitude: &[u8]) -> Vec<u8> {
    let leading = magnitude.iter().take_while(|&&octet| octet == 0).count();
    let digits = &magnitude[leading..];
    match digits.first() {
        None => vec![tag::INTEGER, 1, 0],
        Some(0x80..) => write(tag::INTEGER, &[&[0], digits]),
        Some(_) => write(tag::INTEGER, &[digits]),
    }
}

/// The big-endian digits of a number that is not negative, from the content of its INTEGER: without the octet
/// that only keeps it positive; empty for zero. `None` if it is negative or has a needless octet (X.690 §8.3.2).
#[must_use]
pub fn magnitude(content: &[u8]) -> Option<&[u8]> {
    match content {
        [0] => Some(&[]),
        [0, rest @ ..] if rest[0] >= 0x80 => Some(rest),
        [1..0x80, ..] => Some(content),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lengths_that_are_not_minimal_or_definite_are_refused() {
        let read = |bytes: &[u8]| Reader::new(bytes).next().map(|e| e.content.len());
        assert_eq!(read(&[0x04, 0x81, 0x01, 0xaa]), Err(TlvError::Length));
        assert_eq!(read(&[0x30, 0x80, 0x00, 0x00]), Err(TlvError::Length));
        assert_eq!(read(&[0x04, 0x85, 0, 0, 0, 0, 1, 0]), Err(TlvError::Length));
        assert_eq!(read(&[0x04, 0x02, 0x01]), Err(TlvError::Truncated));
        assert_eq!(read(&[0x1f, 0x81, 0x01, 0x00]), Err(TlvError::HighTag));
    }

    #[test]
    fn trailing_bytes_are_refused() {
        assert_eq!(single(&[0x05, 0x00, 0x00], tag::NULL), Err(TlvError::Trailing));
    }

    #[test]
    fn positive_integers_have_no_needless_octet_and_no_sign() {
        assert_eq!(positive_integer(&[0, 0, 0x80]), [2, 2, 0, 0x80]);
        assert_eq!(positive_integer(&[0x7f]), [2, 1, 0x7f]);
        assert_eq!(positive_integer(&[]), [2, 1, 0]);
    }

    #[test]
    fn negative_numbers_and_needless_octets_are_no_magnitude() {
        assert_eq!(magnitude(&[0]), Some(&[][..]));
        assert_eq!(magnitude(&[0, 0x80]), Some(&[0x80][..]));
        assert_eq!(magnitude(&[0x7f, 0]), Some(&[0x7f, 0][..]));
        for wrong in [&[][..], &[0x80], &[0, 0x7f], &[0, 0]] {
            assert_eq!(magnitude(wrong), None, "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(content in proptest::collection::vec(any::<u8>(), 0..70_000)) {
            let bytes = write(tag::OCTET_STRING, &[&content]);
            let element = single(&bytes, tag::OCTET_STRING).expect("own output");
            prop_assert_eq!(element.content, &content[..]);
            prop_assert_eq!(element.whole, &bytes[..]);
            let header = bytes.len() - content.len();
            prop_assert_eq!(announced(&bytes[..header]), Ok((tag::OCTET_STRING, content.len() as u64, header)));
        }

        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Reader::new(&bytes).rest();
            let _ = announced(&bytes);
        }
    }
}
