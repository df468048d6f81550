//! Provisioning against a registration authority: whole, and stopped at each step and run again.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ca_core::clock::SystemClock;
use ca_core::domain::{Act, IssuerId, KeyKind, OfficeId, Order, OrderId, ProfileName, Subject, SubjectField};
use ca_core::envelope::{EncryptionKey, PrivateOperation};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::{Value, json};
use token_provisioner::certificate::{Facts, Holder};
use token_provisioner::driver::{
    Drivers, InitTarget, KeyId, KeyUse, Pin, PublicKey, Session, StoredCertificate, TokenDriver, TokenError, TokenInfo,
    TokenKey, TokenLabel, TokenSerial,
};
use token_provisioner::provision::ProvisionError;
use token_provisioner::provision::inspect;
use token_provisioner::provision::online::{Delivered, Operator, Progress, Provisioning, Step, Target};
use token_provisioner::ra_client::{RaClient, RaError};

use zeroize::Zeroizing;

use crate::common::authority::TestCa;
use crate::common::house::{Desk, act_token, marked, now};
use crate::common::ra::{Bent, Fail, Ra, TICKET};
use crate::common::{PIN, initialised, softhsm};

fn order(key: KeyKind) -> Order {
    let fields = BTreeMap::from([
        (SubjectField::Country, "CN".to_owned()),
        (SubjectField::CommonName, "示范单位".to_owned()),
        (SubjectField::Uscc, "91130502MA0ABCDE61".to_owned()),
    ]);
    Order {
        id: OrderId::draw(now(), &mut ChaCha20Rng::seed_from_u64(21)),
        office: OfficeId::new("demo-office").unwrap(),
        created: now(),
        evidence: Vec::new(),
        act: Act::Issue {
            issuer: IssuerId::new("unit-p256").unwrap(),
            profile: ProfileName::new("unit-sign").unwrap(),
            subject: Subject::new(fields).unwrap(),
            years: 1,
            key,
            officer: None,
            replaces: None,
        },
    }
}

fn quiet() -> Progress {
    Arc::new(|_| {})
}

/// The counter: an operator's token, a fresh one, and the registration authority.
struct Counter {
    drivers: Drivers,
    ra: Ra,
    target: Target,
    operator: Operator,
}

impl Counter {
    async fn new(drivers: Drivers, target: &TokenInfo, key: KeyKind) -> Self {
        let theirs = inspect::fitting(&drivers, Some(Holder::Staff), now()).remove(0);
        Self {
            drivers,
            ra: Ra::serve(TestCa::new(), order(key)).await,
            target: Target { token: target.serial.clone(), pin: Pin::typed("123456") },
            operator: Operator {
                token: theirs.token.serial,
                key: theirs.key,
                certificate: theirs.facts.der,
                pin: Pin::typed(PIN),
            },
        }
    }

    async fn run(&self) -> Result<Delivered, ProvisionError> {
        self.run_telling(&quiet()).await
    }

    async fn run_telling(&self, progress: &Progress) -> Result<Delivered, ProvisionError> {
        let provisioning = Provisioning {
            drivers: self.drivers.clone(),
            clock: Arc::new(SystemClock),
            ra: RaClient::new(self.ra.origin.parse().unwrap())?,
            ticket: TICKET.parse().unwrap(),
        };
        let offer = provisioning.open().await?;
        provisioning.run(&offer, &self.target, &self.operator, progress).await
    }

    /// One key and one certificate, or two of each for a pair, delivered; and nothing else.
    fn is_delivered_once(&self, delivered: &Delivered) {
        let seen = self.ra.seen.lock().unwrap();
        assert_eq!((seen.made, seen.delivered, seen.abandoned), (1, true, false));
        let driver = self.drivers.of(&self.target.token).unwrap();
        let mut written: Vec<_> =
            driver.certificates(&self.target.token).unwrap().into_iter().map(|stored| stored.der).collect();
        let (signature, encryption) = (seen.issued.clone(), seen.encryption.as_ref().map(|(der, _)| der.clone()));
        let mut wanted: Vec<_> = signature.clone().into_iter().chain(encryption).collect();
        written.sort();
        wanted.sort();
        assert!(written == wanted, "{} certificates on the token, {} wanted", written.len(), wanted.len());
        assert_eq!(Facts::read(&signature.unwrap()).unwrap().serial, delivered.serial);
        let keys = self.drivers.open(&self.target.token, &self.target.pin).unwrap().keys().unwrap();
        let of_certificates = wanted.iter().filter(|der| {
            let public = PublicKey::of_certificate(der).unwrap();
            keys.iter().any(|key| key.public == public)
        });
        assert_eq!((keys.len(), of_certificates.count()), (wanted.len(), wanted.len()), "one key for each");
    }

    /// What is on the token that the person can log in with.
    fn offered(&self) -> usize {
        inspect::fitting(&self.drivers, Some(Holder::Unit), now()).len()
    }
}

/// A driver whose token is pulled out at its n-th operation, once.
struct Loose {
    inner: Arc<dyn TokenDriver>,
    left: Arc<AtomicUsize>,
}

impl Loose {
    fn hold(&self, serial: &str) -> Result<(), TokenError> {
        pulled(&self.left, serial)
    }
}

fn pulled(left: &AtomicUsize, serial: &str) -> Result<(), TokenError> {
    match left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)) {
        Ok(1) => Err(TokenError::Removed(serial.to_owned())),
        _ => Ok(()),
    }
}

impl TokenDriver for Loose {
    fn name(&self) -> String {
        self.inner.name()
    }
    fn tokens(&self) -> Result<Vec<TokenInfo>, TokenError> {
        self.inner.tokens()
    }
    fn certificates(&self, token: &TokenSerial) -> Result<Vec<StoredCertificate>, TokenError> {
        self.inner.certificates(token)
    }
    fn init(&self, at: &InitTarget, label: &TokenLabel, so: &Pin, user: &Pin) -> Result<TokenInfo, TokenError> {
        self.inner.init(at, label, so, user)
    }
    fn open<'a>(&'a self, token: &TokenSerial, pin: &Pin) -> Result<Box<dyn Session + 'a>, TokenError> {
        self.hold(token.as_str())?;
        let inner = self.inner.open(token, pin)?;
        Ok(Box::new(LooseSession { inner, left: Arc::clone(&self.left) }))
    }
    fn change_pin(&self, token: &TokenSerial, old: &Pin, new: &Pin) -> Result<(), TokenError> {
        self.inner.change_pin(token, old, new)
    }
    fn change_admin_pin(&self, token: &TokenSerial, old: &Pin, new: &Pin) -> Result<(), TokenError> {
        self.inner.change_admin_pin(token, old, new)
    }
    fn unblock(&self, token: &TokenSerial, admin: &Pin, new: &Pin) -> Result<(), TokenError> {
        self.inner.unblock(token, admin, new)
    }
}

struct LooseSession<'a> {
    inner: Box<dyn Session + 'a>,
    left: Arc<AtomicUsize>,
}

impl LooseSession<'_> {
    /// Pulled out before the operation (odd counts) or after it (even counts): both must be survived.
    fn around<T>(&mut self, act: impl FnOnce(&mut dyn Session) -> Result<T, TokenError>) -> Result<T, TokenError> {
        pulled(&self.left, "loose")?;
        let outcome = act(&mut *self.inner)?;
        pulled(&self.left, "loose")?;
        Ok(outcome)
    }
}

impl Session for LooseSession<'_> {
    fn keys(&mut self) -> Result<Vec<TokenKey>, TokenError> {
        self.around(|inner| inner.keys())
    }
    fn generate(&mut self, algorithm: KeyKind, label: &str, allowed: KeyUse) -> Result<TokenKey, TokenError> {
        self.around(|inner| inner.generate(algorithm, label, allowed))
    }
    fn sign(&mut self, key: &KeyId, message: &[u8]) -> Result<Vec<u8>, TokenError> {
        self.around(|inner| inner.sign(key, message))
    }
    fn perform(&mut self, key: &KeyId, operation: PrivateOperation<'_>) -> Result<Zeroizing<Vec<u8>>, TokenError> {
        self.around(|inner| inner.perform(key, operation))
    }
    fn import(&mut self, key: &EncryptionKey, label: &str) -> Result<TokenKey, TokenError> {
        self.around(|inner| inner.import(key, label))
    }
    fn remove(&mut self, key: &KeyId) -> Result<(), TokenError> {
        self.around(|inner| inner.remove(key))
    }
    fn certificates(&mut self) -> Result<Vec<StoredCertificate>, TokenError> {
        self.around(|inner| inner.certificates())
    }
    fn store(&mut self, certificate: &StoredCertificate) -> Result<(), TokenError> {
        self.around(|inner| inner.store(certificate))
    }
}

#[tokio::test]
async fn a_certificate_of_each_kind_is_delivered_and_a_repetition_changes_nothing() {
    for key in [KeyKind::P256, KeyKind::Rsa2048, KeyKind::Sm2] {
        let desk = Desk::new();
        desk.staff(PIN);
        let target = initialised(&*desk.driver, "unit", "123456");
        let counter = Counter::new(desk.drivers(), &target, key).await;
        let steps = Arc::new(Mutex::new(vec![Step::Open]));
        let told = Arc::clone(&steps);
        let progress: Progress = Arc::new(move |step| told.lock().unwrap().push(step));
        let first = counter.run_telling(&progress).await.unwrap();
        assert_eq!(*steps.lock().unwrap(), Step::ALL);
        counter.is_delivered_once(&first);
        assert_eq!(counter.run().await.unwrap(), first);
        counter.is_delivered_once(&first);
        assert_eq!(counter.offered(), 1, "the encryption certificate is not for signing");
    }
}

#[tokio::test]
async fn an_order_that_makes_one_certificate_is_delivered_too() {
    let desk = Desk::new();
    desk.staff(PIN);
    let target = initialised(&*desk.driver, "unit", "123456");
    let counter = Counter::new(desk.drivers(), &target, KeyKind::P256).await;
    counter.ra.seen.lock().unwrap().single = true;
    counter.is_delivered_once(&counter.run().await.unwrap());
}

#[tokio::test]
async fn an_encryption_half_that_does_not_fit_is_never_confirmed() {
    for bent in Bent::ALL {
        let desk = Desk::new();
        desk.staff(PIN);
        let target = initialised(&*desk.driver, "unit", "123456");
        let counter = Counter::new(desk.drivers(), &target, KeyKind::P256).await;
        counter.ra.seen.lock().unwrap().bent = Some(bent);
        let error = counter.run().await.expect_err("refused");
        let in_envelope = matches!(bent, Bent::OtherRecipient | Bent::OtherKey | Bent::Rubbish);
        let told = match error {
            // A soft token says itself that it cannot open what is not for it.
            ProvisionError::Envelope(_) | ProvisionError::Token(TokenError::Broken(_)) => true,
            ProvisionError::DoesNotFit(_) => false,
            other => panic!("{bent:?}: {other}"),
        };
        assert_eq!(told, in_envelope, "{bent:?}");
        assert!(!counter.ra.seen.lock().unwrap().delivered, "{bent:?}");
        let keys = desk.driver.open(&target.serial, &counter.target.pin).unwrap().keys().unwrap();
        assert_eq!(keys.len(), 1, "{bent:?}: nothing was imported");
    }
}

#[tokio::test]
async fn what_an_earlier_run_left_is_cleaned_and_an_encryption_key_that_fails_is_brought_anew() {
    let desk = Desk::new();
    desk.staff(PIN);
    let target = initialised(&*desk.driver, "unit", "123456");
    let counter = Counter::new(desk.drivers(), &target, KeyKind::P256).await;
    let label = format!("yinxin {} encryption", counter.ra.order.id);
    let left = EncryptionKey::generate(KeyKind::P256, &mut ChaCha20Rng::seed_from_u64(41)).unwrap();
    desk.driver.open(&target.serial, &counter.target.pin).unwrap().import(&left, &label).unwrap();
    let delivered = counter.run().await.unwrap();
    counter.is_delivered_once(&delivered);

    // On disk the encryption key loses its right to decrypt: found by the test, and mended by the next run.
    let file = desk.file(&target);
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("\"decrypt\"", "\"sign\"")).unwrap();
    assert!(matches!(counter.run().await, Err(ProvisionError::SelfTest(_))));
    counter.is_delivered_once(&counter.run().await.unwrap());
}

#[tokio::test]
async fn a_failure_of_the_server_at_each_step_is_continued() {
    for fail in ["open", "redeem", "confirm"].into_iter().flat_map(|act| [Fail::Before(act), Fail::After(act)]) {
        let desk = Desk::new();
        desk.staff(PIN);
        let target = initialised(&*desk.driver, "unit", "123456");
        let counter = Counter::new(desk.drivers(), &target, KeyKind::P256).await;
        counter.ra.fail(fail);
        let error = counter.run().await.expect_err("the first run fails");
        assert!(matches!(error, ProvisionError::Ra(RaError::Unreachable(_))), "{fail:?}: {error}");
        counter.is_delivered_once(&counter.run().await.unwrap());
    }
}

#[tokio::test]
async fn a_token_that_is_pulled_out_at_any_moment_is_continued() {
    let mut survived = 0;
    for moment in 1.. {
        let desk = Desk::new();
        desk.staff(PIN);
        let target = initialised(&*desk.driver, "unit", "123456");
        let left = Arc::new(AtomicUsize::new(0));
        let loose: Arc<dyn TokenDriver> = Arc::new(Loose { inner: Arc::clone(&desk.driver), left: Arc::clone(&left) });
        let counter = Counter::new(Drivers::new(vec![loose]), &target, KeyKind::P256).await;
        left.store(moment, Ordering::SeqCst);
        match counter.run().await {
            Ok(delivered) => {
                left.store(0, Ordering::SeqCst);
                counter.is_delivered_once(&delivered);
                break;
            }
            Err(ProvisionError::Token(TokenError::Removed(_)) | ProvisionError::Operator(TokenError::Removed(_))) => {}
            Err(error) => panic!("at moment {moment}: {error}"),
        }
        counter.is_delivered_once(&counter.run().await.unwrap_or_else(|e| panic!("after moment {moment}: {e}")));
        survived += 1;
    }
    assert!(survived > 25, "the token was pulled out at only {survived} moments");
}

#[tokio::test]
async fn a_certificate_for_another_key_is_not_written() {
    let desk = Desk::new();
    desk.staff(PIN);
    let target = initialised(&*desk.driver, "unit", "123456");
    let counter = Counter::new(desk.drivers(), &target, KeyKind::P256).await;
    counter.ra.seen.lock().unwrap().other_certificate = Some(counter.operator.certificate.clone());
    assert!(matches!(counter.run().await, Err(ProvisionError::DoesNotFit(_))));
    assert!(desk.driver.certificates(&target.serial).unwrap().is_empty());
    assert!(!counter.ra.seen.lock().unwrap().delivered);
}

#[test]
fn a_softhsm_token_is_provisioned_with_both_kinds_of_key() {
    softhsm::alone("provisioning::a_softhsm_token_is_provisioned_with_both_kinds_of_key", |_| {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        for key in [KeyKind::P256, KeyKind::Rsa2048] {
            runtime.block_on(async {
                let desk = Desk::new();
                desk.staff(PIN);
                let hsm: Arc<dyn TokenDriver> = Arc::new(softhsm::module());
                let target = initialised(&*hsm, "unit", "123456");
                let drivers = Drivers::new(vec![Arc::clone(&desk.driver), hsm]);
                let counter = Counter::new(drivers, &target, key).await;
                counter.ra.fail(Fail::After("redeem"));
                assert!(counter.run().await.is_err());
                counter.is_delivered_once(&counter.run().await.unwrap());
            });
        }
    });
}

#[tokio::test]
async fn the_window_provisions_shows_steps_and_continues_after_a_failure() {
    let desk = Desk::new();
    desk.staff(PIN);
    let target = initialised(&*desk.driver, "new-unit", "123456");
    let ra = Ra::serve(TestCa::new(), order(KeyKind::P256)).await;
    let site = format!(
        "[[site]]\norigin = \"{}\"\nname_zh = \"受理点\"\nname_en = \"Office\"\nmay = [\"provision\"]\n",
        ra.origin
    );
    let house = desk.agent(&site).await;
    let html = |shown: &Value| shown["html"].as_str().unwrap().to_owned();

    ra.fail(Fail::Before("open"));
    let shown = house.ask(&ra.origin, "zh-CN", json!({ "type": "provision", "ticket": TICKET })).await;
    assert!(html(&shown).contains("暂时连接不上"), "{}", html(&shown));
    assert_eq!(shown["on_close"]["error"]["code"], "ra_unreachable");
    let mut shown = house.act(&shown, json!({ "do": "again" })).await;
    for words in ["示范单位", "91130502MA0ABCDE61", "new-unit", "制证员", &ra.order.id.to_string()] {
        assert!(html(&shown).contains(words), "{words} in {}", html(&shown));
    }

    let work = async |shown: &Value, operator_pin: &str| {
        let act = json!({
            "do": "provision", "token": target.serial.to_string(), "pin": "123456",
            "operator": marked(shown, "operator"), "operator_pin": operator_pin,
        });
        let mut shown = house.act(shown, act).await;
        while let Some(poll) = shown["poll"].as_str().map(str::to_owned) {
            tokio::time::sleep(Duration::from_millis(20)).await;
            shown = house.get(&poll).await;
        }
        shown
    };
    shown = work(&shown, "000000").await;
    assert!(html(&shown).contains("制证员介质：PIN 不正确，还可以尝试 5 次"), "{}", html(&shown));
    assert!(html(&shown).contains("class=\"failed\"") && html(&shown).contains("class=\"done\""));
    assert_eq!(shown["on_close"]["error"]["code"], "wrong_pin");
    ra.fail(Fail::After("redeem"));
    shown = work(&shown, PIN).await;
    assert_eq!(shown["on_close"]["error"]["code"], "ra_unreachable");
    assert!(!act_token(&shown).is_empty());
    shown = work(&shown, PIN).await;
    assert_eq!(shown["reply"]["result"]["issuer"], "unit-p256", "{}", html(&shown));
    assert!(html(&shown).contains("制证完成"));
    let seen = ra.seen.lock().unwrap();
    assert_eq!((seen.made, seen.delivered), (1, true));
}

#[tokio::test]
async fn a_provisioning_can_be_given_up_and_a_bad_ticket_is_explained() {
    let desk = Desk::new();
    desk.staff(PIN);
    let target = initialised(&*desk.driver, "new-unit", "123456");
    let ra = Ra::serve(TestCa::new(), order(KeyKind::P256)).await;
    let site = format!(
        "[[site]]\norigin = \"{}\"\nname_zh = \"受理点\"\nname_en = \"Office\"\nmay = [\"provision\"]\n",
        ra.origin
    );
    let house = desk.agent(&site).await;
    let refused = house.ask(&ra.origin, "en", json!({ "type": "provision", "ticket": "A".repeat(43) })).await;
    assert_eq!(refused["on_close"]["error"]["code"], "ra_refused");
    assert_eq!(refused["on_close"]["error"]["ra_code"], "ticket_unknown");
    assert!(refused["html"].as_str().unwrap().contains("ticket is not valid"));

    let shown = house.ask(&ra.origin, "en", json!({ "type": "provision", "ticket": TICKET })).await;
    let two = json!({
        "do": "provision", "token": target.serial.to_string(), "pin": "123456",
        "operator": marked(&shown, "operator"), "operator_pin": "123456",
    });
    let initial = house.act(&shown, two).await;
    assert!(
        initial["html"].as_str().unwrap().contains("still the initial one"),
        "the operator's own PIN must be changed"
    );
    let given_up = house.act(&initial, json!({ "do": "give-up" })).await;
    assert_eq!(given_up["reply"]["error"]["code"], "cancelled");
    assert!(ra.seen.lock().unwrap().abandoned);
}
