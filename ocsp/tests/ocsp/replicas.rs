//! Responders on a PostgreSQL and on a streaming replica of it: a real standby, made by `pg_basebackup`, that a test can cut
//! off.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use ca_core::clock::Clock as _;
use ca_core::domain::{CertificateStatus, RevocationReason};
use ca_core::sql::{authority_migrations, testing};
use ocsp::app::{self, Running};
use ocsp::config::Config;
use ocsp::wire::{Failure, Standing};

use crate::hierarchy::serial;
use crate::house::{Ground, House, get, post};
use crate::service::{question, standings};

/// A standby. The shell that minds it ends it when its standard input closes, which the kernel does when this process ends.
struct Standby {
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

/// PostgreSQL refuses to run as root.
const NOT_AS_ROOT: &str = r#"if [ "$(id -u)" = 0 ]; then
  user=postgres; id -u "$user" >/dev/null 2>&1 || user=nobody
  cd /tmp; exec runuser -u "$user" -- sh -c "$0"
else exec sh -c "$0"; fi"#;

impl Standby {
    fn of(url: &str) -> Self {
        let primary = url.split_once("host=").unwrap().1.to_owned();
        let mut shell = Command::new("sh")
            .args(["-c", NOT_AS_ROOT, MINDER])
            .env("PRIMARY", &primary)
            .env_remove("TMPDIR")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let leash = shell.stdin.take().unwrap();
        let mut line = String::new();
        BufReader::new(shell.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let (programs, folder) = line.trim().split_once(' ').expect("the standby starts; its log stands above");
        Self { programs: programs.to_owned(), folder: folder.to_owned(), primary, _shell: shell, _leash: leash }
    }

    fn url(&self, primary: &str) -> String {
        primary.replace(&self.primary, &self.folder)
    }

    /// Has it follow this connection from now on; the empty one cuts it off.
    fn follow(&self, connection: &str) {
        let set = format!("ALTER SYSTEM SET primary_conninfo = '{connection}'");
        for statement in [set.as_str(), "SELECT pg_reload_conf()"] {
            let done = Command::new(format!("{}/psql", self.programs))
                .args(["-q", "-h", &self.folder, "-U", "postgres", "-c", statement])
                .output()
                .unwrap();
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        }
    }

    fn cut_off(&self) {
        self.follow("");
    }

    fn join(&self) {
        self.follow(&format!("host={} user=postgres", self.primary));
    }
}

async fn says(responder: &Running, house: &House, number: u8) -> Vec<u8> {
    post(responder.validation, &question(house, number)).await.body
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    for _ in 0..400 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("never: {what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_responder_on_a_replica_refuses_when_it_is_cut_off_and_catches_up_by_itself() {
    let house = Ground::on(testing::postgres(&authority_migrations()).await).await.start("").await;
    house.ground.set(&serial(1), CertificateStatus::Good).await;
    house.ground.set(&serial(2), CertificateStatus::Good).await;
    let url = house.ground.fresh.url.clone();
    let standby = tokio::task::spawn_blocking(move || Standby::of(&url)).await.unwrap();
    let database_url = standby.url(&house.ground.fresh.url);
    let config = Config { database_url, ..Config::parse(&house.ground.config_text("")).unwrap() };
    let replica = app::start_with(config, house.ground.clock.clone(), house.ground.authority.clone()).await.unwrap();
    let is_ready = async || get(replica.operations, "/readyz").await.status == 200;
    until("the replica's responder is ready", is_ready).await;
    assert_eq!(standings(&says(&replica, &house, 1).await), [Standing::Good]);

    // What the primary is told, the replica's responder tells.
    let revoked = |since| CertificateStatus::Revoked { since, reason: RevocationReason::KeyCompromise };
    house.ground.set(&serial(1), revoked(house.ground.clock.now())).await;
    until("the revocation has come over", async || {
        matches!(standings(&says(&replica, &house, 1).await)[..], [Standing::Revoked { .. }])
    })
    .await;

    // Cut off it still knows what it knew, and once that is too old it says nothing: not even what it knows.
    standby.cut_off();
    house.ground.set(&serial(2), revoked(house.ground.clock.now())).await;
    house.ground.clock.advance(31);
    until("the primary's responder has heard the heart", async || {
        get(house.running.operations, "/readyz").await.status == 200
    })
    .await;
    for number in [1, 2] {
        assert_eq!(says(&replica, &house, number).await, Failure::TryLater.der(), "{number}");
        assert!(matches!(standings(&says(&house.running, &house, number).await)[..], [Standing::Revoked { .. }]));
    }
    assert_eq!(get(replica.operations, "/readyz").await.status, 503);

    // Joined again it catches up: nobody starts anything.
    standby.join();
    until("the replica's responder is ready again", is_ready).await;
    assert!(matches!(standings(&says(&replica, &house, 2).await)[..], [Standing::Revoked { .. }]));
    replica.shutdown().await;
}
