//! Keys and certificates of a ceremony, in memory.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::plan::{IssuerPlan, OfficerPlan, Plan, RootPlan, ServerPlan};
use super::{Ceremony, CeremonyError};
use crate::domain::{
    IssuerId, Officer, OrderId, ProfileName, Serial, Sha256, Subject, SubjectField, Timestamp, Validity,
};
use crate::encode::certificate::{Issuer, TbsInput, Urls, to_be_signed};
use crate::issuance::{RESPONDER, Stop, checked};
use crate::keys::csr::{self, ProvenPossession};
use crate::keys::{KeyKind, PublicKey};
use crate::lint::{CertificateContext, Home};
use crate::profile::Profile;
use crate::signer::soft::SoftKey;
use crate::signer::{CrlKey, Passphrase, Signer};
use crate::store::{Intent, IssuerRecord, Origin, Part};

/// Everything that a ceremony made, before any of it is written.
pub(super) struct Made {
    pub(super) now: Timestamp,
    pub(super) cas: Vec<Ca>,
    pub(super) responders: Vec<ResponderKey>,
    pub(super) officers: Vec<MadeOfficer>,
    pub(super) servers: Vec<MadeCertificate>,
    pub(super) audit_key: Arc<SoftKey>,
}

pub(super) struct Ca {
    pub(super) record: IssuerRecord,
    pub(super) validity: Validity,
    pub(super) serial: Serial,
    pub(super) key: Arc<dyn Signer>,
    /// The same key if it is to be sealed into a file.
    pub(super) sealed: Option<Arc<SoftKey>>,
}

impl Ca {
    pub(super) fn crl_key(&self) -> CrlKey {
        CrlKey::new(self.key.clone())
    }
}

pub(super) struct ResponderKey {
    pub(super) issuer: IssuerId,
    pub(super) key: SoftKey,
    pub(super) spki_sha256: Sha256,
}

pub(super) struct MadeOfficer {
    pub(super) officer: Officer,
    pub(super) made: MadeCertificate,
}

/// A certificate for a request.
pub(super) struct MadeCertificate {
    pub(super) common_name: String,
    pub(super) intent: Intent,
    pub(super) certificate: Vec<u8>,
    pub(super) sha256: Sha256,
    pub(super) path: PathBuf,
}

/// Whether keys are kept.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// Thrown away after the rehearsal; none is made in a module.
    Nothing,
    /// For good.
    Everything,
}

impl Ceremony {
    pub(super) fn make(&mut self, keep: Keep) -> Result<Made, CeremonyError> {
        let now = self.clock.now();
        let plan = self.plan.clone();
        let mut cas = Vec::with_capacity(plan.roots.len() + plan.issuers.len());
        for root in &plan.roots {
            cas.push(self.make_root(&plan, root, now)?);
        }
        let mut responders = Vec::new();
        for issuer in &plan.issuers {
            let root = plan.root_of(issuer).and_then(|root| cas.iter().find(|ca| ca.record.id == root.id));
            let root = root.ok_or_else(|| CeremonyError::Unfit(format!("{} has no root", issuer.id)))?;
            let ca = self.make_issuer(&plan, issuer, root, keep, now)?;
            cas.push(ca);
            let key = SoftKey::generate(issuer.responder_key())?;
            let spki_sha256 = Sha256(openssl::sha::sha256(key.spki_der()));
            responders.push(ResponderKey { issuer: issuer.id.clone(), key, spki_sha256 });
        }
        let by_id: BTreeMap<&IssuerId, &Ca> = cas.iter().map(|ca| (&ca.record.id, ca)).collect();
        let mut officers = Vec::new();
        for officer in &plan.officers {
            let ca = by_id.get(&officer.issuer);
            let ca = ca.ok_or_else(|| CeremonyError::Unfit(format!("no issuer {}", officer.issuer)))?;
            officers.push(self.make_officer(&plan, officer, ca, now)?);
        }
        let mut servers = Vec::new();
        for server in &plan.servers {
            let ca = by_id.get(&server.issuer);
            let ca = ca.ok_or_else(|| CeremonyError::Unfit(format!("no issuer {}", server.issuer)))?;
            servers.push(self.make_server(&plan, server, ca, now)?);
        }
        let audit_key = Arc::new(SoftKey::generate(KeyKind::P256)?);
        Ok(Made { now, cas, responders, officers, servers, audit_key })
    }

    fn make_root(&mut self, plan: &Plan, root: &RootPlan, now: Timestamp) -> Result<Ca, CeremonyError> {
        let key = Arc::new(SoftKey::generate(root.key)?.with_sm2_id(root.sm2_id()));
        let validity = Validity::years(now.beijing_day(), root.years);
        let subject = ca_subject(plan, &root.common_name)?;
        let (serial, certificate) =
            self.sign("root", &root.id, Issuer::Itself, &*key, &subject, validity, key.spki_der())?.into_certificate();
        Ok(Ca {
            record: IssuerRecord {
                id: root.id.clone(),
                root: true,
                certificate,
                key: format!("file:{}.key", root.id),
                profiles: Vec::new(),
                crl_shards: 0,
                sm2_id: root.sm2_id(),
                retired: None,
            },
            validity,
            serial,
            key: key.clone(),
            sealed: Some(key),
        })
    }

    fn make_issuer(
        &mut self,
        plan: &Plan,
        issuer: &IssuerPlan,
        root: &Ca,
        keep: Keep,
        now: Timestamp,
    ) -> Result<Ca, CeremonyError> {
        for profile in &issuer.profiles {
            self.profile(profile.as_str())?;
        }
        let (key, sealed, location): (Arc<dyn Signer>, _, _) = match &issuer.pkcs11 {
            Some(label) => {
                if self.config.keys.pkcs11.is_none() {
                    return Err(CeremonyError::Unfit("the configuration has no keys.pkcs11".into()));
                }
                let key: Arc<dyn Signer> = match keep {
                    Keep::Nothing => Arc::new(SoftKey::generate(issuer.key)?),
                    Keep::Everything => self.config.keys.generate_in_module(label, issuer.key)?,
                };
                (key, None, format!("pkcs11:{label}"))
            }
            None => {
                let key = Arc::new(SoftKey::generate(issuer.key)?.with_sm2_id(issuer.sm2_id()));
                (key.clone(), Some(key), format!("file:{}.key", issuer.id))
            }
        };
        let validity = Validity::years(now.beijing_day(), issuer.years);
        let subject = ca_subject(plan, &issuer.common_name)?;
        let signed = self.sign(
            "sub-ca",
            &root.record.id,
            Issuer::Certificate(&root.record.certificate),
            &*root.key,
            &subject,
            validity,
            key.spki_der(),
        )?;
        let (serial, certificate) = signed.into_certificate();
        let mut profiles = issuer.profiles.clone();
        let responder = ProfileName::new(RESPONDER).expect("a good name");
        if !profiles.contains(&responder) {
            profiles.push(responder);
        }
        let record = IssuerRecord {
            id: issuer.id.clone(),
            root: false,
            certificate,
            key: location,
            profiles,
            crl_shards: issuer.crl_shards,
            sm2_id: issuer.sm2_id(),
            retired: None,
        };
        Ok(Ca { record, validity, serial, key, sealed })
    }

    fn make_officer(
        &mut self,
        plan: &Plan,
        officer: &OfficerPlan,
        ca: &Ca,
        now: Timestamp,
    ) -> Result<MadeOfficer, CeremonyError> {
        let fields = BTreeMap::from([
            (SubjectField::Country, plan.country.clone()),
            (SubjectField::Organisation, plan.organisation.clone()),
            (SubjectField::OrganisationalUnit, officer.office_name.clone()),
            (SubjectField::CommonName, officer.name.clone()),
            (SubjectField::UniqueId, officer.id.to_string()),
        ]);
        let subject = subject(fields, officer.id.as_str())?;
        let profile = ProfileName::new("staff").expect("a good name");
        let wanted = Wanted {
            name: officer.id.as_str(),
            common_name: &officer.name,
            profile: &profile,
            csr: &officer.csr,
            certificate: &officer.certificate,
            years: officer.years,
        };
        Ok(MadeOfficer { officer: officer.officer(), made: self.make_certificate(&wanted, &subject, ca, now)? })
    }

    fn make_server(
        &mut self,
        plan: &Plan,
        server: &ServerPlan,
        ca: &Ca,
        now: Timestamp,
    ) -> Result<MadeCertificate, CeremonyError> {
        let wanted = Wanted {
            name: &server.common_name,
            common_name: &server.common_name,
            profile: &server.profile,
            csr: &server.csr,
            certificate: &server.certificate,
            years: server.years,
        };
        self.make_certificate(&wanted, &ca_subject(plan, &server.common_name)?, ca, now)
    }

    fn make_certificate(
        &mut self,
        wanted: &Wanted<'_>,
        subject: &Subject,
        ca: &Ca,
        now: Timestamp,
    ) -> Result<MadeCertificate, CeremonyError> {
        let possession = read_request(wanted.csr)?;
        let validity = Validity::years(now.beijing_day(), wanted.years);
        if validity.not_after > ca.validity.not_after {
            return Err(CeremonyError::Unfit(format!("{} would outlive {}", wanted.name, ca.record.id)));
        }
        let signed = self.sign(
            wanted.profile.as_str(),
            &ca.record.id,
            Issuer::Certificate(&ca.record.certificate),
            &*ca.key,
            subject,
            validity,
            possession.spki_der(),
        )?;
        Ok(MadeCertificate {
            common_name: wanted.common_name.to_owned(),
            sha256: Sha256(openssl::sha::sha256(&signed.certificate)),
            intent: Intent {
                issuer: ca.record.id.clone(),
                serial: signed.serial,
                order: OrderId::draw(now, &mut self.rng),
                part: Part::Signature,
                origin: Origin::Ceremony,
                profile: wanted.profile.clone(),
                spki_sha256: possession.spki_sha256(),
                validity,
                tbs: signed.tbs,
                intended: now,
            },
            certificate: signed.certificate,
            path: wanted.certificate.to_owned(),
        })
    }

    #[expect(clippy::too_many_arguments, reason = "what goes into a certificate, once")]
    fn sign(
        &mut self,
        profile: &str,
        issuer_id: &IssuerId,
        issuer: Issuer<'_>,
        key: &dyn Signer,
        subject: &Subject,
        validity: Validity,
        spki_der: &[u8],
    ) -> Result<Signed, CeremonyError> {
        let serial = Serial::draw(validity.not_before, &mut self.rng);
        let shards = self.plan.issuers.iter().find(|plan| plan.id == *issuer_id).map_or(0, |plan| plan.crl_shards);
        let shard = (shards > 0).then(|| serial.shard(shards));
        let profile = self.profile(profile)?;
        let tbs = to_be_signed(&TbsInput {
            serial: &serial,
            issuer,
            signature_algorithm: key.algorithm(),
            profile,
            subject,
            validity,
            spki_der,
            urls: &Urls::under(&self.config.base_url, issuer_id, shard),
        })
        .map_err(|error| CeremonyError::Unfit(format!("{}: {error}", profile.name())))?;
        let signature = key.sign(&tbs).map_err(Stop::from)?;
        let (issuer, home) = match issuer {
            Issuer::Itself => (None, None),
            Issuer::Certificate(der) => (Some(der), Some(Home { issuer: issuer_id, shards })),
        };
        let context = CertificateContext { profile, issuer, key: &public_key(key)?, home };
        let certificate = checked(&tbs, key.algorithm(), &signature, &context)?;
        Ok(Signed { serial, tbs, certificate })
    }

    fn profile(&self, name: &str) -> Result<&Profile, CeremonyError> {
        let found = ProfileName::new(name).and_then(|name| self.profiles.find(&name));
        found.ok_or_else(|| CeremonyError::Unfit(format!("there is no profile {name}")))
    }
}

/// What a certificate for a request shall be.
struct Wanted<'a> {
    /// Whose, for messages.
    name: &'a str,
    common_name: &'a str,
    profile: &'a ProfileName,
    csr: &'a Path,
    certificate: &'a Path,
    years: u8,
}

struct Signed {
    serial: Serial,
    tbs: Vec<u8>,
    certificate: Vec<u8>,
}

impl Signed {
    fn into_certificate(self) -> (Serial, Vec<u8>) {
        (self.serial, self.certificate)
    }
}

/// The public half of a key, as whoever checks what it signs has it.
pub(super) fn public_key(key: &dyn Signer) -> Result<PublicKey, CeremonyError> {
    PublicKey::under(key.spki_der(), key.sm2_id()).map_err(|error| CeremonyError::Unfit(error.to_string()))
}

fn ca_subject(plan: &Plan, common_name: &str) -> Result<Subject, CeremonyError> {
    let fields = BTreeMap::from([
        (SubjectField::Country, plan.country.clone()),
        (SubjectField::Organisation, plan.organisation.clone()),
        (SubjectField::CommonName, common_name.to_owned()),
    ]);
    subject(fields, common_name)
}

fn subject(fields: BTreeMap<SubjectField, String>, whose: &str) -> Result<Subject, CeremonyError> {
    Subject::new(fields).map_err(|error| CeremonyError::Unfit(format!("subject of {whose}: {error}")))
}

pub(super) fn passphrase(path: &Path) -> Result<Passphrase, CeremonyError> {
    Ok(Passphrase::from_file(path).map_err(crate::config::KeyError::Passphrase)?)
}

fn read_request(path: &Path) -> Result<ProvenPossession, CeremonyError> {
    let bytes = std::fs::read(path).map_err(CeremonyError::file(path))?;
    let unfit = |what: String| CeremonyError::Unfit(format!("{}: {what}", path.display()));
    let der = if bytes.starts_with(b"-----BEGIN") {
        let text = std::str::from_utf8(&bytes).map_err(|error| unfit(error.to_string()))?;
        der::pem::decode_vec(text.trim_end().as_bytes()).map_err(|error| unfit(error.to_string()))?.1
    } else {
        bytes
    };
    csr::prove(&der).map_err(|error| unfit(error.to_string()))
}
