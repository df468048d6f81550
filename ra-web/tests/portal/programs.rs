//! The fund's commands as a clerk runs them: the real program, beside a portal that runs. What they print, what they refuse, and
//! that a refusal ends with a failure for whatever called them.

use std::path::Path;
use std::process::Command;

use ra_web::fund::FundStore as _;
use ra_web::fund::amounts::Fen;

use crate::again::{CARD, CODE, answer, ordered};
use crate::house::House;
use crate::money::{row, statement};
use crate::stamps::{exported, parts, remitted, zipped};

/// How a program ended.
struct Ended {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Ended {
    /// It did what it was asked for; answers what it printed.
    fn well(self) -> String {
        assert_eq!(self.code, Some(0), "{}{}", self.out, self.err);
        self.out
    }

    /// It did not, and says why.
    fn refused(self, why: &str) {
        assert_eq!((self.code, self.out.as_str()), (Some(1), ""), "{why}: {}", self.err);
        assert!(self.err.contains("ra-web: ") && self.err.contains(why), "{why}: {}", self.err);
    }
}

/// Runs `ra-web` with a house's configuration.
fn run(house: &House, arguments: &[&str]) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ra-web"));
    command.env("RUST_LOG", "error").arg("--config").arg(house.folder.path().join("fund.toml")).args(arguments);
    // These would speak louder than the file.
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("FUND_")) {
        command.env_remove(name);
    }
    let done = command.output().expect("it starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ended { code: done.status.code(), out: text(&done.stdout), err: text(&done.stderr) }
}

fn named(file: &Path) -> &str {
    file.to_str().expect("UTF-8")
}

#[tokio::test]
async fn what_lacks_a_stamp_is_listed_and_evidence_is_proved_or_refused() {
    let house = House::new().await;
    let serial = remitted(&house).await;
    let said = run(&house, &["fund", "stamps"]).well();
    assert!(said.starts_with("1 wait for a time stamp, 0 were given up\n") && said.contains(&serial), "{said}");
    assert!(said.contains("there is no [timestamp] in the configuration"), "{said}");
    let said = run(&house, &["fund", "stamps", "--again"]).well();
    assert!(said.starts_with("0 are tried again\n1 wait"), "{said}");

    let packed = exported(&house, &serial).await;
    let file = house.file("evidence.zip", &packed);
    for command in [&["portal", "evidence", "verify"][..], &["fund", "verify"]] {
        let said = run(&house, &[command, &[named(&file)]].concat()).well();
        assert!(said.contains(&serial) && said.contains("stamp   MISSING"), "{said}");
    }
    let mut changed = parts(&packed);
    let (_, list) = changed.iter_mut().find(|(name, _)| name == "list.json").expect("a list");
    let middle = list.len() / 2;
    list[middle] ^= 1;
    let forged = house.file("forged.zip", &zipped(&changed));
    run(&house, &["portal", "evidence", "verify", named(&forged)]).refused("");
    let strangers = House::new().await;
    run(&strangers, &["portal", "evidence", "verify", named(&file)]).refused("");
    run(&house, &["portal", "evidence", "verify", "no-such-file.zip"]).refused("reading no-such-file.zip");
    assert_eq!(run(&house, &["portal", "evidence", "verify"]).code, Some(2), "it says how it is used");

    // A withdrawal's too, by the key of face checks besides.
    let (mut browser, path, serial) = ordered(&house).await;
    let packed = browser.get(&format!("{path}/evidence")).await.bytes;
    let file = house.file("withdrawal.zip", &packed);
    let said = run(&house, &["portal", "evidence", "verify", named(&file)]).well();
    assert!(said.contains(&serial) && said.contains("12,000.50") && said.contains("face    "), "{said}");
}

#[tokio::test]
async fn money_goes_back_by_two_runs_of_two_clerks() {
    let house = House::new().await;
    let file = house.file("1.csv", &statement(&[row("P1", Fen::new(300), "西湖公司", "货款")]));
    let said = run(&house, &["fund", "statement", named(&file)]).well();
    assert!(said.contains("1 new lines, 0 known before"), "{said}");
    assert!(run(&house, &["fund", "statement", named(&file)]).well().contains("nothing was done"));
    let said = run(&house, &["fund", "lines"]).well();
    let line = said.split_whitespace().next().expect("a line").to_owned();
    let sent_back = |by: &str| run(&house, &["fund", "sent-back", "--line", &line, "--reference", "OUT-1", "--by", by]);
    sent_back("王出纳").refused("no clerk has asked");
    run(&house, &["fund", "send-back", "--line", &line, "--by", "李"]).refused("2 to 40 letters");
    let said = run(&house, &["fund", "send-back", "--line", &line, "--by", "李会计"]).well();
    assert!(said.contains("is to be sent back: another clerk"), "{said}");
    for same in ["李会计", "李 会计"] {
        sent_back(same).refused("another clerk must do this");
    }
    assert!(run(&house, &["fund", "lines"]).well().contains("李会计 asks that it be sent back"));
    assert!(sent_back("王出纳").well().contains("sent back, OUT-1"));
    sent_back("王出纳").refused("");
    assert_eq!(run(&house, &["fund", "lines"]).well(), "no line waits\n");
}

#[tokio::test]
async fn a_refused_payment_is_ordered_again_by_two_runs_of_two_clerks() {
    let house = House::new().await;
    let (mut browser, path, serial) = ordered(&house).await;
    let (card, second) = (house.file("card", CARD), format!("{serial}-2"));
    let again = || {
        let account = ["--bank", "示范农商银行", "--bank-code", CODE, "--card-file", named(&card)];
        run(&house, &[&["fund", "pay-again", "--payment", &serial, "--by", "李会计"][..], &account].concat())
    };
    let confirm = |ends: &str, by: &str| {
        run(&house, &["fund", "confirm-payment", "--payment", &second, "--card-ends", ends, "--by", by])
    };
    assert_eq!(run(&house, &["fund", "payments"]).well(), "no payment was refused\n");
    again().refused("no refused order");
    let refusal = house.file("answer.xml", answer(&serial, "RJCT").as_bytes());
    assert!(run(&house, &["fund", "bank-answer", named(&refusal)]).well().contains("NOT PAID"));
    assert!(run(&house, &["fund", "payments"]).well().contains(&serial));
    confirm("0999", "王出纳").refused("no refused order");
    let said = again().well();
    assert!(said.contains(&second) && said.contains("6228 **** **** 0999"), "{said}");
    assert!(!said.contains(String::from_utf8_lossy(CARD).trim()), "the number is in its file alone");
    assert!(run(&house, &["fund", "payments"]).well().contains(&second));
    confirm("0999", "李会计").refused("another clerk must do this");
    confirm("0012", "王出纳").refused("ends otherwise");
    assert_eq!(house.payments().len(), 1, "nothing is ordered yet");
    let said = confirm("0999", "王出纳").well();
    assert!(said.starts_with(&format!("{second}: ordered, to 示范农商银行 6228 **** **** 0999")), "{said}");
    confirm("0999", "王出纳").refused("");
    assert_eq!(house.payments().len(), 2);
    assert_eq!(run(&house, &["fund", "payments"]).well(), "no payment was refused\n");
    assert!(browser.get(&path).await.text.contains("付款指令已发给银行"));
}

#[tokio::test]
async fn a_city_is_brought_in_once_and_a_faulty_row_stops_all_of_it() {
    const UNITS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/demo/import/units.csv");
    const PEOPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/demo/import/people-gbk.csv");
    let house = House::new().await;
    let there = async || {
        let mut tx = house.database().await.begin_read().await.expect("begun");
        tx.unit(&"0210000101".parse().expect("an account")).await.expect("read").is_some()
    };
    let text = std::fs::read_to_string(UNITS).expect("the demonstration's");
    let faulty = house.file("faulty.csv", text.replace("7%,7%", "7%,八").as_bytes());
    let refused = run(&house, &["fund", "import", named(&faulty), PEOPLE]);
    assert!(refused.err.contains("faulty.csv, row 2: 个人缴存比例: rate"), "{}", refused.err);
    refused.refused("nothing was brought in");
    let said = run(&house, &["fund", "import", "--look-only", UNITS, PEOPLE]).well();
    assert!(said.starts_with("would be brought in: 2 units, 5 employees"), "{said}");
    assert!(!there().await, "only looked at");
    let said = run(&house, &["fund", "import", UNITS, PEOPLE]).well();
    assert!(said.starts_with("brought in: 2 units, 5 employees"), "{said}");
    assert!(there().await);
    let said = run(&house, &["fund", "import", UNITS, PEOPLE]).well();
    assert!(said.contains("brought in: 0 units") && said.contains("there before: 2 units, 5 employees"), "{said}");
}
