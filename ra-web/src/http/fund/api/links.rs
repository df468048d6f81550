//! Where an answer leads (OpenAPI's Link Object): which operation takes a number that another one gave. For whoever makes a client of
//! the description, and for tests that follow it (`ra-web/tests/portal/machines.rs`).

use utoipa::openapi::RefOr;
use utoipa::openapi::link::LinkBuilder;
use utoipa::openapi::path::Operation;

/// Takes the number of a transaction that waits for its signature.
const DRAFTED: &[&str] =
    &["operation", "operation_document", "operation_list", "operation_progress", "sign_operation", "cancel_operation"];
/// Takes that of one that was signed.
const SIGNED: &[&str] = &["operation", "operation_document", "operation_list", "operation_evidence", "print_voucher"];

/// A parameter, where its value stands in the answer, and which operations take it.
struct Leads {
    parameter: &'static str,
    value: &'static str,
    to: &'static [&'static str],
}

/// Where the good answer of an operation leads.
fn leads(id: &str) -> Option<Leads> {
    let (parameter, value, to) = match id {
        plan if plan.starts_with("plan_") => ("serial", "$response.body#/serial", DRAFTED),
        "sign_operation" => ("serial", "$response.body#/serial", SIGNED),
        "cancel_operation" => ("serial", "$response.body#/serial", &["operation"][..]),
        "operations" => ("serial", "$response.body#/items/0/serial", SIGNED),
        "people" => ("number", "$response.body#/items/0/number", &["person", "person_ledger"][..]),
        "find_person" => ("number", "$response.body#/number", &["person", "person_ledger"][..]),
        "person" => ("number", "$response.body#/number", &["person_ledger"][..]),
        _ => return None,
    };
    Some(Leads { parameter, value, to })
}

/// Adds the links of an operation to its good answers.
pub(super) fn add(operation: &mut Operation) {
    let id = operation.operation_id.as_deref().unwrap_or_default();
    let Some(Leads { parameter, value, to }) = leads(id) else { return };
    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else { continue };
        if !status.starts_with('2') {
            continue;
        }
        for target in to {
            let link = LinkBuilder::new().operation_id(*target).parameter(parameter, value).build();
            response.links.insert((*target).to_owned(), RefOr::T(link));
        }
    }
}
