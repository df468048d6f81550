//! Money by bank, page by page: files taken in, money that finds its bill, suspense, returns, and who may do it.

use axum::http::StatusCode;
use ca_core::domain::Role;

use super::testing::{Bench, Got};
use crate::enrolment::desk::OfficeError;
use crate::payment::bill::BillState;
use crate::payment::fen::Fen;
use crate::payment::ledger::Account;
use crate::payment::wire::BankLine;
use crate::statement::MAX_FILE_BYTES;
use crate::store::Store as _;

const HEAD: &str = "账号,交易日期,流水号,贷方发生额,借方发生额,对方户名,对方账号,附言";
const UNIT: &str = "示范市东湖建筑工程有限公司";

fn table(rows: &[(&str, &str, &str, &str)]) -> String {
    let rows = rows.iter().map(|(serial, amount, payer, memo)| {
        format!("1305000011112222,2026-11-30,{serial},{amount},,{payer},6222 0000 1111,{memo}\n")
    });
    format!("{HEAD}\n{}", rows.collect::<String>())
}

impl Bench {
    async fn take_file(&self, who: &str, bytes: &[u8]) -> Got {
        self.form(who, "/money/wire/upload", &[], &[("file", bytes)]).await
    }

    async fn taken(&self, rows: &[(&str, &str, &str, &str)]) -> Vec<BankLine> {
        let got = self.take_file("liufang", table(rows).as_bytes()).await;
        assert!(got.to.ends_with("?done=statement"), "{} {}", got.status, got.text);
        let number = got.to.rsplit('/').next().expect("a number").trim_end_matches("?done=statement");
        let mut tx = self.store().read().await.expect("begun");
        tx.lines_of(&number.parse().expect("a number"), 100).await.expect("read")
    }

    /// The remittance code of a bill.
    async fn code(&self, bill: &str) -> String {
        let number = self.bill(bill).await.number;
        let mut tx = self.store().read().await.expect("begun");
        tx.remittance_of(&number).await.expect("read").expect("every bill has one").code.to_string()
    }

    /// What matters of a line: where it stands, and why.
    async fn stands(&self, line: &BankLine) -> String {
        let mut tx = self.store().read().await.expect("begun");
        let line = tx.line(&line.number).await.expect("read").expect("there");
        match line.state {
            crate::payment::wire::LineState::Suspense { reason, .. } => reason.word().to_owned(),
            state => state.word().to_owned(),
        }
    }

    /// Bank, suspense, what is owed in service, what is owed in money.
    async fn books(&self) -> [Fen; 4] {
        [
            self.balance(Account::Bank).await,
            self.balance(Account::WireSuspense).await,
            self.balance(Account::Deferred).await,
            self.balance(Account::RefundsPayable).await,
        ]
    }
}

const NOTHING: Fen = Fen::ZERO;

#[tokio::test]
async fn code_and_amount_pay_a_bill_by_themselves_and_once() {
    let bench = Bench::new().await;
    let path = bench.to_pay().await;
    let bill = bench.bill_of(&path).await.expect("a bill");
    let code = bench.code(&bill).await;
    let wide: String = code.to_lowercase().chars().map(|c| char::from_u32(c as u32 + 0xfee0).expect("wide")).collect();
    let rows = [("A1", "\"４６０.00\"", UNIT, wide.as_str())];
    let lines = bench.taken(&rows).await;
    assert_eq!(bench.stands(&lines[0]).await, "matched");
    assert!(matches!(bench.bill(&bill).await.state, BillState::Paid { .. }));
    assert_eq!(bench.books().await, [Fen::yuan(460), NOTHING, -Fen::yuan(460), NOTHING]);
    let page = bench.get("limin", &bill).await.text;
    assert!(page.contains("Bank transfer") && page.contains("A1"), "{page}");
    assert!(!bench.ticket(&path).await.is_empty(), "and the case goes on");

    // The same file, the same line in another file, and the same line twice in one: known.
    let got = bench.take_file("liufang", table(&rows).as_bytes()).await;
    assert!(got.to.ends_with("?done=statement-known"), "{}", got.to);
    assert_eq!(bench.taken(&[rows[0], ("A2", "1", "甲", "")]).await.len(), 1, "one of two is new");
    assert_eq!(bench.taken(&[("A3", "2", "乙", ""), ("A3", "2", "乙", "")]).await.len(), 1);
    // The money comes again: nothing is paid twice.
    let lines = bench.taken(&[("A4", "460", UNIT, &code)]).await;
    assert_eq!(bench.stands(&lines[0]).await, "double");
    assert_eq!(bench.books().await, [Fen::yuan(923), -Fen::yuan(463), -Fen::yuan(460), NOTHING]);
}

#[tokio::test]
async fn what_does_not_fit_lies_in_suspense_with_its_reason() {
    let bench = Bench::new().await;
    let path = bench.to_pay().await;
    let bill = bench.bill_of(&path).await.expect("a bill");
    let code = bench.code(&bill).await;
    let broken = format!("{}{}", &code[..10], (code.as_bytes()[10] - b'0' + 1) % 10);
    let lines = bench
        .taken(&[
            ("B1", "459.99", UNIT, &code),
            ("B2", "460.01", UNIT, &code),
            ("B3", "460", "别的公司", &code),
            ("B4", "460", "别的公司", &broken),
            ("B5", "9", "别的公司", "货款"),
        ])
        .await;
    let mut reasons = Vec::new();
    for line in &lines {
        reasons.push(bench.stands(line).await);
    }
    assert_eq!(reasons, ["short", "over", "third-party", "unknown-code", "no-code"]);
    assert_eq!(bench.bill(&bill).await.state, BillState::Open);
    assert_eq!(bench.balance(Account::Deferred).await, NOTHING);
    let page = bench.get("liufang", "/money/wire").await.text;
    for text in ["Less than the bill", "More than the bill", "Paid by somebody else", "unknown or mistyped"] {
        assert!(page.contains(text), "{text}");
    }

    // Too little is not enough, whoever says so; somebody else's money is, when finance says so.
    let href = |n: usize| format!("/money/wire/lines/{}", lines[n].number);
    let got = bench.post("liufang", &format!("{}/assign", href(0)), &[("bill", &code)]).await;
    assert_eq!(got.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(got.text.contains("Less than the bill: send it back"), "{}", got.text);
    let got = bench.post("liufang", &format!("{}/assign", href(2)), &[("bill", "BL-20200101-0001")]).await;
    assert!(got.text.contains("There is no such bill"), "{}", got.text);
    let number = bill.rsplit('/').next().expect("a number");
    let got = bench.post("liufang", &format!("{}/assign", href(2)), &[("bill", number)]).await;
    assert_eq!(got.to, format!("{}?done=wire-assigned", href(2)), "{}", got.text);
    assert!(matches!(bench.bill(&bill).await.state, BillState::Paid { .. }));
    let again = bench.post("liufang", &format!("{}/assign", href(3)), &[("bill", number)]).await;
    assert!(again.text.contains("paid already"), "{}", again.text);
    let page = bench.get("liufang", &href(2)).await.text;
    assert!(page.contains("Bank money assigned") && page.contains(number), "{page}");
}

#[tokio::test]
async fn name_and_amount_are_proposed_and_finance_says_yes_or_no() {
    let bench = Bench::new().await;
    let path = bench.to_pay().await;
    let bill = bench.bill_of(&path).await.expect("a bill");
    let lines = bench.taken(&[("C1", "460", " 示范市东湖建筑工程有限公司 ", "证书费"), ("C2", "460", UNIT, "")]).await;
    assert_eq!(bench.stands(&lines[0]).await, "proposed");
    assert_eq!(bench.bill(&bill).await.state, BillState::Open, "nobody was asked yet");
    let href = |n: usize| format!("/money/wire/lines/{}", lines[n].number);
    let got = bench.post("liufang", &format!("{}/decline", href(1)), &[]).await;
    assert_eq!(got.to, format!("{}?done=wire-declined", href(1)), "{}", got.text);
    assert_eq!(bench.stands(&lines[1]).await, "declined");
    let got = bench.post("liufang", &format!("{}/confirm", href(0)), &[]).await;
    assert_eq!(got.to, format!("{}?done=wire-assigned", href(0)), "{}", got.text);
    assert!(matches!(bench.bill(&bill).await.state, BillState::Paid { .. }));
    let twice = bench.post("liufang", &format!("{}/confirm", href(0)), &[]).await;
    assert_eq!(twice.status, StatusCode::CONFLICT);
    assert_eq!(bench.books().await, [Fen::yuan(920), -Fen::yuan(460), -Fen::yuan(460), NOTHING]);
}

#[tokio::test]
async fn money_goes_back_when_two_agree_and_only_where_it_came_from() {
    let bench = Bench::new().await;
    let lines = bench.taken(&[("D1", "460", "别的公司", "")]).await;
    let href = format!("/money/wire/lines/{}", lines[0].number);
    let page = bench.get("liufang", &href).await.text;
    assert!(page.contains("Only to the account it came from: 622200001111"), "{page}");
    assert!(!page.contains("name=\"account\""), "where it goes is not typed");
    let blank = bench.post("liufang", &format!("{href}/return"), &[("reason", " ")]).await;
    assert_eq!(blank.status, StatusCode::UNPROCESSABLE_ENTITY);
    let got = bench.post("liufang", &format!("{href}/return"), &[("reason", "not ours")]).await;
    assert_eq!(got.to, format!("{href}?done=wire-return-asked"), "{}", got.text);
    let own = bench.post("liufang", &format!("{href}/agree"), &[]).await;
    assert_eq!(own.status, StatusCode::FORBIDDEN, "nobody agrees with oneself");
    let early = bench.post("liufang", &format!("{href}/sent"), &[("reference", "OUT-0001")]).await;
    assert_eq!(early.status, StatusCode::CONFLICT, "nothing is sent before");
    assert_eq!(bench.books().await, [Fen::yuan(460), -Fen::yuan(460), NOTHING, NOTHING]);
    let got = bench.post("wangqiang", &format!("{href}/agree"), &[]).await;
    assert_eq!(got.to, format!("{href}?done=wire-return-agreed"), "{}", got.text);
    assert_eq!(bench.books().await, [Fen::yuan(460), NOTHING, NOTHING, -Fen::yuan(460)]);
    let got = bench.post("liufang", &format!("{href}/sent"), &[("reference", "1")]).await;
    assert_eq!(got.status, StatusCode::UNPROCESSABLE_ENTITY);
    let got = bench.post("liufang", &format!("{href}/sent"), &[("reference", "OUT-0001")]).await;
    assert_eq!(got.to, format!("{href}?done=wire-sent-back"), "{}", got.text);
    assert_eq!(bench.books().await, [NOTHING; 4]);
    let twice = bench.post("liufang", &format!("{href}/sent"), &[("reference", "OUT-0002")]).await;
    assert_eq!(twice.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn late_money_is_taken_and_stands_open_again() {
    let mut bench = Bench::new().await;
    let path = bench.to_pay().await;
    let bill = bench.bill_of(&path).await.expect("a bill");
    let code = bench.code(&bill).await;
    bench.later(16 * 86_400).await;
    assert_eq!(bench.desk.lapse_bills().await.expect("lapsed"), 1);
    assert_eq!(bench.bill(&bill).await.state, BillState::Lapsed);
    let lines = bench.taken(&[("E1", "460", UNIT, &code)]).await;
    assert_eq!(bench.stands(&lines[0]).await, "matched");
    assert!(matches!(bench.bill(&bill).await.state, BillState::Paid { .. }));
    assert_eq!(bench.balance(Account::Deferred).await, -Fen::yuan(460));
}

#[tokio::test]
async fn a_unit_that_pays_by_bank_has_longer_once_and_no_other_unit_sees_it() {
    let mut bench = Bench::new().await;
    let path = bench.to_pay().await;
    let open = bench.bill(&bench.bill_of(&path).await.expect("a bill")).await;
    let chosen = bench.desk.choose_wire(&open.uscc, &open.number).await.expect("chosen");
    let longer = bench.bill(open.number.as_str()).await;
    assert_eq!(longer.due.since(longer.created), 30 * 86_400);
    bench.later(86_400).await;
    let again = bench.desk.choose_wire(&open.uscc, &open.number).await.expect("chosen before");
    assert_eq!((again.code, bench.bill(open.number.as_str()).await.due), (chosen.code, longer.due));
    let other = bench.desk.choose_wire("91120118MA06R1D13A", &open.number).await;
    assert!(matches!(other, Err(OfficeError::NotFound)));
    let other = bench.desk.slip_of_unit("91120118MA06R1D13A", &open.number).await;
    assert!(matches!(other, Err(OfficeError::NotFound)));
    let slip = bench.desk.slip_of_unit(&open.uscc, &open.number).await.expect("a slip");
    assert!(slip.starts_with(b"%PDF-"));
    let page = bench.get("limin", &path).await.text;
    assert!(page.contains("Bank transfer chosen"), "the history says so");
}

#[tokio::test]
async fn a_faulty_file_is_named_row_by_row_and_leaves_nothing() {
    let bench = Bench::new().await;
    bench.taken(&[("F1", "5", "甲", "")]).await;
    let before = bench.books().await;
    let row =
        |account: &str, day: &str, serial: &str, amount: &str| format!("{account},{day},{serial},{amount},,甲,,\n");
    let (ours, day) = ("1305000011112222", "2026-11-30");
    let good = row(ours, day, "F2", "6");
    for (file, said) in [
        (format!("{HEAD}\n{good}{}", row(ours, "2026-11-31", "F3", "7")), "Row 3: no such day (2026-11-31)"),
        (format!("{HEAD}\n{good}{}", row(ours, day, "F1", "7")), "Row 3: the bank&#39;s number was booked before"),
        (format!("{HEAD}\n{}", row("1305000011113333", day, "F3", "7")), "another account (1305000011113333)"),
        ("甲,乙\n1,2\n".to_owned(), "No row names its columns"),
        (":20:X\n:60F:C261130CNY1,00\n:62F:C261130CNY2,00\n".to_owned(), "do not make closing"),
    ] {
        let got = bench.take_file("liufang", file.as_bytes()).await;
        assert_eq!(got.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(got.text.contains(said) && got.text.contains("nothing was booked"), "{said}: {}", got.text);
    }
    let got = bench.take_file("liufang", &vec![b'1'; MAX_FILE_BYTES + 1]).await;
    assert!(got.text.contains("too large"), "{}", got.status);
    assert_eq!(bench.books().await, before);
    assert_eq!(bench.taken(&[("F2", "6", "甲", "")]).await.len(), 1, "not even the good row was taken");
}

#[tokio::test]
async fn finance_of_the_accounts_office_acts_and_an_auditor_only_reads() {
    let mut bench = Bench::new().await;
    let lines = bench.taken(&[("G1", "460", "别的公司", "")]).await;
    let href = format!("/money/wire/lines/{}", lines[0].number);
    bench.sign_in_as("finance-there", Role::Finance, "other-office").await;
    let (file, before) = (table(&[("G2", "1", "甲", "")]), bench.books().await);
    for who in ["finance-there", "zhaojing", "limin", "sunli", "chenjie"] {
        assert_eq!(bench.take_file(who, file.as_bytes()).await.status, StatusCode::FORBIDDEN, "{who}");
        let acts: [(&str, &[(&str, &str)]); 5] = [
            ("assign", &[("bill", "BL-20200101-0001")]),
            ("return", &[("reason", "why")]),
            ("clear", &[("from", "pos_transit")]),
            ("decline", &[]),
            ("agree", &[]),
        ];
        for (act, pairs) in acts {
            let got = bench.post(who, &format!("{href}/{act}"), pairs).await;
            assert_eq!(got.status, StatusCode::FORBIDDEN, "{who}: {act}: {}", got.text);
        }
    }
    assert_eq!(bench.books().await, before);
    assert_eq!(bench.stands(&lines[0]).await, "no-code");
    for (who, status) in
        [("zhaojing", StatusCode::OK), ("finance-there", StatusCode::FORBIDDEN), ("limin", StatusCode::FORBIDDEN)]
    {
        for page in ["/money/wire", href.as_str()] {
            assert_eq!(bench.get(who, page).await.status, status, "{who}: {page}");
        }
    }
    assert!(!bench.get("zhaojing", &href).await.text.contains("<form class=\"form\" method=\"post\""));
    let got = bench.post("liufang", &format!("{href}/clear"), &[("from", "pos_transit")]).await;
    assert_eq!(got.to, format!("{href}?done=wire-cleared"), "{}", got.text);
    assert_eq!(bench.balance(Account::PosTransit).await, -Fen::yuan(460));
}

#[test]
fn every_reason_state_fault_account_and_difference_is_said_in_both_languages() {
    use crate::i18n::Locale;
    use crate::payment::difference::Kind;
    use crate::payment::taking::Method;
    use crate::payment::wire::{LineState, Reason};
    use crate::statement::RowFault;

    let mut keys: Vec<String> = Reason::ALL.map(|reason| format!("wire-reason-{}", reason.word())).into();
    keys.extend(LineState::WORDS.map(|word| format!("wire-state-{}", word.replace('_', "-"))));
    keys.extend(RowFault::ALL.map(|fault| format!("wire-row-{}", fault.word())));
    keys.extend(Account::ALL.map(|account| format!("money-account-{}", account.word().replace('_', "-"))));
    keys.extend(Method::ALL.map(|method| format!("money-method-{}", method.word())));
    for kind in Kind::ALL {
        keys.extend(["kind", "hint"].map(|what| format!("difference-{what}-{}", kind.word())));
    }
    for word in ["wire", "assign", "return", "sent-back", "fee"] {
        keys.push(format!("money-fact-{word}"));
    }
    let files = [
        "empty",
        "too-large",
        "too-many-rows",
        "too-wide",
        "cell-too-long",
        "old-format",
        "wrong-type",
        "damaged",
        "encoding",
        "workbook",
        "no-head",
        "no-column",
        "broken",
        "xml",
        "no-lines",
        "balance",
        "other-account",
        "rows",
    ];
    keys.extend(files.map(|word| format!("wire-file-{word}")));
    keys.extend(["csv", "mt940", "camt053"].map(|word| format!("wire-format-{word}")));
    keys.extend(["day", "amount", "balance"].map(|word| format!("wire-column-{word}")));
    keys.extend(["match-statement", "give-back-online", "reconcile"].map(|kind| format!("job-{kind}")));
    for locale in Locale::ALL {
        for key in &keys {
            assert_ne!(&locale.t(key), key, "{}", locale.tag());
        }
    }
}
