//! Takes a case out of the house: everything of it in one archive that an officer signs.
//!
//! The officer signs a statement that names the hash of the list of files; nothing is kept between the page and the
//! signature: the same case at the same moment gives the same files, and when the case moved meanwhile the signature is
//! refused. The taking is audited before a byte leaves. The handler's resident number is masked; only a supervisor of the
//! case's own office may have it in full, and the statement says so. The scan of an identity card shows it all the same:
//! it is the evidence.

use std::collections::BTreeMap;

use ca_core::cms;
use ca_core::domain::{Archive, IssuerId, Officer, Role, Sha256, Timestamp, decode, encode};
use ca_core::service::protocol::{Request, Response};
use openssl::sha::sha256;
use serde::Serialize;

use super::case::{CaseNumber, Forbidden, Step, Who};
use super::certificate_order::status_word;
use super::desk::{CaseView, Desk, OfficeError, SignatureFault, Signer, again, check_signature};
use super::document::Media;
use super::papers::Paper;
use super::retention::matters_about;
use crate::archive::{self, Member};
use crate::audit::Event;
use crate::i18n::Locale;
use crate::store::{Issued, OrderSubject, PastStep, StoredOrder};

/// A page to sign is good for so long.
const SIGN_WITHIN_SECONDS: i64 = 15 * 60;

/// What would be in an archive, and what is to be signed.
pub struct Draft {
    /// The case.
    pub shown: CaseView,
    /// Paths and sizes.
    pub files: Vec<(String, usize)>,
    /// Canonical bytes.
    pub statement: Vec<u8>,
    /// What they say.
    pub archive: Archive,
}

/// An archive on its way out.
pub struct Taken {
    /// The name of the file.
    pub name: String,
    /// The ZIP.
    pub bytes: Vec<u8>,
}

#[derive(Serialize)]
struct Particulars<'a> {
    number: String,
    office: String,
    process: &'static str,
    replaces: Option<String>,
    state: &'static str,
    unit_name: &'a str,
    uscc: &'a str,
    unit_kind: &'a str,
    address: &'a str,
    legal_person: &'a str,
    handler_name: &'a str,
    handler_id: String,
    handler_mobile: &'a str,
    years: &'a str,
    key: &'a str,
    purchased: &'a str,
    taken_in_by: Person,
    decided_by: Option<Person>,
    begun: String,
    last_moved: String,
    practice_statement: Option<PracticeStatement>,
    documents: Vec<DocumentLine>,
    certificates: Vec<CertificateLine>,
}

#[derive(Serialize)]
struct Person {
    id: String,
    name: String,
}

impl From<&Who> for Person {
    fn from(who: &Who) -> Self {
        Self { id: who.id.to_string(), name: who.name.clone() }
    }
}

#[derive(Serialize)]
struct PracticeStatement {
    version: String,
    sha256: Option<String>,
    since: String,
}

#[derive(Serialize)]
struct DocumentLine {
    kind: &'static str,
    file: String,
    named: String,
    media: &'static str,
    pages: i64,
    sha256: String,
    added: String,
}

#[derive(Serialize)]
struct CertificateLine {
    issuer: String,
    serial: String,
    encryption_serial: Option<String>,
    not_before: String,
    not_after: String,
    delivered: Option<String>,
    status: &'static str,
}

#[derive(Serialize)]
struct HistoryLine {
    subject: String,
    act: String,
    from: String,
    to: String,
    by: Option<Person>,
    reason: Option<String>,
    at: String,
}

/// What the database knows of a case, beside what its page shows.
struct Records {
    orders: Vec<StoredOrder>,
    history: Vec<(OrderSubject, Vec<PastStep>)>,
    audit: Vec<(i64, Vec<u8>)>,
    practice: Option<PracticeStatement>,
}

impl Desk {
    /// What an archive of a case would hold now, to be signed.
    ///
    /// # Errors
    /// [`OfficeError`]: of another office, a full resident number for someone who may not have it, an authority that
    /// does not answer, evidence that was deleted.
    pub async fn archive_draft(
        &self,
        officer: &Officer,
        number: &CaseNumber,
        full: bool,
    ) -> Result<Draft, OfficeError> {
        let now = self.clock.now();
        let (shown, members) = self.archive_members(officer, number, now, full).await?;
        let archive = statement_of(&shown, &members, now, full);
        let files = members.iter().map(|member| (member.path.clone(), member.bytes.len())).collect();
        Ok(Draft { shown, files, statement: encode(&archive), archive })
    }

    /// The archive that an officer signed, packed; audited first.
    ///
    /// # Errors
    /// [`OfficeError`]; [`SignatureFault::Content`] when the case is not as it was when the page was made.
    pub async fn take_archive(
        &self,
        signer: &Signer,
        number: &CaseNumber,
        message: &[u8],
    ) -> Result<Taken, OfficeError> {
        let now = self.clock.now();
        let case = self.view(&signer.officer, number).await?.case;
        let content = cms::verify(message).map_err(SignatureFault::from)?.content;
        let said: Archive = decode(&content).map_err(|_| SignatureFault::Content)?;
        if said.case != case.number.as_str() || !(0..=SIGN_WITHIN_SECONDS).contains(&now.since(said.created)) {
            return Err(SignatureFault::Content.into());
        }
        let full = said.resident_number;
        let (shown, members) = self.archive_members(&signer.officer, number, said.created, full).await?;
        check_signature(signer, &encode(&statement_of(&shown, &members, said.created, full)), message)?;
        let bytes = archive::pack(&members, &content, message)
            .map_err(|_| OfficeError::WrongState("the case does not fit into an archive"))?;

        let subject = OrderSubject::Case(number.clone());
        let word = shown.case.state.word();
        let by = Some(Who::from(&signer.officer));
        let step = Step { act: "archive", from: word, to: word, by, reason: None, at: now };
        let details = BTreeMap::from([
            ("manifest".to_owned(), said.manifest_sha256.to_string()),
            ("statement".to_owned(), Sha256(sha256(&content)).to_string()),
            ("archive".to_owned(), Sha256(sha256(&bytes)).to_string()),
            ("files".to_owned(), said.files.to_string()),
            ("resident_number".to_owned(), full.to_string()),
        ]);
        let actor = format!("officer:{}", signer.officer.id);
        let event = Event { at: now, actor, kind: "office.archive", subject: subject.key(), details };
        again(|| async {
            let mut tx = self.store.begin().await?;
            tx.add_step(&subject, &step).await?;
            tx.audit(&event).await?;
            Ok(tx.commit().await?)
        })
        .await?;
        tracing::info!(case = %number, officer = %signer.officer.id, "Case taken out as an archive");
        Ok(Taken { name: format!("{number}.zip"), bytes })
    }

    async fn archive_members(
        &self,
        officer: &Officer,
        number: &CaseNumber,
        created: Timestamp,
        full: bool,
    ) -> Result<(CaseView, Vec<Member>), OfficeError> {
        let shown = self.view(officer, number).await?;
        if full && !may_see_number(officer, &shown) {
            return Err(Forbidden::OtherDuty(Role::RaSupervisor).into());
        }
        if shown.deletion.as_ref().is_some_and(|deletion| deletion.done.is_some()) {
            return Err(OfficeError::WrongState("the evidence of the case was deleted"));
        }
        let issued = self.certificates_of_case(number).await?;
        let records = self.records(number, &issued).await?;
        let mut members = vec![Member::new("README.txt", readme())];
        let mut documents = Vec::new();
        for document in &shown.documents {
            let path = format!("documents/{}-{}.{}", document.kind.word(), document.sheet, ending(document.media));
            members.push(Member::new(path.clone(), self.evidence.show(document.sha256).await?.to_vec()));
            documents.push(DocumentLine {
                kind: document.kind.word(),
                file: path,
                named: document.name.clone(),
                media: document.media.name(),
                pages: document.pages,
                sha256: document.sha256.to_string(),
                added: document.added.beijing_text(),
            });
        }
        for paper in Paper::ALL.into_iter().filter(|paper| paper.is_due(&shown)) {
            let pdf = self.printer.print(&shown, paper, created).await?;
            members.push(Member::new(format!("papers/{}.pdf", paper.word()), pdf));
        }
        for order in &records.orders {
            members.push(Member::new(format!("orders/{}.json", order.order.id), order.statement.clone()));
            for (seat, signature) in (1..).zip(&order.signatures) {
                members.push(Member::new(format!("orders/{}.{seat}.p7s", order.order.id), signature.message.clone()));
            }
        }
        for one in &issued {
            let name = format!("certificates/{}-{}", one.issuer, one.serial);
            members.push(Member::new(format!("{name}.cer"), one.certificate.clone()));
            if let Some(pair) = &one.encryption {
                members.push(Member::new(format!("{name}-encryption.cer"), pair.certificate.clone()));
            }
        }
        self.matter_members(&issued, &mut members).await?;
        for (id, certificate) in self.authorities().await? {
            members.push(Member::new(format!("ca/{id}.cer"), certificate));
        }
        for (seq, entry) in &records.audit {
            members.push(Member::new(format!("audit/{seq:010}.json"), entry.clone()));
        }
        members.push(Member::new("history.json", json(&history(&records.history))));
        let particulars = self.particulars_member(&shown, &issued, documents, records.practice, full).await?;
        members.push(Member::new("particulars.json", particulars));
        Ok((shown, members))
    }

    /// The matters about these certificates: what was said and signed in each, and its scans.
    async fn matter_members(&self, issued: &[Issued], members: &mut Vec<Member>) -> Result<(), OfficeError> {
        let mut tx = self.store.read().await?;
        for matter in matters_about(&mut tx, issued).await? {
            let name = format!("matters/{}", matter.number);
            if let Some(statement) = &matter.statement {
                members.push(Member::new(format!("{name}.json"), statement.clone()));
                for (seat, signature) in (1..).zip(tx.matter_signatures(&matter.number).await?) {
                    members.push(Member::new(format!("{name}.{seat}.p7s"), signature.message));
                }
            }
            members.push(Member::new(format!("{name}/particulars.json"), json(&matter.facts)));
            for paper in tx.matter_papers(&matter.number).await? {
                let path = format!("{name}/{}.{}", paper.kind.word(), ending(paper.media));
                members.push(Member::new(path, self.evidence.show(paper.sha256).await?.to_vec()));
            }
        }
        Ok(())
    }

    async fn records(&self, number: &CaseNumber, issued: &[Issued]) -> Result<Records, OfficeError> {
        let mut subjects = vec![OrderSubject::Case(number.clone())];
        subjects.extend(issued.iter().map(|one| OrderSubject::Certificate(one.issuer.clone(), one.serial.clone())));
        let mut tx = self.store.read().await?;
        for matter in matters_about(&mut tx, issued).await? {
            subjects.push(OrderSubject::Matter(matter.number));
        }
        let (mut orders, mut history, mut audit) = (Vec::new(), Vec::new(), Vec::new());
        for subject in subjects {
            orders.extend(tx.orders_about(&subject).await?);
            audit.extend(tx.audit_about(&subject.key(), 10_000).await?);
            history.push((subject.clone(), tx.steps(&subject).await?));
        }
        let practice = tx.practice_statement(number).await?.map(|kept| PracticeStatement {
            version: kept.version,
            sha256: kept.sha256.map(|hash| hash.to_string()),
            since: kept.since.beijing_text(),
        });
        Ok(Records { orders, history, audit, practice })
    }

    async fn certificates_of_case(&self, number: &CaseNumber) -> Result<Vec<Issued>, OfficeError> {
        Ok(self.store.read().await?.certificates_of_case(number).await?)
    }

    /// The authority's own certificates, so that the archive can be checked when nobody publishes them any more.
    async fn authorities(&self) -> Result<Vec<(IssuerId, Vec<u8>)>, OfficeError> {
        match self.ca.call(Request::Issuers).await? {
            Response::Issuers { issuers } => {
                Ok(issuers.into_iter().map(|issuer| (issuer.id, issuer.certificate.0)).collect())
            }
            _ => Err(OfficeError::Rules("the authority answered another question".into())),
        }
    }

    async fn particulars_member(
        &self,
        shown: &CaseView,
        issued: &[Issued],
        documents: Vec<DocumentLine>,
        practice_statement: Option<PracticeStatement>,
        full: bool,
    ) -> Result<Vec<u8>, OfficeError> {
        let (case, form) = (&shown.case, &shown.case.form);
        let handler_id = if full {
            let sealed = self.store.read().await?.case(&case.number).await?.and_then(|(_, sealed)| sealed);
            self.open_handler_id(&case.number, sealed.as_deref())?
        } else {
            case.handler_id_masked.clone()
        };
        Ok(json(&Particulars {
            number: case.number.to_string(),
            office: case.office.to_string(),
            process: case.process.word(),
            replaces: case.process.old().map(|old| format!("{}/{}", old.issuer, old.serial)),
            state: case.state.word(),
            unit_name: &form.unit_name,
            uscc: &form.uscc,
            unit_kind: &form.unit_kind,
            address: &form.address,
            legal_person: &form.legal_person,
            handler_name: &form.handler_name,
            handler_id,
            handler_mobile: &form.handler_mobile,
            years: &form.years,
            key: &form.key,
            purchased: &form.purchased,
            taken_in_by: Person::from(&case.entry),
            decided_by: case.reviewer.as_ref().map(Person::from),
            begun: case.created.beijing_text(),
            last_moved: case.updated.beijing_text(),
            practice_statement,
            documents,
            certificates: issued
                .iter()
                .map(|one| CertificateLine {
                    issuer: one.issuer.to_string(),
                    serial: one.serial.to_string(),
                    encryption_serial: one.encryption.as_ref().map(|pair| pair.serial.to_string()),
                    not_before: one.validity.not_before.beijing_text(),
                    not_after: one.validity.not_after.beijing_text(),
                    delivered: one.delivered.map(Timestamp::beijing_text),
                    status: status_word(one.status),
                })
                .collect(),
        }))
    }
}

/// Whether an officer may have the handler's resident number in full.
#[must_use]
pub fn may_see_number(officer: &Officer, shown: &CaseView) -> bool {
    officer.office == shown.case.office && officer.has_any(&[Role::RaSupervisor])
}

fn statement_of(shown: &CaseView, members: &[Member], created: Timestamp, full: bool) -> Archive {
    Archive {
        case: shown.case.number.to_string(),
        office: shown.case.office.clone(),
        unit: shown.case.form.unit_name.clone(),
        uscc: shown.case.form.uscc.clone(),
        created,
        files: u32::try_from(members.len()).unwrap_or(u32::MAX),
        manifest_sha256: Sha256(sha256(archive::manifest(members).as_bytes())),
        resident_number: full,
    }
}

fn history(of: &[(OrderSubject, Vec<PastStep>)]) -> Vec<HistoryLine> {
    let lines = of.iter().flat_map(|(subject, steps)| steps.iter().rev().map(move |step| (subject, step)));
    lines
        .map(|(subject, step)| HistoryLine {
            subject: subject.key(),
            act: step.act.clone(),
            from: step.from.clone(),
            to: step.to.clone(),
            by: step.by.as_ref().map(Person::from),
            reason: step.reason.clone(),
            at: step.at.beijing_text(),
        })
        .collect()
}

fn json(what: &impl Serialize) -> Vec<u8> {
    // Plain data with text keys is always written.
    serde_json::to_vec_pretty(what).unwrap_or_default()
}

/// How the archive is checked, in both languages.
fn readme() -> String {
    let chapters = Locale::ALL.map(|locale| {
        let lines = ["archive-readme-what", "archive-readme-signature", "archive-readme-list", "archive-readme-files"];
        let commands = [
            "",
            "openssl cms -verify -inform DER -in statement.p7s -CAfile ca.pem -purpose any -out statement.json",
            "sha256sum manifest.sha256; grep -o 'manifest_sha256\":\"[0-9a-f]*' statement.json",
            "sha256sum -c manifest.sha256",
        ];
        let text = lines.iter().zip(commands).map(|(key, command)| format!("{}\n    {command}\n", locale.t(key)));
        text.collect::<Vec<_>>().join("\n")
    });
    chapters.join("\n----\n\n")
}

const fn ending(media: Media) -> &'static str {
    match media {
        Media::Jpeg => "jpg",
        Media::Png => "png",
        Media::Pdf => "pdf",
    }
}
