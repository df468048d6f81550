//! A small hierarchy made by OpenSSL, not by our own encoder.

use ca_core::clock::{Clock as _, SystemClock};
use ca_core::domain::{IssuerId, Serial, Timestamp};
use openssl::asn1::{Asn1Object, Asn1OctetString, Asn1Time};
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{HasPublic, PKey, PKeyRef, Private, Public};
use openssl::x509::extension::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectKeyIdentifier,
};
use openssl::x509::{X509, X509Builder, X509Extension, X509Name, X509NameBuilder};

const DAY: i64 = 86_400;

/// The present moment of the machine, as openssl's commands see it.
pub(crate) fn now() -> Timestamp {
    SystemClock.now()
}

/// A key with its certificate.
pub(crate) struct Holder {
    /// Private key.
    pub(crate) key: PKey<Private>,
    /// Certificate.
    pub(crate) certificate: X509,
}

impl Holder {
    /// DER of the certificate.
    pub(crate) fn der(&self) -> Vec<u8> {
        self.certificate.to_der().unwrap()
    }
}

/// How a responder certificate may go wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delegation {
    /// As it should be.
    Right,
    /// Without the OCSPSigning purpose.
    NoPurpose,
    /// Without id-pkix-ocsp-nocheck.
    NoNoCheck,
    /// Ended yesterday.
    Expired,
}

/// A new P-256 key.
pub(crate) fn key() -> PKey<Private> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap()
}

fn name(common: &str) -> X509Name {
    let mut name = X509NameBuilder::new().unwrap();
    name.append_entry_by_text("C", "CN").unwrap();
    name.append_entry_by_text("CN", common).unwrap();
    name.build()
}

fn builder<K: HasPublic>(common: &str, serial: &[u8], key: &PKeyRef<K>, days: (i64, i64)) -> X509Builder {
    let mut builder = X509Builder::new().unwrap();
    builder.set_version(2).unwrap();
    builder.set_subject_name(&name(common)).unwrap();
    builder.set_serial_number(&BigNum::from_slice(serial).unwrap().to_asn1_integer().unwrap()).unwrap();
    builder.set_pubkey(key).unwrap();
    builder.set_not_before(&Asn1Time::from_unix(now().unix() + days.0 * DAY).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::from_unix(now().unix() + days.1 * DAY).unwrap()).unwrap();
    builder
}

fn identify(builder: &mut X509Builder, issuer: Option<&X509>) {
    let context = builder.x509v3_context(issuer.map(|issuer| &**issuer), None);
    let subject_key = SubjectKeyIdentifier::new().build(&context).unwrap();
    builder.append_extension(subject_key).unwrap();
    if issuer.is_some() {
        let context = builder.x509v3_context(issuer.map(|issuer| &**issuer), None);
        let authority_key = AuthorityKeyIdentifier::new().keyid(true).build(&context).unwrap();
        builder.append_extension(authority_key).unwrap();
    }
}

/// A CA certificate, self-signed unless there is an issuer.
pub(crate) fn authority(common: &str, issuer: Option<&Holder>) -> Holder {
    let key = key();
    let mut builder = builder(common, &[1, 2, 3, common.len() as u8], &key, (-400, 4000));
    let issuer_name =
        issuer.map_or_else(|| name(common), |issuer| issuer.certificate.subject_name().to_owned().unwrap());
    builder.set_issuer_name(&issuer_name).unwrap();
    builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
    builder.append_extension(KeyUsage::new().critical().key_cert_sign().crl_sign().build().unwrap()).unwrap();
    identify(&mut builder, issuer.map(|issuer| &*issuer.certificate).map(ToOwned::to_owned).as_ref());
    builder.sign(issuer.map_or(&key, |issuer| &issuer.key), MessageDigest::sha256()).unwrap();
    Holder { certificate: builder.build(), key }
}

/// A unit's certificate.
pub(crate) fn leaf(common: &str, serial: &Serial, issuer: &Holder) -> Holder {
    let key = key();
    let mut builder = builder(common, serial.octets(), &key, (-1, 365));
    builder.set_issuer_name(issuer.certificate.subject_name()).unwrap();
    builder.append_extension(KeyUsage::new().critical().digital_signature().build().unwrap()).unwrap();
    builder.append_extension(ExtendedKeyUsage::new().client_auth().build().unwrap()).unwrap();
    identify(&mut builder, Some(&issuer.certificate));
    builder.sign(&issuer.key, MessageDigest::sha256()).unwrap();
    Holder { certificate: builder.build(), key }
}

/// A responder's certificate for a key.
pub(crate) fn delegate(issuer: &Holder, key: &PKeyRef<Public>, delegation: Delegation) -> X509 {
    let days = if delegation == Delegation::Expired { (-8, -1) } else { (-1, 7) };
    let mut builder = builder("OCSP", &[0x41, 1, 2], key, days);
    builder.set_issuer_name(issuer.certificate.subject_name()).unwrap();
    builder.append_extension(KeyUsage::new().critical().digital_signature().build().unwrap()).unwrap();
    if delegation != Delegation::NoPurpose {
        builder.append_extension(ExtendedKeyUsage::new().other("OCSPSigning").build().unwrap()).unwrap();
    }
    if delegation != Delegation::NoNoCheck {
        let id = Asn1Object::from_str("1.3.6.1.5.5.7.48.1.5").unwrap();
        let value = Asn1OctetString::new_from_bytes(&[5, 0]).unwrap();
        builder.append_extension(X509Extension::new_from_der(&id, false, &value).unwrap()).unwrap();
    }
    identify(&mut builder, Some(&issuer.certificate));
    builder.sign(&issuer.key, MessageDigest::sha256()).unwrap();
    builder.build()
}

/// A responder with its certificate.
pub(crate) fn responder(issuer: &Holder, delegation: Delegation) -> Holder {
    let key = key();
    let public = PKey::public_key_from_der(&key.public_key_to_der().unwrap()).unwrap();
    Holder { certificate: delegate(issuer, &public, delegation), key }
}

/// The issuer's name in the tests.
pub(crate) fn issuer_id() -> IssuerId {
    IssuerId::new("unit-p256").unwrap()
}

/// A serial number that tells its last octet.
pub(crate) fn serial(last: u8) -> Serial {
    format!("5a{:030x}", u128::from(last) + 0x1000).parse().unwrap()
}
