//! `ca check` holds the published lists against the ledger: whatever is wrong with one is told, by its file.

use std::collections::BTreeMap;

use super::*;
use crate::domain::{CertificateStatus, RevocationReason, Timestamp};
use crate::encode::crl::{CrlWriter, Head, signed_whole};
use crate::sql::Database;
use crate::store::{CrlRecord, Store as _};
use crate::testing::revoke;

const SHARDS: u16 = 2;

/// A desk whose lists all have something to say: one certificate is revoked for good, one was held when the last
/// planned edition was made and is released since, one is held.
struct Busy {
    desk: Desk,
    revoked: Serial,
    released: Serial,
    held: Serial,
}

impl Busy {
    async fn each() -> Vec<Self> {
        let mut each = Vec::new();
        for desk in Desk::all_with(SHARDS).await {
            let (revoked, released, held) = (desk.issue().await, desk.issue().await, desk.issue().await);
            desk.order(revoke(&revoked.issuer, &revoked.serial)).await;
            desk.hold(&released.serial).await;
            desk.publish(Due::Time).await;
            desk.house.clock.advance(60);
            desk.release(&released.serial).await;
            desk.hold(&held.serial).await;
            desk.publish(Due::News).await;
            each.push(Self { desk, revoked: revoked.serial, released: released.serial, held: held.serial });
        }
        each
    }

    fn path(&self, list: ListKind) -> std::path::PathBuf {
        self.desk.publisher.path(&unit_issuer(), list)
    }

    /// In which shard the revoked one stands.
    fn shard(&self) -> ListKind {
        ListKind::Shard(self.revoked.shard(SHARDS))
    }

    async fn record(&self, list: ListKind) -> CrlRecord {
        let mut tx = self.desk.house.store().await.begin_read().await.unwrap();
        tx.last_crl(&unit_issuer(), list).await.unwrap().unwrap()
    }

    /// Puts another list of the same number in its place, and makes the ledger believe that it was signed: what is
    /// wrong with it then shows by its entries alone.
    async fn replace(&self, list: ListKind, entries: &BTreeMap<Serial, Entry>, but: Option<(&Serial, Option<Entry>)>) {
        let mut entries = entries.clone();
        match but {
            Some((serial, Some(entry))) => entries.insert(serial.clone(), entry),
            Some((serial, None)) => entries.remove(serial),
            None => None,
        };
        let record = self.record(list).await;
        let base = u64::try_from(record.base.unwrap_or_default()).unwrap();
        let scope = list.scope(&self.desk.house.config.base_url, &unit_issuer(), false, base);
        let head = Head {
            issuer_certificate: self.desk.issuing.certificate(),
            scope: &scope,
            number: u64::try_from(record.number).unwrap(),
            this_update: record.this_update,
            next_update: record.next_update,
        };
        let (mut der, key) = (std::io::Cursor::new(Vec::new()), &self.desk.issuing.crl_key);
        let mut writer = CrlWriter::new(&mut der, &head, key).unwrap();
        for (serial, entry) in &entries {
            match entry {
                Entry::Is(status) => writer.add(serial, *status).unwrap(),
                Entry::Released(since) => writer.remove(serial, *since).unwrap(),
            }
        }
        writer.finish(|source| signed_whole(source, key)).unwrap();
        let der = der.into_inner();
        std::fs::write(self.path(list), &der).unwrap();
        self.believe(list, &der, entries.len()).await;
    }

    /// What stands on a list.
    async fn entries(&self, list: ListKind) -> BTreeMap<Serial, Entry> {
        let record = self.record(list).await;
        let mut tx = self.desk.house.store().await.begin_read().await.unwrap();
        let base = tx.planned_crl_before(&unit_issuer(), record.number).await.unwrap().unwrap();
        let from = if list == ListKind::Delta { base.covers } else { 0 };
        let lines = tx
            .changed_between(&unit_issuer(), from..record.covers, base.this_update, "", 100)
            .await
            .unwrap()
            .into_iter();
        lines
            .filter(|line| !matches!(list, ListKind::Shard(shard) if line.serial.shard(SHARDS) != shard))
            .filter_map(|line| match line.status {
                CertificateStatus::Good if list == ListKind::Delta => {
                    Some((line.serial, Entry::Released(line.changed)))
                }
                CertificateStatus::Good => None,
                status => Some((line.serial, Entry::Is(status))),
            })
            .collect()
    }

    async fn believe(&self, list: ListKind, der: &[u8], entries: usize) {
        let (word, digest) = (list.word(), hex::encode(openssl::sha::sha256(der)));
        self.run(&format!(
            "UPDATE crl_list SET sha256 = '{digest}', entries = {entries} WHERE issuer = 'unit-p256' AND \
             list = '{word}' AND number = (SELECT max(number) FROM crl_list WHERE issuer = 'unit-p256' AND \
             list = '{word}')"
        ))
        .await;
    }

    async fn run(&self, statement: &str) {
        let statement = sqlx::AssertSqlSafe(statement);
        match self.desk.house.store().await.database() {
            Database::Sqlite { writer, .. } => drop(sqlx::query(statement).execute(writer).await.unwrap()),
            Database::Postgres(pool) => drop(sqlx::query(statement).execute(pool).await.unwrap()),
        }
    }

    async fn faults(&self) -> Vec<String> {
        self.desk.house.check().await.faults
    }

    /// The one fault that there is, and it says this of this list.
    async fn finds(&self, list: ListKind, what: &str) {
        let faults = self.faults().await;
        let wanted = format!("{}: ", list.file(&unit_issuer()));
        let one = faults.len() == 1 && faults[0].starts_with(&wanted) && faults[0].contains(what);
        assert!(one, "{}: {wanted}{what} was expected: {faults:#?}", self.desk.engine);
    }
}

#[derive(Clone, Copy)]
enum Entry {
    Is(CertificateStatus),
    Released(Timestamp),
}

fn revoked(since: Timestamp, reason: RevocationReason) -> Entry {
    Entry::Is(CertificateStatus::Revoked { since, reason })
}

#[tokio::test]
async fn what_was_published_has_no_fault_before_and_after_changes_and_when_the_clock_was_set_back() {
    for busy in Busy::each().await {
        let engine = busy.desk.engine;
        let report = busy.desk.house.check().await;
        assert_eq!((report.faults, report.lists), (vec![], 7), "{engine}: root 1, RSA 2, P-256 2 and its shards");
        // Changes that no list tells of yet are no fault.
        busy.desk.order(revoke(&unit_issuer(), &busy.held)).await;
        assert_eq!(busy.faults().await, Vec::<String>::new(), "{engine}");
        busy.desk.publish(Due::News).await;
        assert_eq!(busy.faults().await, Vec::<String>::new(), "{engine}");
        // Entries are never later than their list, though what they tell of is.
        busy.desk.house.clock.advance(-30);
        busy.desk.publish(Due::Time).await;
        assert_eq!(busy.faults().await, Vec::<String>::new(), "{engine}");
    }
}

#[tokio::test]
async fn expired_entries_are_expected_as_long_as_a_list_has_them() {
    for desk in Desk::all_with(SHARDS).await {
        let view = desk.issue().await;
        desk.order(revoke(&view.issuer, &view.serial)).await;
        desk.publish(Due::Time).await;
        desk.house.clock.advance(view.validity.not_after.since(desk.house.now()) + DAY);
        for round in 0..3 {
            desk.publish(if round == 1 { Due::News } else { Due::Time }).await;
            let faults = desk.house.check().await.faults;
            let own: Vec<_> = faults.iter().filter(|fault| fault.starts_with("unit-p256")).collect();
            assert!(own.is_empty(), "{}, {round}: {own:?}", desk.engine);
            desk.house.clock.advance(60);
        }
        assert_eq!(desk.listed(&view.serial), None, "{}", desk.engine);
    }
}

#[tokio::test]
async fn a_list_that_is_away_broken_old_or_from_nowhere_is_a_fault() {
    for busy in Busy::each().await {
        for list in ListKind::all(false, SHARDS) {
            let path = busy.path(list);
            let der = std::fs::read(&path).unwrap();
            let with = |bytes: &[u8]| std::fs::write(&path, bytes).unwrap();
            with(&der[..der.len() - 1]);
            busy.finds(list, "structure").await;
            with(&[&der[..], &[0]].concat());
            busy.finds(list, "structure").await;
            with(b"<html>");
            busy.finds(list, "is no list").await;
            std::fs::remove_file(&path).unwrap();
            busy.finds(list, "is not there").await;
            // A list of another kind, of this edition.
            let other = if list == ListKind::Full { ListKind::Delta } else { ListKind::Full };
            if busy.record(list).await.number == busy.record(other).await.number {
                std::fs::copy(busy.path(other), &path).unwrap();
                let faults = busy.faults().await;
                assert!(faults.iter().any(|fault| fault.contains("not the bytes that were signed")), "{faults:?}");
            }
            // Its signature, though the ledger says that these are the bytes.
            let mut forged = der.clone();
            *forged.last_mut().unwrap() ^= 1;
            with(&forged);
            let entries = usize::try_from(busy.record(list).await.entries).unwrap();
            busy.believe(list, &forged, entries).await;
            busy.finds(list, "signature").await;
            with(&der);
            busy.believe(list, &der, entries + 1).await;
            busy.finds(list, "were signed").await;
            busy.believe(list, &der, entries).await;
        }
        assert_eq!(busy.faults().await, Vec::<String>::new(), "{}", busy.desk.engine);
    }
}

#[tokio::test]
async fn numbers_that_are_not_the_ledgers_are_faults() {
    for busy in Busy::each().await {
        let path = busy.path(ListKind::Full);
        let old = std::fs::read(&path).unwrap();
        busy.desk.publish(Due::News).await;
        let new = std::fs::read(&path).unwrap();
        std::fs::write(&path, &old).unwrap();
        busy.finds(ListKind::Full, "number 3 is published, number 4 was made last").await;
        std::fs::write(&path, &new).unwrap();
        busy.run("UPDATE crl_head SET number = 3 WHERE issuer = 'unit-p256'").await;
        busy.finds(ListKind::Full, "number 4 would be given again").await;
        busy.run("UPDATE crl_head SET number = 4 WHERE issuer = 'unit-p256'").await;
        // The ledger was put back, the folder was not.
        busy.run("DELETE FROM crl_list WHERE issuer = 'unit-p256' AND list = 'full' AND number = 4").await;
        busy.finds(ListKind::Full, "number 4 is published, number 3 was made last").await;
        busy.run("DELETE FROM crl_list WHERE issuer = 'unit-p256' AND list = 's0'").await;
        let faults = busy.faults().await;
        assert!(faults.iter().any(|fault| fault == "unit-p256-s0.crl: was never made"), "{faults:?}");
    }
}

#[tokio::test]
async fn an_expired_list_is_a_fault() {
    let busy = Busy::each().await.remove(0);
    busy.desk.house.clock.advance(30 * DAY);
    let faults = busy.faults().await;
    for list in ListKind::all(false, SHARDS) {
        let wanted = format!("{}: dates: nextUpdate is in the past", list.file(&unit_issuer()));
        assert!(faults.iter().any(|fault| fault.starts_with(&wanted)), "{wanted}: {faults:#?}");
    }
}

#[tokio::test]
async fn entries_that_are_not_those_of_the_log_are_faults() {
    use RevocationReason::{KeyCompromise, Superseded};
    for busy in Busy::each().await {
        let now = busy.desk.house.now();
        let then = now.plus(-60);
        let (gone, released) = (&busy.revoked, &busy.released);
        let stranger = Serial::draw(Timestamp::from_unix(0), &mut crate::clock::system_rng());
        let missing = |serial: &Serial| format!("{serial} should be on it, and is not");
        let too_much = |serial: &Serial| format!("{serial} is on it, and by the log should not be");

        for list in [ListKind::Full, busy.shard()] {
            let right = busy.entries(list).await;
            busy.replace(list, &right, None).await;
            assert_eq!(busy.faults().await, Vec::<String>::new(), "{}", busy.desk.engine);
            busy.replace(list, &right, Some((gone, None))).await;
            busy.finds(list, &missing(gone)).await;
            busy.replace(list, &right, Some((&stranger, Some(revoked(then, Superseded))))).await;
            busy.finds(list, &format!("{stranger} is on it, and was never held or revoked")).await;
            busy.replace(list, &right, Some((gone, Some(revoked(then, Superseded))))).await;
            busy.finds(list, "for reason 4, by the log since").await;
            let earlier = revoked(then.plus(-1), KeyCompromise);
            busy.replace(list, &right, Some((gone, Some(earlier)))).await;
            busy.finds(list, "by the log since").await;
            busy.replace(list, &right, None).await;
        }
        let right = busy.entries(ListKind::Full).await;
        let still = Entry::Is(CertificateStatus::Held { since: then });
        busy.replace(ListKind::Full, &right, Some((released, Some(still)))).await;
        busy.finds(ListKind::Full, &too_much(released)).await;
        busy.replace(ListKind::Full, &right, None).await;

        let right = busy.entries(ListKind::Delta).await;
        busy.replace(ListKind::Delta, &right, Some((released, None))).await;
        busy.finds(ListKind::Delta, &missing(released)).await;
        busy.replace(ListKind::Delta, &right, Some((gone, Some(revoked(then, KeyCompromise))))).await;
        busy.finds(ListKind::Delta, &too_much(gone)).await;
        busy.replace(ListKind::Delta, &right, Some((released, Some(Entry::Released(then))))).await;
        busy.finds(ListKind::Delta, "for reason 8, by the log since").await;
        busy.replace(ListKind::Delta, &right, None).await;

        // One of the other shard.
        let other = ListKind::Shard(1 - gone.shard(SHARDS));
        let right = busy.entries(other).await;
        busy.replace(other, &right, Some((gone, Some(revoked(then, KeyCompromise))))).await;
        busy.finds(other, &too_much(gone)).await;
    }
}

#[tokio::test]
async fn a_shard_that_was_not_made_anew_is_a_fault() {
    for busy in Busy::each().await {
        let shard = ListKind::Shard(busy.held.shard(SHARDS));
        let (before, record) = (std::fs::read(busy.path(shard)).unwrap(), busy.record(shard).await);
        busy.desk.release(&busy.held).await;
        busy.desk.publish(Due::News).await;
        assert_eq!(busy.faults().await, Vec::<String>::new(), "{}", busy.desk.engine);
        std::fs::write(busy.path(shard), &before).unwrap();
        let word = shard.word();
        busy.run(&format!("DELETE FROM crl_list WHERE list = '{word}' AND number > {}", record.number)).await;
        let faults = busy.faults().await;
        let wanted =
            format!("{}: {} changed since, and the list was not made anew", shard.file(&unit_issuer()), busy.held);
        assert!(faults.contains(&wanted), "{}: {faults:#?}", busy.desk.engine);
    }
}
