//! The forms of the nine operations: their fields, and how what was typed becomes a plan.

use std::collections::BTreeMap;

use ca_core::domain::{FundAct, FundPay, FundReason};

use super::query::Field;
use crate::fund::account::Unit;
use crate::fund::amounts::{Fen, Month};
use crate::fund::books::{PersonAccount, PersonNumber};
use crate::fund::codes::IdKind;
use crate::fund::operation::{Plan, PlannedArrear, PlannedPerson};
use crate::fund::sheet;
use crate::page::View;

/// Months that one make-up covers at most.
const MOST_ARREARS: i64 = 24;

/// What was typed, by field.
pub(super) type Typed = BTreeMap<String, String>;

/// Field and message of what cannot be.
pub(super) type Faults = Vec<(&'static str, String)>;

/// Reads what was typed, and notes what is wrong.
pub(super) struct Reader<'a> {
    view: &'a View,
    typed: &'a Typed,
    pub(super) faults: Faults,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(view: &'a View, typed: &'a Typed) -> Self {
        Self { view, typed, faults: Vec::new() }
    }

    fn text(&self, name: &str) -> &'a str {
        self.typed.get(name).map_or("", |text| text.trim())
    }

    fn read<T>(&mut self, name: &'static str, fault: &'static str, read: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let value = read(self.text(name));
        if value.is_none() {
            self.faults.push((name, self.view.t(fault)));
        }
        value
    }

    fn number(&mut self) -> Option<PersonNumber> {
        self.read("number", "fund-fault-number", |text| text.parse().ok())
    }

    fn base(&mut self) -> Option<Fen> {
        self.read("base", "fund-fault-amount", Fen::typed)
    }

    fn words(&mut self, name: &'static str, most: usize) -> Option<String> {
        self.read(name, "fund-fault-words", |text| plain(text, 2, most))
    }
}

/// A line of text without control characters, of a length between these.
pub(super) fn plain(text: &str, least: usize, most: usize) -> Option<String> {
    let count = text.chars().count();
    ((least..=most).contains(&count) && !text.chars().any(char::is_control)).then(|| text.to_owned())
}

/// The plan that was typed; none when something is wrong with it.
pub(super) fn plan(reader: &mut Reader<'_>, act: FundAct) -> Option<Plan> {
    Some(match act {
        FundAct::Remit => {
            let pay = reader.read("pay", "fund-fault-choose", FundPay::from_word);
            // The month that was shown: another one by now is said by the rule.
            let month = reader.read("month", "fund-fault-month", sheet::month);
            Plan::Remit { month: month?, pay: pay? }
        }
        FundAct::Open => {
            let name = reader.read("name", "fund-fault-name", sheet::name);
            let kind = reader.read("id_kind", "fund-fault-choose", IdKind::from_code);
            let id_number = reader
                .read("id_number", "fund-fault-id", |text| sheet::id_number(kind.unwrap_or(IdKind::Resident), text));
            let mobile = reader.read("mobile", "fund-fault-mobile", sheet::mobile);
            let (base, starts) = (reader.base(), reader.read("starts", "fund-fault-month", sheet::month));
            let person = PlannedPerson {
                number: None,
                id: String::new(),
                name: name?,
                id_kind: kind?,
                id_number: id_number?,
                mobile: mobile?,
                base: base?,
                starts: starts?,
            };
            Plan::Open { people: vec![person] }
        }
        FundAct::Seal => {
            let (number, reason) = (reader.number(), reader.read("reason", "fund-fault-choose", FundReason::from_word));
            Plan::Seal { number: number?, reason: reason? }
        }
        FundAct::Unseal => {
            let (number, base) = (reader.number(), reader.base());
            Plan::Unseal { number: number?, base: base? }
        }
        FundAct::Rebase => {
            let (number, base) = (reader.number(), reader.base());
            Plan::Rebase { bases: vec![(number?, base?)] }
        }
        FundAct::MakeUp => make_up(reader)?,
        FundAct::ChangeUnit => {
            let address = reader.words("address", 100);
            let handler = reader.read("handler", "fund-fault-name", sheet::name);
            let mobile = reader.read("handler_mobile", "fund-fault-mobile", sheet::mobile);
            let payday = reader.read("payday", "fund-fault-payday", |text| match text {
                "" => Some(None),
                text => text.parse().ok().filter(|day| (1..=31).contains(day)).map(Some),
            });
            let bank = reader.words("bank", 60);
            Plan::ChangeUnit {
                address: address?,
                handler: handler?,
                handler_mobile: mobile?,
                payday: payday?,
                bank: bank?,
            }
        }
        FundAct::ChangePerson => {
            let (number, mobile) = (reader.number(), reader.read("mobile", "fund-fault-mobile", sheet::mobile));
            let address = reader.read("address", "fund-fault-words", |text| plain(text, 0, 100));
            Plan::ChangePerson { number: number?, mobile: mobile?, address: address? }
        }
        FundAct::Reverse => {
            let serial = reader.words("serial", 26);
            let words = reader.words("words", 200);
            Plan::Reverse { serial: serial?, words: words? }
        }
    })
}

fn make_up(reader: &mut Reader<'_>) -> Option<Plan> {
    let number = reader.number();
    let (from, to) = (
        reader.read("month", "fund-fault-month", sheet::month),
        reader.read("month_to", "fund-fault-month", |text| match text {
            "" => Some(None),
            text => sheet::month(text).map(Some),
        }),
    );
    let unit_part = reader.read("unit_part", "fund-fault-amount", Fen::typed);
    let personal_part = reader.read("personal_part", "fund-fault-amount", Fen::typed);
    let difference = reader.text("difference") == "yes";
    let pay = reader.read("pay", "fund-fault-choose", FundPay::from_word);
    let words = reader.words("words", 200);
    let (from, to) = (from?, to?.or(from)?);
    if to < from || to.since(from) >= MOST_ARREARS {
        let text = reader.view.locale.t_with("fund-fault-months", &[("n", &MOST_ARREARS)]);
        reader.faults.push(("month_to", text));
        return None;
    }
    let (number, words) = (number?, words?);
    let (unit_part, personal_part) = (unit_part?, personal_part?);
    let arrear = |n| PlannedArrear {
        number: number.clone(),
        name: String::new(),
        month: from.plus(n),
        unit_part,
        personal_part,
        difference,
        words: words.clone(),
    };
    Some(Plan::MakeUp { arrears: (0..=to.since(from)).map(arrear).collect(), pay: pay? })
}

/// The fields of a form, with what was typed or, at first, what is usual.
pub(super) fn fields(
    view: &View,
    act: FundAct,
    unit: &Unit,
    account: Option<&PersonAccount>,
    typed: Option<&Typed>,
    faults: &Faults,
) -> Vec<Field> {
    let usual = |name: &str| -> String {
        let month = |month: Month| month.to_string();
        match (act, name) {
            (FundAct::Remit, "month") | (FundAct::Open, "starts") => month(unit.next_month()),
            (FundAct::Remit | FundAct::MakeUp, "pay") => FundPay::Suspense.word().to_owned(),
            (FundAct::MakeUp, "difference") => "no".to_owned(),
            (FundAct::Open, "id_kind") => IdKind::Resident.code().to_owned(),
            (FundAct::ChangeUnit, "address") => unit.address.clone(),
            (FundAct::ChangeUnit, "handler") => unit.handler.clone(),
            (FundAct::ChangeUnit, "handler_mobile") => unit.handler_mobile.clone(),
            (FundAct::ChangeUnit, "bank") => unit.bank.clone(),
            (FundAct::ChangeUnit, "payday") => unit.payday.map(|day| day.to_string()).unwrap_or_default(),
            (_, "number") => account.map(|account| account.number.to_string()).unwrap_or_default(),
            (FundAct::ChangePerson, "mobile") => account.map(|one| one.person.mobile.clone()).unwrap_or_default(),
            (FundAct::ChangePerson, "address") => account.map(|one| one.person.address.clone()).unwrap_or_default(),
            (FundAct::Unseal, "base") => account.map(|one| one.base.plain()).unwrap_or_default(),
            (FundAct::MakeUp, "unit_part") => account.map(|one| one.unit_share.plain()).unwrap_or_default(),
            (FundAct::MakeUp, "personal_part") => account.map(|one| one.personal_share.plain()).unwrap_or_default(),
            _ => String::new(),
        }
    };
    let field = |name: &'static str, label: &str, kind: &'static str| {
        let value = typed.map_or_else(|| usual(name), |typed| typed.get(name).cloned().unwrap_or_default());
        let error = faults.iter().find(|(at, _)| *at == name).map(|(_, text)| text.clone());
        Field::of(view, name, label, kind, &value).faulty(error)
    };
    let words = |prefix: &str, all: &[&str]| -> Vec<(String, String)> {
        all.iter().map(|word| ((*word).to_owned(), view.t(&format!("{prefix}{word}")))).collect()
    };
    let number = || field("number", "fund-col-number", "text");
    let pay = || {
        field("pay", "fund-field-pay", "radio")
            .among(words("fund-pay-", &[FundPay::Suspense.word(), FundPay::Transfer.word()]))
    };
    match act {
        FundAct::Remit => vec![field("month", "fund-field-month", "fixed"), pay()],
        FundAct::Open => vec![
            field("name", "fund-col-name", "text"),
            field("id_kind", "fund-form-id-kind", "select").among(
                IdKind::ALL
                    .iter()
                    .map(|kind| (kind.code().to_owned(), view.t(&format!("fund-id-{}", kind.word()))))
                    .collect(),
            ),
            field("id_number", "fund-col-id", "text"),
            field("mobile", "fund-col-mobile", "text"),
            field("base", "fund-field-base", "amount"),
            field("starts", "fund-line-starts", "month"),
        ],
        FundAct::Seal => {
            let reasons: Vec<&str> = FundReason::ALL.iter().map(|reason| reason.word()).collect();
            vec![number(), field("reason", "fund-field-reason", "radio").among(words("fund-reason-", &reasons))]
        }
        FundAct::Unseal => vec![number(), field("base", "fund-field-base", "amount")],
        FundAct::Rebase => vec![number(), field("base", "fund-form-new-base", "amount")],
        FundAct::MakeUp => vec![
            number(),
            field("month", "fund-filter-month-from", "month"),
            field("month_to", "fund-form-month-to", "month"),
            field("unit_part", "fund-form-unit-part", "amount"),
            field("personal_part", "fund-form-personal-part", "amount"),
            field("difference", "fund-form-difference", "radio").among(words("fund-difference-", &["no", "yes"])),
            pay(),
            field("words", "fund-form-why", "text"),
        ],
        FundAct::ChangeUnit => vec![
            field("address", "fund-field-address", "text"),
            field("handler", "fund-field-handler", "text"),
            field("handler_mobile", "fund-field-mobile", "text"),
            field("payday", "fund-field-payday", "amount"),
            field("bank", "fund-field-bank", "text"),
        ],
        FundAct::ChangePerson => {
            vec![number(), field("mobile", "fund-col-mobile", "text"), field("address", "fund-field-address", "text")]
        }
        FundAct::Reverse => {
            vec![field("serial", "fund-field-serial", "text"), field("words", "fund-field-words", "text")]
        }
    }
}

/// The field at which a rule's message stands.
pub(super) const fn place(act: FundAct, rule: &crate::fund::rules::Rule) -> &'static str {
    use crate::fund::rules::Rule;
    match (act, rule) {
        (_, Rule::BaseLow { .. } | Rule::BaseHigh { .. } | Rule::NothingChanges)
            if matches!(act, FundAct::Open | FundAct::Unseal | FundAct::Rebase) =>
        {
            "base"
        }
        (FundAct::Open, Rule::StartsTooEarly { .. }) => "starts",
        (FundAct::Open, Rule::OtherName) => "name",
        (FundAct::Open, _) => "id_number",
        (FundAct::Remit, Rule::SuspenseShort { .. }) => "pay",
        (FundAct::Remit, _) => "month",
        (FundAct::MakeUp, Rule::NotYetDue { .. } | Rule::PaidAlready { .. } | Rule::BeforeUnit { .. }) => "month",
        (FundAct::MakeUp, Rule::SuspenseShort { .. }) => "pay",
        (FundAct::MakeUp, Rule::NoAmount | Rule::AboveMonth { .. }) => "unit_part",
        (FundAct::ChangeUnit, _) => "address",
        (FundAct::ChangePerson, Rule::NothingChanges) => "mobile",
        (FundAct::Reverse, _) => "serial",
        _ => "number",
    }
}
