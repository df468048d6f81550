//! From a certificate to the root: whose it is, and whether it may be believed at a moment.
//!
//! For: relying parties and the authority itself. Trusts the root and issuer certificates that it was given;
//! nothing else. Verifies over original bytes. Never asks whether a certificate was revoked: that is the
//! responder's word.

use std::collections::{BTreeMap, BTreeSet};

use const_oid::ObjectIdentifier;
use der::Decode as _;
use x509_cert::Certificate;

use crate::domain::{IssuerId, Serial, SubjectField, Timestamp, Validity};
use crate::keys::{PublicKey, Sm2Id};
use crate::tlv::{self, tag};
use crate::x509::{KeyUsage, Parts, Tbs, X509Error, oid};

/// Identity extensions that our own profiles write (`profiles/*.toml`; `domain.md` §1.3): the USCC where
/// many CAs put it, and the unique id under the arc that IANA keeps for examples (RFC 5612).
pub const IDENTITY_EXTENSIONS: [(&str, SubjectField); 2] =
    [("1.2.156.10260.4.1.4", SubjectField::Uscc), ("1.3.6.1.4.1.32473.1.4", SubjectField::UniqueId)];

/// The roots and the issuing CAs that we believe, the latter's keys ready to verify.
#[derive(Clone, Debug)]
pub struct Anchors {
    roots: Vec<Vec<u8>>,
    issuers: BTreeMap<IssuerId, Anchor>,
}

/// An issuing CA.
#[derive(Clone, Debug)]
struct Anchor {
    der: Vec<u8>,
    key: PublicKey,
    /// Place of its root.
    root: usize,
}

/// Certificates that cannot serve as root or issuers. The operator must look at the configuration.
#[derive(Debug, thiserror::Error)]
pub enum AnchorError {
    /// The root is not a self-signed CA certificate.
    #[error("the root certificate: {0}")]
    Root(String),
    /// An issuer is not a CA certificate under that root, or stands there twice.
    #[error("the certificate of issuer {0}: {1}")]
    Issuer(IssuerId, String),
}

/// Why a certificate is not believed. [`Self::NotYetValid`] and [`Self::Expired`] come only when everything
/// else is right: an expired certificate is authentic, and good for one thing, to prove who is renewing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// No certificate that we can read.
    #[error("not a certificate: {0}")]
    Malformed(String),
    /// None of our issuers made it.
    #[error("it was not issued by a known CA")]
    UnknownIssuer,
    /// The issuer that it names did not sign it.
    #[error("its signature does not verify")]
    BadSignature,
    /// Its validity has not begun.
    #[error("it is valid only from {} on", from.beijing_text())]
    NotYetValid {
        /// Its notBefore.
        from: Timestamp,
    },
    /// Its validity is over.
    #[error("it expired at {}", at.beijing_text())]
    Expired {
        /// Its notAfter.
        at: Timestamp,
    },
    /// It is a CA's, or its key may not be used for this.
    #[error("it is not meant for this use: {0}")]
    NotForThis(&'static str),
    /// The certificate of the issuer or the root is itself outside its validity. The operator must act.
    #[error("the issuing CA's own certificate is not valid now")]
    IssuerNotValid,
}

impl From<X509Error> for ChainError {
    fn from(error: X509Error) -> Self {
        Self::Malformed(error.to_string())
    }
}

/// What the holder of a certificate wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Sign statements and log in: units and staff.
    Client,
    /// Sign OCSP answers for the certificates of the same issuer (RFC 6960 §4.2.2.2).
    OcspSigning,
    /// Sign time stamps (RFC 3161 §2.3).
    TimeStamping,
    /// Sign records of a server.
    Records,
}

/// A certificate that an issuer of ours signed and that was valid at the moment asked. Only
/// [`Anchors::verify`] and [`Anchors::verify_for`] make one. Says nothing of revocation.
#[derive(Clone, Debug)]
pub struct ChainValid {
    certificate: Certificate,
    der: Vec<u8>,
    spki_der: Vec<u8>,
    issuer: IssuerId,
    issuer_der: Vec<u8>,
    issuer_key: PublicKey,
    serial: Serial,
    validity: Validity,
}

impl ChainValid {
    /// The certificate, parsed.
    #[must_use]
    pub const fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The certificate as it was given.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Its SubjectPublicKeyInfo.
    #[must_use]
    pub fn spki_der(&self) -> &[u8] {
        &self.spki_der
    }

    /// Who issued it.
    #[must_use]
    pub const fn issuer(&self) -> &IssuerId {
        &self.issuer
    }

    /// The issuer's certificate.
    #[must_use]
    pub fn issuer_der(&self) -> &[u8] {
        &self.issuer_der
    }

    /// The issuer's key, which verifies what it signs: certificates, its responder's too, and lists.
    #[must_use]
    pub const fn issuer_key(&self) -> &PublicKey {
        &self.issuer_key
    }

    /// Its serial number.
    #[must_use]
    pub const fn serial(&self) -> &Serial {
        &self.serial
    }

    /// From when to when it is valid.
    #[must_use]
    pub const fn validity(&self) -> Validity {
        self.validity
    }

    /// What it says of its holder: [`subject_of`].
    #[must_use]
    pub fn subject(&self) -> BTreeMap<SubjectField, String> {
        subject_of(&self.certificate)
    }
}

impl Anchors {
    /// Takes a root and the issuing CAs under it, all DER; their SM2 keys sign under the standard id.
    ///
    /// # Errors
    /// [`AnchorError`] unless the root signed itself and each issuer, and all of them are CAs by
    /// basicConstraints and keyUsage. Validity is looked at later, at the moment that counts.
    pub fn new(root_der: &[u8], issuers: &[(IssuerId, Vec<u8>)]) -> Result<Self, AnchorError> {
        let standard = |(id, der): &(IssuerId, Vec<u8>)| (id.clone(), der.clone(), Sm2Id::STANDARD);
        Self::under(root_der, &Sm2Id::STANDARD, &issuers.iter().map(standard).collect::<Vec<_>>())
    }

    /// [`Self::new`] for CAs whose ceremony gave their SM2 keys other ids.
    ///
    /// # Errors
    /// See [`Self::new`]; also when an id is another than the ceremony's.
    pub fn under(
        root_der: &[u8],
        root_id: &Sm2Id,
        issuers: &[(IssuerId, Vec<u8>, Sm2Id)],
    ) -> Result<Self, AnchorError> {
        let root = Parts::read(root_der).map_err(|error| AnchorError::Root(error.to_string()))?;
        let root_key =
            PublicKey::under(root.tbs.spki, root_id).map_err(|error| AnchorError::Root(error.to_string()))?;
        signed_by(&root, &root.tbs, &root_key)
            .and_then(|()| is_ca(&root.tbs))
            .map_err(|error| AnchorError::Root(error.to_string()))?;
        let mut names = BTreeSet::new();
        let mut kept = BTreeMap::new();
        for (id, der, sm2_id) in issuers {
            let refuse = |why: String| AnchorError::Issuer(id.clone(), why);
            let issuer = Parts::read(der).map_err(|error| refuse(error.to_string()))?;
            signed_by(&issuer, &root.tbs, &root_key)
                .and_then(|()| is_ca(&issuer.tbs))
                .map_err(|e| refuse(e.to_string()))?;
            let key = issuer.tbs.subject_key_identifier().ok().flatten();
            let key = key.ok_or_else(|| refuse("it has no subjectKeyIdentifier".into()))?;
            if !names.insert((issuer.tbs.subject.to_vec(), key.to_vec())) || kept.contains_key(id) {
                return Err(refuse("it stands there twice".into()));
            }
            let key = PublicKey::under(issuer.tbs.spki, sm2_id).map_err(|error| refuse(error.to_string()))?;
            kept.insert(id.clone(), Anchor { der: der.clone(), key, root: 0 });
        }
        Ok(Self { roots: vec![root_der.to_vec()], issuers: kept })
    }

    /// Takes several hierarchies: each issuer belongs to the root that its certificate names.
    ///
    /// # Errors
    /// As [`Self::under`]; also for an issuer whose root is not among them, and without any root.
    pub fn of_roots(roots: &[(Vec<u8>, Sm2Id)], issuers: Vec<(IssuerId, Vec<u8>, Sm2Id)>) -> Result<Self, AnchorError> {
        let mut hierarchies = Vec::with_capacity(roots.len());
        for (root, _) in roots {
            let name = Parts::read(root).map_err(|error| AnchorError::Root(error.to_string()))?.tbs.subject.to_vec();
            hierarchies.push((name, Vec::new()));
        }
        for issuer in issuers {
            let refuse = |why: String| AnchorError::Issuer(issuer.0.clone(), why);
            let above = Parts::read(&issuer.1).map_err(|error| refuse(error.to_string()))?.tbs.issuer.to_vec();
            let its = hierarchies.iter_mut().find(|(name, _)| *name == above);
            its.ok_or_else(|| refuse("its root is not among the roots".into()))?.1.push(issuer);
        }
        let mut all: Option<Self> = None;
        for ((root, sm2_id), (_, issuers)) in roots.iter().zip(hierarchies) {
            let one = Self::under(root, sm2_id, &issuers)?;
            all = Some(match all {
                Some(others) => others.and(one)?,
                None => one,
            });
        }
        all.ok_or_else(|| AnchorError::Root("there is none".into()))
    }

    /// Believes another hierarchy as well, with a root of its own.
    ///
    /// # Errors
    /// [`AnchorError::Issuer`] when both have an issuer of this name, or the same CA.
    pub fn and(mut self, other: Self) -> Result<Self, AnchorError> {
        let before = self.roots.len();
        for (id, anchor) in other.issuers {
            if self.issuers.iter().any(|(known, its)| *known == id || its.der == anchor.der) {
                return Err(AnchorError::Issuer(id, "it stands there twice".into()));
            }
            self.issuers.insert(id, Anchor { root: anchor.root + before, ..anchor });
        }
        self.roots.extend(other.roots);
        Ok(self)
    }

    /// The certificate of an issuer.
    #[must_use]
    pub fn issuer_der(&self, id: &IssuerId) -> Option<&[u8]> {
        self.issuers.get(id).map(|anchor| &anchor.der[..])
    }

    /// All issuers by name, with their certificates.
    pub fn issuers(&self) -> impl Iterator<Item = (&IssuerId, &[u8])> {
        self.issuers.iter().map(|(id, anchor)| (id, &anchor.der[..]))
    }

    /// [`Self::verify_for`] with [`Purpose::Client`]: units and staff.
    ///
    /// # Errors
    /// [`ChainError`]: the certificate may not be used.
    pub fn verify(&self, leaf_der: &[u8], at: Timestamp) -> Result<ChainValid, ChainError> {
        self.verify_for(leaf_der, at, Purpose::Client)
    }

    /// Checks a certificate against issuers and root at a moment: issuer name and key identifier, signature,
    /// use, validity, in this order.
    ///
    /// # Errors
    /// [`ChainError`]: the certificate may not be used.
    pub fn verify_for(&self, leaf_der: &[u8], at: Timestamp, purpose: Purpose) -> Result<ChainValid, ChainError> {
        let leaf = Parts::read(leaf_der)?;
        let certificate = Certificate::from_der(leaf_der).map_err(|e| ChainError::Malformed(e.to_string()))?;
        let serial = leaf.tbs.serial()?;
        let (issuer, anchor, issuer_tbs) = self.issuer_of(&leaf.tbs)?;
        signed_by(&leaf, &issuer_tbs, &anchor.key)?;
        is_fit(&leaf.tbs, purpose)?;

        let root = Parts::read(&self.roots[anchor.root])?;
        if !issuer_tbs.validity.contains(at) || !root.tbs.validity.contains(at) {
            return Err(ChainError::IssuerNotValid);
        }
        let validity = leaf.tbs.validity;
        if at < validity.not_before {
            return Err(ChainError::NotYetValid { from: validity.not_before });
        }
        if at > validity.not_after {
            return Err(ChainError::Expired { at: validity.not_after });
        }
        Ok(ChainValid {
            certificate,
            der: leaf_der.to_vec(),
            spki_der: leaf.tbs.spki.to_vec(),
            issuer: issuer.clone(),
            issuer_der: anchor.der.clone(),
            issuer_key: anchor.key.clone(),
            serial,
            validity,
        })
    }

    /// The issuer that a certificate names, by name and by key.
    fn issuer_of(&self, leaf: &Tbs<'_>) -> Result<(&IssuerId, &Anchor, Tbs<'_>), ChainError> {
        let key = leaf.authority_key_identifier()?.ok_or(ChainError::UnknownIssuer)?;
        for (id, anchor) in &self.issuers {
            let tbs = Parts::read(&anchor.der)?.tbs;
            if tbs.subject == leaf.issuer && tbs.subject_key_identifier()? == Some(key) {
                return Ok((id, anchor, tbs));
            }
        }
        Err(ChainError::UnknownIssuer)
    }
}

/// Whether `issuer` is named by the certificate and signed it with `key`, its own.
fn signed_by(certificate: &Parts<'_>, issuer: &Tbs<'_>, key: &PublicKey) -> Result<(), ChainError> {
    if certificate.tbs.issuer != issuer.subject {
        return Err(ChainError::UnknownIssuer);
    }
    // A root may leave its authorityKeyIdentifier out (RFC 5280 §4.2.1.1).
    if let Some(named) = certificate.tbs.authority_key_identifier()?
        && issuer.subject_key_identifier()? != Some(named)
    {
        return Err(ChainError::UnknownIssuer);
    }
    let algorithm = certificate.signature_algorithm()?;
    key.verify(&algorithm, certificate.tbs.whole, certificate.signature).map_err(|_| ChainError::BadSignature)
}

fn is_ca(tbs: &Tbs<'_>) -> Result<(), ChainError> {
    let usage = tbs.key_usage()?;
    if !tbs.basic_constraints()?.ca {
        return Err(ChainError::NotForThis("not a CA certificate"));
    }
    if !usage.is_some_and(|usage| usage.has(KeyUsage::KEY_CERT_SIGN)) {
        return Err(ChainError::NotForThis("the key may not sign certificates"));
    }
    no_unknown_critical(tbs)
}

fn is_fit(tbs: &Tbs<'_>, purpose: Purpose) -> Result<(), ChainError> {
    no_unknown_critical(tbs)?;
    if tbs.basic_constraints()?.ca {
        return Err(ChainError::NotForThis("a CA certificate"));
    }
    if !tbs.key_usage()?.is_some_and(|usage| usage.has(KeyUsage::DIGITAL_SIGNATURE)) {
        return Err(ChainError::NotForThis("the key may not sign"));
    }
    let purposes = tbs.extended_key_usage()?;
    let allowed = match purpose {
        Purpose::Client => purposes.is_none_or(|all| all.contains(&oid::CLIENT_AUTH)),
        // RFC 6960 §4.2.2.2: the purpose must be there by name.
        Purpose::OcspSigning => purposes.is_some_and(|all| all.contains(&oid::OCSP_SIGNING)),
        // RFC 3161 §2.3: alone.
        Purpose::TimeStamping => purposes.is_some_and(|all| all == [oid::TIME_STAMPING]),
        Purpose::Records => purposes.is_some_and(|all| all.contains(&oid::DOCUMENT_SIGNING)),
    };
    if allowed { Ok(()) } else { Err(ChainError::NotForThis("extended key usage")) }
}

/// RFC 5280 §4.2: who does not know a critical extension must refuse. Also refuses duplicates.
fn no_unknown_critical(tbs: &Tbs<'_>) -> Result<(), ChainError> {
    const KNOWN: [ObjectIdentifier; 3] = [oid::BASIC_CONSTRAINTS, oid::KEY_USAGE, oid::EXTENDED_KEY_USAGE];
    for extension in &tbs.extensions {
        tbs.extension(extension.oid)?;
        if extension.critical && !KNOWN.contains(&extension.oid) {
            return Err(ChainError::NotForThis("an unknown critical extension"));
        }
    }
    Ok(())
}

/// [`subject_of`] a certificate in DER; `None` for bytes that are no certificate.
#[must_use]
pub fn subject_of_der(der: &[u8]) -> Option<BTreeMap<SubjectField, String>> {
    Certificate::from_der(der).ok().map(|certificate| subject_of(&certificate))
}

/// What a certificate of our own profiles says of its holder. Where a field stands several times the first
/// counts; fields that cannot be read are left out.
#[must_use]
pub fn subject_of(certificate: &Certificate) -> BTreeMap<SubjectField, String> {
    let mut fields = BTreeMap::new();
    let tbs = certificate.tbs_certificate();
    for attribute in tbs.subject().iter() {
        let field = match attribute.oid.to_string().as_str() {
            "2.5.4.6" => SubjectField::Country,
            "2.5.4.8" => SubjectField::Province,
            "2.5.4.7" => SubjectField::Locality,
            "2.5.4.10" => SubjectField::Organisation,
            "2.5.4.11" => SubjectField::OrganisationalUnit,
            "2.5.4.3" => SubjectField::CommonName,
            // Staff: the officer's id.
            "2.5.4.5" => SubjectField::UniqueId,
            _ => continue,
        };
        if let Ok(text) = std::str::from_utf8(attribute.value.value()) {
            fields.entry(field).or_insert_with(|| text.to_owned());
        }
    }
    for extension in tbs.extensions().into_iter().flatten() {
        let named = extension.extn_id.to_string();
        let Some((_, field)) = IDENTITY_EXTENSIONS.iter().find(|(oid, _)| *oid == named) else { continue };
        let value = extension.extn_value.as_bytes();
        let text = [tag::UTF8_STRING, tag::PRINTABLE_STRING]
            .into_iter()
            .find_map(|kind| tlv::single(value, kind).ok())
            .and_then(|element| std::str::from_utf8(element.content).ok());
        if let Some(text) = text {
            fields.entry(*field).or_insert_with(|| text.to_owned());
        }
    }
    fields
}

#[cfg(test)]
mod tests;
