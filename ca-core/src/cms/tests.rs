use super::sign::attribute;
use super::*;
use crate::keys::testing::{TestCert, TestKey};
use crate::keys::{KeyKind, SignatureAlgorithm, oid};
use crate::tlv::{self, tag};
use crate::x509::{self, Parts};
use openssl::cms::{CMSOptions, CmsContentInfo};
use openssl::stack::Stack;
use openssl::x509::X509;
use openssl::x509::store::X509StoreBuilder;

const NOW: Timestamp = Timestamp::from_unix(1_500_000_000);

struct Signer {
    key: TestKey,
    certificate: Vec<u8>,
}

impl Signer {
    fn new(kind: KeyKind) -> Self {
        let key = TestKey::new(kind);
        let certificate = TestCert::leaf("signer", &key, None).build();
        Self { key, certificate }
    }

    fn sign(&self, content: &[u8]) -> Vec<u8> {
        sign(content, &self.certificate, NOW, |message| Ok::<_, ()>(self.key.sign(message))).expect("signs")
    }

    /// A message made by hand, so that each part can be wrong.
    fn forge(&self, change: impl FnOnce(&mut Draft)) -> Vec<u8> {
        let parts = Parts::read(&self.certificate).expect("parts");
        let serial = tlv::write(tag::INTEGER, &[parts.tbs.serial]);
        let algorithm = self.key.algorithm();
        let digest = digest_bytes(algorithm.digest(), b"content").expect("digest");
        let mut draft = Draft {
            message_type: ID_SIGNED_DATA,
            content_type: ID_DATA,
            content: Some(b"content".to_vec()),
            certificates: vec![self.certificate.clone()],
            sid: tlv::write(tag::SEQUENCE, &[parts.tbs.issuer, &serial]),
            version: 1,
            attributes: Some(vec![
                attribute(CONTENT_TYPE, &tlv::write(tag::OID, &[ID_DATA.as_bytes()])),
                attribute(MESSAGE_DIGEST, &tlv::write(tag::OCTET_STRING, &[digest])),
                attribute(SIGNING_TIME, &x509::write_time(NOW).expect("time")),
            ]),
            sort: true,
            digest: algorithm.digest_oid(),
            algorithm: algorithm.identifier_der(),
            unsigned: false,
            signers: 1,
        };
        change(&mut draft);
        draft.build(&self.key)
    }
}

struct Draft {
    message_type: ObjectIdentifier,
    content_type: ObjectIdentifier,
    content: Option<Vec<u8>>,
    certificates: Vec<Vec<u8>>,
    sid: Vec<u8>,
    version: u8,
    attributes: Option<Vec<Vec<u8>>>,
    sort: bool,
    digest: ObjectIdentifier,
    algorithm: Vec<u8>,
    unsigned: bool,
    signers: usize,
}

impl Draft {
    fn build(mut self, key: &TestKey) -> Vec<u8> {
        let oid = |name: ObjectIdentifier| tlv::write(tag::OID, &[name.as_bytes()]);
        let digest = tlv::write(tag::SEQUENCE, &[oid(self.digest)]);
        let mut info = vec![vec![tag::INTEGER, 1, self.version], self.sid, digest.clone()];
        let signature = match &mut self.attributes {
            Some(attributes) => {
                if self.sort {
                    attributes.sort();
                }
                info.push(tlv::write(tag::CONTEXT_0, attributes));
                key.sign(&tlv::write(tag::SET, attributes))
            }
            None => key.sign(self.content.as_deref().unwrap_or_default()),
        };
        info.push(self.algorithm);
        info.push(tlv::write(tag::OCTET_STRING, &[signature]));
        if self.unsigned {
            info.push(tlv::write(tag::CONTEXT_1, &[attribute(SIGNING_TIME, &[5, 0])]));
        }
        let info = tlv::write(tag::SEQUENCE, &info);
        let mut encapsulated = vec![oid(self.content_type)];
        if let Some(content) = self.content {
            encapsulated.push(tlv::write(tag::CONTEXT_0, &[tlv::write(tag::OCTET_STRING, &[content])]));
        }
        let mut fields =
            vec![vec![tag::INTEGER, 1, 1], tlv::write(tag::SET, &[digest]), tlv::write(tag::SEQUENCE, &encapsulated)];
        if !self.certificates.is_empty() {
            fields.push(tlv::write(tag::CONTEXT_0, &self.certificates));
        }
        fields.push(tlv::write(tag::SET, &vec![info; self.signers]));
        let data = tlv::write(tag::SEQUENCE, &fields);
        tlv::write(tag::SEQUENCE, &[oid(self.message_type), tlv::write(tag::CONTEXT_0, &[data])])
    }
}

#[test]
fn what_is_signed_is_read_back() {
    for kind in [KeyKind::P256, KeyKind::P384, KeyKind::Rsa2048, KeyKind::Sm2] {
        let signer = Signer::new(kind);
        let signed = verify(&signer.sign("单位".as_bytes())).expect("verifies");
        assert_eq!(signed.content, "单位".as_bytes());
        assert_eq!(signed.certificate, signer.certificate);
        assert_eq!(signed.signing_time, NOW);
    }
}

#[test]
fn openssl_verifies_what_we_sign() {
    for kind in [KeyKind::P256, KeyKind::P384, KeyKind::Rsa2048] {
        let signer = Signer::new(kind);
        let mut message = CmsContentInfo::from_der(&signer.sign(b"order")).expect("openssl reads");
        let mut out = Vec::new();
        let store = X509StoreBuilder::new().expect("store").build();
        let options = CMSOptions::NO_SIGNER_CERT_VERIFY | CMSOptions::BINARY;
        message.verify(None, Some(&store), None, Some(&mut out), options).expect("openssl verifies");
        assert_eq!(out, b"order");
    }
}

/// The command, as an auditor would call it years later.
#[test]
fn the_openssl_command_verifies_what_we_sign() {
    let folder = tempfile::tempdir().expect("folder");
    let path = |name: &str| folder.path().join(name);
    for kind in [KeyKind::P256, KeyKind::P384, KeyKind::Rsa2048] {
        let signer = Signer::new(kind);
        std::fs::write(path("message.der"), signer.sign(b"order")).expect("write");
        let pem = X509::from_der(&signer.certificate).and_then(|x| x.to_pem()).expect("PEM");
        std::fs::write(path("ca.pem"), pem).expect("write");
        let output = std::process::Command::new("openssl")
            .args(["cms", "-verify", "-binary", "-inform", "DER", "-purpose", "any", "-partial_chain"])
            .args(["-attime", "1500000000"])
            .arg("-in")
            .arg(path("message.der"))
            .arg("-CAfile")
            .arg(path("ca.pem"))
            .output()
            .expect("openssl runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.stdout, b"order");
    }
}

#[test]
fn what_openssl_signs_is_read() {
    for kind in [KeyKind::P256, KeyKind::Rsa2048] {
        let signer = Signer::new(kind);
        let certificate = X509::from_der(&signer.certificate).expect("certificate");
        let make = |options| {
            let none = Stack::new().expect("stack");
            CmsContentInfo::sign(Some(&certificate), Some(&signer.key.private), Some(&none), Some(b"order"), options)
                .and_then(|message| message.to_der())
                .expect("openssl signs")
        };
        assert_eq!(verify(&make(CMSOptions::BINARY)).expect("verifies").content, b"order");
        assert!(verify(&make(CMSOptions::BINARY | CMSOptions::DETACHED)).is_err());
        assert!(verify(&make(CMSOptions::BINARY | CMSOptions::NOATTR)).is_err());
        assert!(verify(&make(CMSOptions::BINARY | CMSOptions::CMS_NOCERTS)).is_err());
        let by_key = verify(&make(CMSOptions::BINARY | CMSOptions::USE_KEYID)).expect("named by key identifier");
        assert_eq!(by_key.certificate, signer.certificate);
    }
}

#[test]
fn no_flipped_bit_is_believed() {
    let signer = Signer::new(KeyKind::P256);
    let message = signer.sign(b"order");
    let wanted = verify(&message).expect("genuine");
    for at in 0..message.len() {
        for bit in 0..8 {
            let mut bent = message.clone();
            bent[at] ^= 1 << bit;
            if let Ok(signed) = verify(&bent) {
                panic!("byte {at} bit {bit} makes no difference: {}", signed == wanted);
            }
        }
    }
}

#[test]
fn the_draft_of_these_tests_is_good_before_it_is_bent() {
    verify(&Signer::new(KeyKind::P256).forge(|_| {})).expect("verifies");
}

#[test]
fn each_foreign_form_is_refused() {
    let signer = Signer::new(KeyKind::P256);
    let refused = |change: &dyn Fn(&mut Draft)| verify(&signer.forge(|draft| change(draft))).is_err();
    assert!(refused(&|d| d.signers = 0), "no signer");
    assert!(refused(&|d| d.signers = 2), "two signers");
    assert!(refused(&|d| d.content = None), "detached");
    assert!(refused(&|d| d.content_type = ID_SIGNED_DATA), "content type outside");
    assert!(refused(&|d| d.attributes = None), "no signed attributes");
    assert!(refused(&|d| d.certificates.clear()), "no certificate");
    assert!(refused(&|d| d.certificates = vec![d.certificates[0].clone(); 2]), "the certificate twice");
    assert!(refused(&|d| d.certificates = vec![d.certificates[0].clone(); 6]), "too many certificates");
    assert!(refused(&|d| d.version = 3), "version of the other sid");
    assert!(refused(&|d| d.unsigned = true), "unsigned attributes");
    assert!(refused(&|d| d.sort = false), "attributes not in order");
    assert!(refused(&|d| d.digest = oid::SHA384), "another digest than the signature's");
    assert!(refused(&|d| d.digest = ObjectIdentifier::new_unwrap("1.3.14.3.2.26")), "SHA-1");
    assert!(refused(&|d| d.algorithm = SignatureAlgorithm::RsaSha256.identifier_der()), "RSA for a P-256 key");
}

#[test]
fn each_signed_attribute_must_be_there_once_and_right() {
    let signer = Signer::new(KeyKind::P256);
    for missing in 0..3 {
        let message = signer.forge(|d| drop(d.attributes.as_mut().expect("some").remove(missing)));
        assert!(matches!(verify(&message), Err(CmsError::Form(_))), "attribute {missing}");
    }
    let message = signer.forge(|d| {
        let attributes = d.attributes.as_mut().expect("some");
        attributes.push(attribute(SIGNING_TIME, &x509::write_time(NOW.plus(1)).expect("time")));
    });
    assert!(matches!(verify(&message), Err(CmsError::Form(_))), "twice");
    let message = signer.forge(|d| {
        d.attributes.as_mut().expect("some")[0] =
            attribute(CONTENT_TYPE, &tlv::write(tag::OID, &[ID_SIGNED_DATA.as_bytes()]));
    });
    assert!(matches!(verify(&message), Err(CmsError::Form(_))), "another content type");
    let message = signer.forge(|d| d.content = Some(b"other".to_vec()));
    assert!(matches!(verify(&message), Err(CmsError::Digest("content"))));
}

#[test]
fn the_named_certificate_must_be_the_signers() {
    let signer = Signer::new(KeyKind::P256);
    let ess = |digest: &[u8]| {
        let id = tlv::write(tag::SEQUENCE, &[tlv::write(tag::OCTET_STRING, &[digest])]);
        attribute(SIGNING_CERTIFICATE_V2, &tlv::write(tag::SEQUENCE, &[tlv::write(tag::SEQUENCE, &[id])]))
    };
    let with = |digest: &[u8]| verify(&signer.forge(|d| d.attributes.as_mut().expect("some").push(ess(digest))));
    with(&openssl::sha::sha256(&signer.certificate)).expect("the right one");
    assert!(matches!(with(&[7; 32]), Err(CmsError::Digest("certificate"))));
    // The same key and name in another certificate, put in place of the signer's.
    let other = TestCert { not_after: 3_000_000_000, ..TestCert::leaf("signer", &signer.key, None) }.build();
    let swapped = signer.forge(|d| {
        d.attributes.as_mut().expect("some").push(ess(&openssl::sha::sha256(&signer.certificate)));
        d.certificates = vec![other];
    });
    assert!(matches!(verify(&swapped), Err(CmsError::Digest("certificate"))));
}

#[test]
fn somebody_elses_certificate_or_name_is_refused() {
    let (signer, other) = (Signer::new(KeyKind::P256), Signer::new(KeyKind::P256));
    // Same issuer name and serial number, other key.
    let message = signer.forge(|d| d.certificates = vec![other.certificate.clone()]);
    assert!(matches!(verify(&message), Err(CmsError::Signature(_))));
    let named = tlv::write(tag::SEQUENCE, &[&tlv::write(tag::SEQUENCE, &[[]; 0])[..], &[tag::INTEGER, 1, 5]]);
    assert!(matches!(verify(&signer.forge(|d| d.sid = named)), Err(CmsError::Form(_))));
}

#[test]
fn long_messages_and_trailing_bytes_are_refused() {
    let signer = Signer::new(KeyKind::P256);
    let mut message = signer.sign(b"order");
    message.push(0);
    assert!(matches!(verify(&message), Err(CmsError::Malformed(_))));
    assert!(matches!(verify(&vec![0x30; MAX_MESSAGE_BYTES + 1]), Err(CmsError::TooLong)));
    let long = sign(&vec![0; MAX_MESSAGE_BYTES], &signer.certificate, NOW, |_| Ok::<_, ()>(Vec::new()));
    assert!(matches!(long, Err(SignMessageError::Input(_))));
}

#[test]
fn an_sm2_message_is_written_as_the_standard_says() {
    let message = Signer::new(KeyKind::Sm2).sign(b"content");
    let there = |name: ObjectIdentifier| {
        let name = tlv::write(tag::OID, &[name.as_bytes()]);
        message.windows(name.len()).filter(|window| *window == name).count()
    };
    // The content's type, the same among the attributes; the digest announced and used.
    assert_eq!((there(GM_SIGNED_DATA), there(GM_DATA), there(oid::SM3)), (1, 2, 2));
    assert_eq!((there(oid::SM2_SIGNATURE), there(ID_SIGNED_DATA), there(ID_DATA)), (1, 0, 0));
}

#[test]
fn sm2_messages_of_the_field_are_read() {
    let signer = Signer::new(KeyKind::Sm2);
    let name = |oid: ObjectIdentifier| tlv::write(tag::OID, &[oid.as_bytes()]);
    let with_null = |oid| tlv::write(tag::SEQUENCE, &[&name(oid)[..], &[tag::NULL, 0]]);
    let gm = |draft: &mut Draft| {
        (draft.message_type, draft.content_type) = (GM_SIGNED_DATA, GM_DATA);
        let attributes = draft.attributes.as_mut().expect("attributes");
        attributes[0] = attribute(CONTENT_TYPE, &name(GM_DATA));
    };
    verify(&signer.forge(|_| {})).expect("PKCS#7 names, SM2-with-SM3 for the signature");
    verify(&signer.forge(gm)).expect("names of GM/T 0010");
    verify(&signer.forge(|d| d.digest = oid::SM2_SM3)).expect("SM2-with-SM3 for the digest");
    verify(&signer.forge(|d| d.algorithm = with_null(oid::SM2_SM3))).expect("NULL parameters");
    verify(&signer.forge(|d| d.algorithm = with_null(oid::SM2_SIGNATURE))).expect("the standard's name");
    let mixed = signer.forge(|d| d.content_type = GM_DATA);
    assert!(matches!(verify(&mixed), Err(CmsError::Form(_))), "one content type outside, another signed");
}

#[test]
fn an_sm2_message_of_another_id_digest_or_family_is_refused() {
    let signer = Signer::new(KeyKind::Sm2);
    let empty = sign(b"x", &signer.certificate, NOW, |message| {
        Ok::<_, ()>(signer.key.sign_under(&crate::keys::Sm2Id::EMPTY, message))
    });
    assert!(matches!(verify(&empty.expect("signs")), Err(CmsError::Signature(VerifyError::Signature))));
    for digest in [oid::SHA256, oid::SHA384] {
        assert!(verify(&signer.forge(|d| d.digest = digest)).is_err(), "{digest}");
    }
    for algorithm in [SignatureAlgorithm::EcdsaSha256, SignatureAlgorithm::RsaSha256] {
        assert!(verify(&signer.forge(|d| d.algorithm = algorithm.identifier_der())).is_err(), "{algorithm:?}");
    }
    let p256 = Signer::new(KeyKind::P256);
    let sm3 = p256.forge(|d| {
        d.digest = oid::SM3;
        d.algorithm = SignatureAlgorithm::Sm2Sm3.identifier_der();
    });
    assert!(verify(&sm3).is_err());
}
