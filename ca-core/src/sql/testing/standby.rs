//! A streaming replica of this process's PostgreSQL: a real standby, made by `pg_basebackup`, that can be cut off.

use std::process::Command;
use std::time::Duration;

use super::Cluster;

/// A standby.
#[derive(Debug)]
pub struct Standby {
    server: Cluster,
    /// The folder of the cluster that it follows.
    primary: String,
}

impl Standby {
    /// A standby of the cluster in which the database at this URL is ([`super::postgres`]).
    ///
    /// # Panics
    /// When it does not start: the test cannot go on.
    #[must_use]
    pub fn of(url: &str) -> Self {
        let primary = url.split_once("host=").expect("a database of this process's cluster").1;
        Self { server: Cluster::start(&[("PRIMARY", primary)]), primary: primary.to_owned() }
    }

    /// Where the standby has the database at this URL.
    #[must_use]
    pub fn url(&self, primary: &str) -> String {
        primary.replace(&self.primary, &self.server.folder)
    }

    /// What a statement says, asked of the standby.
    fn sql(&self, statement: &str) -> String {
        let done = Command::new(format!("{}/psql", self.server.programs))
            .args(["-qAt", "-h", &self.server.folder, "-U", "postgres", "-c", statement])
            .output()
            .expect("psql runs");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8_lossy(&done.stdout).trim().to_owned()
    }

    /// Has it follow this connection from now on; the empty one cuts it off.
    fn follow(&self, connection: &str) {
        self.sql(&format!("ALTER SYSTEM SET primary_conninfo = '{connection}'"));
        self.sql("SELECT pg_reload_conf()");
    }

    /// Returns when nothing comes over any more.
    ///
    /// # Panics
    /// When it does not stop following.
    pub fn cut_off(&self) {
        self.follow("");
        for _ in 0..400 {
            if self.sql("SELECT count(*) FROM pg_stat_wal_receiver") == "0" {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("it still follows");
    }

    /// Has it follow the primary again.
    pub fn join(&self) {
        self.follow(&format!("host={} user=postgres", self.primary));
    }
}
