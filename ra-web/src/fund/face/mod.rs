//! Whether the person before the camera is the one that the fund knows: the port, the question, and the proof.
//!
//! For: the second half of a withdrawal's door; the first is the certificate. Whoever compares faces is outside; their answer
//! counts only signed, for this very question (purpose, order, nonce, person), fresh, of a living face and near enough.
//! Trusts the public key of the configuration. Never keeps a picture, and writes none into a log: it lives in memory for the
//! one question.

pub mod http;

use async_trait::async_trait;
use ca_core::domain::{OrderId, Sha256, Timestamp};
use ca_core::keys::PublicKey;
use openssl::sha::sha256;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// The only purpose for which we ask.
pub const PURPOSE: &str = "fund.withdrawal";
/// A picture has so many bytes at most.
pub const MAX_PICTURE: usize = 2 * 1024 * 1024;
/// An answer has so many.
pub const MAX_ANSWER: usize = 16 * 1024;
/// An answer is of now: the clocks may differ by so many seconds.
const FRESH_SECONDS: i64 = 300;

/// A picture of a face. No Debug; wiped when dropped.
pub struct Picture {
    bytes: Zeroizing<Vec<u8>>,
    media: &'static str,
}

impl Picture {
    /// A JPEG or PNG, told by its first bytes.
    ///
    /// # Errors
    /// [`FaceFault::Picture`].
    pub fn new(bytes: Zeroizing<Vec<u8>>) -> Result<Self, FaceFault> {
        let media = match bytes.as_slice() {
            [0xff, 0xd8, 0xff, ..] => "image/jpeg",
            [0x89, b'P', b'N', b'G', ..] => "image/png",
            [] => return Err(FaceFault::Picture("none")),
            _ => return Err(FaceFault::Picture("kind")),
        };
        if bytes.len() > MAX_PICTURE {
            return Err(FaceFault::Picture("large"));
        }
        Ok(Self { bytes, media })
    }

    /// Its bytes, for whoever compares.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its media type.
    #[must_use]
    pub const fn media(&self) -> &'static str {
        self.media
    }
}

/// What is asked. The answer must be for exactly this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The order that waits for it.
    pub order: OrderId,
    /// Drawn for this question.
    pub nonce: String,
    /// The person, as the fund numbers them.
    pub subject: String,
}

/// Whose face it should be. No Debug: it has the number in full.
pub struct Identity {
    /// Name.
    pub name: String,
    /// The number that identifies them.
    pub id_number: Zeroizing<String>,
}

/// What whoever compares says, word for word. Canonical or not: these bytes are signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// JSON, see [`Said`].
    pub bytes: Vec<u8>,
    /// Over these bytes.
    pub signature: Vec<u8>,
}

/// An answer, read. Scores in ten-thousandths.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// Who compared.
    pub provider: String,
    /// For what.
    pub purpose: String,
    /// For which order.
    pub order: String,
    /// For which question.
    pub nonce: String,
    /// For which person.
    pub subject: String,
    /// How near the face is to the one of the register.
    pub score: i64,
    /// How sure it is that it lives.
    pub liveness: i64,
    /// When, in unix seconds.
    pub at: i64,
}

/// Why there is no proof.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum FaceFault {
    /// Nobody compares faces here.
    #[error("no provider of face checks is configured")]
    None,
    /// The provider did not answer in time, or not at all.
    #[error("the provider of face checks is away: {0}")]
    Away(String),
    /// The provider does not take our word: key, secret or clock.
    #[error("the provider of face checks refuses us: {0}")]
    Refused(String),
    /// There is something wrong with the picture: a message `my-face-picture-…`.
    #[error("the picture cannot be used: {0}")]
    Picture(&'static str),
    /// The answer is not signed by the provider, or not one.
    #[error("the provider's answer is not to be believed: {0}")]
    Untrusted(&'static str),
    /// It is for another purpose, order, question or person.
    #[error("the provider's answer is for another {0}")]
    Other(&'static str),
    /// It is too old, or of the future.
    #[error("the provider's answer is not of now")]
    Stale,
    /// The face does not live.
    #[error("no living face")]
    NotAlive,
    /// It is another face.
    #[error("another face")]
    NoMatch,
}

impl FaceFault {
    /// The end of the message key `my-face-…`.
    #[must_use]
    pub fn word(&self) -> String {
        match self {
            Self::None => "none".into(),
            Self::Away(_) => "away".into(),
            Self::Picture(what) => format!("picture-{what}"),
            Self::Refused(_) | Self::Untrusted(_) | Self::Other(_) | Self::Stale => "untrusted".into(),
            Self::NotAlive => "not-alive".into(),
            Self::NoMatch => "no-match".into(),
        }
    }

    /// Whether the person can do nothing about it.
    #[must_use]
    pub const fn is_ours(&self) -> bool {
        matches!(
            self,
            Self::None | Self::Away(_) | Self::Refused(_) | Self::Untrusted(_) | Self::Other(_) | Self::Stale
        )
    }
}

/// Compares faces. An answer proves nothing before [`FaceMatch::check`].
#[async_trait]
pub trait FaceVerifier: Send + Sync {
    /// Asks whether this is the face of that person.
    ///
    /// # Errors
    /// [`FaceFault`]; the picture is gone either way.
    async fn compare(&self, question: &Question, who: &Identity, picture: Picture) -> Result<Answer, FaceFault>;
}

/// What an answer must reach, and by whom it is signed.
#[derive(Clone)]
pub struct Trust {
    key: PublicKey,
    min_score: i64,
    min_liveness: i64,
}

impl Trust {
    /// Trusts answers signed by this key (P-256, RSA or SM2) that reach these ten-thousandths.
    #[must_use]
    pub const fn new(key: PublicKey, min_score: i64, min_liveness: i64) -> Self {
        Self { key, min_score, min_liveness }
    }

    /// Reads an answer for an order, whenever it was given, and holds it against what it must reach.
    ///
    /// # Errors
    /// [`FaceFault`] says what it lacks.
    pub fn read(&self, answer: &Answer, order: &str) -> Result<Said, FaceFault> {
        if answer.bytes.len() > MAX_ANSWER {
            return Err(FaceFault::Untrusted("it is too long"));
        }
        self.key
            .verify_with(self.key.signature_algorithm(), &answer.bytes, &answer.signature)
            .map_err(|_| FaceFault::Untrusted("it is not signed by the provider"))?;
        let said: Said =
            serde_json::from_slice(&answer.bytes).map_err(|_| FaceFault::Untrusted("it cannot be read"))?;
        let all = 0..=10_000;
        if !all.contains(&said.score) || !all.contains(&said.liveness) {
            return Err(FaceFault::Untrusted("its scores are none"));
        }
        if said.purpose != PURPOSE {
            return Err(FaceFault::Other("purpose"));
        }
        if said.order != order {
            return Err(FaceFault::Other("order"));
        }
        if said.liveness < self.min_liveness {
            return Err(FaceFault::NotAlive);
        }
        if said.score < self.min_score {
            return Err(FaceFault::NoMatch);
        }
        Ok(said)
    }
}

/// The proof that a face was compared for one order and is the person's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaceMatch {
    answer: Answer,
    provider: String,
    at: Timestamp,
}

impl FaceMatch {
    /// The one maker.
    ///
    /// # Errors
    /// [`FaceFault`] says what the answer lacks.
    pub fn check(answer: Answer, question: &Question, trust: &Trust, now: Timestamp) -> Result<Self, FaceFault> {
        let said = trust.read(&answer, &question.order.to_string())?;
        let at = Timestamp::from_unix(said.at);
        if said.nonce != question.nonce {
            return Err(FaceFault::Other("question"));
        }
        if said.subject != question.subject {
            return Err(FaceFault::Other("person"));
        }
        if now.since(at).abs() > FRESH_SECONDS {
            return Err(FaceFault::Stale);
        }
        Ok(Self { answer, provider: said.provider, at })
    }

    /// The answer, for the books.
    #[must_use]
    pub const fn answer(&self) -> &Answer {
        &self.answer
    }

    /// Its hash, which the person signs.
    #[must_use]
    pub fn sha256(&self) -> Sha256 {
        Sha256(sha256(&self.answer.bytes))
    }

    /// Who compared.
    #[must_use]
    pub fn provider(&self) -> &str {
        &self.provider
    }

    /// When.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        self.at
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use openssl::ec::{EcGroup, EcKey};
    use openssl::hash::MessageDigest;
    use openssl::nid::Nid;
    use openssl::pkey::{PKey, Private};
    use openssl::sign::Signer;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(1_795_500_000);

    pub(crate) fn key() -> PKey<Private> {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).expect("a curve");
        PKey::from_ec_key(EcKey::generate(&group).expect("a key")).expect("a key")
    }

    pub(crate) fn trust(key: &PKey<Private>) -> Trust {
        let spki = key.public_key_to_der().expect("a key");
        Trust::new(PublicKey::read(&spki).expect("a key"), 8_000, 9_000)
    }

    pub(crate) fn signed(key: &PKey<Private>, said: &Said) -> Answer {
        let bytes = serde_json::to_vec(said).expect("JSON");
        let mut signer = Signer::new(MessageDigest::sha256(), key).expect("a signer");
        let signature = signer.sign_oneshot_to_vec(&bytes).expect("signed");
        Answer { bytes, signature }
    }

    fn question() -> Question {
        Question {
            order: "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().expect("an id"),
            nonce: "ab".repeat(16),
            subject: "01ARZ3NDEKTSV4RRFFQ69G5FAW".into(),
        }
    }

    fn said() -> Said {
        let question = question();
        Said {
            provider: "sandbox".into(),
            purpose: PURPOSE.into(),
            order: question.order.to_string(),
            nonce: question.nonce,
            subject: question.subject,
            score: 9_000,
            liveness: 9_500,
            at: NOW.unix(),
        }
    }

    #[test]
    fn only_a_signed_fresh_answer_to_this_very_question_is_a_proof() {
        let key = key();
        let check = |said: &Said| FaceMatch::check(signed(&key, said), &question(), &trust(&key), NOW).map(|_| ());
        assert_eq!(check(&said()), Ok(()));
        for (wrong, fault) in [
            (Said { purpose: "fund.login".into(), ..said() }, FaceFault::Other("purpose")),
            (Said { order: "01ARZ3NDEKTSV4RRFFQ69G5FAX".into(), ..said() }, FaceFault::Other("order")),
            (Said { nonce: "cd".repeat(16), ..said() }, FaceFault::Other("question")),
            (Said { subject: "another".into(), ..said() }, FaceFault::Other("person")),
            (Said { at: NOW.unix() - 301, ..said() }, FaceFault::Stale),
            (Said { at: NOW.unix() + 301, ..said() }, FaceFault::Stale),
            (Said { liveness: 8_999, ..said() }, FaceFault::NotAlive),
            (Said { score: 7_999, ..said() }, FaceFault::NoMatch),
            (Said { score: 10_001, ..said() }, FaceFault::Untrusted("its scores are none")),
        ] {
            assert_eq!(check(&wrong), Err(fault));
        }
        let mut changed = signed(&key, &said());
        let at = changed.bytes.iter().position(|byte| *byte == b'9').expect("a digit");
        changed.bytes[at] = b'8';
        let checked = |answer| FaceMatch::check(answer, &question(), &trust(&key), NOW).map(|_| ());
        assert!(matches!(checked(changed), Err(FaceFault::Untrusted(_))));
        assert!(matches!(checked(signed(&self::key(), &said())), Err(FaceFault::Untrusted(_))), "another's key");
    }

    #[test]
    fn pictures_are_told_by_their_bytes() {
        let picture = |bytes: &[u8]| Picture::new(Zeroizing::new(bytes.to_vec())).map(|picture| picture.media());
        assert_eq!(picture(&[0xff, 0xd8, 0xff, 0xe0]), Ok("image/jpeg"));
        assert_eq!(picture(b"\x89PNG\r\n"), Ok("image/png"));
        assert_eq!(picture(b""), Err(FaceFault::Picture("none")));
        assert_eq!(picture(b"GIF89a"), Err(FaceFault::Picture("kind")));
        assert_eq!(
            picture(&[&[0xff, 0xd8, 0xff][..], &vec![0; MAX_PICTURE]].concat()),
            Err(FaceFault::Picture("large"))
        );
    }
}
