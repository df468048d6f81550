//! The office's electronic seal and signatures with it: SES of version 4 (GB/T 38540-2020) by SM2 with SM3.
//!
//! The key is the office's own and seals samples of invoices, nothing else: it is in no hierarchy, no certificate of the authority
//! stands for it and nothing that the authority issues is believed through it, so that who takes it over can make papers that
//! look like this office's samples and no certificate. It lies sealed under the field key in a file, with its self-signed
//! certificate and the picture's owner in that. Read once; never written back.

use std::path::Path;

use ca_core::domain::Timestamp;
use ca_core::durable;
use ca_core::keys::Sm2Id;
use ca_core::keys::oid;
use ca_core::keys::sm2::{Hasher, Point, signature_der, spki_of};
use ca_core::tlv::{self, tag};
use rand::RngCore as _;
use sm2::SecretKey;
use sm2::dsa::SigningKey;
use sm2::dsa::signature::hazmat::PrehashSigner as _;
use sm3::{Digest as _, Sm3};
use zeroize::Zeroizing;

use crate::Chance;
use crate::enrolment::document::Media;
use crate::evidence::preview::{self, Size};
use crate::paper::Press;
use crate::vault::{FieldKey, VaultError};

/// What the sealed key is sealed to.
const PLACE: &str = "einvoice-seal";
/// The seal is good for so many years.
const YEARS: i64 = 10;
const YEAR_SECONDS: i64 = 365 * 86_400;
/// The version of the seal's form.
const VERSION: u8 = 4;
/// Of what made it.
const VENDOR: &str = "Yinxin";
/// Millimetres of the picture.
pub(super) const WIDTH: u8 = 30;
pub(super) const HEIGHT: u8 = 20;

/// Why there is no seal.
#[derive(Debug, thiserror::Error)]
pub enum SealFault {
    /// The file.
    #[error("the file of the seal key: {0}")]
    File(#[from] std::io::Error),
    /// It does not open.
    #[error("the file of the seal key: {0}")]
    Vault(#[from] VaultError),
    /// It is not of this form.
    #[error("the file of the seal key is damaged")]
    Form,
    /// The picture cannot be drawn.
    #[error("the picture of the seal: {0}")]
    Picture(String),
    /// SM2 found no signature.
    #[error("no signature")]
    Signature,
}

/// The office's seal. No Debug: it holds a key.
pub struct Seal {
    key: SigningKey,
    public: Point,
    certificate: Vec<u8>,
    /// The seal itself, DER, with its picture.
    seal: Vec<u8>,
}

impl Seal {
    /// Draws a key and writes it, sealed, where no file is yet, with a certificate that it makes for itself.
    ///
    /// # Errors
    /// [`SealFault::File`], also when there is a file.
    pub fn found(path: &Path, vault: &FieldKey, name: &str, now: Timestamp, chance: &Chance) -> Result<(), SealFault> {
        let mut scalar = Zeroizing::new([0_u8; 32]);
        let (key, public) = loop {
            chance.lock().unwrap_or_else(std::sync::PoisonError::into_inner).fill_bytes(&mut *scalar);
            if let Ok(pair) = pair(&*scalar) {
                break pair;
            }
        };
        let certificate = self_signed(&key, &public, name, now)?;
        let sealed = vault.seal(PLACE, &*scalar, chance)?;
        let text = format!("{}\n{}\n", hex::encode(sealed), hex::encode(certificate));
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        Ok(durable::create(path, text.as_bytes(), durable::PRIVATE)?)
    }

    /// Reads the key and makes the seal of it, with this picture (PNG).
    ///
    /// # Errors
    /// [`SealFault`], for the operator.
    pub fn read(path: &Path, vault: &FieldKey, name: &str, picture: &[u8]) -> Result<Self, SealFault> {
        let text = std::fs::read_to_string(path)?;
        let mut lines = text.lines().map(hex::decode);
        let (Some(Ok(sealed)), Some(Ok(certificate)), None) = (lines.next(), lines.next(), lines.next()) else {
            return Err(SealFault::Form);
        };
        let scalar = vault.open(PLACE, &sealed)?;
        let (key, public) = pair(&scalar)?;
        let validity = validity(&certificate).ok_or(SealFault::Form)?;
        let info = seal_info(name, &certificate, picture, &validity);
        let signed = signature(&key, &public, &info)?;
        let seal = sequence(&[info, octets(&certificate), sm2_sm3(), bits(&signed)]);
        Ok(Self { key, public, certificate, seal })
    }

    /// The seal, DER: `Seal.esl`.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.seal
    }

    /// The signature over a description of what is signed (`Signature.xml`), at this place in the package: `SignedValue.dat`.
    ///
    /// # Errors
    /// [`SealFault::Signature`].
    pub fn sign(&self, described: &[u8], place: &str, at: Timestamp) -> Result<Vec<u8>, SealFault> {
        let to_sign =
            sequence(&[integer(VERSION), self.seal.clone(), time(at), bits(&Sm3::digest(described)), ia5(place)]);
        let signed = signature(&self.key, &self.public, &to_sign)?;
        Ok(sequence(&[to_sign, octets(&self.certificate), sm2_sm3(), bits(&signed)]))
    }
}

fn pair(scalar: &[u8]) -> Result<(SigningKey, Point), SealFault> {
    let secret = SecretKey::from_slice(scalar).map_err(|_| SealFault::Form)?;
    // The id stands in Z, which `Hasher` computes; this one is not used.
    let key = SigningKey::new("", &secret).map_err(|_| SealFault::Form)?;
    let point = key.verifying_key().to_sec1_bytes();
    let public = point.get(1..).and_then(|point| point.try_into().ok()).ok_or(SealFault::Form)?;
    Ok((key, public))
}

fn signature(key: &SigningKey, public: &Point, message: &[u8]) -> Result<Vec<u8>, SealFault> {
    let mut hasher = Hasher::new(&Sm2Id::STANDARD, public);
    hasher.update(message);
    let signature = key.sign_prehash(&hasher.finish()).map_err(|_| SealFault::Signature)?;
    Ok(signature_der(&signature.to_bytes().into()))
}

/// SES_SealInfo: header, id, properties, picture.
fn seal_info(name: &str, certificate: &[u8], picture: &[u8], (from, until): &(Vec<u8>, Vec<u8>)) -> Vec<u8> {
    let id = hex::encode(&Sm3::digest(certificate)[..8]);
    let certificates = sequence(&[octets(certificate)]);
    sequence(&[
        sequence(&[ia5("ES"), integer(VERSION), ia5(VENDOR)]),
        ia5(&id),
        sequence(&[
            // A seal of a unit, whose signers are listed by their certificates.
            integer(1),
            tlv::write(tag::UTF8_STRING, &[name.as_bytes()]),
            integer(1),
            certificates,
            from.clone(),
            from.clone(),
            until.clone(),
        ]),
        sequence(&[ia5("png"), octets(picture), integer(WIDTH), integer(HEIGHT)]),
    ])
}

/// A certificate that the key makes for itself, to verify digital signatures.
fn self_signed(key: &SigningKey, public: &Point, name: &str, now: Timestamp) -> Result<Vec<u8>, SealFault> {
    let attribute = |oid: &[u8], kind: u8, value: &[u8]| {
        tlv::write(tag::SET, &[sequence(&[tlv::write(tag::OID, &[oid]), tlv::write(kind, &[value])])])
    };
    let subject = sequence(&[
        attribute(&[0x55, 4, 6], tag::PRINTABLE_STRING, b"CN"),
        attribute(&[0x55, 4, 3], tag::UTF8_STRING, name.as_bytes()),
    ]);
    let extension = |oid: &[u8], value: Vec<u8>| {
        sequence(&[tlv::write(tag::OID, &[oid]), tlv::write(tag::BOOLEAN, &[[0xff]]), octets(&value)])
    };
    let extensions = sequence(&[
        // No CA; digitalSignature and nonRepudiation.
        extension(&[0x55, 0x1d, 0x13], sequence(&[] as &[Vec<u8>])),
        extension(&[0x55, 0x1d, 0x0f], tlv::write(tag::BIT_STRING, &[[6_u8, 0xc0]])),
    ]);
    let mut serial = Sm3::digest(public)[..16].to_vec();
    serial[0] = serial[0] & 0x3f | 0x40;
    let to_sign = sequence(&[
        tlv::write(tag::CONTEXT_0, &[integer(2)]),
        tlv::write(tag::INTEGER, &[serial]),
        sequence(&[sm2_sm3()]),
        subject.clone(),
        sequence(&[utc_time(now), utc_time(now.plus(YEARS * YEAR_SECONDS))]),
        subject,
        spki_of(public),
        tlv::write(tag::CONTEXT_3, &[extensions]),
    ]);
    let signed = signature(key, public, &to_sign)?;
    Ok(sequence(&[to_sign, sequence(&[sm2_sm3()]), bits(&signed)]))
}

/// From and until of a certificate, as the seal says them.
fn validity(certificate: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let whole = tlv::single(certificate, tag::SEQUENCE).ok()?;
    let signed = tlv::Reader::new(whole.content).expect(tag::SEQUENCE).ok()?;
    let fields = tlv::Reader::new(signed.content).rest().ok()?;
    let validity = tlv::Reader::new(fields.get(4)?.content).rest().ok()?;
    // UTCTime of this century.
    let of = |n: usize| Some(tlv::write(tag::GENERALIZED_TIME, &[b"20", validity.get(n)?.content]));
    Some((of(0)?, of(1)?))
}

fn sequence<P: AsRef<[u8]>>(parts: &[P]) -> Vec<u8> {
    tlv::write(tag::SEQUENCE, parts)
}

fn octets(bytes: &[u8]) -> Vec<u8> {
    tlv::write(tag::OCTET_STRING, &[bytes])
}

fn bits(bytes: &[u8]) -> Vec<u8> {
    tlv::write(tag::BIT_STRING, &[&[0], bytes])
}

fn ia5(text: &str) -> Vec<u8> {
    tlv::write(tag::IA5_STRING, &[text.as_bytes()])
}

fn integer(n: u8) -> Vec<u8> {
    tlv::write(tag::INTEGER, &[[n]])
}

fn sm2_sm3() -> Vec<u8> {
    tlv::write(tag::OID, &[oid::SM2_SM3.as_bytes()])
}

/// A GeneralizedTime of UTC.
fn time(at: Timestamp) -> Vec<u8> {
    tlv::write(tag::GENERALIZED_TIME, &[digits(at).as_bytes()])
}

/// The same as certificates have it before 2050.
fn utc_time(at: Timestamp) -> Vec<u8> {
    tlv::write(tag::UTC_TIME, &[digits(at).as_bytes().get(2..).unwrap_or_default()])
}

fn digits(at: Timestamp) -> String {
    at.to_utc().map_or_else(String::new, |utc| {
        let (hour, minute, second) = utc.to_hms();
        format!("{:04}{:02}{:02}{hour:02}{minute:02}{second:02}Z", utc.year(), u8::from(utc.month()), utc.day())
    })
}

/// The picture of the seal, PNG: red on nothing, so that what lies under it can be read.
///
/// # Errors
/// [`SealFault::Picture`].
pub async fn picture(press: &Press, name: &str, at: Timestamp) -> Result<Vec<u8>, SealFault> {
    #[derive(serde::Serialize)]
    struct Facts<'a> {
        name: &'a str,
    }
    let wrong = |what: &dyn std::fmt::Display| SealFault::Picture(what.to_string());
    let pdf = press.print("seal", &Facts { name }, at).await.map_err(|error| wrong(&error))?;
    let drawn = preview::draw(Media::Pdf, &pdf, 0, Size::Small).ok_or_else(|| wrong(&"not drawn"))?;
    let mut picture = image::load_from_memory(&drawn).map_err(|error| wrong(&error))?.to_rgba8();
    for pixel in picture.pixels_mut() {
        let [red, green, blue, _] = pixel.0;
        pixel.0 = [215, 38, 61, 255 - red.min(green).min(blue)];
    }
    let mut png = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut png, image::ImageFormat::Png).map_err(|error| wrong(&error))?;
    Ok(png.into_inner())
}
