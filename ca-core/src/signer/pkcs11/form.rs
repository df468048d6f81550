//! Keys and signatures as PKCS#11 spells them, and as X.509 does.

use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass};
use cryptoki::session::Session;
use cryptoki::types::Ulong;
use openssl::bn::BigNum;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;

use super::module::explain;
use crate::keys::{SignatureAlgorithm, oid};
use crate::signer::SignError;
use crate::tlv::{self, tag};

/// The SubjectPublicKeyInfo of the public key object with this label.
pub(super) fn public_half(session: &Session, label: &str) -> Result<Vec<u8>, SignError> {
    let template = [Attribute::Class(ObjectClass::PUBLIC_KEY), Attribute::Label(label.as_bytes().to_vec())];
    let [object] = session.find_objects(&template).map_err(explain)?[..] else {
        return Err(SignError::Unusable(format!("there is not exactly one public key called {label}")));
    };
    let wanted = [
        AttributeType::KeyType,
        AttributeType::EcParams,
        AttributeType::EcPoint,
        AttributeType::Modulus,
        AttributeType::PublicExponent,
    ];
    let (mut curve, mut point, mut modulus, mut exponent) = (None, None, None, None);
    let mut key_type = None;
    for attribute in session.get_attributes(object, &wanted).map_err(explain)? {
        match attribute {
            Attribute::KeyType(kind) => key_type = Some(kind),
            Attribute::EcParams(der) => curve = Some(der),
            Attribute::EcPoint(der) => point = Some(der),
            Attribute::Modulus(number) => modulus = Some(number),
            Attribute::PublicExponent(number) => exponent = Some(number),
            _ => {}
        }
    }
    let spki = match (key_type, curve, point, modulus, exponent) {
        (Some(KeyType::EC), Some(curve), Some(point), ..) => ec_spki(&curve, &point),
        (Some(KeyType::RSA), _, _, Some(modulus), Some(exponent)) => rsa_spki(&modulus, &exponent),
        _ => None,
    };
    spki.ok_or_else(|| SignError::Unusable(format!("the public key {label} cannot be read")))
}

/// CKA_EC_PARAMS is the DER of the curve's OID, CKA_EC_POINT a DER OCTET STRING around the point.
fn ec_spki(curve: &[u8], point: &[u8]) -> Option<Vec<u8>> {
    let curve = tlv::single(curve, tag::OID).ok()?.whole;
    let point = tlv::single(point, tag::OCTET_STRING).ok()?.content;
    let algorithm = tlv::write(tag::SEQUENCE, &[&tlv::write(tag::OID, &[oid::EC.as_bytes()])[..], curve]);
    Some(tlv::write(tag::SEQUENCE, &[algorithm, tlv::write(tag::BIT_STRING, &[&[0][..], point])]))
}

fn rsa_spki(modulus: &[u8], exponent: &[u8]) -> Option<Vec<u8>> {
    let (n, e) = (BigNum::from_slice(modulus).ok()?, BigNum::from_slice(exponent).ok()?);
    Rsa::from_public_components(n, e).and_then(PKey::from_rsa).and_then(|key| key.public_key_to_der()).ok()
}

pub(super) fn curve(name: const_oid::ObjectIdentifier) -> Vec<Attribute> {
    vec![Attribute::EcParams(tlv::write(tag::OID, &[name.as_bytes()]))]
}

pub(super) fn modulus(bits: usize) -> Vec<Attribute> {
    let bits = Ulong::try_from(bits).expect("a key size fits into 32 bits");
    vec![Attribute::ModulusBits(bits), Attribute::PublicExponent(vec![1, 0, 1])]
}

/// DigestInfo (RFC 8017 §9.2), what CKM_RSA_PKCS pads and signs.
pub(super) fn digest_info(algorithm: SignatureAlgorithm, digest: &[u8]) -> Vec<u8> {
    let name = tlv::write(tag::OID, &[algorithm.digest_oid().as_bytes()]);
    let identifier = tlv::write(tag::SEQUENCE, &[&name[..], &[tag::NULL, 0]]);
    tlv::write(tag::SEQUENCE, &[identifier, tlv::write(tag::OCTET_STRING, &[digest])])
}

/// r‖s, both of the same length, as DER.
pub(super) fn ecdsa_der(raw: &[u8]) -> Result<Vec<u8>, SignError> {
    if raw.is_empty() || !raw.len().is_multiple_of(2) {
        return Err(SignError::Unusable("the module's signature is not r and s".into()));
    }
    let (r, s) = raw.split_at(raw.len() / 2);
    Ok(tlv::write(tag::SEQUENCE, &[tlv::positive_integer(r), tlv::positive_integer(s)]))
}
