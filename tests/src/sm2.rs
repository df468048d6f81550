//! SM2 signatures under the standard id by OpenSSL alone, which has no call for the id: the digest is made here.
//!
//! For people whose keys the tests hold. That nobody here wrote the arithmetic makes it a judge of our own.

use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::{Hasher, MessageDigest};
use openssl::md::Md;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::pkey_ctx::PkeyCtx;

/// GM/T 0009 §10: the id when nothing else was agreed.
pub const STANDARD_ID: &[u8] = b"1234567812345678";

/// A new key.
///
/// # Errors
/// When OpenSSL cannot make one.
pub fn generate() -> anyhow::Result<PKey<Private>> {
    let group = EcGroup::from_curve_name(Nid::SM2)?;
    let key = EcKey::generate(&group)?;
    // Only a key that was read is one of SM2 to OpenSSL; a key made of its parts would sign by ECDSA.
    let der = PKey::from_ec_key(key)?.private_key_to_pkcs8()?;
    Ok(PKey::private_key_from_der(&der)?)
}

/// Signs a message; answers the DER of r and s.
///
/// # Errors
/// When OpenSSL does not sign.
pub fn sign(key: &PKey<Private>, message: &[u8]) -> anyhow::Result<Vec<u8>> {
    let digest = digest(key, message)?;
    let mut context = PkeyCtx::new(key)?;
    context.sign_init()?;
    context.set_signature_md(Md::sm3())?;
    let mut signature = Vec::new();
    context.sign_to_vec(&digest, &mut signature)?;
    Ok(signature)
}

/// `SM3(Z ‖ M)` with `Z = SM3(ENTL ‖ ID ‖ a ‖ b ‖ xG ‖ yG ‖ xA ‖ yA)` (GM/T 0003.2 §5.5).
fn digest(key: &PKey<Private>, message: &[u8]) -> anyhow::Result<Vec<u8>> {
    let group = EcGroup::from_curve_name(Nid::SM2)?;
    let mut context = BigNumContext::new()?;
    let number = BigNum::new;
    let (mut p, mut a, mut b) = (number()?, number()?, number()?);
    group.components_gfp(&mut p, &mut a, &mut b, &mut context)?;
    let (mut base_x, mut base_y) = (number()?, number()?);
    let base = group.generator_opt().ok_or_else(|| anyhow::anyhow!("no generator"))?;
    base.affine_coordinates_gfp(&group, &mut base_x, &mut base_y, &mut context)?;
    // The last 64 octets of the SubjectPublicKeyInfo are the uncompressed point.
    let spki = key.public_key_to_der()?;
    let point = spki.last_chunk::<64>().ok_or_else(|| anyhow::anyhow!("no point"))?;
    let mut hasher = Hasher::new(MessageDigest::sm3())?;
    hasher.update(&u16::try_from(STANDARD_ID.len() * 8)?.to_be_bytes())?;
    hasher.update(STANDARD_ID)?;
    for value in [&a, &b, &base_x, &base_y] {
        hasher.update(&value.to_vec_padded(32)?)?;
    }
    hasher.update(point)?;
    let z = hasher.finish()?;
    hasher.update(&z)?;
    hasher.update(message)?;
    Ok(hasher.finish()?.to_vec())
}
