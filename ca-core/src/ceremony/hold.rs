//! Rehearsing and holding a ceremony: what is written, in which order.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::make::{Ca, Keep, Made, MadeCertificate, MadeOfficer, passphrase, public_key};
use super::plan::RootPlan;
use super::{Ceremony, CeremonyError};
use crate::audit::{self, Actor, Event};
use crate::domain::{CertificateStatus, ListKind, ListScope, Sha256, StatusChange};
use crate::durable;
use crate::encode::crl::{Head, in_memory};
use crate::issuance::{Issuing, listed};
use crate::lint;
use crate::revocation::{Due, Publisher, signed_event};
use crate::signer::Signer as _;
use crate::sql::{Database, SqlStore, authority_migrations};
use crate::store::{Completion, CrlRecord, OfficerRecord, Store, StoreError, Tx};
use crate::unit_of_work;

/// The file name of the key that signs checkpoints.
pub(crate) const AUDIT_KEY: &str = "audit.key";

impl Ceremony {
    /// Makes everything with keys that are thrown away, writes nothing, and tells what would be done.
    ///
    /// # Errors
    /// Whatever would stop the ceremony.
    pub async fn rehearse(&mut self) -> Result<String, CeremonyError> {
        self.refuse_if_held().await?;
        self.refuse_to_overwrite()?;
        self.profiles.agree(self.plan.issuers.iter().map(|issuer| (&issuer.id, &issuer.profiles[..])))?;
        self.passphrases()?;
        let made = self.make(Keep::Nothing)?;
        Ok(self.transcript(&made, Keep::Nothing))
    }

    /// Holds the ceremony and answers its transcript, which is also kept in the audit folder.
    ///
    /// # Errors
    /// [`CeremonyError`]; then the files it made are taken away again and the database has no CA. Only after
    /// [`CeremonyError::Afterwards`] the CA stands.
    pub async fn hold(&mut self) -> Result<String, CeremonyError> {
        self.refuse_if_held().await?;
        self.refuse_to_overwrite()?;
        self.profiles.agree(self.plan.issuers.iter().map(|issuer| (&issuer.id, &issuer.profiles[..])))?;
        self.passphrases()?;
        self.make_folders()?;
        let database = Database::open(&self.config.database_url, true).await?;
        database.migrate(&authority_migrations()).await?;
        let store = SqlStore::new(database.clone());

        let made = self.make(Keep::Everything)?;
        let root_lists = self.root_lists(&made)?;
        let transcript = self.transcript(&made, Keep::Everything);
        // Files before rows: while the database has no CA, keys in files are worth nothing and can be taken away.
        let mut written = Vec::new();
        let outcome = match self.write_files(&made, &transcript, &mut written) {
            Ok(()) => self.write_rows(&store, &made, &root_lists).await,
            Err(error) => Err(error),
        };
        if let Err(error) = outcome {
            for path in written {
                // The next attempt refuses to overwrite what stays, and says so.
                drop(std::fs::remove_file(path));
            }
            return Err(error);
        }
        for ca in &made.cas {
            let path = self.config.publish_dir.join(format!("ca/{}.cer", ca.record.id));
            durable::replace(&path, &ca.record.certificate, durable::PUBLIC).map_err(afterwards(&path))?;
        }
        for (list, record) in &root_lists {
            let path = self.config.publish_dir.join(format!("crl/{}.crl", record.issuer));
            durable::replace(&path, list, durable::PUBLIC).map_err(afterwards(&path))?;
        }
        self.first_lists(&store, &made).await?;
        database.close().await;
        Ok(transcript)
    }

    /// Every file that the ceremony writes and must not overwrite.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let root_key = |root: &RootPlan| self.config.keys.path(&format!("{}.key", root.id));
        let mut files: Vec<PathBuf> = self.plan.roots.iter().map(root_key).collect();
        for issuer in &self.plan.issuers {
            if issuer.pkcs11.is_none() {
                files.push(self.config.keys.path(&format!("{}.key", issuer.id)));
            }
            files.push(self.config.keys.path(&responder_key_name(issuer.id.as_str())));
        }
        files.push(self.config.keys.path(AUDIT_KEY));
        files.push(self.transcript_path());
        files.extend(self.plan.officers.iter().map(|officer| officer.certificate.clone()));
        files.extend(self.plan.servers.iter().map(|server| server.certificate.clone()));
        files
    }

    pub(super) fn transcript_path(&self) -> PathBuf {
        self.config.audit.dir.join("ceremony.txt")
    }

    async fn refuse_if_held(&self) -> Result<(), CeremonyError> {
        let database = match Database::open(&self.config.database_url, false).await {
            Ok(database) => database,
            // The ceremony founds a SQLite file; a PostgreSQL server must be there.
            Err(_) if self.config.database_url.starts_with("sqlite:") => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let mut held = false;
        if database.check_schema(&authority_migrations()).await.is_ok() {
            held = !SqlStore::new(database.clone()).begin_read().await?.issuers().await?.is_empty();
        }
        database.close().await;
        if held { Err(CeremonyError::AlreadyHeld) } else { Ok(()) }
    }

    fn refuse_to_overwrite(&self) -> Result<(), CeremonyError> {
        let there: Vec<PathBuf> = self.files().into_iter().filter(|path| path.exists()).collect();
        if there.is_empty() { Ok(()) } else { Err(CeremonyError::WouldOverwrite(there)) }
    }

    /// Reads every passphrase once, so that a missing one is found before anything is made.
    fn passphrases(&self) -> Result<(), CeremonyError> {
        let own = [&self.config.keys.passphrase_file, &self.config.keys.responder_passphrase_file];
        for path in self.plan.roots.iter().map(|root| &root.passphrase_file).chain(own) {
            passphrase(path)?;
        }
        Ok(())
    }

    fn make_folders(&self) -> Result<(), CeremonyError> {
        let folder = |path: &Path, mode| {
            DirBuilder::new().recursive(true).mode(mode).create(path).map_err(CeremonyError::file(path))
        };
        folder(&self.config.keys.dir, 0o700)?;
        folder(&self.config.audit.dir, 0o700)?;
        folder(&self.config.publish_dir.join("crl"), 0o755)?;
        folder(&self.config.publish_dir.join("ca"), 0o755)
    }

    /// The issuing CAs' first lists. What fails here, `ca serve` and `ca crl` make up for.
    async fn first_lists(&self, store: &SqlStore, made: &Made) -> Result<(), CeremonyError> {
        let publisher = Publisher::new(Arc::new(store.clone()), self.clock.clone(), &self.config);
        for ca in made.cas.iter().filter(|ca| !ca.record.root) {
            let unfit = |error: String| CeremonyError::Afterwards(format!("first list of {}: {error}", ca.record.id));
            let issuing = Issuing::new(&ca.record, ca.key.clone()).map_err(|error| unfit(error.to_string()))?;
            publisher.publish(&issuing, Due::Time).await.map_err(|error| unfit(error.to_string()))?;
        }
        Ok(())
    }

    /// The roots' lists, in the order of the roots.
    fn root_lists(&self, made: &Made) -> Result<Vec<(Vec<u8>, CrlRecord)>, CeremonyError> {
        self.plan.roots.iter().zip(&made.cas).map(|(plan, root)| root_crl(made, plan, root)).collect()
    }

    fn write_files(&mut self, made: &Made, transcript: &str, written: &mut Vec<PathBuf>) -> Result<(), CeremonyError> {
        let own_passphrase = passphrase(&self.config.keys.passphrase_file)?;
        let responder_passphrase = passphrase(&self.config.keys.responder_passphrase_file)?;
        let rng = &mut self.rng;
        for Ca { record, sealed, .. } in &made.cas {
            let Some(key) = sealed else { continue };
            let path = self.config.keys.path(&format!("{}.key", record.id));
            match self.plan.roots.iter().find(|root| root.id == record.id) {
                Some(root) => key.save(&path, &passphrase(&root.passphrase_file)?, self.cost, rng)?,
                None => key.save(&path, &own_passphrase, self.cost, rng)?,
            }
            written.push(path);
        }
        for responder in &made.responders {
            let path = self.config.keys.path(&responder_key_name(responder.issuer.as_str()));
            responder.key.save(&path, &responder_passphrase, self.cost, rng)?;
            written.push(path);
        }
        let path = self.config.keys.path(AUDIT_KEY);
        made.audit_key.save(&path, &own_passphrase, self.cost, rng)?;
        written.push(path);
        for MadeCertificate { path, certificate, .. } in
            made.officers.iter().map(|officer| &officer.made).chain(&made.servers)
        {
            durable::create(path, certificate, durable::PUBLIC).map_err(CeremonyError::file(path))?;
            written.push(path.clone());
        }
        let path = self.transcript_path();
        durable::create(&path, transcript.as_bytes(), durable::PUBLIC).map_err(CeremonyError::file(&path))?;
        written.push(path);
        Ok(())
    }

    async fn write_rows(
        &self,
        store: &SqlStore,
        made: &Made,
        root_lists: &[(Vec<u8>, CrlRecord)],
    ) -> Result<(), CeremonyError> {
        let now = made.now;
        let (name, file) = (&self.plan.name, self.plan.sha256.unwrap_or(Sha256([0; 32])));
        unit_of_work!(store, CeremonyError, |tx| {
            if !tx.issuers().await?.is_empty() {
                return Err(CeremonyError::AlreadyHeld);
            }
            note(tx, made, Event::CeremonyHeld { file_sha256: file, name: name.clone() }).await?;
            let audit_key = made.audit_key.spki_der();
            tx.set_audit_key(audit_key).await?;
            let spki_sha256 = Sha256(openssl::sha::sha256(audit_key));
            note(tx, made, Event::AuditKeyMade { spki_sha256 }).await?;
            for ca in &made.cas {
                tx.add_issuer(&ca.record).await?;
                let event = Event::IssuerMade {
                    issuer: ca.record.id.clone(),
                    root: ca.record.root,
                    certificate_sha256: Sha256(openssl::sha::sha256(&ca.record.certificate)),
                };
                note(tx, made, event).await?;
            }
            for responder in &made.responders {
                tx.add_responder_key(&responder.issuer, responder.spki_sha256, now).await?;
                let event = Event::ResponderKeyRegistered {
                    issuer: responder.issuer.clone(),
                    spki_sha256: responder.spki_sha256,
                };
                note(tx, made, event).await?;
            }
            enter_officers(tx, made).await?;
            for server in &made.servers {
                enter(tx, made, server).await?;
            }
            for (_, record) in root_lists {
                let number = tx.take_crl_number(&record.issuer, 0).await?;
                note(tx, made, Event::CrlSigning { issuer: record.issuer.clone(), number }).await?;
                tx.add_crl(record).await?;
                note(tx, made, signed_event(record)).await?;
            }
        })
    }
}

fn root_crl(made: &Made, plan: &RootPlan, root: &Ca) -> Result<(Vec<u8>, CrlRecord), CeremonyError> {
    let record = CrlRecord {
        issuer: root.record.id.clone(),
        list: ListKind::Full,
        number: 1,
        base: None,
        this_update: made.now,
        next_update: made.now.plus(i64::from(plan.crl_days) * 86_400),
        entries: 0,
        covers: 0,
        planned: true,
        sha256: Sha256([0; 32]),
    };
    let scope = ListScope::Full { delta_url: None };
    let issuer = &root.record.certificate[..];
    let head = Head {
        issuer_certificate: issuer,
        scope: &scope,
        number: 1,
        this_update: record.this_update,
        next_update: record.next_update,
    };
    let unfit = |error: String| CeremonyError::Unfit(format!("CRL of {}: {error}", record.issuer));
    let crl = in_memory(&head, &root.crl_key(), []).map_err(|error| unfit(error.to_string()))?;
    let context =
        lint::CrlContext { issuer, key: &public_key(&*root.key)?, scope: &scope, previous: None, now: made.now };
    let seen = lint::crl(&crl[..], &context).map_err(|error| unfit(error.to_string()))?;
    if !seen.findings.is_empty() {
        return Err(unfit(listed(&seen.findings)));
    }
    let sha256 = seen.sha256;
    Ok((crl, CrlRecord { sha256, ..record }))
}

async fn enter_officers(tx: &mut dyn Tx, made: &Made) -> Result<(), StoreError> {
    for MadeOfficer { officer, made: certificate } in &made.officers {
        enter(tx, made, certificate).await?;
        let intent = &certificate.intent;
        let record = OfficerRecord {
            officer: officer.clone(),
            certificate_sha256: certificate.sha256,
            issuer: intent.issuer.clone(),
            serial: intent.serial.clone(),
            not_after: intent.validity.not_after,
            entered: made.now,
        };
        tx.add_officer(&record).await?;
        let entered = Event::OfficerEntered { officer: officer.clone(), certificate_sha256: certificate.sha256 };
        note(tx, made, entered).await?;
    }
    Ok(())
}

/// Writes down a certificate that is made, and that it is good.
async fn enter(tx: &mut dyn Tx, made: &Made, certificate: &MadeCertificate) -> Result<(), StoreError> {
    let MadeCertificate { intent, certificate, sha256, .. } = certificate;
    tx.add_intent(intent).await?;
    tx.complete_all(&[Completion { intent, certificate, sha256: *sha256 }], made.now).await?;
    let change = StatusChange {
        seq: tx.feed().await?.head + 1,
        issuer: intent.issuer.clone(),
        serial: intent.serial.clone(),
        status: CertificateStatus::Good,
        not_after: intent.validity.not_after,
    };
    tx.set_status(&change, made.now).await?;
    let signed = Event::Signed {
        issuer: intent.issuer.clone(),
        serial: intent.serial.clone(),
        order: intent.order,
        certificate_sha256: *sha256,
        reconciled: false,
    };
    note(tx, made, signed).await
}

async fn note(tx: &mut dyn Tx, made: &Made, event: Event) -> Result<(), StoreError> {
    audit::record(tx, made.now, Actor::Ceremony, event).await.map(drop)
}

/// The file name of the key of an issuer's responder.
pub(super) fn responder_key_name(issuer: &str) -> String {
    format!("ocsp-{issuer}.key")
}

/// A file that could not be published when the CA stood already.
fn afterwards(path: &Path) -> impl FnOnce(std::io::Error) -> CeremonyError + use<> {
    let path = path.to_owned();
    move |error| CeremonyError::Afterwards(format!("{}: {error}", path.display()))
}
