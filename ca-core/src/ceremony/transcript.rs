//! What the people in the room sign.

use std::fmt::Write as _;

use super::Ceremony;
use super::hold::responder_key_name;
use super::make::{Keep, Made, MadeCertificate};
use crate::domain::{Sha256, Validity};
use crate::keys::SignatureAlgorithm;
use crate::signer::Signer as _;

impl Ceremony {
    pub(super) fn transcript(&self, made: &Made, keep: Keep) -> String {
        let mut text = String::new();
        self.write_transcript(made, keep, &mut text).expect("a String takes everything");
        text
    }

    fn write_transcript(&self, made: &Made, keep: Keep, out: &mut String) -> std::fmt::Result {
        let plan = &self.plan;
        if keep == Keep::Nothing {
            writeln!(
                out,
                "演练 REHEARSAL: 未写入任何文件，密钥均已丢弃 nothing was written, the keys are thrown away"
            )?;
        }
        writeln!(out, "密钥仪式记录 Key ceremony transcript: {}", plan.name)?;
        writeln!(out, "时间 Time: {} (UTC+8)", made.now.beijing_text())?;
        writeln!(out, "程序 Program: ca {}", env!("CARGO_PKG_VERSION"))?;
        if let Some(sha256) = plan.sha256 {
            writeln!(out, "仪式文件 Ceremony file, SHA-256: {sha256}")?;
        }
        writeln!(out, "数据库 Database: {}", without_password(&self.config.database_url))?;

        for ca in &made.cas {
            let record = &ca.record;
            if let Some(root) = plan.roots.iter().find(|root| root.id == record.id) {
                writeln!(out, "\n根 CA Root CA: {} — {}", root.id, root.common_name)?;
            } else if let Some(issuer) = plan.issuers.iter().find(|issuer| issuer.id == record.id) {
                let root = plan.root_of(issuer).map_or("", |root| root.id.as_str());
                writeln!(out, "\n签发 CA Issuing CA: {} — {}", issuer.id, issuer.common_name)?;
                writeln!(out, "  由根签发 Signed by: {root}")?;
            }
            writeln!(out, "  密钥 Key: {} ({:?})", record.key, ca.key.algorithm())?;
            if ca.key.algorithm() == SignatureAlgorithm::Sm2Sm3 {
                writeln!(out, "  SM2 标识 SM2 id: {:?}", record.sm2_id.as_str())?;
            }
            writeln!(out, "  序列号 Serial: {}", ca.serial)?;
            write_validity(out, ca.validity)?;
            writeln!(out, "  证书 Certificate, SHA-256: {}", fingerprint(&record.certificate))?;
            if !record.root {
                let profiles: Vec<&str> = record.profiles.iter().map(crate::domain::ProfileName::as_str).collect();
                writeln!(out, "  可签发 May sign: {}", profiles.join(", "))?;
            }
        }
        writeln!(out)?;
        for responder in &made.responders {
            let name = responder_key_name(responder.issuer.as_str());
            let (issuer, kind, sha256) = (&responder.issuer, responder.key.kind(), responder.spki_sha256);
            writeln!(out, "OCSP 密钥 OCSP key of {issuer}: {name} ({kind}), SHA-256 {sha256}")?;
        }
        writeln!(out, "审计密钥 Audit key: SHA-256 {}", fingerprint(made.audit_key.spki_der()))?;

        for officer in &made.officers {
            let roles: Vec<&str> = officer.officer.roles.iter().map(|role| role.word()).collect();
            writeln!(
                out,
                "\n操作员 Officer: {} {} ({})",
                officer.officer.id, officer.officer.name, officer.officer.office
            )?;
            writeln!(out, "  角色 Roles: {}", roles.join(", "))?;
            write_certificate(out, &officer.made)?;
        }
        for server in &made.servers {
            writeln!(out, "\n服务器 Server: {} ({})", server.common_name, server.intent.profile)?;
            write_certificate(out, server)?;
        }

        let verb = if keep == Keep::Nothing { "将写入 Would write" } else { "已写入 Written" };
        writeln!(out, "\n{verb}:")?;
        for path in self.files() {
            writeln!(out, "  {}", path.display())?;
        }
        for ca in &made.cas {
            for name in [format!("ca/{}.cer", ca.record.id), format!("crl/{}.crl", ca.record.id)] {
                writeln!(out, "  {}", self.config.publish_dir.join(name).display())?;
            }
        }
        if keep == Keep::Everything {
            writeln!(
                out,
                "\n根密钥文件及其口令应移出本机 Take the root key file and its passphrase away from this machine."
            )?;
            writeln!(out, "\n见证人签字 Witnesses:\n\n\n______________________    ______________________")?;
        }
        Ok(())
    }
}

fn write_certificate(out: &mut String, made: &MadeCertificate) -> std::fmt::Result {
    writeln!(out, "  序列号 Serial: {} ({})", made.intent.serial, made.intent.issuer)?;
    write_validity(out, made.intent.validity)?;
    writeln!(out, "  证书 Certificate, SHA-256: {}", made.sha256)
}

fn write_validity(out: &mut String, validity: Validity) -> std::fmt::Result {
    let (from, to) = (validity.not_before.beijing_text(), validity.not_after.beijing_text());
    writeln!(out, "  有效期 Validity: {from} – {to}")
}

fn fingerprint(bytes: &[u8]) -> Sha256 {
    Sha256(openssl::sha::sha256(bytes))
}

/// A database URL without what stands between `:` and `@`.
fn without_password(url: &str) -> String {
    match (url.find("://"), url.rfind('@')) {
        (Some(scheme), Some(at)) if at > scheme => {
            let user = &url[scheme + 3..at];
            let user = user.split(':').next().unwrap_or_default();
            format!("{}://{user}{}", &url[..scheme], &url[at..])
        }
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::without_password;

    #[test]
    fn a_password_does_not_come_into_the_transcript() {
        assert_eq!(without_password("postgres://ca:secret@db/ca?x=y"), "postgres://ca@db/ca?x=y");
        assert_eq!(without_password("sqlite:var/ca.db"), "sqlite:var/ca.db");
    }
}
