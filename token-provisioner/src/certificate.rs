//! What a certificate says, for people and for choosing one. Decides nothing: chain and status are the
//! relying party's to check.

use ca_core::chain::subject_of;
use ca_core::domain::{Serial, Sha256, SubjectField, Timestamp, Validity};
use ca_core::x509::{KeyUsage, Parts, X509Error};
use der::Decode as _;
use x509_cert::Certificate;

use crate::driver::{MAX_CERTIFICATE_BYTES, PublicKey};

const DAY_SECONDS: i64 = 86_400;

/// Whose certificate it is, as far as it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holder {
    /// An officer of the registration authority: no unified social credit code.
    Staff,
    /// A unit: carries its unified social credit code.
    Unit,
    /// A person. Their certificate says no more of that than an officer's does: only the site can tell.
    Person,
}

/// What a certificate says.
#[derive(Clone, Debug)]
pub struct Facts {
    /// DER.
    pub der: Vec<u8>,
    /// SHA-256 of the DER; names the certificate in forms.
    pub sha256: Sha256,
    /// The holder's name.
    pub name: String,
    /// The issuing CA's name.
    pub issuer: String,
    /// Serial number.
    pub serial: Serial,
    /// Unified social credit code, if it is a unit's.
    pub uscc: Option<String>,
    /// From when to when.
    pub validity: Validity,
    /// The key in it.
    pub public: PublicKey,
    /// Whether the key may sign (keyUsage). An encryption certificate's may not.
    pub signs: bool,
}

/// Bytes that are no certificate that we can use.
#[derive(Debug, thiserror::Error)]
#[error("not a certificate that this program can use: {0}")]
pub struct NotUsable(String);

impl Facts {
    /// Reads a DER certificate.
    ///
    /// # Errors
    /// [`NotUsable`]: other certificates on a token are passed over.
    pub fn read(der: &[u8]) -> Result<Self, NotUsable> {
        let unusable = |error: &dyn std::fmt::Display| NotUsable(error.to_string());
        if der.len() > MAX_CERTIFICATE_BYTES {
            return Err(unusable(&"too long"));
        }
        let certificate = Certificate::from_der(der).map_err(|e| unusable(&e))?;
        let public = PublicKey::of_certificate(der).map_err(|e| unusable(&e))?;
        let tbs = certificate.tbs_certificate();
        let moment = |time: &x509_cert::time::Time| {
            Timestamp::from_unix(i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX))
        };
        let mut fields = subject_of(&certificate);
        let issuer = tbs
            .issuer()
            .iter()
            .filter(|attribute| attribute.oid == COMMON_NAME)
            .find_map(|attribute| std::str::from_utf8(attribute.value.value()).ok().map(str::to_owned));
        Ok(Self {
            der: der.to_vec(),
            sha256: Sha256(openssl::sha::sha256(der)),
            name: fields.remove(&SubjectField::CommonName).unwrap_or_default(),
            issuer: issuer.unwrap_or_else(|| tbs.issuer().to_string()),
            serial: Serial::from_der_content(tbs.serial_number().as_bytes()).map_err(|e| unusable(&e))?,
            uscc: fields.remove(&SubjectField::Uscc),
            validity: Validity {
                not_before: moment(&tbs.validity().not_before),
                not_after: moment(&tbs.validity().not_after),
            },
            public,
            signs: signs(der).map_err(|e| unusable(&e))?,
        })
    }

    /// From PEM or DER, as a file holds it.
    ///
    /// # Errors
    /// [`NotUsable`].
    pub fn read_file(bytes: &[u8]) -> Result<Self, NotUsable> {
        if bytes.starts_with(b"-----BEGIN") {
            let pem = openssl::x509::X509::from_pem(bytes).and_then(|x509| x509.to_der());
            return Self::read(&pem.map_err(|e| NotUsable(e.to_string()))?);
        }
        Self::read(bytes)
    }

    /// Whose it is.
    #[must_use]
    pub const fn holder(&self) -> Holder {
        if self.uscc.is_some() { Holder::Unit } else { Holder::Staff }
    }

    /// Whether a site that wants a certificate of such a holder may be offered this one.
    #[must_use]
    pub fn fits(&self, want: Holder) -> bool {
        match want {
            Holder::Unit => self.holder() == Holder::Unit,
            Holder::Staff | Holder::Person => self.holder() != Holder::Unit,
        }
    }

    /// The message that says what it is for.
    #[must_use]
    pub const fn use_word(&self) -> &'static str {
        if self.signs { "use-signature" } else { "use-encryption" }
    }

    /// Whole days until it expires; negative once it has.
    #[must_use]
    pub fn days_left(&self, now: Timestamp) -> i64 {
        self.validity.not_after.since(now).div_euclid(DAY_SECONDS)
    }
}

fn signs(der: &[u8]) -> Result<bool, X509Error> {
    // RFC 5280 §4.2.1.3: without the extension the key is not limited.
    let usage = Parts::read(der)?.tbs.key_usage()?;
    Ok(usage.is_none_or(|usage| usage.has(KeyUsage::DIGITAL_SIGNATURE)))
}

const COMMON_NAME: const_oid::ObjectIdentifier = const_oid::ObjectIdentifier::new_unwrap("2.5.4.3");
