//! Opening envelopes with a key in the token, and encryption keys as objects.
//!
//! The shared secret of an agreement and the key to be imported pass through the memory of this program, for PKCS#11
//! has no way to open an envelope wholly inside; both are overwritten when they were used.

use ca_core::envelope::EncryptionKey;
use cryptoki::error::Error;
use cryptoki::mechanism::elliptic_curve::{EcKdf, Ecdh1DeriveParams};
use cryptoki::mechanism::rsa::{PkcsMgfType, PkcsOaepParams, PkcsOaepSource};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use openssl::bn::BigNumContext;
use openssl::ec::PointConversionForm;
use openssl::error::ErrorStack;
use openssl::pkey::{Id, PKey, Private};
use zeroize::{Zeroize as _, Zeroizing};

use super::P256_PARAMS;
use crate::driver::KeyId;

/// Octets of the secret that a P-256 agreement gives.
const SECRET_BYTES: u8 = 32;

/// RSAES-OAEP with SHA-1, the form that every module has.
pub(super) fn decrypt(session: &Session, key: ObjectHandle, encrypted: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
    let form = PkcsOaepParams::new(MechanismType::SHA1, PkcsMgfType::MGF1_SHA1, PkcsOaepSource::empty());
    session.decrypt(&Mechanism::RsaPkcsOaep(form), key, encrypted).map(Zeroizing::new)
}

/// ECDH without a KDF; `None` if the token does not show the secret.
pub(super) fn agree(session: &Session, key: ObjectHandle, point: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
    let template = [
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(KeyType::GENERIC_SECRET),
        Attribute::Token(false),
        Attribute::Sensitive(false),
        Attribute::Extractable(true),
        Attribute::ValueLen(u64::from(SECRET_BYTES).into()),
    ];
    let form = Ecdh1DeriveParams::new(EcKdf::null(), point);
    let secret = session.derive_key(&Mechanism::Ecdh1Derive(form), key, &template)?;
    let told = session.get_attributes(secret, &[AttributeType::Value]);
    session.destroy_object(secret)?;
    Ok(told?.into_iter().find_map(|attribute| match attribute {
        Attribute::Value(value) => Some(Zeroizing::new(value)),
        _ => None,
    }))
}

/// The two objects of an encryption key. What is secret in them is overwritten when they are dropped.
pub(super) struct Pair {
    pub(super) public: Vec<Attribute>,
    pub(super) private: Vec<Attribute>,
}

impl Drop for Pair {
    fn drop(&mut self) {
        for attribute in &mut self.private {
            match attribute {
                Attribute::Value(secret)
                | Attribute::PrivateExponent(secret)
                | Attribute::Prime1(secret)
                | Attribute::Prime2(secret)
                | Attribute::Exponent1(secret)
                | Attribute::Exponent2(secret)
                | Attribute::Coefficient(secret) => secret.zeroize(),
                _ => {}
            }
        }
    }
}

/// An encryption key as objects that only decrypt.
pub(super) fn objects(key: &EncryptionKey, id: &KeyId, label: &str) -> Result<Pair, ErrorStack> {
    let private_key = PKey::private_key_from_pkcs8(key.pkcs8_der())?;
    let rsa = private_key.id() == Id::RSA;
    let common = |class, private| {
        vec![
            Attribute::Class(class),
            Attribute::KeyType(if rsa { KeyType::RSA } else { KeyType::EC }),
            Attribute::Token(true),
            Attribute::Private(private),
            Attribute::Id(id.0.clone()),
            Attribute::Label(label.as_bytes().to_vec()),
        ]
    };
    let mut pair =
        Pair { public: common(ObjectClass::PUBLIC_KEY, false), private: common(ObjectClass::PRIVATE_KEY, true) };
    pair.public.extend([Attribute::Verify(false), Attribute::Encrypt(rsa)]);
    pair.private.extend([
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Sign(false),
        Attribute::Decrypt(rsa),
        Attribute::Unwrap(false),
        Attribute::Derive(!rsa),
    ]);
    if rsa {
        rsa_parts(&mut pair, &private_key)?;
    } else {
        ec_parts(&mut pair, &private_key)?;
    }
    Ok(pair)
}

fn rsa_parts(pair: &mut Pair, key: &PKey<Private>) -> Result<(), ErrorStack> {
    let key = key.rsa()?;
    let public = [Attribute::Modulus(key.n().to_vec()), Attribute::PublicExponent(key.e().to_vec())];
    pair.public.extend(public.clone());
    pair.private.extend(public);
    pair.private.push(Attribute::PrivateExponent(key.d().to_vec()));
    if let (Some(p), Some(q), Some(dp), Some(dq), Some(inverse)) =
        (key.p(), key.q(), key.dmp1(), key.dmq1(), key.iqmp())
    {
        pair.private.extend([
            Attribute::Prime1(p.to_vec()),
            Attribute::Prime2(q.to_vec()),
            Attribute::Exponent1(dp.to_vec()),
            Attribute::Exponent2(dq.to_vec()),
            Attribute::Coefficient(inverse.to_vec()),
        ]);
    }
    Ok(())
}

/// P-256, for the driver takes no other curve.
fn ec_parts(pair: &mut Pair, key: &PKey<Private>) -> Result<(), ErrorStack> {
    let key = key.ec_key()?;
    let mut context = BigNumContext::new()?;
    let point = key.public_key().to_bytes(key.group(), PointConversionForm::UNCOMPRESSED, &mut context)?;
    // CKA_EC_POINT: the point in a DER OCTET STRING.
    let mut wrapped = vec![0x04, 65];
    wrapped.extend(point);
    pair.public.extend([Attribute::EcParams(P256_PARAMS.to_vec()), Attribute::EcPoint(wrapped)]);
    let scalar = key.private_key().to_vec_padded(SECRET_BYTES.into())?;
    pair.private.extend([Attribute::EcParams(P256_PARAMS.to_vec()), Attribute::Value(scalar)]);
    Ok(())
}
