use super::*;

const KINDS: [KeyKind; 2] = [KeyKind::P256, KeyKind::Rsa2048];

/// A form without fault.
pub(crate) fn good() -> Form {
    Form::from_pairs([
        ("unit_name", "示范市东湖建筑工程有限公司"),
        ("uscc", "91350100M000100Y43"),
        ("unit_kind", "enterprise"),
        ("address", "示范市东湖区人民路 8 号"),
        ("legal_person", "张伟"),
        ("handler_name", "刘芳"),
        ("handler_id", "11010519491231002X"),
        ("handler_mobile", "13800138000"),
        ("years", "2"),
        ("key", "P-256"),
    ])
}

fn today() -> BeijingDay {
    BeijingDay::from_calendar(2026, 11, 24).expect("a day")
}

fn fault(field: &'static str, typed: &str) -> FieldFaults {
    let mut form = good();
    typed.clone_into(form.field_mut(field).expect("a field"));
    form.particulars(&Process::Enrolment, &KINDS, 5, today()).err().unwrap_or_default()
}

#[test]
fn a_good_form_becomes_particulars() {
    let particulars = good().particulars(&Process::Enrolment, &KINDS, 5, today());
    let holder = Holder::Unit("91350100M000100Y43".parse().expect("sound"));
    assert!(particulars.is_ok_and(|p| p.years == 2 && p.holder == holder));
}

#[test]
fn what_is_wrong_with_a_code_is_named() {
    let identifier = |error| vec![("uscc", FieldFault::Identifier(error))];
    assert_eq!(fault("uscc", "91130503MA0CK7Q"), identifier(IdentifierError::Length(15)));
    assert_eq!(fault("uscc", "91350100I000100Y43"), identifier(IdentifierError::Character(9)));
    assert_eq!(fault("uscc", "915300007194052521"), identifier(IdentifierError::Check));
    assert_eq!(fault("uscc", ""), vec![("uscc", FieldFault::Missing)]);
}

#[test]
fn what_is_wrong_with_a_resident_number_is_named() {
    let identifier = |error| vec![("handler_id", FieldFault::Identifier(error))];
    assert_eq!(fault("handler_id", "11010519491231002"), identifier(IdentifierError::Length(17)));
    assert_eq!(fault("handler_id", "11010519491331002X"), identifier(IdentifierError::Birthday));
    assert_eq!(fault("handler_id", "110105194912310021"), identifier(IdentifierError::Check));
}

#[test]
fn the_other_fields_have_their_faults_too() {
    assert_eq!(fault("handler_mobile", "12800138000"), vec![("handler_mobile", FieldFault::Mobile)]);
    assert_eq!(fault("years", "6"), vec![("years", FieldFault::Choice)]);
    assert_eq!(fault("key", "RSA-1024"), vec![("key", FieldFault::Choice)]);
    assert_eq!(fault("key", "SM2"), vec![("key", FieldFault::Choice)], "not offered here");
    assert_eq!(fault("unit_name", &"长".repeat(65)), vec![("unit_name", FieldFault::TooLong(64))]);
    assert_eq!(fault("legal_person", "张\u{202e}伟"), vec![("legal_person", FieldFault::Control)]);
}

fn a_person() -> Form {
    Form::from_pairs([
        ("unit_kind", "person"),
        ("person_name", "李强"),
        ("person_number", "ｈｚ-p-000001 "),
        ("address", "示范市东湖区人民路 8 号"),
        ("handler_id", "130599197306120145"),
        ("handler_mobile", "13800138000"),
        ("years", "1"),
        ("key", "P-256"),
    ])
}

#[test]
fn a_persons_form_has_a_number_of_their_own_that_tells_nothing_of_the_resident_number() {
    let read = |form: &Form| form.particulars(&Process::Person, &KINDS, 5, today());
    let form = a_person();
    let holder = Holder::Person("HZ-P-000001".parse().expect("a number"));
    assert!(read(&form).is_ok_and(|p| p.holder == holder && p.handler_name == "李强" && p.legal_person.is_empty()));
    // Read once more, as an edit does, it stays what it is.
    assert_eq!(form.with_pairs([]).uscc, "HZ-P-000001");
    for wrong in ["", "130599197306120145", "P-19730612", "91350100M000100Y43"] {
        let form = a_person().with_pairs([("person_number", wrong)]);
        let fault = if wrong.is_empty() { FieldFault::Missing } else { FieldFault::PersonNumber };
        assert_eq!(read(&form).err(), Some(vec![("person_number", fault)]), "{wrong}");
    }
}

#[test]
fn a_unit_is_no_person_and_a_person_no_unit() {
    let fault = vec![("unit_kind", FieldFault::Choice)];
    let unit = good().with_pairs([("unit_kind", "person")]);
    assert_eq!(unit.particulars(&Process::Enrolment, &KINDS, 5, today()).err(), Some(fault.clone()));
    let person = a_person().with_pairs([("unit_kind", "enterprise")]);
    assert_eq!(person.particulars(&Process::Person, &KINDS, 5, today()).err(), Some(fault));
    let mut form = unit;
    form.hold_to(false);
    assert!(form.unit_kind.is_empty());
}

#[test]
fn an_empty_form_names_every_field_once() {
    let faults = Form::default().particulars(&Process::Enrolment, &KINDS, 5, today()).err().expect("faults");
    assert_eq!(faults.iter().map(|(field, _)| *field).collect::<Vec<_>>(), FIELDS[..10]);
}

#[test]
fn full_width_and_spaced_codes_are_read() {
    let form = Form::from_pairs([("uscc", "９１３５０１００ m000100y43")]);
    assert_eq!(form.uscc, "91350100M000100Y43");
}

#[test]
fn names_are_folded_for_search() {
    assert_eq!(folded("示范市（东湖） ＡＢＣ 公司"), "示范市东湖abc公司");
}

#[test]
fn an_exchange_asks_for_the_day_of_purchase_and_no_term() {
    let old = super::super::process::CertificateName {
        issuer: ca_core::domain::IssuerId::new("unit-p256").expect("a name"),
        serial: "4a01".parse().expect("a serial"),
    };
    let exchange = Process::Replacement { ground: Ground::Exchange, old };
    for (typed, fault) in [
        ("", Some(FieldFault::Missing)),
        ("2026-02-30", Some(FieldFault::Day)),
        ("last year", Some(FieldFault::Day)),
        ("2023-11-23", Some(FieldFault::Warranty)),
        ("2026-11-25", Some(FieldFault::Warranty)),
        ("2023-11-24", None),
    ] {
        let mut form = good();
        form.years.clear();
        typed.clone_into(&mut form.purchased);
        let faults = form.particulars(&exchange, &KINDS, 5, today()).err().unwrap_or_default();
        assert_eq!(faults, fault.map(|fault| ("purchased", fault)).into_iter().collect::<Vec<_>>(), "{typed}");
    }
}
