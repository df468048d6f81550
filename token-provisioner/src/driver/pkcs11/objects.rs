//! Objects on a token: from attributes to our types and back.

use cryptoki::error::Error;
use cryptoki::object::{Attribute, AttributeType, CertificateType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use der::{Decode as _, Encode as _};
use openssl::bn::BigNum;
use openssl::ecdsa::EcdsaSig;

use crate::driver::{KeyId, MAX_CERTIFICATE_BYTES, PublicKey, StoredCertificate};

pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_end_matches(['\0', ' ']).to_owned()
}

pub(super) fn id_and_label(session: &Session, handle: ObjectHandle) -> Result<(Vec<u8>, Vec<u8>), Error> {
    let (mut id, mut label) = (Vec::new(), Vec::new());
    for attribute in session.get_attributes(handle, &[AttributeType::Id, AttributeType::Label])? {
        match attribute {
            Attribute::Id(value) => id = value,
            Attribute::Label(value) => label = value,
            _ => {}
        }
    }
    Ok((id, label))
}

pub(super) fn stored_certificates(session: &Session) -> Result<Vec<StoredCertificate>, Error> {
    let mut certificates = Vec::new();
    for handle in session.find_objects(&[Attribute::Class(ObjectClass::CERTIFICATE)])? {
        let (id, label) = id_and_label(session, handle)?;
        for attribute in session.get_attributes(handle, &[AttributeType::Value])? {
            if let Attribute::Value(der) = attribute
                && der.len() <= MAX_CERTIFICATE_BYTES
            {
                certificates.push(StoredCertificate { id: KeyId(id.clone()), label: text(&label), der });
            }
        }
    }
    Ok(certificates)
}

/// A public key object as a key that we can use; `None` for other kinds.
pub(super) fn public_key(session: &Session, handle: ObjectHandle) -> Result<Option<PublicKey>, Error> {
    let kind = session.get_attributes(handle, &[AttributeType::KeyType])?;
    if kind.contains(&Attribute::KeyType(KeyType::RSA)) {
        let parts = session.get_attributes(handle, &[AttributeType::Modulus, AttributeType::PublicExponent])?;
        let (mut modulus, mut exponent) = (Vec::new(), Vec::new());
        for part in parts {
            match part {
                Attribute::Modulus(value) => modulus = value,
                Attribute::PublicExponent(value) => exponent = value,
                _ => {}
            }
        }
        return Ok(PublicKey::from_rsa(&modulus, &exponent).ok());
    }
    if kind.contains(&Attribute::KeyType(KeyType::EC)) {
        let parts = session.get_attributes(handle, &[AttributeType::EcPoint])?;
        let point = parts.into_iter().find_map(|part| match part {
            Attribute::EcPoint(value) => Some(value),
            _ => None,
        });
        return Ok(point.and_then(|point| PublicKey::from_p256_point(bare_point(&point)).ok()));
    }
    Ok(None)
}

/// CKA_EC_POINT is a DER OCTET STRING around the point; some modules leave the wrapping out.
fn bare_point(value: &[u8]) -> &[u8] {
    match value {
        [0x04, 65, point @ ..] if point.len() == 65 => point,
        bare => bare,
    }
}

/// `r || s` as PKCS#11 gives it, as DER `ECDSA-Sig-Value`.
pub(super) fn ecdsa_der(raw: &[u8]) -> Option<Vec<u8>> {
    let (r, s) = raw.split_at(raw.len() / 2);
    if raw.is_empty() || r.len() != s.len() {
        return None;
    }
    EcdsaSig::from_private_components(BigNum::from_slice(r).ok()?, BigNum::from_slice(s).ok()?).ok()?.to_der().ok()
}

pub(super) fn certificate_object(certificate: &StoredCertificate) -> Result<Vec<Attribute>, der::Error> {
    let parsed = x509_cert::Certificate::from_der(&certificate.der)?;
    let tbs = parsed.tbs_certificate();
    Ok(vec![
        Attribute::Class(ObjectClass::CERTIFICATE),
        Attribute::CertificateType(CertificateType::X_509),
        Attribute::Token(true),
        Attribute::Private(false),
        Attribute::Id(certificate.id.0.clone()),
        Attribute::Label(certificate.label.as_bytes().to_vec()),
        Attribute::Subject(tbs.subject().to_der()?),
        Attribute::Issuer(tbs.issuer().to_der()?),
        Attribute::SerialNumber(tbs.serial_number().to_der()?),
        Attribute::Value(certificate.der.clone()),
    ])
}
