//! All of it is DER, inside the extensions too, and another encoder writes the same bytes.

use super::{Case, Rule};
use crate::lint::demand;
use crate::lint::strict_der;
use der::{Decode as _, Encode as _};
use x509_cert::TbsCertificate;

pub(super) const RULE: Rule = Rule { name: "strict_der", clause: "X.690 §10, §11; RFC 5280 §4.1", check };

fn check(case: &Case<'_>) -> Result<(), String> {
    strict_der::check(case.tbs.whole)?;
    for extension in &case.tbs.extensions {
        strict_der::check(extension.value).map_err(|why| format!("{}: {why}", extension.oid))?;
    }
    let again = TbsCertificate::from_der(case.tbs.whole).and_then(|parsed| parsed.to_der());
    demand(again.is_ok_and(|bytes| bytes == case.tbs.whole), "x509-cert reads or writes it otherwise")
}
