//! Throw-away keys and certificates for the unit tests of this crate.

use openssl::ec::{EcGroup, EcKey};
use openssl::md::Md;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::pkey_ctx::PkeyCtx;
use openssl::rsa::Rsa;
use openssl::sign::Signer;

use super::{KeyKind, SignatureAlgorithm, Sm2Id, sm2};
use crate::tlv::{self, tag};
use crate::x509::Parts;

pub(crate) struct TestKey {
    pub(crate) kind: KeyKind,
    pub(crate) private: PKey<Private>,
    pub(crate) spki: Vec<u8>,
}

impl TestKey {
    pub(crate) fn new(kind: KeyKind) -> Self {
        let ec = |curve| {
            let group = EcGroup::from_curve_name(curve).expect("curve");
            EcKey::generate(&group).and_then(PKey::from_ec_key).expect("key")
        };
        let rsa = |bits| Rsa::generate(bits).and_then(PKey::from_rsa).expect("key");
        let private = match kind {
            KeyKind::P256 => ec(Nid::X9_62_PRIME256V1),
            KeyKind::P384 => ec(Nid::SECP384R1),
            KeyKind::Rsa2048 => rsa(2048),
            KeyKind::Rsa3072 => rsa(3072),
            KeyKind::Rsa4096 => rsa(4096),
            KeyKind::Sm2 => ec(Nid::SM2),
        };
        let spki = private.public_key_to_der().expect("DER");
        Self { kind, private, spki }
    }

    pub(crate) fn algorithm(&self) -> SignatureAlgorithm {
        self.kind.signature_algorithm()
    }

    /// Signs as the holder of the key would: by OpenSSL, so that our verifiers meet foreign signatures.
    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        if self.kind == KeyKind::Sm2 {
            return self.sign_under(&Sm2Id::STANDARD, message);
        }
        let mut signer = Signer::new(self.algorithm().digest(), &self.private).expect("signer");
        signer.sign_oneshot_to_vec(message).expect("signature")
    }

    /// An SM2 signature under some id: OpenSSL signs our e.
    pub(crate) fn sign_under(&self, id: &Sm2Id, message: &[u8]) -> Vec<u8> {
        let mut hasher = sm2::Hasher::new(id, &sm2::point_of(&self.spki).expect("an SM2 key"));
        hasher.update(message);
        let mut context = PkeyCtx::new(&self.private).expect("context");
        context.sign_init().expect("sign");
        context.set_signature_md(Md::sm3()).expect("SM3");
        let mut signature = Vec::new();
        context.sign_to_vec(&hasher.finish(), &mut signature).expect("signature");
        signature
    }
}

use openssl::asn1::{Asn1Integer, Asn1Object, Asn1OctetString, Asn1Time};
use openssl::bn::BigNum;
use openssl::x509::extension::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectKeyIdentifier,
};
use openssl::x509::{X509, X509Builder, X509Extension, X509NameBuilder};

/// What a test certificate is to look like; OpenSSL makes it, so that our readers meet foreign bytes.
pub(crate) struct TestCert<'a> {
    pub(crate) name: &'a str,
    pub(crate) key: &'a TestKey,
    pub(crate) issuer: Option<(&'a TestKey, &'a [u8])>,
    pub(crate) serial: u32,
    pub(crate) not_before: i64,
    pub(crate) not_after: i64,
    pub(crate) ca: bool,
    pub(crate) key_usage: Option<KeyUsage>,
    pub(crate) extended: &'a [&'a str],
    pub(crate) key_identifiers: bool,
    pub(crate) extra: Option<(&'a str, bool, &'a [u8])>,
}

impl<'a> TestCert<'a> {
    /// A CA, self-signed unless there is an issuer.
    pub(crate) fn ca(name: &'a str, key: &'a TestKey, issuer: Option<(&'a TestKey, &'a [u8])>) -> Self {
        let mut usage = KeyUsage::new();
        usage.critical().key_cert_sign().crl_sign();
        let leaf = Self::leaf(name, key, issuer);
        Self {
            ca: true,
            key_usage: Some(usage),
            extended: &[],
            serial: 1,
            not_before: 0,
            not_after: 4_000_000_000,
            ..leaf
        }
    }

    /// A client certificate valid from 1,000,000,000 to 2,000,000,000.
    pub(crate) fn leaf(name: &'a str, key: &'a TestKey, issuer: Option<(&'a TestKey, &'a [u8])>) -> Self {
        let mut usage = KeyUsage::new();
        usage.critical().digital_signature();
        Self {
            name,
            key,
            issuer,
            serial: 77,
            not_before: 1_000_000_000,
            not_after: 2_000_000_000,
            ca: false,
            key_usage: Some(usage),
            extended: &["clientAuth"],
            key_identifiers: true,
            extra: None,
        }
    }

    pub(crate) fn build(&self) -> Vec<u8> {
        let der = self.build_by_openssl();
        let signer = self.issuer.map_or(self.key, |(key, _)| key);
        if signer.kind == KeyKind::Sm2 { resigned(&der, signer) } else { der }
    }

    /// As OpenSSL signs it: with SM2 under the empty id.
    pub(crate) fn build_by_openssl(&self) -> Vec<u8> {
        let mut name = X509NameBuilder::new().expect("name");
        name.append_entry_by_text("C", "CN").expect("C");
        name.append_entry_by_text("CN", self.name).expect("CN");
        let name = name.build();
        let mut builder = X509Builder::new().expect("builder");
        builder.set_version(2).expect("v3");
        let serial = BigNum::from_u32(self.serial).expect("bn");
        builder.set_serial_number(&Asn1Integer::from_bn(&serial).expect("int")).expect("serial");
        builder.set_subject_name(&name).expect("subject");
        builder.set_pubkey(&self.key.private).expect("key");
        builder.set_not_before(&Asn1Time::from_unix(self.not_before).expect("time")).expect("from");
        builder.set_not_after(&Asn1Time::from_unix(self.not_after).expect("time")).expect("to");
        let issuer = self.issuer.map(|(_, der)| X509::from_der(der).expect("issuer"));
        builder.set_issuer_name(issuer.as_ref().map_or(&name, |x| x.subject_name())).expect("issuer");
        let mut constraints = BasicConstraints::new();
        constraints.critical();
        if self.ca {
            constraints.ca();
        }
        builder.append_extension(constraints.build().expect("BC")).expect("BC");
        if let Some(usage) = &self.key_usage {
            builder.append_extension(usage.build().expect("KU")).expect("KU");
        }
        if !self.extended.is_empty() {
            let mut usage = ExtendedKeyUsage::new();
            for purpose in self.extended {
                usage.other(purpose);
            }
            builder.append_extension(usage.build().expect("EKU")).expect("EKU");
        }
        if self.key_identifiers {
            let context = builder.x509v3_context(issuer.as_deref(), None);
            let key = SubjectKeyIdentifier::new().build(&context).expect("SKI");
            builder.append_extension(key).expect("SKI");
            if issuer.is_some() {
                let context = builder.x509v3_context(issuer.as_deref(), None);
                let key = AuthorityKeyIdentifier::new().keyid(true).build(&context).expect("AKI");
                builder.append_extension(key).expect("AKI");
            }
        }
        if let Some((oid, critical, value)) = self.extra {
            let oid = Asn1Object::from_str(oid).expect("oid");
            let value = Asn1OctetString::new_from_bytes(value).expect("value");
            let extension = X509Extension::new_from_der(&oid, critical, &value).expect("extension");
            builder.append_extension(extension).expect("extension");
        }
        let signer = self.issuer.map_or(self.key, |(key, _)| key);
        builder.sign(&signer.private, signer.algorithm().digest()).expect("signs");
        builder.build().to_der().expect("DER")
    }
}

/// The same certificate with a signature under the standard id.
fn resigned(der: &[u8], signer: &TestKey) -> Vec<u8> {
    let tbs = Parts::read(der).expect("certificate").tbs.whole;
    let signature = tlv::write(tag::BIT_STRING, &[&[0][..], &signer.sign(tbs)]);
    tlv::write(tag::SEQUENCE, &[tbs, &signer.algorithm().identifier_der(), &signature])
}
