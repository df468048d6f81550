//! SM2 signatures with SM3 (GM/T 0003.2; encodings of GM/T 0009).
//!
//! For: verifying, and the encodings that whoever signs needs. What is signed is e = SM3(Z ‖ message), where Z
//! hashes the signer's id, the curve and the public key: so a signature holds for one key and one id only.
//! Trusts the `sm2` crate with the arithmetic. Never holds a private key.

use sm2::dsa::Signature;
use sm2::dsa::signature::hazmat::PrehashVerifier as _;
use sm3::{Digest as _, Sm3};

use super::spki::Spki;
use super::verify::VerifyError;
use super::{Sm2Id, oid};
use crate::tlv::{self, tag};

/// a, b, and the base point's x and y (GM/T 0003.5).
const CURVE: [u8; 128] = {
    let mut octets = [0; 128];
    let words: [u32; 32] = [
        0xffff_fffe,
        0xffff_ffff,
        0xffff_ffff,
        0xffff_ffff,
        0xffff_ffff,
        0x0000_0000,
        0xffff_ffff,
        0xffff_fffc,
        0x28e9_fa9e,
        0x9d9f_5e34,
        0x4d5a_9e4b,
        0xcf65_09a7,
        0xf397_89f5,
        0x15ab_8f92,
        0xddbc_bd41,
        0x4d94_0e93,
        0x32c4_ae2c,
        0x1f19_8119,
        0x5f99_0446,
        0x6a39_c994,
        0x8fe3_0bbf,
        0xf266_0be1,
        0x715a_4589,
        0x334c_74c7,
        0xbc37_36a2,
        0xf4f6_779c,
        0x59bd_cee3,
        0x6b69_2153,
        0xd0a9_877c,
        0xc62a_4740,
        0x02df_32e5,
        0x2139_f0a0,
    ];
    let mut at = 0;
    while at < octets.len() {
        octets[at] = words[at / 4].to_be_bytes()[at % 4];
        at += 1;
    }
    octets
};

/// A public point: X and Y of 32 octets each.
pub type Point = [u8; 64];

/// The point in a SubjectPublicKeyInfo of an SM2 key, or `None` for other keys and points in compressed form.
/// Says nothing about whether the point is on the curve.
#[must_use]
pub fn point_of(spki_der: &[u8]) -> Option<Point> {
    match Spki::read(spki_der).ok()? {
        Spki::Ec { curve: oid::SM2, point: [4, xy @ ..] } => xy.try_into().ok(),
        _ => None,
    }
}

/// The SubjectPublicKeyInfo of an SM2 key.
#[must_use]
pub fn spki_of(point: &Point) -> Vec<u8> {
    let mut uncompressed = [4; 65];
    uncompressed[1..].copy_from_slice(point);
    Spki::Ec { curve: oid::SM2, point: &uncompressed }.der()
}

/// Z of GM/T 0003.2 §5.5: SM3 of the id's length in bits, the id, the curve and the public key.
#[must_use]
pub fn z(id: &Sm2Id, public: &Point) -> [u8; 32] {
    // At most 128 octets (Sm2Id::MAX_BYTES), so the length fits.
    let bits = u16::try_from(id.as_str().len() * 8).unwrap_or(u16::MAX);
    let mut hasher = Sm3::new();
    hasher.update(bits.to_be_bytes());
    hasher.update(id.as_str());
    hasher.update(CURVE);
    hasher.update(public);
    hasher.finalize().into()
}

/// Computes e = SM3(Z ‖ message) of a message in pieces.
#[derive(Clone)]
pub struct Hasher(Sm3);

impl Hasher {
    /// Begins with Z.
    #[must_use]
    pub fn new(id: &Sm2Id, public: &Point) -> Self {
        Self::after(&z(id, public))
    }

    fn after(z: &[u8; 32]) -> Self {
        Self(Sm3::new_with_prefix(z))
    }

    /// Takes the next piece of the message.
    pub fn update(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    /// e.
    #[must_use]
    pub fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

/// The DER of a signature, from r ‖ s of 32 octets each.
#[must_use]
pub fn signature_der(r_and_s: &[u8; 64]) -> Vec<u8> {
    let (r, s) = r_and_s.split_at(32);
    tlv::write(tag::SEQUENCE, &[tlv::positive_integer(r), tlv::positive_integer(s)])
}

/// A key that verifies under one id.
#[derive(Clone)]
pub(super) struct VerifyingKey {
    key: sm2::dsa::VerifyingKey,
    z: [u8; 32],
}

impl VerifyingKey {
    /// A key from its uncompressed point.
    ///
    /// # Errors
    /// [`VerifyError::Key`] if the point is in another form, or not on the curve.
    pub(super) fn new(point: &[u8], id: &Sm2Id) -> Result<Self, VerifyError> {
        let [4, xy @ ..] = point else { return Err(VerifyError::Key("the SM2 point must be uncompressed")) };
        let xy: &Point = xy.try_into().map_err(|_| VerifyError::Key("the SM2 point has a wrong length"))?;
        let key = sm2::dsa::VerifyingKey::from_sec1_bytes(id.as_str(), point)
            .map_err(|_| VerifyError::Key("the point is not on the curve"))?;
        Ok(Self { key, z: z(id, xy) })
    }

    /// Begins the digest that this key's signatures are over.
    pub(super) fn hasher(&self) -> Hasher {
        Hasher::after(&self.z)
    }

    /// Whether this is a signature, in DER, over e.
    pub(super) fn verify(&self, e: &[u8], signature: &[u8]) -> bool {
        parse(signature).is_some_and(|signature| self.key.verify_prehash(e, &signature).is_ok())
    }
}

/// GM/T 0003.2 §7.1: r and s lie in 1..n-1; here also in DER of one spelling.
fn parse(der: &[u8]) -> Option<Signature> {
    let mut fields = tlv::single(der, tag::SEQUENCE).ok()?.reader();
    let mut octets = [0; 64];
    for half in octets.chunks_exact_mut(32) {
        let number = tlv::magnitude(fields.expect(tag::INTEGER).ok()?.content)?;
        half.get_mut(32_usize.checked_sub(number.len())?..)?.copy_from_slice(number);
    }
    fields.end().ok()?;
    Signature::from_slice(&octets).ok()
}

#[cfg(test)]
#[path = "sm2_tests.rs"]
mod tests;
