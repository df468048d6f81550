//! Socket, lists and audit.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

/// The socket on which the authority answers.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Socket {
    /// Its path, at most 100 octets.
    pub path: PathBuf,
    /// Whether the group of the process may speak to it (mode 0660) and not the owner alone (0600).
    #[serde(default)]
    pub group: bool,
    /// Connections at once.
    #[serde(default = "connections")]
    pub connections: usize,
}

const fn connections() -> usize {
    64
}

impl Socket {
    /// The file mode.
    #[must_use]
    pub const fn mode(&self) -> u32 {
        if self.group { 0o660 } else { 0o600 }
    }

    pub(crate) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        // sun_path has 108 octets, and ".new" is bound first.
        if self.path.as_os_str().len() > 100 {
            faults.push("socket.path is longer than 100 octets".into());
        }
        if !(1..=4096).contains(&self.connections) {
            faults.push("socket.connections must be 1 to 4096".into());
        }
        faults
    }
}

/// The key-management centre (`ca kmc serve`).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kmc {
    /// Its socket. It must let in the user that the authority runs as.
    pub socket: PathBuf,
}

/// When lists are made.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Crl {
    /// A full list at least so often.
    pub every_hours: u32,
    /// nextUpdate is so long after thisUpdate.
    pub valid_hours: u32,
    /// So long after a revocation others are waited for before the list is made; at most 60.
    pub debounce_seconds: u32,
    /// How often is looked whether a list is due.
    pub poll_seconds: u32,
}

impl Default for Crl {
    fn default() -> Self {
        Self { every_hours: 24, valid_hours: 72, debounce_seconds: 2, poll_seconds: 20 }
    }
}

impl Crl {
    pub(super) fn faults(self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.every_hours == 0 || self.valid_hours < self.every_hours.saturating_mul(2) {
            faults.push(
                "crl.valid_hours must be at least twice crl.every_hours, so that one failure does no harm".into(),
            );
        }
        if self.poll_seconds == 0 || self.debounce_seconds.saturating_add(self.poll_seconds) > 60 {
            faults.push("crl.debounce_seconds and crl.poll_seconds together must be at most 60".into());
        }
        faults
    }
}

/// Where checkpoints go.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Audit {
    /// Folder of `checkpoint.json`, the last signed checkpoint: copy it to where the authority cannot write.
    pub dir: PathBuf,
    /// A checkpoint so often, if anything happened.
    #[serde(default = "checkpoint_minutes")]
    pub checkpoint_minutes: u32,
}

const fn checkpoint_minutes() -> u32 {
    60
}

impl Audit {
    pub(crate) fn faults(&self) -> Vec<String> {
        let good = (1..=1440).contains(&self.checkpoint_minutes);
        if good { Vec::new() } else { vec!["audit.checkpoint_minutes must be 1 to 1440".into()] }
    }

    /// Time between checkpoints.
    #[must_use]
    pub fn every(&self) -> Duration {
        Duration::from_secs(u64::from(self.checkpoint_minutes) * 60)
    }
}
