//! The ledger under random histories, and that nothing in it is ever changed.

use std::collections::BTreeMap;

use ca_core::domain::{BeijingDay, OfficeId, Officer, OfficerId, Role};
use proptest::prelude::*;

use super::bill::tests::{NOW, bill};
use super::bill::{Bill, BillNumber};
use super::drawer::{Drawer, DrawerState};
use super::fen::{Fen, Split};
use super::ledger::{self, Account, Entry};
use super::refund::{Refund, RefundNumber, RefundState};
use super::taking::{Method, Payment, PaymentId, Tender, receipt_number};
use super::wire::tests::line;
use super::wire::{BankLine, LineNumber, LineState, Reason};
use crate::enrolment::case::Who;

fn officer(id: &str) -> Officer {
    Officer {
        id: OfficerId::new(id).expect("an id"),
        name: id.to_owned(),
        office: OfficeId::new("demo-office").expect("an office"),
        roles: vec![Role::RaEntry, Role::Finance],
    }
}

/// An act on one of the bills, with an amount for those that take one.
#[derive(Clone, Debug)]
enum Doing {
    Pay(Method),
    Void,
    Serve,
    Ask(i64),
    Approve,
    Decline,
    PayOut,
    Close(i64),
    /// Money came onto our bank account: what a bill costs, or so much.
    Wire(Option<i64>),
    /// The last of it that lies in suspense pays a bill, is money on its way, or goes back.
    Assign,
    Clear,
    AskReturn,
    AgreeReturn,
    SendBack,
}

fn doing() -> impl Strategy<Value = (usize, Doing)> {
    // Money by bank comes with its line.
    let method = prop::sample::select(vec![Method::Cash, Method::Pos, Method::Qr, Method::Online]);
    let doing = prop_oneof![
        4 => method.prop_map(Doing::Pay),
        1 => Just(Doing::Void),
        2 => Just(Doing::Serve),
        3 => (1_i64..50_000).prop_map(Doing::Ask),
        3 => Just(Doing::Approve),
        1 => Just(Doing::Decline),
        3 => Just(Doing::PayOut),
        1 => (-500_i64..500).prop_map(Doing::Close),
        2 => Just(Doing::Wire(None)),
        2 => (1_i64..50_000).prop_map(|fen| Doing::Wire(Some(fen))),
        3 => Just(Doing::Assign),
        1 => Just(Doing::Clear),
        2 => Just(Doing::AskReturn),
        2 => Just(Doing::AgreeReturn),
        2 => Just(Doing::SendBack),
    ];
    (0_usize..4, doing)
}

/// A few bills with their payments and refunds, and the books beside them.
struct World {
    bills: Vec<Bill>,
    payments: Vec<Option<Payment>>,
    refunds: Vec<Vec<Refund>>,
    lines: Vec<BankLine>,
    booked: BTreeMap<String, Entry>,
    n: i64,
    differences: Fen,
    vault: Fen,
}

impl World {
    fn new() -> Self {
        let day = NOW.beijing_day();
        let bills = (1..5).map(|n| Bill { number: BillNumber::new(day, n), ..bill() }).collect();
        Self {
            bills,
            payments: vec![None; 4],
            refunds: vec![Vec::new(); 4],
            lines: Vec::new(),
            booked: BTreeMap::new(),
            n: 0,
            differences: Fen::ZERO,
            vault: Fen::ZERO,
        }
    }

    fn book(&mut self, entry: Option<Entry>) {
        let Some(entry) = entry else { return };
        let id = entry.id().to_owned();
        assert!(self.booked.insert(id.clone(), entry).is_none(), "{id} is booked twice");
    }

    fn balance(&self, account: Account) -> Fen {
        let postings = self.booked.values().flat_map(Entry::postings);
        postings.filter(|posting| posting.account == account).map(|posting| posting.amount).sum()
    }

    /// What the domain allows happens and is booked; what it forbids changes nothing.
    fn act(&mut self, at: usize, doing: &Doing) {
        let (clerk, finance, day) = (officer("limin"), officer("liufang"), NOW.beijing_day());
        let bill = self.bills[at].clone();
        self.n += 1;
        match doing {
            Doing::Pay(method) => {
                let Ok(paid) = bill.clone().pay(NOW) else { return };
                let tender = Tender::new(*method, None, "004217", bill.gross()).expect("a slip");
                let receipt = receipt_number(&clerk.office, day, self.n);
                let id = PaymentId::new(day, self.n);
                let payment = Payment::take(id, (&bill.number, bill.gross()), tender, receipt, &clerk, day, NOW);
                self.book(ledger::payment(&payment));
                (self.bills[at], self.payments[at]) = (paid, Some(payment));
            }
            Doing::Void => {
                let waits = self.refunds[at].iter().any(|refund| refund.state == RefundState::Asked);
                let (Some(payment), Ok(open), false) = (self.payments[at].clone(), bill.unpay(), waits) else { return };
                if payment.method.is_remote() {
                    return;
                }
                let voided = payment.void(&finance, "a mistake".into(), NOW).expect("today");
                self.book(ledger::void(&voided, &Who::from(&finance), NOW));
                (self.bills[at], self.payments[at]) = (open, None);
            }
            Doing::Serve => {
                let entry = ledger::service(&bill, NOW);
                let Ok(served) = bill.serve(NOW) else { return };
                self.book(entry);
                self.bills[at] = served;
            }
            Doing::Ask(fen) => {
                let waits = self.refunds[at].iter().any(|refund| refund.state == RefundState::Asked);
                let Some(payment) = self.payments[at].as_ref().filter(|_| !waits) else { return };
                let amount = Fen::new(*fen);
                if bill.refund(amount).is_err() {
                    return;
                }
                let number = RefundNumber::new(day, self.n);
                self.refunds[at].push(Refund::ask(number, payment, amount, "why".into(), &clerk, NOW));
            }
            Doing::Approve | Doing::Decline => {
                let Some(refund) = self.refunds[at].iter_mut().find(|r| r.state == RefundState::Asked) else { return };
                assert!(refund.clone().approve(&clerk, NOW).is_err(), "who asked does not approve");
                if matches!(doing, Doing::Decline) {
                    *refund = refund.clone().decline(&finance, "no".into(), NOW).expect("asked");
                    return;
                }
                let Ok(after) = bill.clone().refund(refund.amount) else { return };
                *refund = refund.clone().approve(&finance, NOW).expect("asked");
                let entry = ledger::refund(&bill, &refund.clone(), &Who::from(&finance), NOW);
                self.book(entry);
                self.bills[at] = after;
            }
            Doing::PayOut => {
                let open = |refund: &&mut Refund| matches!(refund.state, RefundState::Approved { .. });
                let Some(refund) = self.refunds[at].iter_mut().find(open) else { return };
                *refund = refund.clone().pay_out(&clerk, "004218", day, NOW).expect("approved");
                let entry = ledger::pay_out(&refund.clone(), &Who::from(&clerk), NOW);
                self.book(entry);
            }
            Doing::Wire(fen) => {
                let number = LineNumber::new(day, self.n);
                let came = BankLine { number, ..line(fen.map_or(bill.gross(), Fen::new), "东湖", "") };
                self.book(ledger::wire(&came));
                self.lines.push(came.suspend(Reason::NoCode, None).expect("received"));
            }
            Doing::Assign => {
                let (Ok(paid), Some(n)) = (bill.clone().pay(NOW), self.suspended()) else { return };
                let receipt = receipt_number(&clerk.office, day, self.n);
                let id = PaymentId::new(day, self.n);
                let payment = Payment::came(id, &bill, Method::Wire, Some("A1".into()), receipt, NOW);
                let entry = ledger::assign(&self.lines[n], Some(&Who::from(&finance)), NOW);
                let Ok(matched) = self.lines[n].clone().matched(&bill, payment.id.clone(), Some(&finance), NOW) else {
                    return;
                };
                self.book(entry);
                self.book(ledger::payment(&payment));
                (self.lines[n], self.bills[at], self.payments[at]) = (matched, paid, Some(payment));
            }
            Doing::Clear => {
                let Some(n) = self.suspended() else { return };
                let from = Account::PosTransit;
                self.book(ledger::cleared(&self.lines[n], from, &Who::from(&finance), NOW));
                self.lines[n] = self.lines[n].clone().clear(from, &finance, NOW).expect("suspended");
            }
            Doing::AskReturn => {
                let Some(n) = self.suspended() else { return };
                self.lines[n] = self.lines[n].clone().ask_return(&finance, "why".into(), NOW).expect("suspended");
            }
            Doing::AgreeReturn => {
                let Some(n) = self.lines.iter().position(|l| matches!(l.state, LineState::ReturnAsked { .. })) else {
                    return;
                };
                assert!(self.lines[n].clone().approve_return(&finance, NOW).is_err(), "who asked does not agree");
                self.book(ledger::to_return(&self.lines[n], &Who::from(&clerk), NOW));
                self.lines[n] = self.lines[n].clone().approve_return(&clerk, NOW).expect("asked");
            }
            Doing::SendBack => {
                let Some(n) = self.lines.iter().position(|l| matches!(l.state, LineState::Returning { .. })) else {
                    return;
                };
                self.book(ledger::sent_back(&self.lines[n], &Who::from(&finance), NOW));
                self.lines[n] = self.lines[n].clone().returned(&finance, "OUT-0001", NOW).expect("agreed");
            }
            Doing::Close(over) => {
                // Each on a day of its own, with all the cash there is.
                let day: BeijingDay = day.plus_days(-self.n);
                let drawer = Drawer {
                    office: clerk.office.clone(),
                    clerk: Who::from(&clerk),
                    day,
                    state: DrawerState::Open,
                    returned: None,
                };
                let book = self.balance(Account::Cash);
                let filed = drawer.file(&clerk, book, book + Fen::new(*over), "coins", NOW).expect("counted");
                assert!(filed.clone().confirm(&clerk, NOW).is_err(), "who counted does not confirm");
                let closed = filed.confirm(&finance, NOW).expect("confirmed");
                let count = closed.count().expect("counted").clone();
                self.book(ledger::closing(&closed, &count, &Who::from(&finance), NOW));
                self.vault = self.vault + count.counted;
                self.differences = self.differences + count.difference();
            }
        }
    }

    fn suspended(&self) -> Option<usize> {
        self.lines.iter().rposition(|line| matches!(line.state, LineState::Suspense { .. }))
    }

    fn sum_of(&self, fits: fn(&LineState) -> bool) -> Fen {
        self.lines.iter().filter(|line| fits(&line.state)).map(|line| line.amount).sum()
    }

    /// What the books must say of our bank account.
    fn check_bank(&self) {
        let held = self.sum_of(|state| matches!(state, LineState::Suspense { .. } | LineState::ReturnAsked { .. }));
        assert_eq!(self.balance(Account::WireSuspense), -held, "what nobody knows of, or not yet");
        let came = self.sum_of(|_| true);
        let back = self.sum_of(|state| matches!(state, LineState::Returned { .. }));
        let paid_out =
            |refund: &&Refund| refund.method == Method::Wire && matches!(refund.state, RefundState::PaidOut { .. });
        let refunded: Fen = self.refunds.iter().flatten().filter(paid_out).map(|refund| refund.amount).sum();
        assert_eq!(self.balance(Account::Bank), came - back - refunded, "what is on the account");
    }

    /// What the books must say of the bills.
    fn check(&self) {
        let trial: Fen = Account::ALL.into_iter().map(|account| self.balance(account)).sum();
        assert_eq!(trial, Fen::ZERO, "the trial balance");
        let kept =
            |served: bool| -> Vec<&Bill> { self.bills.iter().filter(|b| b.served.is_some() == served).collect() };
        let deferred: Fen = kept(false).iter().map(|bill| bill.kept()).sum();
        assert_eq!(self.balance(Account::Deferred), -deferred, "what was paid and not served");
        let earned: Vec<Split> = kept(true).iter().map(|bill| bill.split(bill.kept())).collect();
        let (net, tax) = (earned.iter().map(|s| s.net).sum::<Fen>(), earned.iter().map(|s| s.tax).sum::<Fen>());
        assert_eq!(self.balance(Account::Revenue), -net, "revenue is the split of what was kept");
        assert_eq!(self.balance(Account::Vat), -tax, "and so is the tax");
        let owed = self.refunds.iter().flatten().filter(|r| matches!(r.state, RefundState::Approved { .. }));
        let returning = self.sum_of(|state| matches!(state, LineState::Returning { .. }));
        let owed = owed.map(|refund| refund.amount).sum::<Fen>() + returning;
        assert_eq!(self.balance(Account::RefundsPayable), -owed);
        self.check_bank();
        assert_eq!(self.balance(Account::Vault), self.vault);
        assert_eq!(self.balance(Account::CashDifference), -self.differences);
        for entry in self.booked.values() {
            let sum: Fen = entry.postings().iter().map(|posting| posting.amount).sum();
            assert!(sum.is_zero() && entry.postings().len() >= 2, "{}", entry.id());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_books_balance_and_say_what_the_bills_say_after_every_step(
        history in prop::collection::vec(doing(), 1..60),
    ) {
        let mut world = World::new();
        for (at, doing) in &history {
            world.act(*at, doing);
            world.check();
        }
    }
}

/// Lines of the books are written and read. Whatever changed or removed one would have to be a statement, and every
/// statement of the office is in this list.
#[test]
fn no_statement_changes_or_removes_a_booking() {
    let mut seen = 0;
    for statement in crate::sql::STATEMENTS.concat() {
        if statement.contains("ledger_entry") || statement.contains("ledger_posting") {
            seen += 1;
            let begins = |word| statement.starts_with(word);
            assert!(begins("SELECT ") || begins("INSERT INTO ledger_"), "{statement}");
            assert!(!statement.contains("ON CONFLICT"), "{statement}");
        }
    }
    assert!(seen >= 6, "the statements of the ledger are looked at: {seen}");
}
