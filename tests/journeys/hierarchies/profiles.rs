//! Every shipped profile for end entities, and every kind of list, before the judges: a person, a server, a
//! time-stamping authority and a unit's pair, under an issuing CA with shards.
//!
//! Officers' certificates, responders' and those of CAs are before them in each hierarchy already.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;
use ca_core::domain::{Act, IssuerId, KeyKind, ListKind, ProfileName, RevocationReason, Serial, Subject, SubjectField};
use der::asn1::PrintableString;
use der::{Decode as _, Encode as _};
use journeys::ceremony::Ceremony;
use journeys::house::Engine;
use journeys::judges::{self, Lint, pem, text};
use journeys::office::{OFFICE, Office, UNIT, UNIT_USCC};
use journeys::people::{self, Person};
use journeys::programs::{eventually, must};
use rcgen::{DnType, ExtendedKeyUsagePurpose, KeyUsagePurpose, SanType};
use x509_cert::certificate::Rfc5280;
use x509_cert::crl::CertificateList;

use super::ISSUING;
use super::independent::{self, Facts};
use super::verdicts::refusal_of_openssl;

const SHARDS: u16 = 2;
const PERSON: &str = "李敏";
const RESIDENT_ID: &str = "11010519491231002X";
const AUTHORITY: &str = "印信时间戳";
const SERVER: &str = "ra.example";

/// A certificate that was issued.
struct Exhibit {
    serial: Serial,
    /// DER.
    file: PathBuf,
    /// What it may be used for, as `openssl verify` names it.
    purpose: &'static str,
    facts: Facts,
}

impl Exhibit {
    fn shard(&self) -> ListKind {
        ListKind::Shard(self.serial.shard(SHARDS))
    }
}

/// An issuing CA of one kind, and what it issued.
struct Hall {
    office: Office,
    kind: KeyKind,
    all: Vec<Exhibit>,
    /// Of these, the place of the one that is revoked, and of the one that was held and is released.
    revoked: usize,
    released: usize,
}

impl Hall {
    fn list(&self, list: ListKind) -> PathBuf {
        let file = list.file(&IssuerId::new(ISSUING).expect("a name"));
        self.office.house.crl(file.trim_end_matches(".crl"))
    }

    async fn issue(
        &mut self,
        profile: &str,
        fields: &[(SubjectField, &str)],
        purpose: &'static str,
        facts: Facts,
    ) -> anyhow::Result<()> {
        let office = &self.office;
        let subject = fields.iter().map(|(field, value)| (*field, (*value).to_owned())).collect::<BTreeMap<_, _>>();
        let act = Act::Issue {
            issuer: IssuerId::new(ISSUING).context("an issuer")?,
            profile: ProfileName::new(profile).context("a profile")?,
            subject: Subject::new(subject)?,
            years: 1,
            key: self.kind,
            officer: None,
            replaces: None,
        };
        let order = people::order(OFFICE, act)?;
        let holder = Person::new(profile, self.kind)?;
        let submission = people::issue_submission(&order, [&office.entry, &office.reviewer], &office.entry, &holder)?;
        let view = office.submit(submission).await?;
        let file = office.house.path(&format!("{profile}.cer"));
        std::fs::write(&file, &view.certificate.0)?;
        self.all.push(Exhibit { serial: view.serial, file, purpose, facts });
        if let Some(second) = view.encryption {
            let file = office.house.path(&format!("{profile}-encryption.cer"));
            std::fs::write(&file, &second.certificate.0)?;
            // OpenSSL asks for keyEncipherment, which a key of a NIST curve cannot do.
            let purpose = if self.kind == KeyKind::P256 { "any" } else { "smimeencrypt" };
            let facts = unit_encryption(self.kind, &self.office.house.base_url())?;
            self.all.push(Exhibit { serial: second.serial, file, purpose, facts });
        }
        Ok(())
    }

    /// Issues one of each, and makes two editions of lists: one while a certificate is held, one after it was released
    /// and another revoked.
    async fn fill(&mut self) -> anyhow::Result<()> {
        use SubjectField::{
            CommonName, Country, DnsNames, IpAddresses, Locality, Organisation, Province, ResidentId, UniqueId, Uscc,
        };
        let base = self.office.house.base_url();
        let person = [(Country, "CN"), (CommonName, PERSON), (UniqueId, "P000001"), (ResidentId, RESIDENT_ID)];
        self.issue("person", &person, "smimesign", a_person(&base)?).await?;
        let authority = [(Country, "CN"), (Organisation, independent::CA_NAME), (CommonName, AUTHORITY)];
        self.issue("timestamp", &authority, "timestampsign", time_stamping(&base)?).await?;
        self.issue("evidence", &authority, "smimesign", records(&base)?).await?;
        let unique = format!("U{UNIT_USCC}");
        let unit = [
            (Country, "CN"),
            (Province, "河北省"),
            (Locality, "示范市"),
            (Organisation, UNIT),
            (CommonName, UNIT),
            (Uscc, UNIT_USCC),
            (UniqueId, &unique),
        ];
        self.issue("unit-sign", &unit, "smimesign", independent::unit(&base)?).await?;
        // No browser knows SM2, and the profile has no such servers.
        if self.kind != KeyKind::Sm2 {
            let server = [
                (Country, "CN"),
                (Organisation, independent::CA_NAME),
                (CommonName, SERVER),
                (DnsNames, "ra.example fund.example"),
                (IpAddresses, "127.0.0.1 2001:db8::1"),
            ];
            self.issue("tls-server", &server, "sslserver", a_server(&base)?).await?;
        }
        let office = &self.office;
        let issuer = IssuerId::new(ISSUING).context("an issuer")?;
        let serial = self.all[self.released].serial.clone();
        office.obey(Act::Hold { issuer: issuer.clone(), serial: serial.clone() }, &[&office.entry]).await?;
        self.publish().await?;
        office.obey(Act::Release { issuer: issuer.clone(), serial }, &[&office.entry, &office.reviewer]).await?;
        office.revoke(&issuer, &self.all[self.revoked].serial, RevocationReason::KeyCompromise).await?;
        self.publish().await
    }

    /// A planned edition; the serving authority may be making one of its own at this moment.
    async fn publish(&self) -> anyhow::Result<()> {
        let made = async || self.office.house.ca(&["crl", "--issuer", ISSUING]).is_ok();
        eventually("lists are made", Duration::from_secs(30), made).await
    }

    /// Every list of the issuing CA, DER, with the reason of each entry.
    fn lists(&self) -> Vec<(ListKind, PathBuf, BTreeMap<String, &'static str>)> {
        let revoked = &self.all[self.revoked];
        let released = &self.all[self.released];
        let kinds = ListKind::all(false, SHARDS).into_iter();
        let entries = |list| {
            let mut entries = BTreeMap::new();
            if matches!(list, ListKind::Full | ListKind::Delta) || list == revoked.shard() {
                entries.insert(revoked.serial.to_string(), "keyCompromise");
            }
            if list == ListKind::Delta {
                entries.insert(released.serial.to_string(), "removeFromCRL");
            }
            entries
        };
        kinds.map(|list| (list, self.list(list), entries(list))).collect()
    }
}

fn shown_in(facts: Facts, serial: &Serial, base: &str) -> Facts {
    Facts { list: Some(format!("{base}/crl/{ISSUING}-s{}.crl", serial.shard(SHARDS))), ..facts }
}

fn a_person(base: &str) -> anyhow::Result<Facts> {
    let subject = vec![(DnType::CountryName, independent::printable("CN")?), (DnType::CommonName, PERSON.into())];
    let number = PrintableString::new(RESIDENT_ID)?.to_der()?;
    let explicit = [&[0xa0, u8::try_from(number.len())?][..], &number].concat();
    let identities = vec![
        independent::custom("1.3.6.1.4.1.32473.1.4", der::asn1::Utf8StringRef::new("P000001")?.to_der()?)?,
        independent::custom("1.2.156.10260.4.1.1", explicit)?,
    ];
    independent::end_entity(subject, 1, "1.3.6.1.4.1.32473.2.4", base, identities)
}

fn of_the_house(common_name: &str) -> anyhow::Result<Vec<(DnType, rcgen::DnValue)>> {
    Ok(vec![
        (DnType::CountryName, independent::printable("CN")?),
        (DnType::OrganizationName, independent::CA_NAME.into()),
        (DnType::CommonName, common_name.into()),
    ])
}

fn a_server(base: &str) -> anyhow::Result<Facts> {
    let facts = independent::end_entity(of_the_house(SERVER)?, 1, "1.3.6.1.4.1.32473.2.5", base, Vec::new())?;
    Ok(Facts {
        key_usages: vec![KeyUsagePurpose::DigitalSignature],
        extended_key_usages: vec![ExtendedKeyUsagePurpose::ServerAuth],
        names: vec![
            SanType::DnsName(SERVER.try_into()?),
            SanType::DnsName("fund.example".try_into()?),
            SanType::IpAddress("127.0.0.1".parse()?),
            SanType::IpAddress("2001:db8::1".parse()?),
        ],
        ..facts
    })
}

fn time_stamping(base: &str) -> anyhow::Result<Facts> {
    let mut facts = independent::end_entity(of_the_house(AUTHORITY)?, 1, "1.3.6.1.4.1.32473.2.6", base, Vec::new())?;
    // rcgen writes purposes that are not critical only.
    let purpose = vec![der::asn1::ObjectIdentifier::new("1.3.6.1.5.5.7.3.8")?];
    let mut critical = independent::custom("2.5.29.37", purpose.to_der()?)?;
    critical.set_criticality(true);
    facts.extended_key_usages.clear();
    facts.custom.push(critical);
    Ok(facts)
}

fn records(base: &str) -> anyhow::Result<Facts> {
    let facts = independent::end_entity(of_the_house(AUTHORITY)?, 1, "1.3.6.1.4.1.32473.2.7", base, Vec::new())?;
    let document_signing = ExtendedKeyUsagePurpose::Other(vec![1, 3, 6, 1, 5, 5, 7, 3, 36]);
    Ok(Facts { extended_key_usages: vec![document_signing, ExtendedKeyUsagePurpose::EmailProtection], ..facts })
}

fn unit_encryption(kind: KeyKind, base: &str) -> anyhow::Result<Facts> {
    let key_usages = if kind == KeyKind::P256 {
        vec![KeyUsagePurpose::KeyAgreement]
    } else {
        vec![KeyUsagePurpose::KeyEncipherment, KeyUsagePurpose::DataEncipherment]
    };
    let purposes = vec![ExtendedKeyUsagePurpose::EmailProtection];
    Ok(Facts { key_usages, extended_key_usages: purposes, ..independent::unit_with("1.3.6.1.4.1.32473.2.3", base)? })
}

/// What `openssl verify` says of a certificate for this purpose, with the list that it names.
fn openssl_says(hall: &Hall, exhibit: &Exhibit, purpose: &str) -> anyhow::Result<Option<String>> {
    let list = pem("crl", &hall.list(exhibit.shard()))?;
    let (root, issuing) = (hall.office.house.issuer_pem("root")?, hall.office.house.issuer_pem(ISSUING)?);
    // Of lists it checks those under the empty id alone, of chains under another the last certificate.
    let by = if hall.kind == KeyKind::Sm2 {
        ["-partial_chain", "-trusted", text(&issuing)?, "-vfyopt", "distid:1234567812345678"].to_vec()
    } else {
        let lists = ["-crl_check", "-CRLfile", text(&list)?];
        [&lists[..], &["-CAfile", text(&root)?, "-untrusted", text(&issuing)?]].concat()
    };
    refusal_of_openssl(&[&by[..], &["-purpose", purpose]].concat(), &pem("x509", &exhibit.file)?)
}

fn openssl(hall: &Hall) -> anyhow::Result<()> {
    for (index, exhibit) in hall.all.iter().enumerate() {
        let why = openssl_says(hall, exhibit, exhibit.purpose)?;
        if index == hall.revoked && hall.kind != KeyKind::Sm2 {
            assert!(why.as_ref().is_some_and(|why| why.contains("certificate revoked")), "{why:?}");
            continue;
        }
        assert_eq!(why, None, "{}", exhibit.file.display());
        // A time-stamping authority is no server, and nothing else is a time-stamping authority.
        let other = if exhibit.purpose == "timestampsign" { "sslserver" } else { "timestampsign" };
        let why = openssl_says(hall, exhibit, other)?;
        assert!(why.as_ref().is_some_and(|why| why.contains("purpose")), "{}: {why:?}", exhibit.file.display());
    }
    if hall.kind == KeyKind::Sm2 {
        return Ok(());
    }
    let issuing = hall.office.house.issuer_pem(ISSUING)?;
    for (_, file, _) in hall.lists() {
        let said =
            judges::openssl(&["crl", "-inform", "DER", "-in", text(&file)?, "-CAfile", text(&issuing)?, "-noout"])?;
        assert!(said.contains("verify OK"), "{said}");
    }
    Ok(())
}

fn tongsuo(hall: &Hall) -> anyhow::Result<()> {
    let house = &hall.office.house;
    let (root, issuing) = (house.ca_certificate("root"), house.ca_certificate(ISSUING));
    let root_list = house.crl("root");
    for (index, exhibit) in hall.all.iter().enumerate() {
        let full = hall.list(ListKind::Full);
        let said = judges::tongsuo(&[&"verify-chain", &root, &issuing, &exhibit.file, &root_list, &full]);
        if index == hall.revoked {
            let why = said.expect_err("revoked").to_string();
            assert!(why.contains("certificate revoked at depth 0"), "{why}");
        } else {
            assert_eq!(said?, "verified", "{}", exhibit.file.display());
        }
    }
    for (list, file, entries) in hall.lists() {
        let said = judges::tongsuo(&[&"verify-crl", &issuing, &file])?;
        assert_eq!(said, format!("verified, {} entries", entries.len()), "{list:?}");
    }
    Ok(())
}

fn gnutls(hall: &Hall) -> anyhow::Result<()> {
    let (root, issuing) =
        (pem("x509", &hall.office.house.ca_certificate("root"))?, hall.office.house.issuer_pem(ISSUING)?);
    for exhibit in &hall.all {
        let said =
            must(Command::new("certtool").args(["--certificate-info", "--inder", "--infile", text(&exhibit.file)?]))?;
        assert!(said.contains("Version: 3") && said.contains("Subject Key Identifier"), "{said}");
        if hall.kind != KeyKind::Sm2 {
            let chain = exhibit.file.with_extension("chain.pem");
            judges::bundle(&[pem("x509", &exhibit.file)?, issuing.clone(), root.clone()], &chain)?;
            let said = must(Command::new("certtool").args(["--verify-chain", "--infile", text(&chain)?]))?;
            assert!(said.contains("Chain verification output: Verified. The certificate is trusted."), "{said}");
        }
    }
    for (list, file, entries) in hall.lists() {
        let said = must(Command::new("certtool").args(["--crl-info", "--inder", "--infile", text(&file)?]))?;
        assert!(entries.keys().all(|serial| said.contains(serial)), "{list:?}: {said}");
        if hall.kind != KeyKind::Sm2 {
            let list = pem("crl", &file)?;
            let by = ["--verify-crl", "--load-ca-certificate", text(&issuing)?, "--infile", text(&list)?];
            let said = must(Command::new("certtool").args(by))?;
            assert!(said.contains("Verified"), "{said}");
        }
    }
    Ok(())
}

fn pkilint(hall: &Hall) -> anyhow::Result<()> {
    let issuing = hall.office.house.issuer_pem(ISSUING)?;
    let certificates = hall.all.iter().map(|exhibit| pem("x509", &exhibit.file)).collect::<anyhow::Result<Vec<_>>>()?;
    let lists = hall.lists();
    let mut jobs: Vec<Lint<'_>> = lists.iter().map(|(_, file, _)| Lint::Crl(file)).collect();
    for (exhibit, subject) in hall.all.iter().zip(&certificates) {
        // It takes SM2 for ECDH, whose keys do not encipher; GM/T 0015 wants all three uses.
        if hall.kind != KeyKind::Sm2 || exhibit.purpose != "smimeencrypt" {
            jobs.push(Lint::Certificate(subject));
        }
        jobs.push(Lint::Chain { issuer: &issuing, subject });
    }
    judges::pkilint(&jobs)
}

fn cryptography(hall: &Hall) -> anyhow::Result<()> {
    let (base, issuing) = (hall.office.house.base_url(), hall.office.house.ca_certificate(ISSUING));
    let job = |kind: &str, file: &Path| anyhow::Ok(format!("{kind}={},{}", text(&issuing)?, text(file)?));
    let lists = hall.lists();
    let mut jobs = lists.iter().map(|(_, file, _)| job("crl", file)).collect::<anyhow::Result<Vec<_>>>()?;
    for exhibit in &hall.all {
        jobs.push(job("cert", &exhibit.file)?);
    }
    let facts = judges::cryptography(&jobs)?;
    for fact in &facts {
        assert_eq!(fact["verified"], hall.kind != KeyKind::Sm2, "{fact}");
    }
    for ((list, _, entries), fact) in lists.iter().zip(&facts) {
        assert_eq!(fact["entries"], serde_json::to_value(entries)?, "{list:?}");
        let shard = if let ListKind::Shard(_) = list {
            Some(list.url(&base, &IssuerId::new(ISSUING).context("a name")?))
        } else {
            None
        };
        assert_eq!(fact["part"], serde_json::to_value(shard)?, "{list:?}");
        assert_eq!(fact["base"].is_number(), *list == ListKind::Delta, "{list:?}");
        assert_eq!(fact["freshest"].is_array(), *list == ListKind::Full, "{list:?}");
        assert_eq!(fact["number"], facts[0]["number"], "{list:?}: of one edition");
    }
    Ok(())
}

/// Writes certificates and lists again; and rcgen writes the certificates from facts.
fn other_encoders(hall: &Hall) -> anyhow::Result<()> {
    let house = &hall.office.house;
    for exhibit in &hall.all {
        let der = std::fs::read(&exhibit.file)?;
        assert_eq!(x509_cert::Certificate::from_der(&der)?.to_der()?, der, "{}", exhibit.file.display());
    }
    for (list, file, _) in hall.lists() {
        let der = std::fs::read(file)?;
        assert_eq!(CertificateList::<Rfc5280>::from_der(&der)?.to_der()?, der, "{list:?}");
    }
    if hall.kind != KeyKind::Sm2 {
        for exhibit in &hall.all {
            let facts = shown_in(exhibit.facts.clone(), &exhibit.serial, &house.base_url());
            independent::same(&house.ca_certificate(ISSUING), &exhibit.file, facts)?;
        }
    }
    Ok(())
}

async fn all_profiles_and_lists(root: KeyKind, kind: KeyKind) -> anyhow::Result<()> {
    let ceremony = Ceremony::of(root.name(), kind.name(), "", &format!("crl_shards = {SHARDS}"))?;
    let office = Office::found_by(Engine::Sqlite, &ceremony)?;
    let mut ca = office.house.start_ca().await?;
    let mut hall = Hall { office, kind, all: Vec::new(), revoked: 0, released: 1 };
    hall.fill().await?;
    ca.terminate()?;
    openssl(&hall)?;
    if kind == KeyKind::Sm2 {
        tongsuo(&hall)?;
    }
    gnutls(&hall)?;
    pkilint(&hall)?;
    cryptography(&hall)?;
    other_encoders(&hall)?;
    hall.office.house.ca(&["check"])?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_profile_and_list_by_p_256() -> anyhow::Result<()> {
    all_profiles_and_lists(KeyKind::P384, KeyKind::P256).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_profile_and_list_by_rsa_2048() -> anyhow::Result<()> {
    all_profiles_and_lists(KeyKind::Rsa3072, KeyKind::Rsa2048).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_profile_and_list_by_sm2() -> anyhow::Result<()> {
    all_profiles_and_lists(KeyKind::Sm2, KeyKind::Sm2).await
}
