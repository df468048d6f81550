//! Each entry is DER.

use super::EntryRule;
use crate::lint::strict_der;

pub(super) const EACH: EntryRule =
    EntryRule { name: "entry_der", clause: "X.690 §10, §11", check: |entry| strict_der::check(entry.whole) };
