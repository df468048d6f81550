//! Ids and texts that no database takes reach none: 404 for an address, 400 for a value, never a failure of ours.

use std::collections::BTreeSet;

use ca_core::sql::testing::{Fresh, postgres, sqlite};
use ra_web::fund::fund_migrations;
use serde_json::json;

use crate::business::logged_in;
use crate::house::House;

/// What can name nothing.
const NOTHING: [&str; 4] = ["%00", "01J%00", "%1f", "%ff"];

/// Addresses in the source of a router that name something, with `id` in the name's place.
fn naming(source: &str, id: &str) -> BTreeSet<String> {
    let routes = source.split(".route(\"").skip(1).filter_map(|rest| rest.split('"').next());
    let named = routes.filter(|route| route.contains('{'));
    named.map(|route| filled(route, id)).collect()
}

/// A route with `id` in the place of each `{name}`.
fn filled(route: &str, id: &str) -> String {
    let part = |part: &str| if part.starts_with('{') { id.to_owned() } else { part.to_owned() };
    route.split('/').map(part).collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn what_can_name_nothing_is_found_by_no_route_on_either_engine() {
    let engines: [Fresh; 2] = [sqlite(&fund_migrations()).await, postgres(&fund_migrations()).await];
    for fresh in engines {
        let engine = fresh.engine;
        let house = House::with(Some(fresh.url.clone()), "http://127.0.0.1:17080").await;
        let (mut browser, token) = logged_in(&house).await;
        let machine = house.logged_in_machine(&token).await;
        let mut tried = 0;
        for id in NOTHING {
            let pages = [include_str!("../../src/http/fund/mod.rs"), include_str!("../../src/http/fund/my/mod.rs")];
            for path in pages.iter().flat_map(|source| naming(source, id)) {
                for page in [browser.get(&path).await, browser.post(&path, &[("words", "x")]).await] {
                    assert_eq!(page.status, 404, "{engine}: {path}: {}", page.text);
                }
                tried += 1;
            }
            let api = machine.get("/openapi.json").await.body;
            for (route, methods) in
                api["paths"].as_object().expect("paths").iter().filter(|(route, _)| route.contains('{'))
            {
                for method in methods.as_object().expect("methods").keys() {
                    let path = filled(route.trim_start_matches("/api/v1"), id);
                    let body = (method == "post").then(|| ("application/json", b"{}".to_vec()));
                    let answer = machine.send(&method.to_uppercase(), &path, body).await;
                    assert_eq!((answer.status, answer.problem()), (404, "not_found"), "{engine}: {method} {path}");
                    tried += 1;
                }
            }
        }
        assert!(tried > 4 * 20, "{tried}");

        // Values are read as values: they cannot be.
        for path in ["/vouchers?at=%00", "/people?name=a%00", "/check?code=%00", "/ledger?from=%00"] {
            let page = browser.get(path).await;
            assert_eq!(page.status, 400, "{engine}: {path}: {}", page.text);
        }
        for path in ["/people?name=a%00", "/operations?after=%00"] {
            assert_eq!(machine.get(path).await.status, 400, "{engine}: {path}");
        }
        let found = browser.post("/people/find", &[("id_number", "\0")]).await.status;
        assert!(found < 500, "{engine}: {found}");
        let answer = machine.post("/plans/reverse", &json!({ "serial": "\0", "words": "\0" })).await;
        assert!(answer.status < 500, "{engine}: {}", answer.body);
        let changed = json!({ "number": "030000000001", "mobile": "13911112222", "address": "a\u{0}b" });
        let answer = machine.post("/plans/change-person", &changed).await;
        assert!(answer.status < 500, "{engine}: {}", answer.body);
        house.portal.shutdown().await;
    }
}
