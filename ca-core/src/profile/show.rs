//! A profile in words: everything that it makes a certificate say.

use std::fmt;

use super::parse::{KEY_USAGES, PURPOSES, attribute_name};
use super::{Begins, Ends, IdentityRow, Kind, NameRow, Profile, Source, Tagging, Term, TextType};
use crate::domain::SubjectField;

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = |what: &str, says: String| writeln!(f, "{what}: {says}");
        line("模板 profile", self.name.to_string())?;
        line("种类 kind", kind(self))?;
        line("颁发者 issuers", issuers(self))?;
        if let Some(second) = &self.encryption {
            line(
                "加密证书 encryption certificate",
                format!("{second}, 密钥来自密管中心 key from the key-management centre"),
            )?;
        }
        line("有效期 validity", term(self.term))?;
        for row in &self.names {
            line(&format!("主体 subject {}", attribute_name(row.attribute)), name(row))?;
        }
        for key in &self.keys {
            let what = format!("密钥用法 key usage, {}", key.name());
            line(&what, format!("{}{}", usage(self.key_usage(*key)), critical(self.key_usage.critical)))?;
        }
        if !self.purposes.list.is_empty() {
            let words = self.purposes.list.iter().map(|oid| {
                let known = PURPOSES.iter().find(|(_, purpose)| purpose == oid);
                known.map_or_else(|| oid.to_string(), |(word, _)| (*word).to_owned())
            });
            let words = words.collect::<Vec<_>>().join(", ");
            line("扩展用途 extended key usage", format!("{words}{}", critical(self.purposes.critical)))?;
        }
        let constraints = match (self.kind.is_ca(), self.path_length) {
            (false, _) => "不是 CA no CA".to_owned(),
            (true, None) => "CA".to_owned(),
            (true, Some(below)) => format!("CA, 下级层数 CAs below {below}"),
        };
        line("基本约束 basic constraints", format!("{constraints}{}", critical(true)))?;
        for field in &self.alternative_names {
            line("别名 alternative name", format!("{}, 至少一个 at least one", word(*field)))?;
        }
        for policy in &self.policies {
            let cps = policy.cps.as_ref().map(|cps| format!(", CPS {cps}")).unwrap_or_default();
            line("策略 policy", format!("{}{cps}", policy.oid))?;
        }
        for row in &self.identities {
            line(&format!("身份扩展 identity {}", row.oid), identity(row))?;
        }
        for (there, what) in [
            (self.crl_distribution_point, "吊销列表 CRL distribution point"),
            (self.ca_issuers, "颁发者证书 issuer's certificate (AIA)"),
            (self.ocsp, "OCSP (AIA)"),
        ] {
            line(what, if there { "有 yes" } else { "无 no" }.to_owned())?;
        }
        if self.kind == Kind::Responder {
            line("OCSP no-check", "有 yes".to_owned())?;
        }
        line("另有 besides", "subjectKeyIdentifier, authorityKeyIdentifier".to_owned())
    }
}

fn kind(profile: &Profile) -> String {
    let kind = match profile.kind {
        Kind::Root => "根 root",
        Kind::Issuing => "颁发机构 issuing CA",
        Kind::Responder => "OCSP 应答者 responder",
        Kind::EndEntity if profile.person => "个人 person",
        Kind::EndEntity => "终端实体 end entity",
    };
    kind.to_owned()
}

fn issuers(profile: &Profile) -> String {
    let Some(issuers) = &profile.issuers else { return "凡列出此模板者 any that lists the profile".to_owned() };
    let names: Vec<_> = issuers.iter().map(ToString::to_string).collect();
    format!("{}, 且须自列此模板 if they list the profile too", names.join(", "))
}

fn term(term: Term) -> String {
    match term {
        Term::Seconds(seconds) => format!("至多 at most {seconds} s"),
        Term::Years { most, begins, ends, carry_days } => {
            let begins = match begins {
                Begins::DayStart => "北京时间签发日零时起 from 00:00:00 of the Beijing day of issue",
                Begins::Moment => "签发时刻起 from the second of issue",
            };
            let ends = match ends {
                Ends::SameDay => "至同日 23:59:59 to 23:59:59 of the same calendar day",
                Ends::DayBefore => "至前一日 23:59:59 to 23:59:59 of the day before it",
            };
            let carried = match carry_days {
                0 => String::new(),
                days => format!(", 续期另加旧证剩余至多 renewed early, beside at most {days} 天 days of the old one"),
            };
            format!("至多 at most {most} 年 years, {begins}, {ends}{carried}")
        }
    }
}

fn name(row: &NameRow) -> String {
    let source = match &row.source {
        Source::Literal(value) => format!("固定 always {value:?}"),
        Source::Field { field, otherwise: None } => word(*field),
        Source::Field { field, otherwise: Some(other) } => format!("{}, 或 or else {}", word(*field), word(*other)),
    };
    format!("{source}, {}{}", text_type(row.text), required(row.required))
}

fn identity(row: &IdentityRow) -> String {
    let tagging = match row.tagging {
        Tagging::Bare => String::new(),
        Tagging::Explicit(number) => format!(" [{number}] EXPLICIT"),
        Tagging::Implicit(number) => format!(" [{number}] IMPLICIT"),
    };
    let personal = if row.personal {
        ", 敏感个人信息,公开可见 sensitive personal information, for all to read"
    } else {
        ""
    };
    format!("{},{tagging} {}{}{personal}", word(row.field), text_type(row.text), required(row.required))
}

/// The word for a field in profiles and orders.
fn word(field: SubjectField) -> String {
    let word = serde_json::to_value(field).ok();
    word.as_ref().and_then(|word| word.as_str()).map_or_else(|| format!("{field:?}"), str::to_owned)
}

const fn text_type(text: TextType) -> &'static str {
    match text {
        TextType::Printable => "PrintableString",
        TextType::Utf8 => "UTF8String",
        TextType::Ia5 => "IA5String",
    }
}

const fn required(required: bool) -> &'static str {
    if required { ", 必有 required" } else { ", 可无 optional" }
}

const fn critical(critical: bool) -> &'static str {
    if critical { ", 关键 critical" } else { "" }
}

fn usage(bits: u16) -> String {
    let words = KEY_USAGES.iter().filter(|(_, bit)| bits & bit != 0).map(|(word, _)| *word);
    words.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use crate::profile::Profiles;

    #[test]
    fn everything_that_a_profile_writes_is_shown() {
        let shown: Vec<_> = Profiles::built_in().expect("sound").iter().map(ToString::to_string).collect();
        let all = shown.join("\n");
        for part in [
            "模板 profile: unit-encrypt",
            "key usage, RSA-2048: key_encipherment, data_encipherment, 关键 critical",
            "key usage, P-256: key_agreement, 关键 critical",
            "time_stamping, 关键 critical",
            "subject C: country, PrintableString, 必有 required",
            "subject O: organisation, 或 or else common_name",
            "identity 1.2.156.10260.4.1.1: resident_id, [0] EXPLICIT PrintableString, 可无 optional, 敏感个人信息",
            "CPS http://cps.example/yinxin",
            "alternative name: dns_names",
            "至多 at most 604800 s",
            "CAs below 0",
        ] {
            assert!(all.contains(part), "{part} in\n{all}");
        }
    }
}
