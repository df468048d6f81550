//! What a bill is invoiced with, as a unit and the desk choose it on the same forms: to whom an e-invoice is made out, or that
//! quota invoices are wanted and where they go. Whose bill it is, each site looks for itself before it shows or takes anything.

pub(in crate::http) mod quota;
pub(in crate::http) mod title;

use crate::enrolment::form::{FieldFault, FieldFaults};
use crate::page::View;

/// What is wrong with fields of a form, in words.
fn fault_texts(view: &View, faults: &FieldFaults) -> Vec<(&'static str, String)> {
    let text = |(field, fault): &(&'static str, FieldFault)| {
        let label = view.t(&format!("field-{}", field.replace('_', "-")));
        let n = i64::try_from(fault.number()).unwrap_or(i64::MAX);
        (*field, view.locale.t_with(fault.key(), &[("field", &label), ("n", &n)]))
    };
    faults.iter().map(text).collect()
}
