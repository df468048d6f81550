//! What mails say: each in both languages, Chinese first, as text and as HTML that says the same.

use askama::Template;
use ca_core::domain::Timestamp;
use serde::{Deserialize, Serialize};

use crate::i18n::{Arg, Locale};
use crate::payment::fen::Fen;

/// What a unit is told. Stored as JSON beside the address; words that depend on the language are kept as words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Letter {
    /// Money came.
    Paid {
        /// The bill.
        bill: String,
        /// How much.
        amount: Fen,
        /// The receipt.
        receipt: String,
    },
    /// The certificate is on its token.
    Installed {
        /// Serial number.
        serial: String,
        /// Its last day.
        until: String,
    },
    /// The invoice, in the files that go with it.
    Invoice {
        /// The bill.
        bill: String,
        /// The invoice's number.
        number: String,
        /// With tax.
        amount: Fen,
        /// Whether it is a sample that cannot be booked.
        sample: bool,
    },
    /// Quota invoices are on their way, or were handed over.
    Quota {
        /// The bill.
        bill: String,
        /// Codes and numbers.
        papers: String,
        /// What they are worth together.
        amount: Fen,
        /// The parcel's number; empty when they were handed over at the counter.
        waybill: String,
    },
    /// The invoice was reversed by a red one.
    Reversed {
        /// The bill.
        bill: String,
        /// The blue invoice's number.
        number: String,
        /// The red one's.
        red: String,
    },
    /// Held: it cannot be used until it is released.
    Held {
        /// Serial number.
        serial: String,
        /// When.
        at: Timestamp,
    },
    /// Released: it can be used again.
    Released {
        /// Serial number.
        serial: String,
        /// When.
        at: Timestamp,
    },
    /// Revoked for good.
    Revoked {
        /// Serial number.
        serial: String,
        /// Word of the reason.
        reason: String,
        /// When.
        at: Timestamp,
    },
    /// It ends soon.
    Expiring {
        /// Who issued it.
        issuer: String,
        /// Serial number.
        serial: String,
        /// Its last day.
        until: String,
        /// Days left.
        days: i64,
    },
    /// Money went back.
    Refunded {
        /// The bill.
        bill: String,
        /// How much.
        amount: Fen,
        /// The refund.
        refund: String,
    },
}

impl Letter {
    /// The word in stores and message keys.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Paid { .. } => "paid",
            Self::Installed { .. } => "installed",
            Self::Invoice { .. } => "invoice",
            Self::Quota { .. } => "quota",
            Self::Reversed { .. } => "reversed",
            Self::Held { .. } => "held",
            Self::Released { .. } => "released",
            Self::Revoked { .. } => "revoked",
            Self::Expiring { .. } => "expiring",
            Self::Refunded { .. } => "refunded",
        }
    }

    /// Where on the units' own site it goes on.
    const fn leads(&self) -> &'static str {
        match self {
            Self::Expiring { .. } => "/renew",
            _ => "/unit",
        }
    }

    /// What it tells, name by name: the end of the key `mail-row-…`, and the value.
    fn rows(&self, locale: Locale) -> Vec<(&'static str, String)> {
        let yuan = |amount: &Fen| locale.t_with("mail-yuan", &[("amount", &amount.to_string())]);
        match self {
            Self::Paid { bill, amount, receipt } => {
                vec![("bill", bill.clone()), ("amount", yuan(amount)), ("receipt", receipt.clone())]
            }
            Self::Installed { serial, until } => vec![("serial", serial.clone()), ("until", until.clone())],
            Self::Invoice { bill, number, amount, .. } => {
                vec![("invoice", number.clone()), ("bill", bill.clone()), ("gross", yuan(amount))]
            }
            Self::Quota { bill, papers, amount, waybill } => {
                let parcel = if waybill.is_empty() { locale.t("mail-quota-counter") } else { waybill.clone() };
                vec![("papers", papers.clone()), ("bill", bill.clone()), ("amount", yuan(amount)), ("waybill", parcel)]
            }
            Self::Reversed { bill, number, red } => {
                vec![("invoice", number.clone()), ("red", red.clone()), ("bill", bill.clone())]
            }
            Self::Held { serial, at } | Self::Released { serial, at } => {
                vec![("serial", serial.clone()), ("at", at.beijing_text())]
            }
            Self::Revoked { serial, reason, at } => vec![
                ("serial", serial.clone()),
                ("reason", locale.t(&format!("login-reason-{}", reason.replace('_', "-")))),
                ("at", at.beijing_text()),
            ],
            Self::Expiring { serial, until, .. } => vec![("serial", serial.clone()), ("until", until.clone())],
            Self::Refunded { bill, amount, refund } => {
                vec![("refund", refund.clone()), ("bill", bill.clone()), ("amount", yuan(amount))]
            }
        }
    }

    /// Days, for the sentences that say them.
    const fn days(&self) -> i64 {
        match self {
            Self::Expiring { days, .. } => *days,
            _ => 0,
        }
    }

    const fn is_sample(&self) -> bool {
        matches!(self, Self::Invoice { sample: true, .. })
    }
}

/// What stands on every mail; from the configuration.
#[derive(Clone, Debug)]
pub struct Sender {
    /// The authority's name.
    pub authority: String,
    /// Whom to call.
    pub contact: String,
    /// The units' own site, without a slash at the end.
    pub site: String,
}

/// One language of a mail.
struct Half {
    tag: &'static str,
    greeting: String,
    lead: String,
    sample: Option<String>,
    rows: Vec<(String, String)>,
    next: String,
    link_says: String,
    link: String,
    ask: String,
    never: String,
    automatic: String,
}

#[derive(Template)]
#[template(path = "mail/letter.html")]
struct Html<'a> {
    title: &'a str,
    authority: &'a str,
    halves: &'a [Half],
}

#[derive(Template)]
#[template(path = "mail/letter.txt", escape = "none")]
struct Text<'a> {
    authority: &'a str,
    halves: &'a [Half],
}

/// Subject, text and HTML of a mail to a unit.
///
/// # Errors
/// When a template fails.
pub fn compose(letter: &Letter, unit: &str, sender: &Sender) -> Result<(String, String, String), askama::Error> {
    let halves: Vec<Half> = Locale::ALL.map(|locale| half(letter, unit, sender, locale)).into();
    let subject = Locale::ALL.map(|locale| {
        let days = letter.days();
        locale.t_with(&format!("mail-{}-subject", letter.word()), &[("n", &days)])
    });
    let subject = subject.join(" / ");
    let html = Html { title: &subject, authority: &sender.authority, halves: &halves }.render()?;
    let text = Text { authority: &sender.authority, halves: &halves }.render()?;
    Ok((subject, text, html))
}

fn half(letter: &Letter, unit: &str, sender: &Sender, locale: Locale) -> Half {
    let word = letter.word();
    let days = letter.days();
    let say = |part: &str| locale.t_with(&format!("mail-{word}-{part}"), &[("n", &days)]);
    let with = |key: &str, name: &str, value: &dyn Arg| locale.t_with(key, &[(name, value)]);
    Half {
        tag: locale.tag(),
        greeting: with("mail-greeting", "unit", &unit),
        lead: say("lead"),
        sample: letter.is_sample().then(|| locale.t("mail-invoice-sample")),
        rows: letter
            .rows(locale)
            .into_iter()
            .map(|(name, value)| (locale.t(&format!("mail-row-{name}")), value))
            .collect(),
        next: say("next"),
        link_says: locale.t("mail-site"),
        link: format!("{}{}", sender.site, letter.leads()),
        ask: with("mail-ask", "contact", &sender.contact),
        never: locale.t("mail-never"),
        automatic: locale.t("mail-automatic"),
    }
}
