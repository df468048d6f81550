//! Pairs: two certificates of one holder that stand and fall together, and a key-management centre that is away, says
//! no, or lies.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use der::Decode as _;
use x509_cert::Certificate;

use super::{DESK, ask, faults, houses, order_came_to_nothing, submit};
use crate::domain::{Act, CertificateStatus, IssuerId, KeyKind, Order, RevocationReason};
use crate::envelope::{self, EncryptionKey};
use crate::escrow::port::{KeyManagement, KeyRequest, KmcError, RecoverySubmission, WrappedKey};
use crate::issuance::faults::{NoFaults, Point, StopAt};
use crate::service::protocol::{Blob, CertificateView, EncryptionView, Refusal, RefusalCode, Request};
use crate::signer::soft::SoftKey;
use crate::store::Store as _;
use crate::testing::{House, new_key, revoke};
use crate::x509::{KeyUsage, Parts};

/// What a token makes of the envelope of a pair.
fn opened(pair: &EncryptionView, key: &SoftKey) -> Option<EncryptionKey> {
    let certificate = Parts::read(&pair.certificate.0).unwrap();
    envelope::open(&pair.envelope.message.0, certificate.tbs.spki, |operation| key.perform(operation)).ok()
}

/// The orders whose keys the centre holds in use, and how many keys that are.
async fn keys_in_use(house: &House) -> usize {
    use crate::escrow::EscrowStore as _;
    let mut tx = house.centre().await.store.begin_read().await.unwrap();
    tx.in_use_after(None, 1000).await.unwrap().len()
}

async fn is_sound(house: &House) {
    assert_eq!(faults(house).await, Vec::<String>::new(), "{}", house.engine());
}

fn of_kind(house: &House, kind: KeyKind) -> Order {
    let mut order = house.unit_order();
    if let Act::Issue { key, issuer, .. } = &mut order.act {
        *key = kind;
        if kind == KeyKind::Rsa2048 {
            *issuer = IssuerId::new("unit-rsa").unwrap();
        }
    }
    order
}

#[tokio::test]
async fn one_order_makes_two_certificates_of_one_holder_and_an_envelope_that_only_the_token_opens() {
    for (engine, house) in houses().await {
        let authority = house.authority().await;
        for kind in [KeyKind::P256, KeyKind::Rsa2048, KeyKind::Sm2] {
            let (order, key) = (of_kind(&house, kind), SoftKey::generate(kind).unwrap());
            let view = submit(&authority, house.issue(&order, &DESK, "limin", &key)).await.unwrap();
            let pair = view.encryption.as_ref().expect("a pair");
            assert_eq!(pair.profile.as_str(), "unit-encrypt");
            let [one, two] = [&view.certificate, &pair.certificate].map(|der| Certificate::from_der(&der.0).unwrap());
            let [first, second] = [&view.certificate, &pair.certificate].map(|der| Parts::read(&der.0).unwrap().tbs);
            assert_eq!(first.subject, second.subject, "{engine} {kind}");
            assert_eq!(first.issuer, second.issuer);
            assert_eq!(one.tbs_certificate().validity(), two.tbs_certificate().validity());
            assert_ne!(first.serial, second.serial);
            assert_ne!(first.spki, second.spki);
            assert_ne!(first.subject_key_identifier().unwrap(), second.subject_key_identifier().unwrap());
            let [signs, enciphers] = [&first, &second].map(|tbs| tbs.key_usage().unwrap().unwrap());
            assert!(signs.has(KeyUsage::DIGITAL_SIGNATURE) && !enciphers.has(KeyUsage::DIGITAL_SIGNATURE), "{kind}");

            let own = opened(pair, &key).expect("its token opens it");
            assert_eq!(own.spki_der(), second.spki, "{engine} {kind}: the key of the encryption certificate");
            assert!(opened(pair, &SoftKey::generate(kind).unwrap()).is_none(), "{engine} {kind}: no other token");
            assert_eq!(pair.envelope.skf.is_some(), kind == KeyKind::Sm2);

            let again = submit(&authority, house.issue(&order, &DESK, "limin", &key)).await.unwrap();
            assert_eq!(again, view, "{engine} {kind}: the same pair in the same envelope");
        }
        assert_eq!((house.certificates().await, keys_in_use(&house).await), (6, 3), "{engine}");
        is_sound(&house).await;
    }
}

async fn view(authority: &super::Authority, issuer: &IssuerId, serial: &crate::domain::Serial) -> CertificateView {
    ask(authority, Request::Certificate { issuer: issuer.clone(), serial: serial.clone() }).await.unwrap()
}

/// What each certificate of a pair is worth by the store itself.
async fn statuses(house: &House, pair: &CertificateView) -> [CertificateStatus; 2] {
    let mut tx = house.store().await.begin_read().await.unwrap();
    let second = &pair.encryption.as_ref().unwrap().serial;
    let mut each = [CertificateStatus::Good; 2];
    for (serial, status) in [&pair.serial, second].into_iter().zip(&mut each) {
        *status = tx.status(&pair.issuer, serial).await.unwrap().unwrap().status;
    }
    each
}

#[tokio::test]
async fn hold_release_and_revocation_by_either_serial_number_move_both() {
    for (engine, house) in houses().await {
        let authority = house.authority().await;
        for by_second in [false, true] {
            let pair = submit(&authority, house.issue(&house.unit_order(), &DESK, "limin", &new_key())).await.unwrap();
            let issuer = pair.issuer.clone();
            let second = pair.encryption.as_ref().unwrap().serial.clone();
            let serial = if by_second { second.clone() } else { pair.serial.clone() };
            assert_eq!(view(&authority, &issuer, &serial).await, pair, "{engine}: either names the pair");

            let hold = house.order(Act::Hold { issuer: issuer.clone(), serial: serial.clone() });
            let held = submit(&authority, house.about_status(&hold, &["chenjie"])).await.unwrap();
            assert_eq!(held.serial, pair.serial, "{engine}");
            assert_eq!(statuses(&house, &pair).await, [CertificateStatus::Held { since: house.now() }; 2], "{engine}");
            let release = house.order(Act::Release { issuer: issuer.clone(), serial: serial.clone() });
            submit(&authority, house.about_status(&release, &DESK)).await.unwrap();
            assert_eq!(statuses(&house, &pair).await, [CertificateStatus::Good; 2], "{engine}");
            let revocation = house.order(revoke(&issuer, &serial));
            submit(&authority, house.about_status(&revocation, &DESK)).await.unwrap();
            let reason = RevocationReason::KeyCompromise;
            let revoked = CertificateStatus::Revoked { since: house.now(), reason };
            assert_eq!(statuses(&house, &pair).await, [revoked; 2], "{engine}");
            // The other half cannot go its own way.
            let other = if by_second { &pair.serial } else { &second };
            let release = house.order(Act::Release { issuer: issuer.clone(), serial: other.clone() });
            let told = submit(&authority, house.about_status(&release, &DESK)).await.map(|_| ());
            assert_eq!(told, Err(RefusalCode::WrongState), "{engine}");
        }
        is_sound(&house).await;
    }
}

#[tokio::test]
async fn both_are_delivered_by_one_word_of_the_signature_key_and_abandoned_by_one() {
    for (engine, house) in houses().await {
        let authority = house.authority().await;
        let key = new_key();
        let pair = submit(&authority, house.issue(&house.unit_order(), &DESK, "limin", &key)).await.unwrap();
        let install = house.installed(&pair, key);
        ask(&authority, Request::Confirm { install }).await.unwrap();
        let mut tx = house.store().await.begin_read().await.unwrap();
        let records = tx.certificates_of_order(pair.order).await.unwrap();
        let delivered: Vec<_> = records.iter().map(|record| record.made.as_ref().unwrap().delivered).collect();
        assert_eq!(delivered, [Some(house.now()); 2], "{engine}");
        drop(tx);

        let order = house.unit_order();
        let pair = submit(&authority, house.issue(&order, &DESK, "limin", &new_key())).await.unwrap();
        ask(&authority, Request::Abandon { order: order.id, why: "token broken".into() }).await.unwrap();
        let reason = RevocationReason::CessationOfOperation;
        let revoked = CertificateStatus::Revoked { since: house.now(), reason };
        assert_eq!(statuses(&house, &pair).await, [revoked; 2], "{engine}");
    }
}

#[tokio::test]
async fn a_pair_that_was_stopped_anywhere_is_made_once_with_one_key_of_the_centre() {
    for point in Point::ALL {
        for (engine, house) in houses().await {
            let (order, key) = (house.unit_order(), new_key());
            let submission = house.issue(&order, &DESK, "limin", &key);
            let stopped = house.authority_with(Arc::new(StopAt(point))).await;
            assert!(submit(&stopped, submission.clone()).await.is_err());
            let restarted = house.authority().await;
            restarted.reconcile().await.unwrap();
            let made = house.certificates().await;
            assert!(made == 0 || made == 2, "{engine} {point:?}: half a pair");
            let pair = submit(&restarted, submission.clone()).await.unwrap();
            assert_eq!(submit(&restarted, submission).await.unwrap(), pair, "{engine} {point:?}");
            assert!(opened(pair.encryption.as_ref().unwrap(), &key).is_some(), "{engine} {point:?}");
            assert_eq!((house.certificates().await, keys_in_use(&house).await), (2, 1), "{engine} {point:?}");
            is_sound(&house).await;
        }
    }
}

#[tokio::test]
async fn an_order_may_come_again_with_another_key_before_anything_was_issued() {
    for (engine, house) in houses().await {
        let (order, broken, key) = (house.unit_order(), new_key(), new_key());
        let stopped = house.authority_with(Arc::new(StopAt(Point::BeforeIntent))).await;
        submit(&stopped, house.issue(&order, &DESK, "limin", &broken)).await.unwrap_err();
        let authority = house.authority().await;
        let pair = submit(&authority, house.issue(&order, &DESK, "limin", &key)).await.unwrap();
        let pair = pair.encryption.unwrap();
        assert!(opened(&pair, &key).is_some() && opened(&pair, &broken).is_none(), "{engine}");
        assert_eq!((house.certificates().await, keys_in_use(&house).await), (2, 2), "{engine}");
    }
}

/// A key-management centre that can be away.
struct Away {
    centre: Arc<dyn KeyManagement>,
    away: AtomicBool,
}

#[async_trait]
impl KeyManagement for Away {
    async fn provide(&self, ask: KeyRequest) -> Result<WrappedKey, KmcError> {
        if self.away.load(Ordering::SeqCst) {
            return Err(std::io::Error::from(std::io::ErrorKind::ConnectionRefused).into());
        }
        self.centre.provide(ask).await
    }

    async fn recover(&self, submission: RecoverySubmission) -> Result<WrappedKey, KmcError> {
        self.centre.recover(submission).await
    }
}

/// The order was not carried out and left nothing behind.
async fn nothing_came_of_it(house: &House, authority: &super::Authority, order: &Order) {
    assert!(order_came_to_nothing(authority, order.id).await, "{}", house.engine());
    assert_eq!(house.certificates().await, 0, "{}", house.engine());
    let mut tx = house.store().await.begin_read().await.unwrap();
    assert!(tx.order(order.id).await.unwrap().is_none(), "{}: no order was kept", house.engine());
    assert!(tx.envelope(order.id).await.unwrap().is_none());
    drop(tx);
    is_sound(house).await;
}

#[tokio::test]
async fn while_the_centre_is_away_no_pair_is_issued_and_afterwards_the_same_order_is() {
    for (engine, house) in houses().await {
        let kmc = Arc::new(Away { centre: house.centre().await.kmc.clone(), away: AtomicBool::new(true) });
        let authority = house.joined(Arc::new(NoFaults), Some(kmc.clone())).await;
        let (order, key) = (house.unit_order(), new_key());
        let submission = house.issue(&order, &DESK, "limin", &key);
        for _ in 0..2 {
            let told = submit(&authority, submission.clone()).await.map(|_| ());
            assert_eq!(told, Err(RefusalCode::KmcUnavailable), "{engine}");
        }
        nothing_came_of_it(&house, &authority, &order).await;
        // What needs no pair goes on.
        let staff = house.order(super::staff::staff_act("newhand", "新手"));
        let officer = submit(&authority, house.issue(&staff, &crate::testing::ADMINISTRATORS, "wumin", &new_key()))
            .await
            .unwrap();
        assert_eq!(officer.encryption, None);
        kmc.away.store(false, Ordering::SeqCst);
        let pair = submit(&authority, submission).await.unwrap();
        assert!(opened(&pair.encryption.unwrap(), &key).is_some(), "{engine}");
    }
}

#[tokio::test]
async fn without_a_centre_an_order_for_a_pair_is_refused_in_clear_words() {
    for (engine, house) in houses().await {
        let authority = house.joined(Arc::new(NoFaults), None).await;
        let order = house.unit_order();
        let refused = house.issue(&order, &DESK, "limin", &new_key());
        let told = crate::service::client::CertificateAuthority::call(&authority, Request::Submit(refused)).await;
        let told = told.map(|_| ()).unwrap_err().to_string();
        assert!(told.contains("key-management centre"), "{engine}: {told}");
        nothing_came_of_it(&house, &authority, &order).await;
    }
}

/// A key-management centre that does not do what it is asked for.
struct LyingKmc(Lie);

#[derive(Clone, Copy, Debug)]
enum Lie {
    /// It says no.
    Refuses,
    /// A key of another kind.
    OtherKind,
    /// The signature key itself.
    SignatureKey,
    /// Octets that are no key.
    NoKey,
    /// A key that we do not certify.
    WeakKey,
}

#[async_trait]
impl KeyManagement for LyingKmc {
    async fn provide(&self, ask: KeyRequest) -> Result<WrappedKey, KmcError> {
        let recipient = &ask.recipient_spki.0;
        let other = |kind| EncryptionKey::generate(kind, &mut crate::clock::system_rng()).unwrap();
        let true_key = other(ask.kind);
        let envelope = envelope::wrap(&true_key, recipient, &mut crate::clock::system_rng()).unwrap();
        let spki = match self.0 {
            Lie::Refuses => {
                let refusal = Refusal { code: RefusalCode::WrongState, detail: "history".into() };
                return Err(refusal.into());
            }
            Lie::OtherKind => other(KeyKind::Rsa2048).spki_der().to_vec(),
            Lie::SignatureKey => recipient.clone(),
            Lie::NoKey => b"no key".to_vec(),
            Lie::WeakKey => openssl::rsa::Rsa::generate(1024).and_then(|key| key.public_key_to_der()).unwrap(),
        };
        Ok(WrappedKey { spki: Blob(spki), envelope })
    }

    async fn recover(&self, _: RecoverySubmission) -> Result<WrappedKey, KmcError> {
        let key = EncryptionKey::generate(KeyKind::P256, &mut crate::clock::system_rng()).unwrap();
        let envelope = envelope::wrap(&key, key.spki_der(), &mut crate::clock::system_rng()).unwrap();
        Ok(WrappedKey { spki: Blob(key.spki_der().to_vec()), envelope })
    }
}

/// A centre that gives some key of its own whatever was to be recovered.
pub(super) fn gives_another_key() -> Arc<dyn KeyManagement> {
    Arc::new(LyingKmc(Lie::OtherKind))
}

#[tokio::test]
async fn a_centre_that_refuses_or_gives_something_else_makes_no_pair() {
    for (engine, house) in houses().await {
        for lie in [Lie::Refuses, Lie::OtherKind, Lie::SignatureKey, Lie::NoKey, Lie::WeakKey] {
            let authority = house.joined(Arc::new(NoFaults), Some(Arc::new(LyingKmc(lie)))).await;
            let order = house.unit_order();
            let told = submit(&authority, house.issue(&order, &DESK, "limin", &new_key())).await.map(|_| ());
            let wanted = if matches!(lie, Lie::Refuses) { RefusalCode::WrongState } else { RefusalCode::Unavailable };
            assert_eq!(told, Err(wanted), "{engine} {lie:?}");
            nothing_came_of_it(&house, &authority, &order).await;
        }
    }
}

#[tokio::test]
async fn an_encryption_key_is_certified_once() {
    for (engine, house) in houses().await {
        /// A centre that gives every order the same key.
        struct Same(EncryptionKey);
        #[async_trait]
        impl KeyManagement for Same {
            async fn provide(&self, ask: KeyRequest) -> Result<WrappedKey, KmcError> {
                let envelope = envelope::wrap(&self.0, &ask.recipient_spki.0, &mut crate::clock::system_rng()).unwrap();
                Ok(WrappedKey { spki: Blob(self.0.spki_der().to_vec()), envelope })
            }
            async fn recover(&self, _: RecoverySubmission) -> Result<WrappedKey, KmcError> {
                unreachable!("nothing is recovered here")
            }
        }
        let key = EncryptionKey::generate(KeyKind::P256, &mut crate::clock::system_rng()).unwrap();
        let authority = house.joined(Arc::new(NoFaults), Some(Arc::new(Same(key)))).await;
        submit(&authority, house.issue(&house.unit_order(), &DESK, "limin", &new_key())).await.unwrap();
        let second = house.issue(&house.unit_order(), &DESK, "limin", &new_key());
        assert_eq!(submit(&authority, second).await.map(|_| ()), Err(RefusalCode::KeyNotAccepted), "{engine}");
        assert_eq!(house.certificates().await, 2, "{engine}");
    }
}
