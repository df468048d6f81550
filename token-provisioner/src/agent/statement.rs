//! What is signed, in plain words. Only types that are rendered here can be signed by the agent.

use ca_core::domain::{
    self, Act, Archive, FundAct, FundField, FundPay, FundReason, FundTransaction, KeyKind, Login, LoginPurpose, Order,
    Recovery, SubjectField, Timestamp, Unlock, UnlockWay, Withdrawal,
};

use super::withdrawal::withdrawal_words;
use crate::certificate::{Facts, Holder};
use crate::config::{Permission, Site};
use crate::text::Language;

/// How far the computer's clock may be behind the site's.
const CLOCK_LEEWAY_SECONDS: i64 = 300;

/// A statement that may be signed for the site that asks.
#[derive(Clone)]
pub(super) struct Statement {
    kind: Kind,
    bytes: Vec<u8>,
}

#[derive(Clone)]
enum Kind {
    Login(Login),
    Order(Box<Order>),
    Unlock(Box<Unlock>),
    Archive(Box<Archive>),
    Recovery(Box<Recovery>),
    Fund(Box<FundTransaction>),
    Withdrawal(Box<Withdrawal>),
}

/// Why a statement is not put before the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    /// Not canonical bytes of a type that the agent signs.
    NotUnderstood,
    /// This site may not ask for this type.
    NotForThisSite,
    /// A login challenge that was made for another site.
    AnotherSite,
    /// The challenge is too old, or this computer's clock is wrong.
    Expired,
    /// Something that is signed by itself only.
    Alone,
}

/// A statement in words.
pub(super) struct Words {
    /// What is done.
    pub(super) heading: String,
    /// What it means; empty if the heading says all.
    pub(super) meaning: String,
    /// Whether the act cannot be undone.
    pub(super) grave: bool,
    /// Particulars.
    pub(super) rows: Vec<(String, String)>,
    /// The exact text.
    pub(super) exact: String,
}

impl Statement {
    /// Reads bytes from a site.
    pub(super) fn read(bytes: Vec<u8>, site: &Site, now: Timestamp) -> Result<Self, Unfit> {
        let kind = match domain::tag_of(&bytes).map_err(|_| Unfit::NotUnderstood)?.as_str() {
            "yinxin.login.v1" => Kind::Login(domain::decode(&bytes).map_err(|_| Unfit::NotUnderstood)?),
            "yinxin.order.v1" => Kind::Order(Box::new(domain::decode(&bytes).map_err(|_| Unfit::NotUnderstood)?)),
            "yinxin.unlock.v1" => Kind::Unlock(Box::new(domain::decode(&bytes).map_err(|_| Unfit::NotUnderstood)?)),
            "yinxin.archive.v1" => Kind::Archive(Box::new(domain::decode(&bytes).map_err(|_| Unfit::NotUnderstood)?)),
            "yinxin.recovery.v1" => Kind::Recovery(Box::new(domain::decode(&bytes).map_err(|_| Unfit::NotUnderstood)?)),
            "yinxin.fund-transaction.v1" => {
                Kind::Fund(Box::new(domain::decode(&bytes).map_err(|_| Unfit::NotUnderstood)?))
            }
            "yinxin.withdrawal.v1" => {
                Kind::Withdrawal(Box::new(domain::decode(&bytes).map_err(|_| Unfit::NotUnderstood)?))
            }
            _ => return Err(Unfit::NotUnderstood),
        };
        let may = match &kind {
            Kind::Login(_) => site.may(Permission::Login),
            Kind::Order(order) if order.holders_renewal().is_some() || order.holders_end().is_some() => {
                site.may(Permission::Order) || site.may(Permission::Renew)
            }
            Kind::Order(_) | Kind::Unlock(_) | Kind::Archive(_) | Kind::Recovery(_) => site.may(Permission::Order),
            Kind::Fund(_) | Kind::Withdrawal(_) => site.may(Permission::Fund),
        };
        if !may {
            return Err(Unfit::NotForThisSite);
        }
        let statement = Self { kind, bytes };
        statement.still_good(site, now)?;
        Ok(statement)
    }

    /// Whether it may be signed at this moment for this site.
    pub(super) fn still_good(&self, site: &Site, now: Timestamp) -> Result<(), Unfit> {
        match &self.kind {
            Kind::Login(login) if login.aud != site.origin.to_string() => Err(Unfit::AnotherSite),
            Kind::Login(login) if now > login.exp || login.iat > now.plus(CLOCK_LEEWAY_SECONDS) => Err(Unfit::Expired),
            Kind::Fund(fund) if fund.aud != site.origin.to_string() => Err(Unfit::AnotherSite),
            Kind::Fund(fund) if now > fund.exp || fund.created > now.plus(CLOCK_LEEWAY_SECONDS) => Err(Unfit::Expired),
            Kind::Withdrawal(one) if one.aud != site.origin.to_string() => Err(Unfit::AnotherSite),
            Kind::Withdrawal(one) if now > one.exp || one.created > now.plus(CLOCK_LEEWAY_SECONDS) => {
                Err(Unfit::Expired)
            }
            Kind::Login(_)
            | Kind::Order(_)
            | Kind::Unlock(_)
            | Kind::Archive(_)
            | Kind::Recovery(_)
            | Kind::Fund(_)
            | Kind::Withdrawal(_) => Ok(()),
        }
    }

    /// The login, if it is one.
    pub(super) fn login(&self) -> Option<&Login> {
        match &self.kind {
            Kind::Login(login) => Some(login),
            Kind::Order(_)
            | Kind::Unlock(_)
            | Kind::Archive(_)
            | Kind::Recovery(_)
            | Kind::Fund(_)
            | Kind::Withdrawal(_) => None,
        }
    }

    /// Whether a certificate may sign it, however old it is: an expired one proves who renews, and nothing else. A unit ends
    /// its own certificate and no other.
    pub(super) fn may_be_signed_by(&self, facts: &Facts, now: Timestamp) -> bool {
        match &self.kind {
            Kind::Login(login) if login.purpose == LoginPurpose::Unit => true,
            Kind::Order(order) => match order.holders_renewal() {
                Some(old) if facts.holder() == Holder::Unit => facts.serial == old.serial,
                None if facts.holder() == Holder::Unit => {
                    facts.validity.contains(now) && order.holders_end().is_some_and(|(_, own)| facts.serial == *own)
                }
                _ => facts.validity.contains(now),
            },
            Kind::Login(_)
            | Kind::Unlock(_)
            | Kind::Archive(_)
            | Kind::Recovery(_)
            | Kind::Fund(_)
            | Kind::Withdrawal(_) => facts.validity.contains(now),
        }
    }

    /// Whether it may stand among others that are signed with one PIN.
    pub(super) fn among_others(&self) -> Result<(), Unfit> {
        match &self.kind {
            Kind::Order(_) => Ok(()),
            Kind::Login(_)
            | Kind::Unlock(_)
            | Kind::Archive(_)
            | Kind::Recovery(_)
            | Kind::Fund(_)
            | Kind::Withdrawal(_) => Err(Unfit::Alone),
        }
    }

    /// The bytes that are signed.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// In words, for the person who signs.
    pub(super) fn words(&self, t: Language) -> Words {
        let exact = String::from_utf8_lossy(&self.bytes).into_owned();
        match &self.kind {
            Kind::Login(login) => login_words(t, login, exact),
            Kind::Order(order) => order_words(t, order, exact),
            Kind::Unlock(unlock) => unlock_words(t, unlock, exact),
            Kind::Archive(archive) => archive_words(t, archive, exact),
            Kind::Recovery(recovery) => recovery_words(t, recovery, exact),
            Kind::Fund(fund) => fund_words(t, fund, exact),
            Kind::Withdrawal(withdrawal) => withdrawal_words(t, withdrawal, exact),
        }
    }
}

fn login_words(t: Language, login: &Login, exact: String) -> Words {
    let purpose = match login.purpose {
        LoginPurpose::Staff => t.say("login-staff"),
        LoginPurpose::Portal => t.say("login-portal"),
        LoginPurpose::Unit => t.say("login-unit"),
    };
    Words {
        heading: t.with("sign-login", "where", purpose.as_str()),
        meaning: t.say("sign-login-meaning"),
        grave: false,
        rows: vec![(t.say("row-good-until"), login.exp.beijing_text())],
        exact,
    }
}

fn unlock_words(t: Language, unlock: &Unlock, exact: String) -> Words {
    let way = match unlock.way {
        UnlockWay::Counter => t.say("way-counter"),
        UnlockWay::Remote => t.say("way-remote"),
    };
    Words {
        heading: t.say("sign-unlock"),
        meaning: t.say("sign-unlock-meaning"),
        grave: false,
        rows: vec![
            (t.say("row-holder"), unlock.holder.clone()),
            (t.say("row-token"), unlock.token.clone()),
            (t.say("row-way"), way),
            (t.say("row-checked"), unlock.checked.clone()),
            (t.say("row-office"), unlock.office.to_string()),
            (t.say("row-created"), unlock.created.beijing_text()),
            (t.say("row-order"), unlock.id.to_string()),
        ],
        exact,
    }
}

fn archive_words(t: Language, archive: &Archive, exact: String) -> Words {
    let number = if archive.resident_number { "resident-number-full" } else { "resident-number-masked" };
    Words {
        heading: t.say("sign-archive"),
        meaning: t.say("sign-archive-meaning"),
        grave: archive.resident_number,
        rows: vec![
            (t.say("row-case"), archive.case.clone()),
            (t.say("row-unit"), archive.unit.clone()),
            (t.say("row-uscc"), archive.uscc.clone()),
            (t.say("row-files"), archive.files.to_string()),
            (t.say("row-resident-number"), t.say(number)),
            (t.say("row-office"), archive.office.to_string()),
            (t.say("row-created"), archive.created.beijing_text()),
            (t.say("row-manifest"), archive.manifest_sha256.to_string()),
        ],
        exact,
    }
}

fn recovery_words(t: Language, recovery: &Recovery, exact: String) -> Words {
    Words {
        heading: t.say("sign-recovery"),
        meaning: t.say("sign-recovery-meaning"),
        grave: true,
        rows: vec![
            (t.say("row-recovery-why"), recovery.why.clone()),
            (t.say("row-recovery-serial"), recovery.serial.to_string()),
            (t.say("row-issuer"), recovery.issuer.to_string()),
            (t.say("row-recovery-recipient"), recovery.recipient_sha256.to_string()),
            (t.say("row-office"), recovery.office.to_string()),
            (t.say("row-created"), recovery.created.beijing_text()),
            (t.say("row-order"), recovery.id.to_string()),
        ],
        exact,
    }
}

/// A transaction at the fund, as the unit's handler must understand it.
fn fund_words(t: Language, fund: &FundTransaction, exact: String) -> Words {
    let said = |field: FundField, value: &str| match field {
        FundField::Pay => FundPay::from_word(value).map(|pay| t.say(&format!("fund-pay-{}", pay.word()))),
        FundField::Reason => FundReason::from_word(value).map(|why| t.say(&format!("fund-reason-{}", why.word()))),
        _ => None,
    };
    let value = |field, value: &str| said(field, value).unwrap_or_else(|| value.to_owned());
    let mut rows = vec![(t.say("row-unit"), fund.unit.clone()), (t.say("row-fund-account"), fund.account.clone())];
    for fact in &fund.facts {
        let label = t.say(&format!("fund-field-{}", fact.field.word().replace('_', "-")));
        let will = value(fact.field, &fact.value);
        let text = match &fact.was {
            Some(was) => format!("{} → {will}", value(fact.field, was)),
            None => will,
        };
        rows.push((label, text));
    }
    rows.push((t.say("row-fund-list"), t.with("fund-list-lines", "n", fund.list.lines)));
    rows.push((t.say("row-created"), fund.created.beijing_text()));
    rows.push((t.say("row-fund-serial"), fund.id.to_string()));
    rows.push((t.say("row-fund-list-hash"), fund.list.sha256.to_string()));
    Words {
        heading: t.say(&format!("fund-act-{}", fund.act.word().replace('_', "-"))),
        meaning: t.say("sign-fund-meaning"),
        grave: fund.act == FundAct::Reverse,
        rows,
        exact,
    }
}

/// An order, as the officer must understand it.
pub(super) fn order_words(t: Language, order: &Order, exact: String) -> Words {
    let mut rows = Vec::new();
    let mut row = |label: &str, value: String| rows.push((t.say(label), value));
    let (heading, meaning, grave) = match &order.act {
        Act::Issue { issuer, profile, subject, years, key, officer, replaces } => {
            let field = |field| subject.get(field).unwrap_or_default().to_owned();
            // Of the two only a unit is an organisation; a portal knows the person by the number.
            let is_person =
                subject.get(SubjectField::Organisation).is_none() && subject.get(SubjectField::UniqueId).is_some();
            match officer {
                Some(officer) => {
                    row("row-officer", format!("{} ({})", officer.name, officer.id));
                    row("row-officer-office", officer.office.to_string());
                    let roles = officer.roles.iter().map(|role| t.say(&format!("role-{}", role.word())));
                    row("row-roles", roles.collect::<Vec<_>>().join(if t == Language::Chinese { "、" } else { ", " }));
                }
                None if is_person => {
                    row("row-person", field(SubjectField::CommonName));
                    row("row-person-number", field(SubjectField::UniqueId));
                }
                None => {
                    row("row-unit", field(SubjectField::CommonName));
                    if let Some(uscc) = subject.get(SubjectField::Uscc) {
                        row("row-uscc", uscc.to_owned());
                    }
                }
            }
            let place: Vec<&str> = [SubjectField::Province, SubjectField::Locality]
                .into_iter()
                .filter_map(|field| subject.get(field))
                .collect();
            if !place.is_empty() {
                row("row-place", place.join(" "));
            }
            match replaces {
                None => row("row-years", t.with("years", "n", *years)),
                Some(old) => {
                    row("row-ground", t.say(&format!("ground-{}", old.ground.word())));
                    if old.ground.keeps_the_term() {
                        row("row-years", t.say("years-kept"));
                    } else {
                        row("row-years", t.with("years-extended", "n", *years));
                    }
                    row("row-replaces", format!("{} ({})", old.serial, old.issuer));
                    row("row-replaces-reason", t.say(&format!("reason-{}", old.ground.reason().word())));
                }
            }
            row("row-key", key_text(*key).to_owned());
            row("row-profile", format!("{profile} / {issuer}"));
            let heading = match officer {
                Some(_) => "sign-issue-staff",
                None if is_person => "sign-issue-person",
                None => "sign-issue",
            };
            (t.say(heading), t.say("sign-issue-meaning"), false)
        }
        Act::Revoke { issuer, serial, reason, invalid_since } => {
            row("row-serial", serial.to_string());
            row("row-issuer", issuer.to_string());
            row("row-reason", t.say(&format!("reason-{}", reason.word())));
            if let Some(date) = invalid_since {
                row("row-invalid-since", date.beijing_text());
            }
            (t.say("sign-revoke"), t.say("sign-revoke-meaning"), true)
        }
        Act::Hold { issuer, serial } => {
            row("row-serial", serial.to_string());
            row("row-issuer", issuer.to_string());
            (t.say("sign-hold"), t.say("sign-hold-meaning"), false)
        }
        Act::Release { issuer, serial } => {
            row("row-serial", serial.to_string());
            row("row-issuer", issuer.to_string());
            (t.say("sign-release"), t.say("sign-release-meaning"), false)
        }
        Act::Amend { issuer, serial } => {
            row("row-serial", serial.to_string());
            row("row-issuer", issuer.to_string());
            row("row-reason", t.say("reason-key_compromise"));
            (t.say("sign-amend"), t.say("sign-amend-meaning"), true)
        }
    };
    row("row-office", order.office.to_string());
    row("row-created", order.created.beijing_text());
    if !order.evidence.is_empty() {
        row("row-evidence", t.with("documents", "n", order.evidence.len()));
    }
    row("row-order", order.id.to_string());
    Words { heading, meaning, grave, rows, exact }
}

/// The name of a kind of key.
pub(super) const fn key_text(key: KeyKind) -> &'static str {
    match key {
        KeyKind::P256 => "ECDSA P-256",
        KeyKind::P384 => "ECDSA P-384",
        KeyKind::Rsa2048 | KeyKind::Rsa3072 | KeyKind::Rsa4096 | KeyKind::Sm2 => key.name(),
    }
}

#[cfg(test)]
mod tests {
    use ca_core::domain::{FundFact, FundList, Sha256, encode};

    use super::*;
    use crate::config::Config;

    fn site(may: &str) -> Site {
        let text = format!(
            "[[site]]\norigin = \"http://127.0.0.1:8082\"\nname_zh = \"甲\"\nname_en = \"A\"\nmay = [\"login\"{may}]\n"
        );
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("token.toml");
        std::fs::write(&file, text).expect("written");
        Config::read(Some(&file)).expect("a configuration").sites.remove(0)
    }

    fn transaction(act: FundAct) -> FundTransaction {
        let fact = |field: &FundField| {
            let value = match field {
                FundField::Pay => FundPay::Transfer.word(),
                FundField::Reason => FundReason::Leave.word(),
                _ => "1,781.56",
            };
            FundFact { field: *field, value: value.into(), was: (*field == FundField::Base).then(|| "1,600.00".into()) }
        };
        FundTransaction {
            id: "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().expect("an id"),
            aud: "http://127.0.0.1:8082".into(),
            account: "0210000001".into(),
            unit: "示范单位".into(),
            created: Timestamp::from_unix(1_000),
            exp: Timestamp::from_unix(1_900),
            act,
            facts: FundField::ALL.iter().map(fact).collect(),
            list: FundList { lines: 3, sha256: Sha256([7; 32]) },
        }
    }

    #[test]
    fn a_transaction_at_the_fund_is_said_in_plain_words_in_both_languages() {
        let now = Timestamp::from_unix(1_100);
        for act in FundAct::ALL {
            let statement = Statement::read(encode(&transaction(*act)), &site(", \"fund\""), now)
                .unwrap_or_else(|_| panic!("{act:?}"));
            for t in [Language::Chinese, Language::English] {
                let words = statement.words(t);
                assert!(
                    !words.heading.starts_with("fund-") && !words.meaning.starts_with("sign-"),
                    "{}",
                    words.heading
                );
                for (label, value) in &words.rows {
                    assert!(!label.starts_with("fund-") && !label.starts_with("row-"), "{label}");
                    assert!(!value.starts_with("fund-") && value != "transfer" && value != "leave", "{label}: {value}");
                }
                assert!(words.rows.iter().any(|(_, value)| value == "1,600.00 → 1,781.56"));
                assert_eq!(words.grave, *act == FundAct::Reverse);
            }
        }
    }

    #[test]
    fn a_transaction_is_signed_for_its_own_site_in_its_time_and_alone() {
        let read = |transaction: &FundTransaction, site: &Site, now| {
            Statement::read(encode(transaction), site, Timestamp::from_unix(now)).map(|_| ())
        };
        let (good, fund) = (transaction(FundAct::Remit), site(", \"fund\""));
        assert_eq!(read(&good, &fund, 1_100), Ok(()));
        assert_eq!(read(&good, &site(""), 1_100), Err(Unfit::NotForThisSite));
        assert_eq!(read(&good, &fund, 1_901), Err(Unfit::Expired));
        let other = FundTransaction { aud: "http://127.0.0.1:9999".into(), ..good.clone() };
        assert_eq!(read(&other, &fund, 1_100), Err(Unfit::AnotherSite));
        let statement = Statement::read(encode(&good), &fund, Timestamp::from_unix(1_100)).expect("read");
        assert_eq!(statement.among_others(), Err(Unfit::Alone));
    }

    #[test]
    fn an_officer_reads_the_number_by_which_a_portal_knows_the_person() {
        let fields = [(SubjectField::CommonName, "李强"), (SubjectField::UniqueId, "HZ-P-000001")];
        let subject =
            domain::Subject::new(fields.map(|(field, value)| (field, value.to_owned())).into()).expect("a subject");
        let order = Order {
            id: "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().expect("an id"),
            office: domain::OfficeId::new("demo-office").expect("an office"),
            created: Timestamp::from_unix(1_000),
            evidence: Vec::new(),
            act: Act::Issue {
                issuer: domain::IssuerId::new("unit-p256").expect("an issuer"),
                profile: domain::ProfileName::new("person").expect("a profile"),
                subject,
                years: 1,
                key: KeyKind::P256,
                officer: None,
                replaces: None,
            },
        };
        let words = order_words(Language::Chinese, &order, String::new());
        assert_eq!(words.heading, "批准签发个人证书");
        let pair = |label: &str, value: &str| (label.to_owned(), value.to_owned());
        assert_eq!(words.rows[..2], [pair("姓名", "李强"), pair("业务系统编号", "HZ-P-000001")]);
    }
}
