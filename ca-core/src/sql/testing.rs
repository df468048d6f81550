//! Fresh databases of both engines, for tests of any crate.
//!
//! SQLite: a file in a temporary folder. PostgreSQL: a private cluster of this process in a temporary folder,
//! reached by a Unix socket, without fsync; its server and folder go away with the process, however it ends.
//! Nothing outside is used or left behind.
//!
//! ```ignore
//! #[tokio::test]
//! async fn story() {
//!     for fresh in testing::databases(&migrator()).await {
//!         …(&fresh.database)…
//!     }
//! }
//! ```

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::migrate::Migrator;
use tempfile::TempDir;

use super::Database;

mod standby;

pub use standby::Standby;

/// A database of its own, with its schema.
#[derive(Debug)]
pub struct Fresh {
    /// `SQLite` or `PostgreSQL`, for messages.
    pub engine: &'static str,
    /// Opens the database again, as another process would.
    pub url: String,
    /// The database.
    pub database: Database,
    folder: Option<TempDir>,
}

impl Fresh {
    /// Opens the same database once more.
    ///
    /// # Panics
    /// When it cannot be opened: the test cannot go on.
    pub async fn reopen(&self) -> Database {
        Database::open(&self.url, false).await.expect("the database opens again")
    }

    /// Where a SQLite file is; `None` for PostgreSQL.
    #[must_use]
    pub fn folder(&self) -> Option<&std::path::Path> {
        self.folder.as_ref().map(TempDir::path)
    }
}

/// One fresh database of each engine.
///
/// # Panics
/// When an engine cannot be started: the test cannot go on.
pub async fn databases(migrator: &Migrator) -> Vec<Fresh> {
    vec![sqlite(migrator).await, postgres(migrator).await]
}

/// A fresh SQLite file.
///
/// # Panics
/// When it cannot be made.
pub async fn sqlite(migrator: &Migrator) -> Fresh {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let url = format!("sqlite:{}", folder.path().join("test.db").display());
    let database = Database::open(&url, true).await.expect("a new SQLite file opens");
    database.migrate(migrator).await.expect("the migrations fit SQLite");
    Fresh { engine: "SQLite", url, database, folder: Some(folder) }
}

/// A fresh database in this process's PostgreSQL cluster.
///
/// # Panics
/// When PostgreSQL is not installed (Debian package `postgresql`) or does not start.
pub async fn postgres(migrator: &Migrator) -> Fresh {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    fresh(|| CLUSTER.get_or_init(|| Cluster::start(&[])), &[], migrator).await
}

/// A fresh database of PostgreSQL on a disk of 64 MiB, which a test can fill: a tablespace in memory that only this
/// cluster sees. Its write-ahead log has room elsewhere.
///
/// # Panics
/// As [`postgres`], and when this user may not mount a file system in a namespace of its own.
pub async fn postgres_on_a_small_disk(migrator: &Migrator) -> Fresh {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    let start = || CLUSTER.get_or_init(|| Cluster::start(&[("SMALL", "/mnt/small")]));
    fresh(start, &["-D", "small"], migrator).await
}

async fn fresh(
    start: impl FnOnce() -> &'static Cluster + Send + 'static,
    where_to: &[&str],
    migrator: &Migrator,
) -> Fresh {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let cluster = tokio::task::spawn_blocking(start).await.expect("the cluster starts");
    let name = format!("test{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let made = tokio::process::Command::new(format!("{}/createdb", cluster.programs))
        .args(["-h", &cluster.folder, "-U", "postgres"])
        .args(where_to)
        .arg(&name)
        .output()
        .await
        .expect("createdb runs");
    assert!(made.status.success(), "createdb: {}", String::from_utf8_lossy(&made.stderr));
    let url = format!("postgres://postgres@localhost/{name}?host={}", cluster.folder);
    let database = Database::open(&url, false).await.expect("the new PostgreSQL database opens");
    database.migrate(migrator).await.expect("the migrations fit PostgreSQL");
    Fresh { engine: "PostgreSQL", url, database, folder: None }
}

/// A cluster of this process, or a standby of one. The shell that minds it ends it when its standard input closes, which
/// the kernel does when this process ends.
#[derive(Debug)]
struct Cluster {
    programs: String,
    folder: String,
    _shell: Child,
    _leash: ChildStdin,
}

const MINDER: &str = r#"
set -eu
programs=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
folder=$(mktemp -d "${TMPDIR:-/tmp}/yinxin-pg.XXXXXX")
trap 'rm -rf "$folder"' EXIT
if [ -n "${PRIMARY:-}" ]; then
  make() { "$programs/pg_basebackup" -h "$PRIMARY" -U postgres -D "$folder/data" -R -X stream -c fast --no-sync; }
else
  make() { "$programs/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync; }
fi
make >"$folder/log" 2>&1 || { cat "$folder/log" >&2; exit 1; }
"$programs/postgres" -D "$folder/data" -k "$folder" -c listen_addresses= -c fsync=off -c max_connections=400 \
  -c shared_buffers=64MB -c full_page_writes=off </dev/null >>"$folder/log" 2>&1 &
server=$!
i=0
until "$programs/pg_isready" -q -h "$folder"; do
  i=$((i + 1)); [ $i -lt 300 ] || { cat "$folder/log" >&2; kill -QUIT $server; exit 1; }
  sleep 0.1
done
if [ -n "${SMALL:-}" ]; then
  mkdir -m 700 "$SMALL"
  "$programs/psql" -q -h "$folder" -U postgres -c "CREATE TABLESPACE small LOCATION '$SMALL'" >&2
fi
echo "$programs $folder"
read -r _ || true
kill -QUIT $server
wait $server || true
"#;

/// PostgreSQL refuses to run as root.
const NOT_AS_ROOT: &str = r#"if [ "$(id -u)" = 0 ]; then
  user=postgres; id -u "$user" >/dev/null 2>&1 || user=nobody
  cd /tmp; exec runuser -u "$user" -- sh -c "$0"
else exec sh -c "$0"; fi"#;

/// Runs it all where a small disk is mounted, if one is asked for. Nobody else sees the mount, and it goes away with
/// the last process that does.
const IN_A_NAMESPACE: &str = r#"[ -n "${SMALL:-}" ] || exec sh -c "$0" "$1"
own=--mount; [ "$(id -u)" = 0 ] || own="--user --map-current-user --keep-caps --mount"
exec unshare $own sh -c 'mount -t tmpfs -o size=64m,mode=777 tmpfs /mnt && exec sh -c "$0" "$1"' "$0" "$1""#;

impl Cluster {
    /// `SMALL`: also a tablespace on a small disk there. `PRIMARY`: a standby of the cluster in that folder.
    fn start(environment: &[(&str, &str)]) -> Self {
        let mut shell = Command::new("sh")
            .args(["-c", IN_A_NAMESPACE, NOT_AS_ROOT, MINDER])
            .env_remove("TMPDIR")
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("sh runs");
        let leash = shell.stdin.take().expect("stdin is piped");
        let mut line = String::new();
        BufReader::new(shell.stdout.take().expect("stdout is piped")).read_line(&mut line).expect("readable");
        let (programs, folder) = line
            .trim()
            .split_once(' ')
            .expect("a private PostgreSQL starts (Debian package postgresql); its log stands above");
        Self { programs: programs.to_owned(), folder: folder.to_owned(), _shell: shell, _leash: leash }
    }
}
