//! People with keys of their own, as the authority meets them: officers, who approve and bind, and units.
//!
//! Their keys are in memory and not in tokens: for tests of what the authority does with signatures. Where the
//! token itself matters, the real token tool is used.

use std::collections::BTreeMap;

use anyhow::Context as _;
use base64::Engine as _;
use ca_core::clock::{Clock as _, SystemClock, system_rng};
use ca_core::domain::{
    Act, IssuerId, KeyBinding, KeyKind, OfficeId, Order, OrderId, ProfileName, Serial, Sha256, Subject, SubjectField,
    Timestamp, encode,
};
use ca_core::keys::csr;
use ca_core::service::protocol::{Blob, Submission};
use openssl::ec::{EcGroup, EcKey};
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::sign::Signer;

/// A private key and, once there is one, its certificate.
pub struct Person {
    name: String,
    kind: KeyKind,
    key: PKey<Private>,
    /// DER.
    pub certificate: Vec<u8>,
}

impl Person {
    /// Somebody with a new key and no certificate yet.
    ///
    /// # Errors
    /// When OpenSSL cannot make the key.
    pub fn new(name: &str, kind: KeyKind) -> anyhow::Result<Self> {
        let curve =
            |nid| EcGroup::from_curve_name(nid).and_then(|group| EcKey::generate(&group)).and_then(PKey::from_ec_key);
        let rsa = |bits| Rsa::generate(bits).and_then(PKey::from_rsa);
        let key = match kind {
            KeyKind::P256 => curve(Nid::X9_62_PRIME256V1)?,
            KeyKind::P384 => curve(Nid::SECP384R1)?,
            KeyKind::Rsa2048 => rsa(2048)?,
            KeyKind::Rsa3072 => rsa(3072)?,
            KeyKind::Rsa4096 => rsa(4096)?,
            KeyKind::Sm2 => crate::sm2::generate()?,
        };
        Ok(Self { name: name.to_owned(), kind, key, certificate: Vec::new() })
    }

    /// DER SubjectPublicKeyInfo.
    ///
    /// # Errors
    /// Never in practice: OpenSSL writes its own key.
    pub fn spki(&self) -> anyhow::Result<Vec<u8>> {
        Ok(self.key.public_key_to_der()?)
    }

    /// PKCS#10 request by the key.
    ///
    /// # Errors
    /// When OpenSSL does not sign.
    pub fn request(&self) -> anyhow::Result<Vec<u8>> {
        let algorithm = self.kind.signature_algorithm();
        csr::build(&self.name, &self.spki()?, algorithm, |tbs| self.raw(tbs))
    }

    /// The request as a PEM file's text.
    ///
    /// # Errors
    /// As [`Self::request`].
    pub fn request_pem(&self) -> anyhow::Result<String> {
        let base64 = base64::engine::general_purpose::STANDARD.encode(self.request()?);
        let lines: Vec<String> =
            base64.as_bytes().chunks(64).map(|l| String::from_utf8_lossy(l).into_owned()).collect();
        Ok(format!("-----BEGIN CERTIFICATE REQUEST-----\n{}\n-----END CERTIFICATE REQUEST-----\n", lines.join("\n")))
    }

    /// CMS message over a statement, by this person's certificate.
    ///
    /// # Errors
    /// When there is no certificate yet.
    pub fn sign(&self, statement: &[u8]) -> anyhow::Result<Blob> {
        let signed = ca_core::cms::sign(statement, &self.certificate, now(), |attributes| self.raw(attributes));
        Ok(Blob(signed.map_err(|error| anyhow::anyhow!("{} cannot sign: {error}", self.name))?))
    }

    /// The private key as PEM, for programs that log in with it.
    ///
    /// # Errors
    /// Never in practice.
    pub fn key_pem(&self) -> anyhow::Result<Vec<u8>> {
        Ok(self.key.private_key_to_pem_pkcs8()?)
    }

    /// The private key as PKCS#8 DER, to look for it where it must not be.
    ///
    /// # Errors
    /// Never in practice.
    pub fn key_der(&self) -> anyhow::Result<Vec<u8>> {
        Ok(self.key.private_key_to_pkcs8()?)
    }

    /// A bare signature over a message: DER for ECDSA and SM2.
    ///
    /// # Errors
    /// When OpenSSL does not sign.
    pub fn raw(&self, message: &[u8]) -> anyhow::Result<Vec<u8>> {
        if self.kind == KeyKind::Sm2 {
            return crate::sm2::sign(&self.key, message);
        }
        let mut signer = Signer::new(self.kind.signature_algorithm().digest(), &self.key)?;
        Ok(signer.sign_oneshot_to_vec(message)?)
    }
}

/// The present, for statements.
#[must_use]
pub fn now() -> Timestamp {
    SystemClock.now()
}

/// An order of today that has not been given before.
///
/// # Errors
/// When `office` is no name of an office.
pub fn order(office: &str, act: Act) -> anyhow::Result<Order> {
    let office = OfficeId::new(office).context("an office")?;
    let id = OrderId::draw(now(), &mut system_rng());
    Ok(Order { id, office, created: now(), evidence: vec![Sha256(openssl::sha::sha256(b"a scan"))], act })
}

/// To issue a unit certificate of one year.
///
/// # Errors
/// When a name is not one.
pub fn issue(issuer: &str, unit: &str, uscc: &str, key: KeyKind) -> anyhow::Result<Act> {
    let subject = Subject::new(BTreeMap::from([
        (SubjectField::Country, "CN".to_owned()),
        (SubjectField::Province, "河北省".to_owned()),
        (SubjectField::Locality, "示范市".to_owned()),
        (SubjectField::Organisation, unit.to_owned()),
        (SubjectField::CommonName, unit.to_owned()),
        (SubjectField::Uscc, uscc.to_owned()),
        (SubjectField::UniqueId, format!("U{uscc}")),
    ]))?;
    Ok(Act::Issue {
        issuer: IssuerId::new(issuer).context("an issuer")?,
        profile: ProfileName::new("unit-sign").context("a profile")?,
        subject,
        years: 1,
        key,
        officer: None,
        replaces: None,
    })
}

/// What two officers and a token operator hand in for an issue order: `operator` binds `unit`'s key.
///
/// # Errors
/// When somebody cannot sign.
pub fn issue_submission(
    order: &Order,
    approvers: [&Person; 2],
    operator: &Person,
    unit: &Person,
) -> anyhow::Result<Submission> {
    let bytes = encode(order);
    let binding = KeyBinding {
        order: order.id,
        order_sha256: Sha256(openssl::sha::sha256(&bytes)),
        spki_sha256: Sha256(openssl::sha::sha256(&unit.spki()?)),
        token: "0123456789abcdef".into(),
    };
    Ok(Submission {
        approvals: approvers.iter().map(|officer| officer.sign(&bytes)).collect::<Result<_, _>>()?,
        order: Blob(bytes),
        binding: Some(operator.sign(&encode(&binding))?),
        csr: Some(Blob(unit.request()?)),
    })
}

/// What officers hand in for any other order.
///
/// # Errors
/// When somebody cannot sign.
pub fn submission(order: &Order, approvers: &[&Person]) -> anyhow::Result<Submission> {
    let bytes = encode(order);
    let approvals = approvers.iter().map(|officer| officer.sign(&bytes)).collect::<Result<_, _>>()?;
    Ok(Submission { order: Blob(bytes), approvals, binding: None, csr: None })
}

/// A random serial number that nobody issued.
#[must_use]
pub fn unissued() -> Serial {
    Serial::draw(now(), &mut system_rng())
}
