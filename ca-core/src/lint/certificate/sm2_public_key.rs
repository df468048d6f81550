//! An SM2 key is an id-ecPublicKey on the named curve 1.2.156.10197.1.301, its point uncompressed and on the curve.

use super::key_kind::{key_kind, names_sm2};
use super::{Case, Rule};
use crate::keys::{KeyKind, good_key};
use crate::lint::demand;

pub(super) const RULE: Rule =
    Rule { name: "sm2_public_key", clause: "GM/T 0015; GM/T 0009 §7.1; domain.md §1.1", check };

fn check(case: &Case<'_>) -> Result<(), String> {
    if !names_sm2(case.tbs.spki) {
        return Ok(());
    }
    let named = key_kind(case.tbs.spki) == Some(KeyKind::Sm2);
    demand(named, "the algorithm is not id-ecPublicKey with the curve of SM2")?;
    good_key::check(case.tbs.spki).map(drop).map_err(|error| error.to_string())
}
