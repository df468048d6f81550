use ca_core::domain::BeijingDay;

use super::*;

fn end() -> Timestamp {
    BeijingDay::from_calendar(2027, 3, 31).expect("a day").last_second()
}

#[test]
fn a_stage_is_reached_with_its_day_and_lasts_until_the_next() {
    let at = |days: i64| stage(end(), end().beijing_day().plus_days(-days).first_second());
    let table = [(91, None), (90, Some(90)), (61, Some(90)), (60, Some(60)), (16, Some(30)), (15, Some(15))];
    for (days, wanted) in
        table.into_iter().chain([(8, Some(15)), (7, Some(7)), (2, Some(7)), (1, Some(1)), (0, Some(1))])
    {
        assert_eq!(at(days), wanted, "{days} days");
    }
    assert_eq!(stage(end(), end().plus(1)), None, "it is over");
}

fn successor(process: &str, state: &str) -> Successor {
    Successor {
        name: CertificateName {
            issuer: IssuerId::new("unit-p256").expect("an issuer"),
            serial: "4a01".parse().expect("a serial"),
        },
        case: "RA-20270301-0001".parse().expect("a number"),
        process: process.into(),
        state: state.into(),
    }
}

#[test]
fn a_delivered_successor_or_an_open_renewal_makes_reminders_needless() {
    let case: CaseNumber = "RA-20270301-0001".parse().expect("a number");
    assert_eq!(quiet(&[successor("renewal", "submitted")]), Some(Quiet::Renewing(case.clone())));
    assert_eq!(
        quiet(&[successor("renewal", "draft"), successor("loss", "delivered")]),
        Some(Quiet::Replaced(case)),
        "what is done says more than what is begun"
    );
    assert_eq!(quiet(&[successor("change", "submitted"), successor("renewal", "cancelled")]), None);
}
