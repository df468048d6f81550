//! Every route behind the guard, for every role, of the office that it is about and of another: exactly what the table of
//! rights and the rule of offices say. The routes come from the router's own list, so that a new one is walked at once;
//! one whose address names something that is not known here fails until it is said whose it is.

use axum::http::StatusCode;
use ca_core::domain::Role;

use super::testing::Bench;
use crate::audit::Entry;
use crate::store::Store as _;

/// Whose a thing is that an address names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    /// Everybody's with the right.
    All,
    /// An office's: its own officers act, its own officers and auditors read; administrators are of all offices.
    Office,
}

/// What the addresses name.
struct Things {
    case: String,
    certificate: String,
    order: String,
    officer_order: String,
    /// 李敏's, of the day on which the case was paid.
    drawer: String,
}

impl Things {
    /// An address of a route that names something of `demo-office`, and whose it is.
    fn address(&self, route: &str) -> (String, Of) {
        let of = match route {
            // A hold is urgent, and that a unit has a certificate is no secret between offices.
            "/certificates/{issuer}/{serial}" | "/certificates/{issuer}/{serial}/hold" | "/units/{uscc}" => Of::All,
            "/money/drawers/{office}/{day}/{clerk}"
            | "/money/drawers/{office}/{day}/{clerk}/count"
            | "/money/drawers/{office}/{day}/{clerk}/return"
            | "/money/drawers/{office}/{day}/{clerk}/confirm" => Of::Office,
            // The account is one office's.
            _ if route.starts_with("/money/wire") => Of::Office,
            // One's own office, and things that are not there: whose they are is looked at in their own tests.
            _ if ELSEWHERE.iter().any(|part| route.starts_with(part)) => Of::All,
            _ if route.contains('{') => Of::Office,
            _ => Of::All,
        };
        let address = route
            .replace("/applications/{number}", &self.case)
            .replace("/certificates/{issuer}/{serial}", &self.certificate)
            .replace("/orders/{id}", &self.order)
            .replace("/units/{uscc}", "/units/91350100M000100Y43")
            .replace("/documents/{kind}", "/documents/licence")
            .replace("/{sheet}", "/1")
            .replace("/{page}", "/1")
            .replace("/matters/{number}", "/matters/MT-20200101-0001")
            .replace("/recoveries/{number}", "/recoveries/KR-20200101-0001")
            .replace("/batches/{number}", "/batches/BA-20200101-0001")
            .replace("/statements/{statement}", "/statements/BS-20200101-0001")
            .replace("/lines/{line}", "/lines/BK-20200101-0001")
            .replace("/bills/{number}", "/bills/BL-20200101-0001")
            .replace("/invoices/{number}/{kind}", "/invoices/99202001011000000001/pdf")
            .replace("/refunds/{number}", "/refunds/RF-20200101-0001")
            .replace("/payments/{id}", "/payments/PM-20200101-0001")
            .replace("/drawers/{office}/{day}/{clerk}", &self.drawer)
            .replace("/reports/{kind}", "/reports/statistics")
            .replace("/phone/{issuer}/{serial}", "/phone/unit-p256/01")
            .replace("/{form}", "/csv")
            .replace("/register/{n}", "/register/1")
            .replace("/papers/{paper}", "/papers/application")
            .replace("/stock/{doing}", "/stock/receive")
            .replace("/stock/transfers/{id}", "/stock/transfers/01KB000000000000000000000")
            .replace("/tokens/{serial}", "/tokens/YX0000")
            .replace("/officers/{officer}", "/officers/sunli")
            .replace("/officer-orders/{id}", &self.officer_order);
        assert!(!address.contains('{'), "{route}: say here what it names and whose that is");
        (address, of)
    }
}

/// What brings files.
const FORMS: [&str; 5] = ["/edit", "/applications/new", "/signed", "/documents", "/upload"];

/// What is not of the case that the test makes.
const ELSEWHERE: [&str; 9] = [
    "/stock/",
    "/tokens/",
    "/matters/",
    "/recoveries/",
    "/batches/",
    "/money/",
    "/reports/",
    "/reminders/",
    "/register/",
];

/// What a form could bring, so that nothing else than rights is in the way.
const TYPED: &[(&str, &str)] = &[
    ("reason", "superseded"),
    ("how", "reject"),
    ("signature", "AAAA"),
    ("ground", "loss"),
    ("action", "save"),
    ("kind", "revocation"),
];

const HERE: &str = "demo-office";
const THERE: &str = "other-office";
/// One with each role in each of the two offices.
const CAST: [(Role, &str, &str); 8] = [
    (Role::RaEntry, "entry-here", "entry-there"),
    (Role::RaReviewer, "reviewer-here", "reviewer-there"),
    (Role::TokenOperator, "operator-here", "operator-there"),
    (Role::RaSupervisor, "supervisor-here", "supervisor-there"),
    (Role::Finance, "finance-here", "finance-there"),
    (Role::KmcOfficer, "kmc-here", "kmc-there"),
    (Role::Auditor, "auditor-here", "auditor-there"),
    (Role::Administrator, "admin-here", "admin-there"),
];

impl Bench {
    async fn lines(&self) -> i64 {
        self.store().read().await.expect("begun").audit_head().await.expect("read").seq
    }

    async fn line(&self, seq: i64) -> Entry {
        let mut tx = self.store().read().await.expect("begun");
        let lines = tx.audit_entries(seq - 1, 1).await.expect("read");
        ca_core::domain::decode(&lines[0]).expect("an entry")
    }

    async fn ask(&self, who: &str, method: &str, address: &str) -> super::testing::Got {
        match method {
            "GET" => self.get(who, address).await,
            _ if FORMS.iter().any(|end| address.ends_with(end)) => self.form(who, address, TYPED, &[]).await,
            _ => self.post(who, address, TYPED).await,
        }
    }

    /// Refused, written down with who, what and why, and nothing else was written: every change is audited in its own
    /// transaction.
    async fn refuses(&self, who: &str, method: &str, address: &str, why: &[&str]) {
        let (before, cell) = (self.lines().await, format!("{who}: {method} {address}"));
        let got = self.ask(who, method, address).await;
        if got.status == StatusCode::METHOD_NOT_ALLOWED {
            // Nobody can do it. The router says so before it asks who it is.
            assert_eq!(self.lines().await, before, "{cell}");
            return;
        }
        assert_eq!(got.status, StatusCode::FORBIDDEN, "{cell}: {}", got.text);
        assert_eq!(self.lines().await, before + 1, "{cell}: one line");
        let line = self.line(before + 1).await;
        assert_eq!((line.kind.as_str(), line.actor), ("office.refused", format!("officer:{who}")), "{cell}");
        assert_eq!(line.details["tried"], format!("{method} {address}"));
        assert!(why.contains(&line.details["why"].as_str()), "{cell}: {}", line.details["why"]);
    }
}

#[tokio::test]
async fn every_route_lets_through_whom_the_table_names_and_refuses_everybody_else() {
    let mut bench = Bench::new().await;
    let (_, view) = bench.delivered().await;
    let certificate = format!("/certificates/{}/{}", view.issuer, view.serial);
    let since = bench.house.now().beijing_day().to_string();
    let ground = [("ground", "holder-compromise"), ("invalid_since", since.as_str())];
    let matter = bench.matter(&view, "revocation", &ground).await;
    let order = bench.order_of(&matter).await;
    let officer_order = bench.post("wumin", "/officers/sunli/hold", &[]).await.to;
    let drawer = format!("/drawers/{HERE}/{}/limin", bench.house.now().beijing_day());
    let things = Things { case: bench.submitted().await, certificate, order, officer_order, drawer };
    for (role, here, there) in CAST {
        bench.sign_in_as(here, role, HERE).await;
        bench.sign_in_as(there, role, THERE).await;
    }
    let rights = bench.rights.clone();
    assert!(rights.len() > 30, "{}", rights.len());

    // Refusals first, while everything stands as it was made.
    let mut open = Vec::new();
    for (route, right) in rights {
        let (address, of) = things.address(route);
        for method in ["GET", "POST"] {
            for (role, here, there) in CAST {
                if right.of(&[role]) {
                    open.push((method, address.clone(), of, role, here, there));
                } else {
                    for who in [here, there] {
                        bench.refuses(who, method, &address, &["no_right"]).await;
                    }
                }
            }
        }
    }
    for (method, address, of, role, here, there) in open {
        // Auditors read everything; the registry is one for all offices, and so are its administrators.
        // They take every case out as an archive, too.
        let read = method == "GET" || address.ends_with("/archive");
        let reads = role == Role::Auditor && read || role == Role::Administrator;
        if of == Of::Office && !reads {
            bench.refuses(there, method, &address, &["other_office", "no_right"]).await;
        } else {
            let got = bench.ask(there, method, &address).await;
            assert_ne!(got.status, StatusCode::FORBIDDEN, "{there}: {method} {address}");
        }
        let got = bench.ask(here, method, &address).await;
        assert!(!got.status.is_server_error(), "{here}: {method} {address}: {} {}", got.status, got.text);
        if got.status == StatusCode::FORBIDDEN {
            // Through the guard, and then another one's duty in this process, or another pair of eyes: written down too.
            let line = bench.line(bench.lines().await).await;
            assert_eq!(line.actor, format!("officer:{here}"), "{method} {address}");
            assert_ne!(line.details["why"], "other_office", "{here}: {method} {address}");
        }
    }
}
