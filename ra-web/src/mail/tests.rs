//! Every mail in both languages, and the outbox over the store.

use std::sync::{Arc, Mutex};

use ca_core::domain::Timestamp;

use super::letter::{Letter, Sender, compose};
use super::*;
use crate::i18n::Locale;
use crate::payment::fen::Fen;

const AT: Timestamp = Timestamp::from_unix(1_790_000_000);

fn sender() -> Sender {
    Sender {
        authority: "示范市数字证书认证中心".into(),
        contact: "各受理点服务窗口".into(),
        site: "http://127.0.0.1:8080".into(),
    }
}

/// One of each kind.
fn all() -> Vec<Letter> {
    let (bill, serial) = ("BL-20260921-0001".to_owned(), "4a01".to_owned());
    let expiring = |days| Letter::Expiring {
        issuer: "unit-p256".into(),
        serial: serial.clone(),
        until: "2026-12-20".into(),
        days,
    };
    vec![
        Letter::Paid { bill: bill.clone(), amount: Fen::yuan(200), receipt: "R-1".into() },
        Letter::Installed { serial: serial.clone(), until: "2027-12-20".into() },
        Letter::Invoice {
            bill: bill.clone(),
            number: "99202609211000000001".into(),
            amount: Fen::yuan(200),
            sample: true,
        },
        Letter::Reversed {
            bill: bill.clone(),
            number: "99202609211000000001".into(),
            red: "99202609216000000001".into(),
        },
        Letter::Held { serial: serial.clone(), at: AT },
        Letter::Released { serial: serial.clone(), at: AT },
        Letter::Revoked { serial: serial.clone(), reason: "key_compromise".into(), at: AT },
        expiring(90),
        expiring(1),
        expiring(0),
        Letter::Refunded { bill: bill.clone(), amount: Fen::yuan(60), refund: "RF-20260921-0001".into() },
        Letter::Quota {
            bill,
            papers: "113001000001 00000001–00000002".into(),
            amount: Fen::yuan(200),
            waybill: String::new(),
        },
    ]
}

#[test]
fn every_mail_says_the_same_in_both_languages_as_text_and_as_html() {
    for letter in all() {
        let (subject, text, html) = compose(&letter, "东湖<建筑>", &sender()).expect("composed");
        assert!(!subject.contains("mail-") && !text.contains("mail-") && !html.contains("mail-"), "{text}");
        assert!(text.contains("东湖<建筑>") && html.contains("东湖&#60;建筑&#62;"), "{html}");
        for locale in Locale::ALL {
            let next = locale.t(&format!("mail-{}-next", letter.word()));
            assert!(text.contains(&next), "{}: {text}", locale.tag());
            assert!(locale.t("mail-never").len() > 10 && text.contains(&locale.t("mail-never")));
        }
        let zh = text.find("http://127.0.0.1:8080/").expect("a link");
        assert!(text.find("To 东湖").expect("English") > zh, "Chinese first");
        assert!(!html.contains("<script") && !html.contains("src="), "nothing is fetched by opening it");
    }
}

#[test]
fn a_day_is_said_as_people_say_it_and_a_sample_says_what_it_is() {
    let said = |letter: &Letter| compose(letter, "x", &sender()).expect("composed");
    let letters = all();
    assert!(said(&letters[8]).0.contains("ends tomorrow") && said(&letters[9]).0.contains("今天到期"));
    assert!(said(&letters[7]).0.contains("还有 90 天到期"), "{}", said(&letters[7]).0);
    assert!(said(&letters[2]).1.contains("样张") && said(&letters[2]).1.contains("no tax invoice"));
    assert!(said(&letters[6]).1.contains("密钥泄露"));
}

#[test]
fn letters_are_read_back_as_they_were_written() {
    for letter in all() {
        let text = serde_json::to_string(&letter).expect("JSON");
        assert_eq!(serde_json::from_str::<Letter>(&text).expect("read"), letter);
    }
}

/// A mail server in this process that answers as it is told.
#[derive(Default)]
pub(crate) struct Desk {
    /// What it took.
    pub(crate) taken: Mutex<Vec<Outgoing>>,
    /// What it says next, the last first.
    pub(crate) next: Mutex<Vec<MailFault>>,
}

#[async_trait]
impl Mailer for Desk {
    async fn send(&self, mail: &Outgoing) -> Result<(), MailFault> {
        if let Some(fault) = self.next.lock().expect("free").pop() {
            return Err(fault);
        }
        self.taken.lock().expect("free").push(mail.clone());
        Ok(())
    }
}

impl Desk {
    pub(crate) fn handler(self: &Arc<Self>, desk: &Arc<crate::enrolment::desk::Desk>) -> sending::Sending {
        sending::Sending { desk: desk.clone(), mailer: self.clone(), sender: sender() }
    }
}
