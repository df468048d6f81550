//! AuthEnvelopedData (RFC 5083) with AES-256-GCM (RFC 5084) over a PKCS#8 key, for one recipient.
//!
//! The recipient is named by the subjectKeyIdentifier that our certificates carry, since the envelope is made before
//! the certificate. RSA takes the content key by OAEP, P-256 and P-384 by [`super::agreement`].

use const_oid::ObjectIdentifier;
use openssl::encrypt::Encrypter;
use openssl::pkey::{Id, PKey, Public};
use openssl::rsa::Padding;
use openssl::symm::{Cipher, decrypt_aead, encrypt_aead};
use rand::{CryptoRng, RngCore};
use zeroize::Zeroizing;

use super::agreement::{self, AES_256_WRAP, Curve};
use super::{PrivateOperation, Unreadable, WrapError, malformed};
use crate::keys::oid;
use crate::tlv::{self, Element, tag};
use crate::x509::{key_identifier, oid_of};

const ID_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
const ID_AUTH_ENVELOPED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.23");
const AES_256_GCM: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.46");
const RSAES_OAEP: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.7");
const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;

fn integer(value: u8) -> Vec<u8> {
    vec![tag::INTEGER, 1, value]
}

fn name(oid: ObjectIdentifier) -> Vec<u8> {
    tlv::write(tag::OID, &[oid.as_bytes()])
}

/// Writes a message that only the holder of this key opens.
pub(super) fn write<R: RngCore + CryptoRng + ?Sized>(
    pkcs8: &[u8],
    recipient_spki: &[u8],
    rng: &mut R,
) -> Result<Vec<u8>, WrapError> {
    let recipient = PKey::public_key_from_der(recipient_spki)?;
    let mut content_key = Zeroizing::new([0; 32]);
    let mut nonce = [0; NONCE_BYTES];
    rng.fill_bytes(&mut *content_key);
    rng.fill_bytes(&mut nonce);
    let mut mac = [0; TAG_BYTES];
    let encrypted = encrypt_aead(Cipher::aes_256_gcm(), &*content_key, Some(&nonce), &[], pkcs8, &mut mac)?;

    let identifier = key_identifier(recipient_spki);
    let recipient_info = if recipient.id() == Id::RSA {
        transport(&recipient, &identifier, &content_key)?
    } else {
        let curve = Curve::of(&recipient).ok_or_else(|| WrapError::Recipient("a foreign curve".into()))?;
        agree(curve, &recipient, &identifier, &content_key)?
    };
    let parameters = tlv::write(tag::SEQUENCE, &[tlv::write(tag::OCTET_STRING, &[nonce]), integer(TAG_BYTES as u8)]);
    let content = tlv::write(
        tag::SEQUENCE,
        &[
            name(ID_DATA),
            tlv::write(tag::SEQUENCE, &[name(AES_256_GCM), parameters]),
            tlv::write(tag::PRIMITIVE_0, &[encrypted]),
        ],
    );
    let message = tlv::write(
        tag::SEQUENCE,
        &[integer(0), tlv::write(tag::SET, &[recipient_info]), content, tlv::write(tag::OCTET_STRING, &[mac])],
    );
    Ok(tlv::write(tag::SEQUENCE, &[name(ID_AUTH_ENVELOPED_DATA), tlv::write(tag::CONTEXT_0, &[message])]))
}

/// KeyTransRecipientInfo with RSAES-OAEP in its default form (RFC 3560 §4).
fn transport(recipient: &PKey<Public>, identifier: &[u8], content_key: &[u8; 32]) -> Result<Vec<u8>, WrapError> {
    let mut encrypter = Encrypter::new(recipient)?;
    encrypter.set_rsa_padding(Padding::PKCS1_OAEP)?;
    let mut encrypted = vec![0; encrypter.encrypt_len(content_key)?];
    let length = encrypter.encrypt(content_key, &mut encrypted)?;
    encrypted.truncate(length);
    let defaults = tlv::write::<&[u8]>(tag::SEQUENCE, &[]);
    Ok(tlv::write(
        tag::SEQUENCE,
        &[
            integer(2),
            tlv::write(tag::PRIMITIVE_0, &[identifier]),
            tlv::write(tag::SEQUENCE, &[name(RSAES_OAEP), defaults]),
            tlv::write(tag::OCTET_STRING, &[encrypted]),
        ],
    ))
}

/// KeyAgreeRecipientInfo (RFC 5753 §3.1).
fn agree(
    curve: Curve,
    recipient: &PKey<Public>,
    identifier: &[u8],
    content_key: &[u8; 32],
) -> Result<Vec<u8>, WrapError> {
    let agreed = agreement::wrap(curve, recipient, content_key)?;
    let originator = tlv::write(
        tag::CONTEXT_1,
        &[
            tlv::write(tag::SEQUENCE, &[name(oid::EC), curve.oid_der()]),
            tlv::write(tag::BIT_STRING, &[&[0][..], &agreed.ephemeral]),
        ],
    );
    let recipient_identifier = tlv::write(tag::CONTEXT_0, &[tlv::write(tag::OCTET_STRING, &[identifier])]);
    let keys = tlv::write(
        tag::SEQUENCE,
        &[tlv::write(tag::SEQUENCE, &[recipient_identifier, tlv::write(tag::OCTET_STRING, &[agreed.wrapped])])],
    );
    Ok(tlv::write(
        tag::CONTEXT_1,
        &[
            integer(3),
            tlv::write(tag::CONTEXT_0, &[originator]),
            tlv::write(tag::SEQUENCE, &[&curve.scheme_der()[..], &AES_256_WRAP]),
            keys,
        ],
    ))
}

/// A message before it is opened.
pub(super) struct Sealed<'a> {
    recipient: Recipient<'a>,
    nonce: &'a [u8],
    encrypted: &'a [u8],
    mac: &'a [u8],
}

enum Recipient<'a> {
    Transport { encrypted: &'a [u8] },
    Agreement { curve: Curve, ephemeral: &'a [u8], wrapped: &'a [u8] },
}

impl Sealed<'_> {
    /// What the signature key must do.
    pub(super) const fn operation(&self) -> PrivateOperation<'_> {
        match self.recipient {
            Recipient::Transport { encrypted } => PrivateOperation::RsaOaep(encrypted),
            Recipient::Agreement { ephemeral, .. } => PrivateOperation::Ecdh(ephemeral),
        }
    }

    /// The PKCS#8 key, given what the operation answered.
    pub(super) fn open(&self, answer: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unreadable> {
        let unwrapped;
        let content_key = match self.recipient {
            Recipient::Transport { .. } => answer,
            Recipient::Agreement { curve, wrapped, .. } => {
                unwrapped = agreement::unwrap(curve, answer, wrapped)?;
                &unwrapped[..]
            }
        };
        if content_key.len() != 32 {
            return Err(Unreadable::Closed);
        }
        let cipher = Cipher::aes_256_gcm();
        Ok(Zeroizing::new(decrypt_aead(cipher, content_key, Some(self.nonce), &[], self.encrypted, self.mac)?))
    }
}

/// Reads a message of the form that [`write`] writes.
pub(super) fn read(der: &[u8]) -> Result<Sealed<'_>, Unreadable> {
    let mut outer = tlv::single(der, tag::SEQUENCE)?.reader();
    expect_name(outer.next()?, ID_AUTH_ENVELOPED_DATA)?;
    let wrapped = outer.expect(tag::CONTEXT_0)?;
    outer.end()?;
    let mut fields = tlv::single(wrapped.content, tag::SEQUENCE)?.reader();
    expect_number(fields.next()?, 0)?;
    let mut recipients = fields.expect(tag::SET)?.reader();
    let recipient = recipients.next()?;
    recipients.end()?;
    let recipient = match recipient.tag {
        tag::SEQUENCE => read_transport(recipient)?,
        tag::CONTEXT_1 => read_agreement(recipient)?,
        _ => return Err(malformed("another kind of recipient")),
    };
    let mut content = fields.expect(tag::SEQUENCE)?.reader();
    let mac = fields.expect(tag::OCTET_STRING)?.content;
    fields.end()?;
    expect_name(content.next()?, ID_DATA)?;
    let mut algorithm = content.expect(tag::SEQUENCE)?.reader();
    expect_name(algorithm.next()?, AES_256_GCM)?;
    let mut parameters = algorithm.expect(tag::SEQUENCE)?.reader();
    algorithm.end()?;
    let nonce = parameters.expect(tag::OCTET_STRING)?.content;
    expect_number(parameters.next()?, TAG_BYTES as u8)?;
    parameters.end()?;
    let encrypted = content.expect(tag::PRIMITIVE_0)?.content;
    content.end()?;
    if nonce.len() != NONCE_BYTES || mac.len() != TAG_BYTES {
        return Err(malformed("the nonce or the MAC has another length"));
    }
    Ok(Sealed { recipient, nonce, encrypted, mac })
}

fn read_transport(info: Element<'_>) -> Result<Recipient<'_>, Unreadable> {
    let mut fields = info.reader();
    expect_number(fields.next()?, 2)?;
    expect_identifier(fields.expect(tag::PRIMITIVE_0)?)?;
    let mut algorithm = fields.expect(tag::SEQUENCE)?.reader();
    expect_name(algorithm.next()?, RSAES_OAEP)?;
    algorithm.expect(tag::SEQUENCE)?.reader().end()?;
    algorithm.end()?;
    let encrypted = fields.expect(tag::OCTET_STRING)?.content;
    fields.end()?;
    Ok(Recipient::Transport { encrypted })
}

fn read_agreement(info: Element<'_>) -> Result<Recipient<'_>, Unreadable> {
    let mut fields = info.reader();
    expect_number(fields.next()?, 3)?;
    let originator = fields.expect(tag::CONTEXT_0)?;
    let mut originator = tlv::single(originator.content, tag::CONTEXT_1)?.reader();
    let mut algorithm = originator.expect(tag::SEQUENCE)?.reader();
    expect_name(algorithm.next()?, oid::EC)?;
    let curve = algorithm.next()?.whole;
    algorithm.end()?;
    let ephemeral = originator.expect(tag::BIT_STRING)?.content.strip_prefix(&[0]);
    originator.end()?;
    let mut scheme = fields.expect(tag::SEQUENCE)?.reader();
    let kdf = scheme.next()?.whole;
    let wrap = scheme.next()?.whole;
    scheme.end()?;
    let curve = [Curve::P256, Curve::P384]
        .into_iter()
        .find(|known| known.oid_der() == curve && known.scheme_der() == kdf)
        .ok_or_else(|| malformed("another key agreement"))?;
    if wrap != AES_256_WRAP {
        return Err(malformed("another key wrap"));
    }
    let keys = fields.expect(tag::SEQUENCE)?;
    fields.end()?;
    let mut key = tlv::single(keys.content, tag::SEQUENCE)?.reader();
    let name = key.expect(tag::CONTEXT_0)?;
    expect_identifier(tlv::single(name.content, tag::OCTET_STRING)?)?;
    let wrapped = key.expect(tag::OCTET_STRING)?.content;
    key.end()?;
    if wrapped.len() != 40 {
        return Err(malformed("the content key has another length"));
    }
    let ephemeral = ephemeral.ok_or_else(|| malformed("the ephemeral key has unused bits"))?;
    Ok(Recipient::Agreement { curve, ephemeral, wrapped })
}

fn expect_name(element: Element<'_>, wanted: ObjectIdentifier) -> Result<(), Unreadable> {
    let found = oid_of(element).map_err(|error| Unreadable::Malformed(error.to_string()))?;
    if found == wanted { Ok(()) } else { Err(malformed(&format!("{found} stands where {wanted} should"))) }
}

fn expect_number(element: Element<'_>, wanted: u8) -> Result<(), Unreadable> {
    if element.whole == integer(wanted) { Ok(()) } else { Err(malformed(&format!("a number is not {wanted}"))) }
}

/// Whoever is named: only the right key opens it.
fn expect_identifier(element: Element<'_>) -> Result<(), Unreadable> {
    if element.content.len() == 20 { Ok(()) } else { Err(malformed("the recipient's identifier has another length")) }
}
