//! An issuing CA for tests: OpenSSL signs whatever request it gets. A double: the real one is ca-core.

use ca_core::domain::KeyKind;
use ca_core::keys::csr::prove;
use openssl::asn1::{Asn1Integer, Asn1Object, Asn1OctetString, Asn1Time};
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::x509::extension::{BasicConstraints, KeyUsage};
use openssl::x509::{X509, X509Builder, X509Extension, X509NameBuilder, X509Req};

/// A CA with a key in memory.
pub(crate) struct TestCa {
    key: PKey<Private>,
    certificate: X509,
}

/// What the CA is to put into a certificate.
pub(crate) struct Wanted<'a> {
    pub(crate) name: &'a str,
    pub(crate) uscc: Option<&'a str>,
    /// Days from now until it begins and until it ends.
    pub(crate) days: (i64, i64),
}

impl Default for Wanted<'_> {
    fn default() -> Self {
        Self { name: "李敏", uscc: None, days: (-1, 365) }
    }
}

impl TestCa {
    pub(crate) fn new() -> Self {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
        let name = name("印信示范 CA");
        let mut builder = blank(-1, 3650);
        builder.set_subject_name(&name).unwrap();
        builder.set_issuer_name(&name).unwrap();
        builder.set_pubkey(&key).unwrap();
        builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
        builder.append_extension(KeyUsage::new().critical().key_cert_sign().crl_sign().build().unwrap()).unwrap();
        builder.sign(&key, MessageDigest::sha256()).unwrap();
        Self { key, certificate: builder.build() }
    }

    /// DER of the CA certificate.
    pub(crate) fn der(&self) -> Vec<u8> {
        self.certificate.to_der().unwrap()
    }

    /// Issues for the key of a DER or PEM request.
    pub(crate) fn issue(&self, request: &[u8], wanted: &Wanted<'_>) -> Vec<u8> {
        let request = X509Req::from_der(request).or_else(|_| X509Req::from_pem(request)).unwrap();
        let key = request.public_key().unwrap();
        if prove(&request.to_der().unwrap()).expect("a proof of possession").kind() != KeyKind::Sm2 {
            // Its call knows SM2 under the empty id only.
            assert!(request.verify(&key).unwrap(), "OpenSSL accepts the proof of possession");
        }
        let mut builder = blank(wanted.days.0, wanted.days.1);
        builder.set_subject_name(&name(wanted.name)).unwrap();
        builder.set_issuer_name(self.certificate.subject_name()).unwrap();
        builder.set_pubkey(&key).unwrap();
        builder
            .append_extension(KeyUsage::new().critical().digital_signature().non_repudiation().build().unwrap())
            .unwrap();
        if let Some(uscc) = wanted.uscc {
            builder.append_extension(uscc_extension(uscc)).unwrap();
        }
        builder.sign(&self.key, MessageDigest::sha256()).unwrap();
        builder.build().to_der().unwrap()
    }
}

impl TestCa {
    /// The certificate that goes with a signature certificate of this CA: the same holder and validity, this key, and
    /// not for signatures unless `signs`.
    pub(crate) fn issue_encryption(
        &self,
        signature: &[u8],
        spki: &[u8],
        name_of: Option<&str>,
        signs: bool,
    ) -> Vec<u8> {
        let signature = X509::from_der(signature).unwrap();
        let mut builder = blank(0, 0);
        builder.set_not_before(signature.not_before()).unwrap();
        builder.set_not_after(signature.not_after()).unwrap();
        match name_of {
            Some(other) => builder.set_subject_name(&name(other)).unwrap(),
            None => builder.set_subject_name(signature.subject_name()).unwrap(),
        }
        builder.set_issuer_name(self.certificate.subject_name()).unwrap();
        builder.set_pubkey(&PKey::public_key_from_der(spki).unwrap()).unwrap();
        let mut usage = KeyUsage::new();
        usage.critical().key_encipherment().data_encipherment().key_agreement();
        if signs {
            usage.digital_signature();
        }
        builder.append_extension(usage.build().unwrap()).unwrap();
        builder.append_extension(uscc_extension(UNIT.1)).unwrap();
        builder.sign(&self.key, MessageDigest::sha256()).unwrap();
        builder.build().to_der().unwrap()
    }
}

/// The unit of the tests: name and credit code.
pub(crate) const UNIT: (&str, &str) = ("示范单位", "91130502MA0ABCDE61");

fn uscc_extension(uscc: &str) -> X509Extension {
    let printable = [&[0x13, u8::try_from(uscc.len()).unwrap()], uscc.as_bytes()].concat();
    let oid = Asn1Object::from_str("1.2.156.10260.4.1.4").unwrap();
    let value = Asn1OctetString::new_from_bytes(&printable).unwrap();
    X509Extension::new_from_der(&oid, false, &value).unwrap()
}

fn name(common_name: &str) -> openssl::x509::X509Name {
    let mut builder = X509NameBuilder::new().unwrap();
    builder.append_entry_by_text("C", "CN").unwrap();
    builder.append_entry_by_text("CN", common_name).unwrap();
    builder.build()
}

fn blank(from: i64, to: i64) -> X509Builder {
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    let mut serial = BigNum::new().unwrap();
    serial.rand(127, MsbOption::MAYBE_ZERO, false).unwrap();
    builder.set_serial_number(&Asn1Integer::from_bn(&serial).unwrap()).unwrap();
    let now = ca_core::clock::Clock::now(&ca_core::clock::SystemClock).unix();
    builder.set_not_before(&Asn1Time::from_unix(now + from * 86_400).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::from_unix(now + to * 86_400).unwrap()).unwrap();
    builder
}
