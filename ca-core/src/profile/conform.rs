//! Whether what an order asks for fits a profile.

use std::collections::BTreeSet;

use unicode_normalization::is_nfc;

use super::{Begins, Profile, Source, Term, TextType};
use crate::domain::{ResidentId, Subject, SubjectField, Uscc, Validity};
use crate::keys::KeyKind;

/// How an order does not fit its profile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// A required field is absent.
    #[error("{0:?} is missing")]
    Missing(SubjectField),
    /// A field for which the profile has no place.
    #[error("{0:?} has no place in this profile")]
    Unwanted(SubjectField),
    /// A text that the ASN.1 type cannot hold, or that is not in Unicode NFC.
    #[error("{0:?} has characters that cannot stand there")]
    Characters(SubjectField),
    /// A text that is longer than the attribute may be.
    #[error("{0:?} is longer than its attribute may be")]
    TooLong(SubjectField),
    /// A person's identity number, which may not stand in a public certificate (`domain.md` §1.3).
    #[error("{0:?} holds a resident identity number")]
    PersonalNumber(SubjectField),
    /// A key of a kind that the profile does not take.
    #[error("a key of kind {} is not for this profile", .0.name())]
    Key(KeyKind),
    /// A validity that ends before it begins or is longer than the profile allows.
    #[error("the validity is longer than the profile allows, or empty")]
    Term,
    /// A validity that does not begin and end with a Beijing day.
    #[error("the validity is not whole Beijing days")]
    PartialDays,
}

impl Profile {
    /// Holds subject, key and validity against the profile and tells everything that does not fit.
    ///
    /// # Errors
    /// All [`Violation`]s: whoever wrote the order must write another.
    pub fn conform(&self, subject: &Subject, key: KeyKind, validity: Validity) -> Result<(), Vec<Violation>> {
        let mut violations = self.subject_violations(subject);
        if !self.keys.contains(&key) {
            violations.push(Violation::Key(key));
        }
        violations.extend(self.validity_violations(validity));
        if violations.is_empty() { Ok(()) } else { Err(violations) }
    }

    fn subject_violations(&self, subject: &Subject) -> Vec<Violation> {
        let mut violations = Vec::new();
        let mut placed = BTreeSet::new();
        let mut place = |field, otherwise: Option<SubjectField>, text: TextType, most: usize, required| {
            placed.insert(field);
            placed.extend(otherwise);
            let value = subject.get(field).or_else(|| otherwise.and_then(|field| subject.get(field)));
            match value {
                None if required => violations.push(Violation::Missing(field)),
                Some(value) if !text.can_hold(value) || !is_nfc(value) => {
                    violations.push(Violation::Characters(field));
                }
                Some(value) if value.chars().count() > most => violations.push(Violation::TooLong(field)),
                _ => {}
            }
        };
        for row in &self.names {
            if let Source::Field { field, otherwise } = row.source {
                place(field, otherwise, row.text, row.max_chars, row.required);
            }
        }
        for row in &self.identities {
            place(row.field, None, row.text, row.field.max_chars(), row.required);
        }
        placed.extend(&self.alternative_names);
        if let Some(first) = self.alternative_names.first()
            && self.alternative_names.iter().all(|field| subject.get(*field).is_none())
        {
            violations.push(Violation::Missing(*first));
        }
        for (field, value) in subject.fields() {
            if !placed.contains(&field) {
                violations.push(Violation::Unwanted(field));
            }
            // A personal field has a place only in a row that is marked as personal.
            let exempt = field == SubjectField::Uscc || field.is_personal() && placed.contains(&field);
            if !exempt && has_personal_number(value) {
                violations.push(Violation::PersonalNumber(field));
            }
        }
        violations
    }

    pub(crate) fn validity_violations(&self, validity: Validity) -> Vec<Violation> {
        let Validity { not_before, not_after } = validity;
        let mut violations = Vec::new();
        match self.term {
            Term::Seconds(most) => {
                // Both ends count (RFC 5280 §4.1.2.5).
                if not_after < not_before || not_after.since(not_before) >= most {
                    violations.push(Violation::Term);
                }
            }
            Term::Years { most, begins, ends, carry_days } => {
                let first = not_before.beijing_day().first_second();
                let whole = begins == Begins::Moment || not_before == first;
                if !whole || not_after != not_after.beijing_day().last_second() {
                    violations.push(Violation::PartialDays);
                }
                if not_after < not_before
                    || not_after > ends.last_second(not_before.plus(i64::from(carry_days) * 86_400), most)
                {
                    violations.push(Violation::Term);
                }
            }
        }
        violations
    }
}

/// Whether a text has a valid resident identity number in it. A code that is also a valid USCC is taken for
/// one: one in 31 numbers is, and a unit's code may stand in a name.
pub(crate) fn has_personal_number(text: &str) -> bool {
    let runs = text.split(|c: char| !c.is_ascii_digit() && c != 'X' && c != 'x');
    runs.flat_map(|run| (0..run.len()).filter_map(move |at| run.get(at..at + 18)))
        .any(|run| run.to_ascii_uppercase().parse::<ResidentId>().is_ok() && run.parse::<Uscc>().is_err())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{BeijingDay, ProfileName, Timestamp};
    use crate::profile::Profiles;
    use std::collections::BTreeMap;

    fn named(name: &str) -> Profile {
        let name = ProfileName::new(name).expect("name");
        Profiles::built_in().expect("sound").find(&name).expect("there").clone()
    }

    fn unit() -> Profile {
        named("unit-sign")
    }

    fn subject(changes: &[(SubjectField, Option<&str>)]) -> Subject {
        let mut fields: BTreeMap<_, _> = [
            (SubjectField::Country, "CN"),
            (SubjectField::Province, "河北省"),
            (SubjectField::CommonName, "示范单位"),
            (SubjectField::Uscc, "91130502MA0ABCDE61"),
        ]
        .into_iter()
        .map(|(field, value)| (field, value.to_owned()))
        .collect();
        for (field, value) in changes {
            match value {
                Some(value) => drop(fields.insert(*field, (*value).to_owned())),
                None => drop(fields.remove(field)),
            }
        }
        Subject::new(fields).expect("a subject")
    }

    fn year() -> Validity {
        Validity::years(BeijingDay::from_calendar(2026, 11, 24).expect("day"), 1)
    }

    fn violations(changes: &[(SubjectField, Option<&str>)]) -> Vec<Violation> {
        unit().conform(&subject(changes), KeyKind::P256, year()).err().unwrap_or_default()
    }

    #[test]
    fn a_plain_unit_fits() {
        assert_eq!(violations(&[]), []);
        assert_eq!(
            violations(&[(SubjectField::Organisation, Some("集团")), (SubjectField::UniqueId, Some("示范000001"))]),
            []
        );
    }

    #[test]
    fn everything_that_does_not_fit_is_told_at_once() {
        let found = unit()
            .conform(
                &subject(&[
                    (SubjectField::Uscc, None),
                    (SubjectField::OrganisationalUnit, Some("x")),
                    (SubjectField::CommonName, Some("李敏 11010519491231002X")),
                    (SubjectField::Province, Some("e\u{301}")),
                ]),
                KeyKind::Rsa4096,
                Validity::seconds(Timestamp::from_unix(0), 10),
            )
            .expect_err("violations");
        for wanted in [
            Violation::Missing(SubjectField::Uscc),
            Violation::Unwanted(SubjectField::OrganisationalUnit),
            Violation::PersonalNumber(SubjectField::CommonName),
            Violation::Characters(SubjectField::Province),
            Violation::Key(KeyKind::Rsa4096),
            Violation::PartialDays,
        ] {
            assert!(found.contains(&wanted), "{wanted:?} in {found:?}");
        }
    }

    #[test]
    fn the_longest_term_is_the_last_second_of_the_same_day() {
        let day = BeijingDay::from_calendar(2024, 2, 29).expect("day");
        assert_eq!(unit().validity_violations(Validity::years(day, 5)), []);
        assert_eq!(unit().validity_violations(Validity::years(day, 6)), [Violation::Term]);
        // A renewal keeps what is left of the old one, up to 90 days.
        let longer =
            |days| Validity { not_after: day.plus_days(days).plus_years(5).last_second(), ..Validity::years(day, 5) };
        assert_eq!(unit().validity_violations(longer(90)), []);
        assert_eq!(unit().validity_violations(longer(91)), [Violation::Term]);
        let backwards = Validity { not_before: day.first_second(), not_after: day.plus_days(-1).last_second() };
        assert_eq!(unit().validity_violations(backwards), [Violation::Term]);
    }

    #[test]
    fn a_personal_number_stands_in_a_persons_certificate_and_in_no_other() {
        let number = [
            (SubjectField::Uscc, None),
            (SubjectField::UniqueId, Some("P1")),
            (SubjectField::ResidentId, Some("11010519491231002X")),
        ];
        let person = |changes| named("person").conform(&subject(changes), KeyKind::P256, year());
        assert_eq!(person(&number), Ok(()));
        let aside = [(SubjectField::Uscc, None), (SubjectField::UniqueId, Some("11010519491231002X"))];
        assert_eq!(person(&aside), Err(vec![Violation::PersonalNumber(SubjectField::UniqueId)]));
        let found = violations(&[(SubjectField::ResidentId, Some("11010519491231002X"))]);
        assert!(found.contains(&Violation::Unwanted(SubjectField::ResidentId)), "{found:?}");
        assert!(found.contains(&Violation::PersonalNumber(SubjectField::ResidentId)), "{found:?}");
    }

    #[test]
    fn a_server_has_a_name_or_an_address() {
        fn server(changes: &[(SubjectField, Option<&str>)]) -> Result<(), Vec<Violation>> {
            named("tls-server").conform(&subject(changes), KeyKind::P256, year())
        }
        let organisation = (SubjectField::Organisation, Some("示范"));
        let base = [organisation, (SubjectField::Province, None), (SubjectField::Uscc, None)];
        let with = |field, value| [base[0], base[1], base[2], (field, Some(value))];
        assert_eq!(server(&base), Err(vec![Violation::Missing(SubjectField::DnsNames)]));
        assert_eq!(server(&with(SubjectField::DnsNames, "ra.example *.fund.example")), Ok(()));
        assert_eq!(server(&with(SubjectField::IpAddresses, "127.0.0.1")), Ok(()));
    }

    #[test]
    fn an_attribute_has_its_own_limit() {
        let long = "长".repeat(65);
        let mut profile = unit();
        profile.names[1].max_chars = 64;
        let given = subject(&[(SubjectField::Province, Some(&long))]);
        assert_eq!(
            profile.conform(&given, KeyKind::P256, year()),
            Err(vec![Violation::TooLong(SubjectField::Province)])
        );
    }

    #[test]
    fn a_responder_lives_seven_days_to_the_second() {
        let profiles = Profiles::built_in().expect("sound");
        let responder = profiles.find(&ProfileName::new("ocsp-responder").expect("name")).expect("there");
        let start = Timestamp::from_unix(1_700_000_000);
        assert_eq!(responder.validity_violations(Validity::seconds(start, 604_800)), []);
        assert_eq!(responder.validity_violations(Validity::seconds(start, 604_801)), [Violation::Term]);
    }
}
