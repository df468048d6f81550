use super::renew::{STEPS, word};
use crate::enrolment::process::NotNow;
use crate::i18n::Locale;
use crate::payment::bill::BillState;
use crate::payment::checkout::Way;
use crate::renewal::Stage;

#[test]
fn every_step_way_and_reason_is_said_in_both_languages() {
    let stages = [
        Stage::Check(Ok(())),
        Stage::Check(Err(NotNow::Held)),
        Stage::Sign,
        Stage::SignAgain,
        Stage::Pay,
        Stage::Install,
        Stage::Done,
        Stage::Elsewhere,
    ];
    let mut keys: Vec<String> = Vec::new();
    for stage in &stages {
        let word = word(stage);
        keys.push(format!("renew-title-{word}"));
        keys.push(format!("unit-renew-{word}"));
        if word != "not-now" {
            keys.push(format!("unit-renew-go-{word}"));
        }
    }
    keys.extend(STEPS.map(|step| format!("renew-step-{step}")));
    keys.extend(Way::ALL.map(|way| format!("renew-way-{}", way.word().replace('_', "-"))));
    keys.push("renew-way-wire".into());
    keys.extend(BillState::WORDS.map(|state| format!("unit-bill-{}", state.replace('_', "-"))));
    keys.extend(["paid", "unpaid", "expired", "faulty", "unknown"].map(|word| format!("renew-back-{word}")));
    let why = [
        NotNow::Undelivered,
        NotNow::Revoked,
        NotNow::Held,
        NotNow::NotHeld,
        NotNow::Over,
        NotNow::TooEarly(ca_core::domain::Timestamp::from_unix(0)),
        NotNow::TooLate,
        NotNow::CaseOpen,
        NotNow::OtherOffice,
    ];
    keys.extend(why.map(|why| format!("renew-not-now-{}", why.word())));
    for locale in Locale::ALL {
        for key in &keys {
            assert_ne!(&locale.t(key), key, "{}", locale.tag());
        }
    }
}

#[test]
fn the_line_of_steps_says_what_is_done_and_what_is_to_come() {
    let states = |at, done| super::renew::line(at, done).iter().map(|step| step.state).collect::<Vec<_>>();
    assert_eq!(states(2, false), ["done", "done", "now", "todo", "todo"]);
    assert_eq!(states(4, false), ["done", "done", "done", "done", "now"]);
    assert_eq!(states(4, true), ["done"; 5]);
}
