//! ENVELOPEDKEYBLOB (GM/T 0016 §6.4.10), what `SKF_ImportECCKeyPair` takes: packed, little-endian, numbers
//! right-aligned in 64 octets.
//!
//! ```text
//! 0 Version=1  4 ulSymmAlgID  8 ulBits=256  12 cbEncryptedPriKey[64]
//! 76 PubKey{BitLen=256, X[64], Y[64]}
//! 208 ECCCipherBlob{X[64], Y[64], HASH[32], CipherLen=16, Cipher[16]}  388
//! ```

use super::sm2::{Wrapped, exact};
use super::{Unreadable, malformed};

/// Its length.
pub const BLOB_BYTES: usize = 388;

const VERSION: u32 = 1;
/// SGD_SMS4_ECB.
const SM4_ECB: u32 = 0x0401;
const BITS: u32 = 256;
const CIPHER_BYTES: u32 = 16;

/// Writes the blob of a key that [`Wrapped::make`] wrapped.
pub(super) fn write(wrapped: &Wrapped) -> Vec<u8> {
    let mut blob = Vec::with_capacity(BLOB_BYTES);
    for number in [VERSION, SM4_ECB, BITS] {
        blob.extend_from_slice(&number.to_le_bytes());
    }
    blob.extend_from_slice(&wrapped.padding.unwrap_or_default());
    blob.extend_from_slice(&wrapped.private);
    blob.extend_from_slice(&BITS.to_le_bytes());
    point(&mut blob, &wrapped.public);
    point(&mut blob, &wrapped.c1);
    blob.extend_from_slice(&wrapped.c3);
    blob.extend_from_slice(&CIPHER_BYTES.to_le_bytes());
    blob.extend_from_slice(&wrapped.c2);
    blob
}

fn point(blob: &mut Vec<u8>, point: &[u8; 64]) {
    for coordinate in point.as_chunks::<32>().0 {
        blob.extend_from_slice(&[0; 32]);
        blob.extend_from_slice(coordinate);
    }
}

/// Reads a blob.
pub(super) fn read(blob: &[u8]) -> Result<Wrapped, Unreadable> {
    if blob.len() != BLOB_BYTES {
        return Err(malformed("an ENVELOPEDKEYBLOB has 388 octets"));
    }
    let mut fields = Fields(blob);
    fields.number(VERSION)?;
    fields.number(SM4_ECB)?;
    fields.number(BITS)?;
    let (padding, private) = (Some(fields.take()?), fields.take()?);
    fields.number(BITS)?;
    let (public, c1) = (fields.point()?, fields.point()?);
    let c3 = fields.take()?;
    fields.number(CIPHER_BYTES)?;
    Ok(Wrapped { c1, c3, c2: fields.take()?, public, padding, private })
}

struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], Unreadable> {
        let (field, rest) = self.0.split_at_checked(N).ok_or_else(|| malformed("it ends inside a field"))?;
        self.0 = rest;
        exact(field)
    }

    fn number(&mut self, wanted: u32) -> Result<(), Unreadable> {
        let found = u32::from_le_bytes(self.take()?);
        if found == wanted { Ok(()) } else { Err(malformed(&format!("{found} stands where {wanted} should"))) }
    }

    fn point(&mut self) -> Result<[u8; 64], Unreadable> {
        let mut point = [0; 64];
        for coordinate in point.as_chunks_mut::<32>().0 {
            if self.take()? != [0; 32] {
                return Err(malformed("a coordinate has more than 256 bits"));
            }
            *coordinate = self.take()?;
        }
        Ok(point)
    }
}
