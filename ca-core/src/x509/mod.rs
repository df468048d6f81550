//! A certificate as its bytes are: each part a slice of the original.
//!
//! For: verifying and linting without encoding anything again (`domain.md` §1.2). Trusts nothing; lenient
//! where the field is (explicit FALSE, unused bits of zero), strict in structure. Never says whether a
//! certificate is good: that is [`crate::chain`].

mod time;

use const_oid::ObjectIdentifier;
use der::Decode as _;
use spki::AlgorithmIdentifierOwned;

#[cfg(feature = "sign")]
pub(crate) use self::time::{append_generalized_time, append_time, is_utc_time};
pub(crate) use self::time::{time, write_time};
use crate::domain::{Serial, Validity};
use crate::tlv::{self, Element, Reader, TlvError, tag};

/// The longest certificate we read. Ours take about 1,200 bytes.
pub const MAX_CERTIFICATE_BYTES: usize = 16 * 1024;

/// The most extensions we read.
const MAX_EXTENSIONS: usize = 40;

/// OIDs of extensions and extended key usages.
pub mod oid {
    use const_oid::ObjectIdentifier;

    /// subjectKeyIdentifier.
    pub const SUBJECT_KEY_IDENTIFIER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.14");
    /// keyUsage.
    pub const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
    /// subjectAltName.
    pub const SUBJECT_ALT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");
    /// basicConstraints.
    pub const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
    /// cRLNumber.
    pub const CRL_NUMBER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.20");
    /// reasonCode of a CRL entry.
    pub const CRL_REASON: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.21");
    /// invalidityDate of a CRL entry.
    pub const INVALIDITY_DATE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.24");
    /// deltaCRLIndicator.
    pub const DELTA_CRL_INDICATOR: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.27");
    /// issuingDistributionPoint. `x509-cert` 0.3 has another, wrong number for it.
    pub const ISSUING_DISTRIBUTION_POINT: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.28");
    /// cRLDistributionPoints.
    pub const CRL_DISTRIBUTION_POINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.31");
    /// certificatePolicies.
    pub const CERTIFICATE_POLICIES: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.32");
    /// freshestCRL: where the delta of a full CRL is.
    pub const FRESHEST_CRL: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.46");
    /// authorityKeyIdentifier.
    pub const AUTHORITY_KEY_IDENTIFIER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.35");
    /// extKeyUsage.
    pub const EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");
    /// authorityInfoAccess.
    pub const AUTHORITY_INFO_ACCESS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.1.1");
    /// id-pkix-ocsp-nocheck.
    pub const OCSP_NO_CHECK: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.5");
    /// id-kp-serverAuth.
    pub const SERVER_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1");
    /// id-kp-clientAuth.
    pub const CLIENT_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2");
    /// id-kp-emailProtection.
    pub const EMAIL_PROTECTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.4");
    /// id-kp-timeStamping.
    pub const TIME_STAMPING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.8");
    /// id-kp-documentSigning (RFC 9336).
    pub const DOCUMENT_SIGNING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.36");
    /// id-kp-OCSPSigning.
    pub const OCSP_SIGNING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.9");
    /// id-qt-cps, the qualifier that points to a certification practice statement.
    pub const QT_CPS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.2.1");
    /// id-ad-ocsp.
    pub const AD_OCSP: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1");
    /// id-ad-caIssuers.
    pub const AD_CA_ISSUERS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.2");
}

/// Bytes that are no X.509 version 3 certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum X509Error {
    /// Over [`MAX_CERTIFICATE_BYTES`].
    #[error("the certificate is longer than {MAX_CERTIFICATE_BYTES} bytes")]
    TooLong,
    /// Not the structure of RFC 5280 §4.1.
    #[error("not a certificate: {0}")]
    Structure(#[from] TlvError),
    /// A part that is not what it must be.
    #[error("not a certificate: {0}")]
    Part(&'static str),
}

/// The subjectKeyIdentifier of our certificates: the first 160 bits of SHA-256 over the key's BIT STRING
/// (RFC 7093 §2 method 1).
#[must_use]
pub fn key_identifier(spki_der: &[u8]) -> [u8; 20] {
    let key = tlv::single(spki_der, tag::SEQUENCE)
        .and_then(|spki| {
            let mut fields = spki.reader();
            fields.expect(tag::SEQUENCE)?;
            fields.expect(tag::BIT_STRING)
        })
        .map_or(&[][..], |bits| bits.content.get(1..).unwrap_or_default());
    let mut identifier = [0; 20];
    identifier.copy_from_slice(&openssl::sha::sha256(key)[..20]);
    identifier
}

/// One extension.
#[derive(Clone, Copy, Debug)]
pub struct Extension<'a> {
    /// Which.
    pub oid: ObjectIdentifier,
    /// Whether software that does not know it must refuse the certificate.
    pub critical: bool,
    /// Content of the OCTET STRING.
    pub value: &'a [u8],
}

/// What basicConstraints says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BasicConstraints {
    /// Whether it is a CA.
    pub ca: bool,
    /// How many further CAs may follow.
    pub path_length: Option<u8>,
}

/// The parts of a to-be-signed certificate.
#[derive(Clone, Debug)]
pub struct Tbs<'a> {
    /// All of it: what the signature covers.
    pub whole: &'a [u8],
    /// Content octets of the serial number.
    pub serial: &'a [u8],
    /// The AlgorithmIdentifier inside the signed part.
    pub algorithm: &'a [u8],
    /// Name of the issuer, DER.
    pub issuer: &'a [u8],
    /// From when to when.
    pub validity: Validity,
    /// The two Time elements of the validity.
    pub times: [Element<'a>; 2],
    /// Name of the subject, DER.
    pub subject: &'a [u8],
    /// SubjectPublicKeyInfo, DER.
    pub spki: &'a [u8],
    /// In the order in which they stand. Duplicates are possible: see [`Self::extension`].
    pub extensions: Vec<Extension<'a>>,
}

/// The parts of a certificate.
#[derive(Clone, Debug)]
pub struct Parts<'a> {
    /// The signed part.
    pub tbs: Tbs<'a>,
    /// The AlgorithmIdentifier beside the signature.
    pub algorithm: &'a [u8],
    /// Content of the signature's BIT STRING, without the octet that counts unused bits.
    pub signature: &'a [u8],
}

impl<'a> Parts<'a> {
    /// Takes a DER certificate apart.
    ///
    /// # Errors
    /// [`X509Error`] if it is none.
    pub fn read(der: &'a [u8]) -> Result<Self, X509Error> {
        if der.len() > MAX_CERTIFICATE_BYTES {
            return Err(X509Error::TooLong);
        }
        let mut outer = tlv::single(der, tag::SEQUENCE)?.reader();
        let tbs = Tbs::read(outer.expect(tag::SEQUENCE)?.whole)?;
        let algorithm = outer.expect(tag::SEQUENCE)?.whole;
        let signature = whole_octets(outer.expect(tag::BIT_STRING)?.content)?;
        outer.end()?;
        Ok(Self { tbs, algorithm, signature })
    }

    /// The signature algorithm; the same inside and outside of what is signed.
    ///
    /// # Errors
    /// [`X509Error::Part`] if the two differ (RFC 5280 §4.1.1.2) or are no AlgorithmIdentifier.
    pub fn signature_algorithm(&self) -> Result<AlgorithmIdentifierOwned, X509Error> {
        if self.algorithm != self.tbs.algorithm {
            return Err(X509Error::Part("the two signature algorithms differ"));
        }
        AlgorithmIdentifierOwned::from_der(self.algorithm).map_err(|_| X509Error::Part("signature algorithm"))
    }
}

impl<'a> Tbs<'a> {
    /// Takes a to-be-signed certificate apart.
    ///
    /// # Errors
    /// [`X509Error`] if it is none of version 3.
    pub fn read(der: &'a [u8]) -> Result<Self, X509Error> {
        let outer = tlv::single(der, tag::SEQUENCE)?;
        let mut fields = outer.reader();
        let version = fields.expect(tag::CONTEXT_0)?;
        if tlv::single(version.content, tag::INTEGER)?.content != [2] {
            return Err(X509Error::Part("the version must be 3"));
        }
        let serial = fields.expect(tag::INTEGER)?.content;
        let algorithm = fields.expect(tag::SEQUENCE)?.whole;
        let issuer = fields.expect(tag::SEQUENCE)?.whole;
        let mut times = fields.expect(tag::SEQUENCE)?.reader();
        let times_read = [times.next()?, times.next()?];
        times.end()?;
        let validity = Validity { not_before: time(times_read[0])?, not_after: time(times_read[1])? };
        let subject = fields.expect(tag::SEQUENCE)?.whole;
        let spki = fields.expect(tag::SEQUENCE)?.whole;
        // issuerUniqueID and subjectUniqueID: obsolete (RFC 5280 §4.1.2.8), read past.
        fields.optional(tag::PRIMITIVE_1)?;
        fields.optional(tag::PRIMITIVE_2)?;
        let extensions = match fields.optional(tag::CONTEXT_3)? {
            Some(list) => extensions(tlv::single(list.content, tag::SEQUENCE)?.reader())?,
            None => Vec::new(),
        };
        fields.end()?;
        Ok(Self {
            whole: outer.whole,
            serial,
            algorithm,
            issuer,
            validity,
            times: times_read,
            subject,
            spki,
            extensions,
        })
    }

    /// The serial number.
    ///
    /// # Errors
    /// [`X509Error::Part`] for zero, negative or over-long ones.
    pub fn serial(&self) -> Result<Serial, X509Error> {
        Serial::from_der_content(self.serial).map_err(|_| X509Error::Part("serial number"))
    }

    /// The extension of this name.
    ///
    /// # Errors
    /// [`X509Error::Part`] if it stands there twice (RFC 5280 §4.2).
    pub fn extension(&self, oid: ObjectIdentifier) -> Result<Option<Extension<'a>>, X509Error> {
        let mut found = self.extensions.iter().filter(|extension| extension.oid == oid);
        match (found.next(), found.next()) {
            (_, Some(_)) => Err(X509Error::Part("an extension stands there twice")),
            (extension, None) => Ok(extension.copied()),
        }
    }

    /// basicConstraints; without the extension, no CA. An explicit FALSE is read too (`domain.md` §1.2).
    ///
    /// # Errors
    /// [`X509Error`] if the extension is malformed.
    pub fn basic_constraints(&self) -> Result<BasicConstraints, X509Error> {
        let Some(extension) = self.extension(oid::BASIC_CONSTRAINTS)? else {
            return Ok(BasicConstraints { ca: false, path_length: None });
        };
        let mut fields = tlv::single(extension.value, tag::SEQUENCE)?.reader();
        let ca = fields.optional(tag::BOOLEAN)?.is_some_and(|flag| flag.content != [0]);
        let path_length = match fields.optional(tag::INTEGER)? {
            None => None,
            Some(Element { content: &[number @ 0..=0x7f], .. }) => Some(number),
            Some(_) => return Err(X509Error::Part("path length")),
        };
        fields.end()?;
        Ok(BasicConstraints { ca, path_length })
    }

    /// keyUsage as bits, digitalSignature the lowest; `None` without the extension. Zeros that DER leaves
    /// out are read too (`domain.md` §1.2).
    ///
    /// # Errors
    /// [`X509Error`] if the extension is malformed.
    pub fn key_usage(&self) -> Result<Option<KeyUsage>, X509Error> {
        let Some(extension) = self.extension(oid::KEY_USAGE)? else { return Ok(None) };
        let [unused @ 0..=7, octets @ ..] = tlv::single(extension.value, tag::BIT_STRING)?.content else {
            return Err(X509Error::Part("key usage"));
        };
        let octets = match octets {
            [] => return Err(X509Error::Part("key usage")),
            [first] => [*first & (0xff << unused), 0],
            [first, second] => [*first, *second & (0xff << unused)],
            _ => return Err(X509Error::Part("key usage")),
        };
        Ok(Some(KeyUsage(u16::from_be_bytes(octets).reverse_bits())))
    }

    /// extKeyUsage; `None` without the extension.
    ///
    /// # Errors
    /// [`X509Error`] if the extension is malformed.
    pub fn extended_key_usage(&self) -> Result<Option<Vec<ObjectIdentifier>>, X509Error> {
        let Some(extension) = self.extension(oid::EXTENDED_KEY_USAGE)? else { return Ok(None) };
        let purposes = tlv::single(extension.value, tag::SEQUENCE)?.reader().rest()?;
        purposes.into_iter().map(oid_of).collect::<Result<_, _>>().map(Some)
    }

    /// The key identifier of subjectKeyIdentifier.
    ///
    /// # Errors
    /// [`X509Error`] if the extension is malformed.
    pub fn subject_key_identifier(&self) -> Result<Option<&'a [u8]>, X509Error> {
        let Some(extension) = self.extension(oid::SUBJECT_KEY_IDENTIFIER)? else { return Ok(None) };
        Ok(Some(tlv::single(extension.value, tag::OCTET_STRING)?.content))
    }

    /// The key identifier of authorityKeyIdentifier.
    ///
    /// # Errors
    /// [`X509Error`] if the extension is malformed.
    pub fn authority_key_identifier(&self) -> Result<Option<&'a [u8]>, X509Error> {
        let Some(extension) = self.extension(oid::AUTHORITY_KEY_IDENTIFIER)? else { return Ok(None) };
        let mut fields = tlv::single(extension.value, tag::SEQUENCE)?.reader();
        Ok(fields.optional(tag::PRIMITIVE_0)?.map(|element| element.content))
    }
}

/// Bits of keyUsage; bit n of RFC 5280 §4.2.1.3 is `1 << n`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyUsage(pub u16);

impl KeyUsage {
    /// digitalSignature.
    pub const DIGITAL_SIGNATURE: u16 = 1;
    /// nonRepudiation, also called contentCommitment.
    pub const NON_REPUDIATION: u16 = 1 << 1;
    /// keyEncipherment.
    pub const KEY_ENCIPHERMENT: u16 = 1 << 2;
    /// dataEncipherment.
    pub const DATA_ENCIPHERMENT: u16 = 1 << 3;
    /// keyAgreement.
    pub const KEY_AGREEMENT: u16 = 1 << 4;
    /// keyCertSign.
    pub const KEY_CERT_SIGN: u16 = 1 << 5;
    /// cRLSign.
    pub const CRL_SIGN: u16 = 1 << 6;

    /// Whether all of these bits are set.
    #[must_use]
    pub const fn has(self, bits: u16) -> bool {
        self.0 & bits == bits
    }
}

/// Reads extensions, of a certificate or of a CRL.
pub(crate) fn extensions(mut list: Reader<'_>) -> Result<Vec<Extension<'_>>, X509Error> {
    let mut extensions = Vec::new();
    while list.peek().is_some() {
        if extensions.len() == MAX_EXTENSIONS {
            return Err(X509Error::Part("too many extensions"));
        }
        let mut fields = list.expect(tag::SEQUENCE)?.reader();
        let oid = oid_of(fields.next()?)?;
        let critical = fields.optional(tag::BOOLEAN)?.is_some_and(|flag| flag.content != [0]);
        let value = fields.expect(tag::OCTET_STRING)?.content;
        fields.end()?;
        extensions.push(Extension { oid, critical, value });
    }
    Ok(extensions)
}

/// Reads an OBJECT IDENTIFIER.
pub(crate) fn oid_of(element: Element<'_>) -> Result<ObjectIdentifier, X509Error> {
    if element.tag != tag::OID {
        return Err(TlvError::Tag { wanted: tag::OID, found: element.tag }.into());
    }
    ObjectIdentifier::from_bytes(element.content).map_err(|_| X509Error::Part("object identifier"))
}

/// The octets of a BIT STRING that must fill them.
pub(crate) fn whole_octets(content: &[u8]) -> Result<&[u8], X509Error> {
    match content {
        [0, octets @ ..] => Ok(octets),
        _ => Err(X509Error::Part("a BIT STRING with unused bits")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Timestamp;

    #[test]
    fn key_usage_bits_are_read_with_and_without_trailing_zeros() {
        // domain.md §1.2: 03 02 00 C0 is not DER, but stands in the field; DER is 03 02 06 C0.
        for value in [&[3, 2, 0, 0xc0][..], &[3, 2, 6, 0xc0]] {
            let tbs = Tbs {
                whole: &[],
                serial: &[],
                algorithm: &[],
                issuer: &[],
                validity: Validity::seconds(Timestamp::from_unix(0), 1),
                times: [Element { tag: 0, content: &[], whole: &[] }; 2],
                subject: &[],
                spki: &[],
                extensions: vec![Extension { oid: oid::KEY_USAGE, critical: true, value }],
            };
            let usage = tbs.key_usage().expect("readable").expect("present");
            assert_eq!(usage, KeyUsage(KeyUsage::DIGITAL_SIGNATURE | KeyUsage::NON_REPUDIATION));
        }
    }
}
