//! A key signs or enciphers, never both: an encryption key is escrowed, a signature key never. Only servers, whose keys
//! nobody escrows, may do both with RSA.

use super::{Case, Rule};
use crate::lint::demand;
use crate::profile::ENCIPHERS;
use crate::x509::{KeyUsage, oid};

pub(super) const RULE: Rule = Rule {
    name: "one_use",
    clause: "GM/T 0015; GM/T 0034; domain.md §1.4; Electronic Signature Law article 13",
    check,
};

fn check(case: &Case<'_>) -> Result<(), String> {
    let Ok(Some(said)) = case.tbs.key_usage() else { return Ok(()) };
    let signs = said.0 & (KeyUsage::DIGITAL_SIGNATURE | KeyUsage::NON_REPUDIATION | KeyUsage::KEY_CERT_SIGN) != 0;
    let enciphers = said.0 & ENCIPHERS != 0;
    let serves = matches!(case.tbs.extended_key_usage(), Ok(Some(purposes)) if purposes.contains(&oid::SERVER_AUTH));
    demand(!(signs && enciphers) || serves, "the key is for signatures and for encryption")
}
