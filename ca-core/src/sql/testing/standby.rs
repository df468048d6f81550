//! A streaming replica of this process's PostgreSQL: a real standby, made by `pg_basebackup`, that can be cut off.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use super::NOT_AS_ROOT;

/// A standby. The shell that minds it ends it when its standard input closes, which the kernel does when this process ends.
#[derive(Debug)]
pub struct Standby {
    programs: String,
    folder: String,
    primary: String,
    _shell: Child,
    _leash: ChildStdin,
}

const MINDER: &str = r#"
set -eu
programs=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
folder=$(mktemp -d "${TMPDIR:-/tmp}/yinxin-standby.XXXXXX")
trap 'rm -rf "$folder"' EXIT
"$programs/pg_basebackup" -h "$PRIMARY" -U postgres -D "$folder/data" -R -X stream -c fast --no-sync >"$folder/log" 2>&1 ||
  { cat "$folder/log" >&2; exit 1; }
"$programs/postgres" -D "$folder/data" -k "$folder" -c listen_addresses= -c fsync=off -c max_connections=400 \
  -c shared_buffers=64MB </dev/null >>"$folder/log" 2>&1 &
server=$!
i=0
until "$programs/pg_isready" -q -h "$folder"; do
  i=$((i + 1)); [ $i -lt 300 ] || { cat "$folder/log" >&2; kill -QUIT $server; exit 1; }
  sleep 0.1
done
echo "$programs $folder"
read -r _ || true
kill -QUIT $server
wait $server || true
"#;

impl Standby {
    /// A standby of the cluster in which the database at this URL is ([`super::postgres`]).
    ///
    /// # Panics
    /// When it does not start: the test cannot go on.
    #[must_use]
    pub fn of(url: &str) -> Self {
        let primary = url.split_once("host=").expect("a database of this process's cluster").1.to_owned();
        let mut shell = Command::new("sh")
            .args(["-c", NOT_AS_ROOT, MINDER])
            .env("PRIMARY", &primary)
            .env_remove("TMPDIR")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("sh runs");
        let leash = shell.stdin.take().expect("stdin is piped");
        let mut line = String::new();
        BufReader::new(shell.stdout.take().expect("stdout is piped")).read_line(&mut line).expect("readable");
        let (programs, folder) = line.trim().split_once(' ').expect("the standby starts; its log stands above");
        Self { programs: programs.to_owned(), folder: folder.to_owned(), primary, _shell: shell, _leash: leash }
    }

    /// Where the standby has the database at this URL.
    #[must_use]
    pub fn url(&self, primary: &str) -> String {
        primary.replace(&self.primary, &self.folder)
    }

    /// What a statement says, asked of the standby.
    fn sql(&self, statement: &str) -> String {
        let done = Command::new(format!("{}/psql", self.programs))
            .args(["-qAt", "-h", &self.folder, "-U", "postgres", "-c", statement])
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
