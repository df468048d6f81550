//! SM2EnvelopedKey (GM/T 0009 §7.4, GB/T 35276): a random SM4 key encrypted to the signature key, and the private
//! key under it, SM4-ECB without padding.
//!
//! The DER form carries the encryption of the scalar alone; the SKF carrier lays the scalar right-aligned into 64
//! octets and encrypts all of them, which in ECB puts 32 octets before the same 32.

use std::convert::Infallible;

use cipher::{BlockCipherDecrypt as _, BlockCipherEncrypt as _, KeyInit as _};
use rand::{CryptoRng, RngCore};
use sm2::PublicKey;
use sm2::elliptic_curve::rand_core::{TryCryptoRng, TryRng};
use sm2::pke::EncryptingKey;
use sm4::Sm4;
use zeroize::Zeroizing;

use super::{Unreadable, WrapError, malformed};
use crate::keys::sm2::Point;
use crate::tlv::{self, Element, tag};

/// SM4 in ECB, 1.2.156.10197.1.104.1, without parameters.
const SM4_ECB: [u8; 12] = [0x30, 0x0a, 0x06, 0x08, 0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x68, 0x01];

/// Chance for the sm2 crate, which is a generation of `rand_core` ahead.
pub(super) struct Modern<'a, R: ?Sized>(pub(super) &'a mut R);

impl<R: RngCore + ?Sized> TryRng for Modern<'_, R> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.0.next_u32())
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.0.next_u64())
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill_bytes(out);
        Ok(())
    }
}

impl<R: RngCore + CryptoRng + ?Sized> TryCryptoRng for Modern<'_, R> {}

fn public_key(point: &Point) -> Option<PublicKey> {
    let mut sec1 = [4; 65];
    sec1[1..].copy_from_slice(point);
    PublicKey::from_sec1_bytes(&sec1).ok()
}

/// A private key under an SM4 key, and that under a signature key: what both carriers carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wrapped {
    /// C1 of the SM4 key's encryption.
    pub(super) c1: Point,
    /// C3, its SM3 value.
    pub(super) c3: [u8; 32],
    /// C2, the encrypted SM4 key.
    pub(super) c2: [u8; 16],
    /// The public half of the wrapped key.
    pub(super) public: Point,
    /// In the SKF carrier, the encryption of the 32 octets of zero before the scalar.
    pub(super) padding: Option<[u8; 32]>,
    /// The encryption of the scalar.
    pub(super) private: [u8; 32],
}

impl Wrapped {
    /// Wraps a scalar to a recipient.
    pub(super) fn make<R: RngCore + CryptoRng + ?Sized>(
        scalar: &[u8; 32],
        public: Point,
        recipient: Point,
        rng: &mut R,
    ) -> Result<Self, WrapError> {
        let refused = || WrapError::Recipient("not a point of the curve".into());
        let recipient = public_key(&recipient).ok_or_else(refused)?;
        let mut sm4_key = Zeroizing::new([0; 16]);
        rng.fill_bytes(&mut *sm4_key);
        let cipher = EncryptingKey::new(recipient).encrypt(&mut Modern(rng), &*sm4_key).map_err(|_| refused())?;
        let (mut padding, mut private) = ([0; 32], *scalar);
        encrypt(&sm4_key, &mut padding);
        encrypt(&sm4_key, &mut private);
        let mut wrapped = Self { c1: [0; 64], c3: [0; 32], c2: [0; 16], public, padding: Some(padding), private };
        // 04 ‖ C1 ‖ C3 ‖ C2.
        wrapped.c1.copy_from_slice(&cipher[1..65]);
        wrapped.c3.copy_from_slice(&cipher[65..97]);
        wrapped.c2.copy_from_slice(&cipher[97..]);
        Ok(wrapped)
    }

    /// The scalar, given the SM4 key.
    pub(super) fn open(&self, sm4_key: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unreadable> {
        let key: &[u8; 16] = sm4_key.try_into().map_err(|_| Unreadable::Closed)?;
        if let Some(mut padding) = self.padding {
            decrypt(key, &mut padding);
            if padding != [0; 32] {
                return Err(Unreadable::Closed);
            }
        }
        let mut scalar = Zeroizing::new(self.private.to_vec());
        decrypt(key, &mut scalar);
        Ok(scalar)
    }

    /// The encrypted SM4 key as SM2Cipher.
    pub(super) fn cipher_der(&self) -> Vec<u8> {
        tlv::write(
            tag::SEQUENCE,
            &[
                tlv::positive_integer(&self.c1[..32]),
                tlv::positive_integer(&self.c1[32..]),
                tlv::write(tag::OCTET_STRING, &[&self.c3]),
                tlv::write(tag::OCTET_STRING, &[&self.c2]),
            ],
        )
    }

    /// The SM2EnvelopedKey.
    pub(super) fn to_der(&self) -> Vec<u8> {
        let public = tlv::write(tag::BIT_STRING, &[&[0, 4][..], &self.public]);
        let private = tlv::write(tag::BIT_STRING, &[&[0][..], &self.private]);
        tlv::write(tag::SEQUENCE, &[&SM4_ECB[..], &self.cipher_der(), &public, &private])
    }

    /// Reads an SM2EnvelopedKey. The parameters of SM4 may be absent or NULL.
    pub(super) fn from_der(der: &[u8]) -> Result<Self, Unreadable> {
        let mut fields = tlv::single(der, tag::SEQUENCE)?.reader();
        let mut algorithm = fields.expect(tag::SEQUENCE)?.reader();
        if algorithm.next()?.whole != &SM4_ECB[2..] {
            return Err(malformed("the symmetric algorithm is not SM4-ECB"));
        }
        algorithm.optional(tag::NULL)?;
        algorithm.end()?;
        let mut cipher = fields.expect(tag::SEQUENCE)?.reader();
        let (x, y) = (coordinate(cipher.expect(tag::INTEGER)?)?, coordinate(cipher.expect(tag::INTEGER)?)?);
        let c3 = exact(cipher.expect(tag::OCTET_STRING)?.content)?;
        let c2 = exact(cipher.expect(tag::OCTET_STRING)?.content)?;
        cipher.end()?;
        let public = fields.expect(tag::BIT_STRING)?.content.strip_prefix(&[0, 4]);
        let private = fields.expect(tag::BIT_STRING)?.content.strip_prefix(&[0]);
        fields.end()?;
        let mut c1 = [0; 64];
        c1[..32].copy_from_slice(&x);
        c1[32..].copy_from_slice(&y);
        let public = exact(public.ok_or_else(|| malformed("the public key is no uncompressed point"))?)?;
        let private = exact(private.ok_or_else(|| malformed("the private key has unused bits"))?)?;
        Ok(Self { c1, c3, c2, public, padding: None, private })
    }
}

/// A positive INTEGER of at most 256 bits.
fn coordinate(integer: Element<'_>) -> Result<[u8; 32], Unreadable> {
    let digits = tlv::magnitude(integer.content).ok_or_else(|| malformed("a coordinate is no positive DER INTEGER"))?;
    let mut out = [0; 32];
    let start = out.len().checked_sub(digits.len()).ok_or_else(|| malformed("a coordinate is too long"))?;
    out[start..].copy_from_slice(digits);
    Ok(out)
}

pub(super) fn exact<const N: usize>(bytes: &[u8]) -> Result<[u8; N], Unreadable> {
    bytes.try_into().map_err(|_| malformed("a field has another length"))
}

/// SM4-ECB without padding, in place; `blocks` has a multiple of 16 octets.
fn encrypt(key: &[u8; 16], blocks: &mut [u8]) {
    let cipher = Sm4::new(key.into());
    for block in blocks.as_chunks_mut::<16>().0 {
        cipher.encrypt_block(block.into());
    }
}

fn decrypt(key: &[u8; 16], blocks: &mut [u8]) {
    let cipher = Sm4::new(key.into());
    for block in blocks.as_chunks_mut::<16>().0 {
        cipher.decrypt_block(block.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sm4_gives_the_value_of_the_standard() {
        let key = hex::decode("0123456789abcdeffedcba9876543210").expect("hex");
        let key: [u8; 16] = key.try_into().expect("16 octets");
        let mut block = key;
        encrypt(&key, &mut block);
        assert_eq!(hex::encode(block), "681edf34d206965e86b3e94f536e4246");
        decrypt(&key, &mut block);
        assert_eq!(block, key);
    }

    #[test]
    fn a_coordinate_with_leading_zeros_keeps_its_place() {
        let mut c1 = [7; 64];
        c1[..3].fill(0);
        c1[32] = 0x80;
        let wrapped = Wrapped { c1, c3: [1; 32], c2: [2; 16], public: [3; 64], padding: None, private: [4; 32] };
        assert_eq!(Wrapped::from_der(&wrapped.to_der()).expect("reads"), wrapped);
    }
}
