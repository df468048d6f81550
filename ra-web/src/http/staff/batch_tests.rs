//! Batches over the console: a sheet with faults, taken in, its documents, two officers who sign many, taken back.

use std::io::Write as _;

use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use zip::write::SimpleFileOptions;

use super::testing::{Bench, Got, PNG};
use crate::audit::Entry;
use crate::enrolment::case::{Forbidden, State};
use crate::enrolment::desk::OfficeError;
use crate::store::Store as _;

const HEAD: &str =
    "单位名称,统一社会信用代码,单位类型,住所,法定代表人,经办人姓名,经办人身份证号码,经办人手机号码,服务年限";
const CODES: [&str; 3] = ["91350100M000100Y43", "91130502MA0ABCDE61", "91130503MA0CK7QK2Q"];

/// A sheet of units with these codes.
fn sheet(codes: &[&str]) -> String {
    let mut text = format!("{HEAD}\n");
    for (n, code) in (1..).zip(codes) {
        text += &format!(
            "示范市第{n}建筑工程有限公司,{code},企业,示范市东湖区人民路 {n} 号,张伟,刘芳,11010519491231002X,13800138000,2\n"
        );
    }
    text
}

/// Codes that are right, whatever the third of the above is.
fn codes(count: usize) -> Vec<&'static str> {
    let good: Vec<&str> = CODES.into_iter().filter(|code| code.parse::<ca_core::domain::Uscc>().is_ok()).collect();
    good.into_iter().cycle().take(count).collect()
}

fn archive(files: &[(String, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in files {
        zip.start_file(name.as_str(), SimpleFileOptions::default()).expect("begun");
        zip.write_all(bytes).expect("written");
    }
    zip.finish().expect("finished").into_inner()
}

impl Bench {
    async fn upload(&self, who: &str, text: &str) -> Got {
        self.form(who, "/batches/upload", &[], &[("file", text.as_bytes())]).await
    }

    /// Has a worker do what is left of a batch to do.
    async fn settled(&self, who: &str, batch: &str) -> Got {
        self.worker().work_off().await.expect("worked");
        let got = self.get(who, batch).await;
        assert!(!got.text.contains("every 2s"), "{batch} does not end: {}", got.text);
        got
    }

    /// A batch of two units that is taken in, with all documents.
    async fn batch(&self) -> String {
        let codes = codes(2);
        let batch = self.upload("limin", &sheet(&codes)).await.to;
        self.post("limin", &format!("{batch}/take-in"), &[]).await;
        self.settled("limin", &batch).await;
        let files: Vec<(String, &[u8])> = codes
            .iter()
            .flat_map(|code| ["licence", "id_card", "seal"].map(|kind| (format!("{code}_{kind}.png"), PNG)))
            .collect();
        let got = self.form("limin", &format!("{batch}/documents"), &[], &[("archive", &archive(&files))]).await;
        assert!(got.text.contains("6 files taken, 0 not"), "{}", got.text);
        batch
    }

    /// Signs every order of a page.
    fn signatures(&self, page: &Got, who: &str) -> String {
        let statements = page.field("statements");
        let signed = statements.split_whitespace().map(|statement| {
            let statement = URL_SAFE_NO_PAD.decode(statement).expect("base64url");
            STANDARD.encode(self.house.person(who).say_bytes(&statement, self.house.now()).0)
        });
        signed.collect::<Vec<_>>().join("\n")
    }

    async fn sign_all(&self, who: &str, batch: &str, seat: &str, act: &str) -> Got {
        let page = self.get(who, &format!("{batch}/sign?seat={seat}")).await;
        let signatures = self.signatures(&page, who);
        self.post(who, &format!("{batch}/{act}"), &[("cases", &page.field("cases")), ("signatures", &signatures)]).await
    }
}

#[tokio::test]
async fn a_sheet_with_one_fault_takes_nothing_in_and_names_the_cell() {
    let bench = Bench::new().await;
    let faulty = sheet(&codes(2)).replacen("13800138000", "1380013", 1);
    let batch = bench.upload("limin", &faulty).await.to;
    let page = bench.get("limin", &batch).await.text;
    assert!(page.contains("1 row has faults") && page.contains("1380013"), "{page}");
    assert!(page.contains("own mobile number"), "says how it is mended");
    assert_eq!(bench.post("limin", &format!("{batch}/take-in"), &[]).await.status, StatusCode::CONFLICT);
    let report = bench.get("limin", &format!("{batch}/report.xlsx")).await;
    assert_eq!(report.status, StatusCode::OK);
    assert!(!bench.get("limin", "/applications").await.text.contains("示范市第1建筑"), "nothing was taken in");
    for (text, said) in [("", "The file is empty"), ("a,b\nc,d", "No head was found")] {
        let got = bench.upload("limin", text).await;
        assert_eq!(got.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(got.text.contains(said), "{said}: {}", got.text);
    }
}

#[tokio::test]
async fn a_batch_is_taken_in_its_scans_placed_and_every_order_signed_by_two_for_itself() {
    for bench in [Bench::new().await, Bench::on_postgres().await] {
        from_sheet_to_certificate(&bench).await;
    }
}

async fn from_sheet_to_certificate(bench: &Bench) {
    let batch = bench.batch().await;
    let page = bench.get("limin", &batch).await.text;
    assert!(page.contains("Complete") && page.contains("Check and sign the complete drafts"), "{page}");
    let got = bench.post("limin", &format!("{batch}/prepare"), &[]).await;
    assert_eq!(got.to, format!("{batch}/sign?seat=first"), "{}", got.text);
    let got = bench.sign_all("limin", &batch, "first", "submit").await;
    assert_eq!(got.to, format!("{batch}?done=batch-submitted"), "{}", got.text);

    // Who took in does not review, here as elsewhere; nor does who has no duty.
    let own = bench.get("limin", &format!("{batch}/sign?seat=second")).await.text;
    assert!(own.contains("nothing that you can sign"), "{own}");
    let page = bench.get("sunli", &format!("{batch}/sign?seat=second")).await;
    let (cases, mine) = (page.field("cases"), bench.signatures(&page, "limin"));
    let pairs = [("cases", cases.as_str()), ("signatures", mine.as_str())];
    assert_eq!(bench.post("limin", &format!("{batch}/approve"), &pairs).await.status, StatusCode::FORBIDDEN);
    let got = bench.post("sunli", &format!("{batch}/approve"), &pairs).await;
    assert_eq!(got.status, StatusCode::UNPROCESSABLE_ENTITY, "another's signatures");
    assert!(got.text.contains("0 signed") && got.text.contains("2 were not signed"), "{}", got.text);

    let got = bench.sign_all("sunli", &batch, "second", "approve").await;
    assert_eq!(got.to, format!("{batch}?done=batch-approved"), "{}", got.text);
    let mut tx = bench.store().read().await.expect("begun");
    for number in cases.split_whitespace() {
        let (case, _) = tx.case(&number.parse().expect("a number")).await.expect("read").expect("a case");
        let State::AwaitingPayment { order } = case.state else { panic!("{number} is {}", case.state.word()) };
        let order = tx.order(order).await.expect("read").expect("an order");
        assert_eq!(order.signatures.len(), 2);
        for signature in &order.signatures {
            assert_eq!(ca_core::cms::verify(&signature.message).expect("verifies").content, order.statement);
        }
    }
    // An approved one of a batch is made like any other.
    let number = cases.split_whitespace().next().expect("one");
    let path = format!("/applications/{number}");
    bench.paid(&path).await;
    let ticket = bench.ticket(&path).await;
    bench.redeem(&ticket).await;
}

#[tokio::test]
async fn one_of_a_batch_is_sent_back_and_the_others_go_on() {
    let bench = Bench::new().await;
    let batch = bench.batch().await;
    bench.post("limin", &format!("{batch}/prepare"), &[]).await;
    bench.sign_all("limin", &batch, "first", "submit").await;
    let page = bench.get("sunli", &format!("{batch}/sign?seat=second")).await;
    let cases = page.field("cases");
    let (first, second) = cases.split_once('\n').expect("two");
    let decline = format!("{batch}/decline");
    let silent = bench.post("sunli", &decline, &[(&format!("case-{first}"), "1"), ("how", "return")]).await;
    assert_eq!(silent.status, StatusCode::UNPROCESSABLE_ENTITY);
    let pairs =
        [(format!("case-{first}"), "1"), ("reason".into(), "the seal cannot be read"), ("how".into(), "return")];
    let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    assert_eq!(bench.post("limin", &decline, &pairs).await.status, StatusCode::FORBIDDEN, "an entry officer");
    assert_eq!(bench.post("zhaojing", &decline, &pairs).await.status, StatusCode::FORBIDDEN, "an auditor");
    let got = bench.post("sunli", &decline, &pairs).await;
    assert!(got.to.contains("done=batch-declined"), "{}: {}", got.status, got.text);
    assert_eq!(bench.get("sunli", &format!("{batch}/sign?seat=second")).await.field("cases"), second);
    // Signed on the old page: the one that went back is told, the other is signed.
    let signatures = bench.signatures(&page, "sunli");
    let pairs = [("cases", cases.as_str()), ("signatures", signatures.as_str())];
    let got = bench.post("sunli", &format!("{batch}/approve"), &pairs).await;
    assert!(got.text.contains("1 signed") && got.text.contains(first), "{}", got.text);
    assert!(bench.get("limin", &format!("/applications/{first}")).await.text.contains("the seal cannot be read"));
}

#[tokio::test]
async fn a_batch_is_driven_by_two_workers_without_harm_and_taken_back_whole() {
    for bench in [Bench::new().await, Bench::on_postgres().await] {
        in_and_back(&bench).await;
    }
}

async fn in_and_back(bench: &Bench) {
    let codes = codes(120);
    let batch = bench.upload("limin", &sheet(&codes)).await.to;
    let page = bench.get("limin", &batch).await.text;
    assert!(page.contains("has the same credit code"), "{page}");
    // Asked for by two at once.
    let take_in = format!("{batch}/take-in");
    let (one, other) = tokio::join!(bench.post("limin", &take_in, &[]), bench.post("limin", &take_in, &[]));
    assert_eq!([one.status, other.status], [StatusCode::SEE_OTHER; 2], "{} {}", one.text, other.text);
    let page = bench.get("limin", &batch).await.text;
    assert!(
        page.contains("Being taken in: 0 / 120") && !page.contains(">Go on</button>"),
        "nothing is done in a request: {page}"
    );
    let (one, other) = (bench.worker(), bench.worker());
    let (one, other) = tokio::join!(one.work_off(), other.work_off());
    assert!(one.is_ok() && other.is_ok(), "{one:?} {other:?}");
    let page = bench.settled("limin", &batch).await.text;
    assert!(page.contains("Taken in"), "{page}");
    let number = batch.rsplit('/').next().expect("a number").parse().expect("a batch");
    let mut tx = bench.store().read().await.expect("begun");
    let states = tx.count_batch(&number).await.expect("counted");
    assert_eq!(states, [("draft".to_owned(), 120)], "each line once");
    drop(tx);
    assert_eq!(bench.get("zhoujun", &batch).await.status, StatusCode::FORBIDDEN, "another office");
    assert_eq!(bench.post("zhoujun", &format!("{batch}/cancel"), &[]).await.status, StatusCode::FORBIDDEN);
    assert_eq!(bench.get("zhaojing", &batch).await.status, StatusCode::OK, "an auditor reads");
    assert_eq!(bench.post("zhaojing", &format!("{batch}/cancel"), &[]).await.status, StatusCode::FORBIDDEN);
    bench.post("limin", &format!("{batch}/cancel"), &[]).await;
    let page = bench.settled("limin", &batch).await.text;
    assert!(page.contains("Taken back"), "{page}");
    let mut tx = bench.store().read().await.expect("begun");
    assert_eq!(tx.count_batch(&number).await.expect("counted"), [("cancelled".to_owned(), 120)]);
    let entries = tx.audit_entries(0, 10_000).await.expect("read");
    let kinds: Vec<String> = entries
        .iter()
        .map(|bytes| ca_core::domain::decode::<Entry>(bytes).expect("an entry"))
        .filter(|entry| entry.kind == "office.batch")
        .map(|entry| entry.details["act"].clone())
        .collect();
    assert_eq!(kinds, ["receive", "take_in", "fill", "give_up", "end"]);
}

#[tokio::test]
async fn a_batch_that_stands_still_goes_on_where_it_was_and_on_the_word_of_who_says_so() {
    for mut bench in [Bench::new().await, Bench::on_postgres().await] {
        let batch = bench.upload("limin", &sheet(&codes(120))).await.to;
        let number: crate::batches::BatchNumber = batch.rsplit('/').next().expect("a number").parse().expect("a batch");
        bench.post("limin", &format!("{batch}/take-in"), &[]).await;
        // A worker took the job, did two pieces and died.
        let now = bench.house.now();
        let mut tx = bench.store().begin().await.expect("begun");
        let job = tx.due_job("batch", now).await.expect("read").expect("asked for");
        assert!(tx.take_job(&job, now, now.plus(60)).await.expect("taken"));
        tx.commit().await.expect("durable");
        for _ in 0..2 {
            assert_eq!(bench.desk.move_batch(&number, "filling", 0).await.expect("moved"), Some(0));
        }
        bench.worker().work_off().await.expect("worked");
        let page = bench.get("limin", &batch).await.text;
        assert!(page.contains("Being taken in: 100 / 120"), "it is another's: {page}");
        bench.later(91).await;
        bench.sign_in_as("secondclerk", ca_core::domain::Role::RaEntry, "demo-office").await;
        assert!(bench.get("secondclerk", &batch).await.text.contains(">Go on</button>"));
        bench.post("secondclerk", &format!("{batch}/take-in"), &[]).await;
        assert!(bench.settled("limin", &batch).await.text.contains("Taken in"));
        let mut tx = bench.store().read().await.expect("begun");
        assert_eq!(tx.count_batch(&number).await.expect("counted"), [("draft".to_owned(), 120)], "each line once");
        let lines = tx.batch_lines(&number, &crate::batches::store::LineFilter::All, 0, 200).await.expect("read");
        let mut by = std::collections::BTreeMap::new();
        for line in lines {
            let (case, _) = tx.case(&line.case.expect("a case")).await.expect("read").expect("there");
            *by.entry(case.entry.name).or_insert(0) += 1;
        }
        assert_eq!(by.into_values().collect::<Vec<_>>(), [20, 100], "each on the word that counted then");
        drop(tx);

        // What a batch cannot do is shown to staff, who can have it tried again.
        bench.post("secondclerk", &format!("{batch}/cancel"), &[]).await;
        let mut tx = bench.store().begin().await.expect("begun");
        let now = bench.house.now();
        let job = tx.due_job("batch", now).await.expect("read").expect("asked for");
        assert!(tx.take_job(&job, now, now.plus(60)).await.expect("taken"));
        assert!(tx.fail_job(&job, "as the test wants it", None, now).await.expect("given up"));
        tx.commit().await.expect("durable");
        bench.worker().work_off().await.expect("worked");
        assert!(bench.get("secondclerk", &batch).await.text.contains("is being taken back"));
        bench.post("secondclerk", &format!("{batch}/cancel"), &[]).await;
        assert!(bench.settled("limin", &batch).await.text.contains("Taken back"));
    }
}

#[tokio::test]
async fn what_was_typed_is_sealed_and_gone_once_it_is_a_case() {
    let bench = Bench::new().await;
    let batch = bench.upload("limin", &sheet(&codes(1))).await.to;
    let number = batch.rsplit('/').next().expect("a number").parse().expect("a batch");
    let lines = |filter| {
        let (store, number) = (bench.store(), &number);
        async move { store.read().await.expect("begun").batch_lines(number, &filter, 0, 10).await.expect("read") }
    };
    let line = lines(crate::batches::store::LineFilter::All).await.remove(0);
    assert!(!line.sealed.windows(6).any(|bytes| bytes == b"110105"), "sealed");
    assert!(!bench.get("limin", &batch).await.text.contains("11010519491231002X"), "not on the page");
    bench.post("limin", &format!("{batch}/take-in"), &[]).await;
    bench.settled("limin", &batch).await;
    assert!(lines(crate::batches::store::LineFilter::All).await[0].sealed.is_empty(), "gone");
    assert_eq!(bench.get("limin", &format!("{batch}/report.xlsx")).await.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn letters_are_printed_once_unless_asked_for_again() {
    let mut bench = Bench::new().await;
    let (_, view) = bench.delivered().await;
    let end = view.validity.not_after;
    bench.later(end.since(bench.house.now()) - 20 * 86_400).await;
    let page = bench.get("limin", "/letters").await;
    assert!(page.text.contains("示范市东湖区人民路 8 号") && page.text.contains("Not printed"), "{}", page.text);
    let period = [("from", page.field("from")), ("to", page.field("to"))];
    let mut pairs: Vec<(&str, &str)> = period.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(bench.post("zhaojing", "/letters/print", &pairs).await.status, StatusCode::FORBIDDEN);
    let got = bench.post("limin", "/letters/print", &pairs).await;
    assert!(got.status == StatusCode::OK && got.text.starts_with("%PDF-1.7"), "{}", got.text);
    assert!(!bench.get("limin", "/letters").await.text.contains("Not printed"));
    let again = bench.post("limin", "/letters/print", &pairs).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY, "all were printed");
    pairs.push(("anew", "yes"));
    assert_eq!(bench.post("limin", "/letters/print", &pairs).await.status, StatusCode::OK);
    let book = bench.get("limin", "/letters/addresses.xlsx").await;
    assert!(book.status == StatusCode::OK && book.text.starts_with("PK"));
    assert!(!bench.get("zhoujun", "/letters").await.text.contains("东湖"), "another office's units");
    let never = bench.get("limin", "/letters?from=2026-02-30&to=2026-01-01").await;
    assert_eq!(never.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_sheet_is_taken_in_by_entry_officers_only() {
    let bench = Bench::new().await;
    for who in ["sunli", "zhaojing", "liufang"] {
        let officer = bench.officer(who).await;
        let refused = bench.desk.receive_batch(&officer, "units.csv", Vec::new()).await;
        assert!(matches!(refused, Err(OfficeError::Forbidden(Forbidden::OtherDuty(_)))), "{who}");
    }
}
