//! A small hierarchy made by OpenSSL, not by our own encoder.

use ca_core::clock::{Clock as _, SystemClock};
use ca_core::domain::{IssuerId, KeyKind, Serial, Sm2Id, Timestamp};
use ca_core::encode::certificate::assemble;
use ca_core::keys::sm2::{Hasher, point_of};
use ca_core::tlv::{self, tag};
use ca_core::x509::Parts;
use ca_core::x509::oid::AD_OCSP;
use openssl::asn1::{Asn1Object, Asn1OctetString, Asn1Time};
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::md::Md;
use openssl::nid::Nid;
use openssl::pkey::{HasPublic, PKey, PKeyRef, Private, Public};
use openssl::pkey_ctx::PkeyCtx;
use openssl::rsa::Rsa;
use openssl::sign::Signer;
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
#[derive(Clone)]
pub(crate) struct Holder {
    /// Private key.
    pub(crate) key: PKey<Private>,
    /// Its kind.
    pub(crate) kind: KeyKind,
    /// Certificate.
    pub(crate) certificate: X509,
}

impl Holder {
    /// DER of the certificate.
    pub(crate) fn der(&self) -> Vec<u8> {
        self.certificate.to_der().unwrap()
    }

    /// A signature by OpenSSL over a message, for SM2 under the standard id.
    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        sign(self.kind, &self.key, &Sm2Id::STANDARD, message)
    }

    /// The certificate with another signature of its SM2 issuer, under this id.
    pub(crate) fn signed_again(self, issuer: &Self, id: &Sm2Id) -> Self {
        Self { certificate: signed_under(&self.certificate, &issuer.key, id), ..self }
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

/// A new key.
pub(crate) fn key(kind: KeyKind) -> PKey<Private> {
    let ec = |curve| EcGroup::from_curve_name(curve).and_then(|g| EcKey::generate(&g)).and_then(PKey::from_ec_key);
    let rsa = |bits| Rsa::generate(bits).and_then(PKey::from_rsa);
    match kind {
        KeyKind::P256 => ec(Nid::X9_62_PRIME256V1),
        KeyKind::P384 => ec(Nid::SECP384R1),
        KeyKind::Rsa2048 => rsa(2048),
        KeyKind::Rsa3072 => rsa(3072),
        KeyKind::Rsa4096 => rsa(4096),
        KeyKind::Sm2 => ec(Nid::SM2),
    }
    .unwrap()
}

fn sign(kind: KeyKind, key: &PKeyRef<Private>, id: &Sm2Id, message: &[u8]) -> Vec<u8> {
    if kind != KeyKind::Sm2 {
        let digest = kind.signature_algorithm().digest();
        return Signer::new(digest, key).unwrap().sign_oneshot_to_vec(message).unwrap();
    }
    // OpenSSL would hash the empty id: it gets our e.
    let mut hasher = Hasher::new(id, &point_of(&key.public_key_to_der().unwrap()).unwrap());
    hasher.update(message);
    let mut context = PkeyCtx::new(key).unwrap();
    context.sign_init().unwrap();
    context.set_signature_md(Md::sm3()).unwrap();
    let mut signature = Vec::new();
    context.sign_to_vec(&hasher.finish(), &mut signature).unwrap();
    signature
}

/// The certificate, signed with this key.
fn signed(mut builder: X509Builder, kind: KeyKind, key: &PKeyRef<Private>) -> X509 {
    builder.sign(key, kind.signature_algorithm().digest()).unwrap();
    let certificate = builder.build();
    if kind == KeyKind::Sm2 { signed_under(&certificate, key, &Sm2Id::STANDARD) } else { certificate }
}

/// The certificate with an SM2 signature of this key under this id.
fn signed_under(certificate: &X509, key: &PKeyRef<Private>, id: &Sm2Id) -> X509 {
    let der = certificate.to_der().unwrap();
    let tbs = Parts::read(&der).unwrap().tbs.whole;
    let signature = sign(KeyKind::Sm2, key, id, tbs);
    X509::from_der(&assemble(tbs, KeyKind::Sm2.signature_algorithm(), &signature)).unwrap()
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

/// A P-256 CA, self-signed unless there is an issuer.
pub(crate) fn authority(common: &str, issuer: Option<&Holder>) -> Holder {
    authority_of(KeyKind::P256, common, issuer)
}

/// A CA with a key of this kind, self-signed unless there is an issuer.
pub(crate) fn authority_of(kind: KeyKind, common: &str, issuer: Option<&Holder>) -> Holder {
    let key = key(kind);
    let mut builder = builder(common, &[1, 2, 3, common.len() as u8], &key, (-400, 4000));
    let issuer_name =
        issuer.map_or_else(|| name(common), |issuer| issuer.certificate.subject_name().to_owned().unwrap());
    builder.set_issuer_name(&issuer_name).unwrap();
    builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
    builder.append_extension(KeyUsage::new().critical().key_cert_sign().crl_sign().build().unwrap()).unwrap();
    identify(&mut builder, issuer.map(|issuer| &*issuer.certificate).map(ToOwned::to_owned).as_ref());
    let certificate = match issuer {
        Some(issuer) => signed(builder, issuer.kind, &issuer.key),
        None => signed(builder, kind, &key),
    };
    Holder { key, kind, certificate }
}

/// A unit's certificate.
pub(crate) fn leaf(common: &str, serial: &Serial, issuer: &Holder) -> Holder {
    leaf_between(common, (-1, 365), serial, issuer, true)
}

/// The serial number of [`server`]'s certificate of this name.
pub(crate) fn server_serial(common: &str) -> Serial {
    Serial::from_der_content(&[0x42, 7, common.len() as u8]).unwrap()
}

/// A certificate of this purpose for a key of a server.
pub(crate) fn server(common: &str, key: &PKeyRef<Public>, purpose: &ExtendedKeyUsage, issuer: &Holder) -> X509 {
    let mut builder = builder(common, server_serial(common).octets(), key, (-1, 3650));
    builder.set_issuer_name(issuer.certificate.subject_name()).unwrap();
    let usage = KeyUsage::new().critical().digital_signature().non_repudiation().build().unwrap();
    builder.append_extension(usage).unwrap();
    builder.append_extension(purpose.build().unwrap()).unwrap();
    identify(&mut builder, Some(&issuer.certificate));
    signed(builder, issuer.kind, &issuer.key)
}

/// A unit's certificate that is valid between these days.
pub(crate) fn leaf_between(common: &str, days: (i64, i64), serial: &Serial, issuer: &Holder, client: bool) -> Holder {
    let (kind, key) = (issuer.kind, key(issuer.kind));
    let mut builder = builder(common, serial.octets(), &key, days);
    builder.set_issuer_name(issuer.certificate.subject_name()).unwrap();
    builder.append_extension(KeyUsage::new().critical().digital_signature().build().unwrap()).unwrap();
    let mut purpose = ExtendedKeyUsage::new();
    if client {
        purpose.client_auth()
    } else {
        purpose.server_auth()
    };
    builder.append_extension(purpose.build().unwrap()).unwrap();
    // Some relying parties ask about certificates that say whom to ask, and about no others.
    let location = tlv::write(tag::PRIMITIVE_6, &[b"http://ocsp.invalid/ocsp"]);
    let method = tlv::write(tag::OID, &[AD_OCSP.as_bytes()]);
    let access = tlv::write(tag::SEQUENCE, &[tlv::write(tag::SEQUENCE, &[method, location])]);
    let id = Asn1Object::from_str("1.3.6.1.5.5.7.1.1").unwrap();
    let value = Asn1OctetString::new_from_bytes(&access).unwrap();
    builder.append_extension(X509Extension::new_from_der(&id, false, &value).unwrap()).unwrap();
    identify(&mut builder, Some(&issuer.certificate));
    Holder { certificate: signed(builder, issuer.kind, &issuer.key), key, kind }
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
    signed(builder, issuer.kind, &issuer.key)
}

/// A P-256 responder with its certificate.
pub(crate) fn responder(issuer: &Holder, delegation: Delegation) -> Holder {
    responder_of(KeyKind::P256, issuer, delegation)
}

/// A responder with a key of this kind and its certificate.
pub(crate) fn responder_of(kind: KeyKind, issuer: &Holder, delegation: Delegation) -> Holder {
    let key = key(kind);
    let public = PKey::public_key_from_der(&key.public_key_to_der().unwrap()).unwrap();
    Holder { certificate: delegate(issuer, &public, delegation), key, kind }
}

/// The issuer's name in the tests.
pub(crate) fn issuer_id() -> IssuerId {
    IssuerId::new("unit-p256").unwrap()
}

/// A serial number that tells its last octet.
pub(crate) fn serial(last: u8) -> Serial {
    format!("5a{:030x}", u128::from(last) + 0x1000).parse().unwrap()
}
