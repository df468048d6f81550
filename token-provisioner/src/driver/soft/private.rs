//! Private keys of soft tokens, by OpenSSL: made, and signed with under the token's PIN.

use ca_core::domain::KeyKind;
use ca_core::keys::Sm2Id;
use ca_core::keys::sm2::{Hasher, Point, point_of};
use openssl::ec::{EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::md::Md;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::pkey_ctx::PkeyCtx;
use openssl::rsa::Rsa;
use openssl::sign::Signer;

use crate::driver::PublicKey;

/// Makes a key.
pub(super) fn generate(kind: KeyKind) -> Result<PKey<Private>, ErrorStack> {
    let ec =
        |curve| EcGroup::from_curve_name(curve).and_then(|group| EcKey::generate(&group)).and_then(PKey::from_ec_key);
    let rsa = |bits| Rsa::generate(bits).and_then(PKey::from_rsa);
    match kind {
        KeyKind::P256 => ec(Nid::X9_62_PRIME256V1),
        KeyKind::P384 => ec(Nid::SECP384R1),
        KeyKind::Rsa2048 => rsa(2048),
        KeyKind::Rsa3072 => rsa(3072),
        KeyKind::Rsa4096 => rsa(4096),
        KeyKind::Sm2 => ec(Nid::SM2),
    }
}

/// Signs a message with a key in PKCS#8, as [`crate::driver::Session::sign`] says.
pub(super) fn sign(pkcs8: &[u8], public: &PublicKey, message: &[u8]) -> Result<Vec<u8>, ErrorStack> {
    let private = PKey::private_key_from_pkcs8(pkcs8)?;
    if let Some(point) = point_of(public.spki_der()) {
        return sm2(&private, &point, message);
    }
    Signer::new(public.algorithm().signature_algorithm().digest(), &private)?.sign_oneshot_to_vec(message)
}

/// OpenSSL would hash the empty id before the message; so it gets e of the standard id, which is ours.
fn sm2(private: &PKey<Private>, public: &Point, message: &[u8]) -> Result<Vec<u8>, ErrorStack> {
    let mut hasher = Hasher::new(&Sm2Id::STANDARD, public);
    hasher.update(message);
    let mut context = PkeyCtx::new(private)?;
    context.sign_init()?;
    context.set_signature_md(Md::sm3())?;
    let mut signature = Vec::new();
    context.sign_to_vec(&hasher.finish(), &mut signature)?;
    Ok(signature)
}
