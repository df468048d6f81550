//! A withdrawal from the fund in plain words, as the person whose money it is must understand it.

use ca_core::domain::Withdrawal;

use super::statement::Words;
use crate::text::Language;

/// What is paid to whom, why, and that a face was checked.
pub(super) fn withdrawal_words(t: Language, one: &Withdrawal, exact: String) -> Words {
    let mut rows = vec![
        (t.say("withdrawal-amount"), one.amount.clone()),
        (t.say("withdrawal-capitals"), one.capitals.clone()),
        (t.say("withdrawal-reason"), t.say(&format!("withdrawal-reason-{}", one.reason.word().replace('_', "-")))),
        (t.say("withdrawal-payee"), format!("{} {}", one.bank, one.card)),
        (t.say("withdrawal-person"), format!("{} {}", one.person, one.id_number)),
        (t.say("withdrawal-account"), one.account.clone()),
        (t.say("row-unit"), one.unit.clone()),
    ];
    if one.closes {
        rows.insert(2, (t.say("withdrawal-interest"), one.interest.clone()));
    }
    rows.extend([
        (t.say("withdrawal-face"), format!("{} {}", one.face.at.beijing_text(), one.face.provider)),
        (t.say("withdrawal-face-hash"), one.face.answer_sha256.to_string()),
        (t.say("row-created"), one.created.beijing_text()),
        (t.say("row-fund-serial"), one.id.to_string()),
    ]);
    Words {
        heading: t.say(if one.closes { "sign-withdrawal-closing" } else { "sign-withdrawal" }),
        meaning: t.say(if one.closes { "sign-withdrawal-closing-meaning" } else { "sign-withdrawal-meaning" }),
        grave: true,
        rows,
        exact,
    }
}

#[cfg(test)]
mod tests {
    use ca_core::domain::{FaceWord, Sha256, Timestamp, WithdrawalReason};

    use super::*;

    #[test]
    fn a_withdrawal_is_said_in_plain_words_in_both_languages() {
        for reason in WithdrawalReason::ALL {
            for closes in [false, true] {
                let one = Withdrawal {
                    id: "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().expect("an id"),
                    aud: "http://127.0.0.1:8082".into(),
                    account: "030000000001".into(),
                    person: "李强".into(),
                    id_number: "130599********0145".into(),
                    unit: "示范单位".into(),
                    created: Timestamp::from_unix(1_000),
                    exp: Timestamp::from_unix(1_900),
                    reason: *reason,
                    closes,
                    amount: "12,000.00".into(),
                    capitals: "壹万贰仟元整".into(),
                    interest: "54.00".into(),
                    bank: "示范银行".into(),
                    card: "6222 **** 0001".into(),
                    face: FaceWord {
                        provider: "sandbox".into(),
                        at: Timestamp::from_unix(1_000),
                        answer_sha256: Sha256([7; 32]),
                    },
                };
                for t in [Language::Chinese, Language::English] {
                    let words = withdrawal_words(t, &one, String::new());
                    assert!(words.grave && !words.heading.starts_with("sign-") && !words.meaning.starts_with("sign-"));
                    for (label, value) in &words.rows {
                        assert!(!label.starts_with("withdrawal-") && !label.starts_with("row-"), "{label}");
                        assert!(!value.starts_with("withdrawal-"), "{label}: {value}");
                    }
                    let says = |value: &str| words.rows.iter().any(|(_, said)| said == value);
                    assert!(says("12,000.00") && says("壹万贰仟元整") && says("示范银行 6222 **** 0001"));
                    assert_eq!(says("54.00"), closes);
                }
            }
        }
    }
}
