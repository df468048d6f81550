//! An e-invoice as PDF, in the form that 数电票 have: set by typst from `paper/invoice.typ`, its record attached.

use serde::Serialize;

use super::record::EInvoice;
use super::xml;
use crate::i18n::Locale;
use crate::paper::qr::Modules;
use crate::paper::{PaperError, Press, Standard};

/// What the form is filled with. Both pictures of it, PDF and OFD, are drawn from these.
#[derive(Clone, Debug, Serialize)]
pub struct Form {
    /// Its title.
    pub title: String,
    /// Number.
    pub number: String,
    /// Day of issue, in words.
    pub day: String,
    /// The day alone, for the PDF's own data.
    pub printed: String,
    /// Names and values of the buyer's box, then of the seller's.
    pub buyer: Vec<(String, String)>,
    /// As the buyer's.
    pub seller: Vec<(String, String)>,
    /// Item, model, unit, count, price, net, rate, tax.
    pub lines: Vec<[String; 8]>,
    /// Sum without tax.
    pub net: String,
    /// Sum of tax.
    pub tax: String,
    /// In capitals.
    pub capitals: String,
    /// In figures.
    pub gross: String,
    /// Remarks, a line each.
    pub remarks: Vec<String>,
    /// Who drew it up.
    pub drawer: String,
    /// Whether it is a sample.
    pub sample: bool,
    /// The code with which it is checked.
    pub check: String,
    /// Where that is done.
    pub address: String,
    /// The QR code, SVG.
    pub qr: String,
    /// The record, to be attached.
    pub xml: String,
}

impl Form {
    /// Fills the form. `day`: `2026-11-30`.
    #[must_use]
    pub fn of(invoice: &EInvoice, number: &str, day: &str, check: (&str, String), sample: bool, record: &[u8]) -> Self {
        let content = &invoice.content;
        let t = |key: &str| Locale::ZhCn.t(key);
        let (title, seller) = (&content.title, &content.seller);
        let named = |name: &str, value: &str| (t(&format!("einvoice-party-{name}")), value.to_owned());
        let party = |name: &str, tax_id: &str, more: [&str; 4]| {
            let [address, phone, bank, account] = more;
            let mut rows = vec![named("name", name), named("tax-id", tax_id)];
            let pairs = [("where", format!("{address} {phone}")), ("bank", format!("{bank} {account}"))];
            rows.extend(pairs.iter().filter(|(_, v)| !v.trim().is_empty()).map(|(k, v)| named(k, v.trim())));
            rows
        };
        let split = content.split();
        let yuan = |amount: crate::payment::fen::Fen| format!("¥{amount}");
        let plain = |amount: crate::payment::fen::Fen| amount.to_string().replace(',', "");
        let rate = content.rate.to_string().replace(' ', "");
        let mut parts = day.split('-');
        let mut part = || parts.next().unwrap_or_default().to_owned();
        let (year, month, date) = (part(), part(), part());
        let (code, address) = check;
        Self {
            title: t(if invoice.red.is_some() { "einvoice-title-red" } else { "einvoice-title" }),
            number: number.to_owned(),
            day: Locale::ZhCn.t_with("einvoice-day", &[("year", &year), ("month", &month), ("day", &date)]),
            printed: day.to_owned(),
            buyer: party(&title.name, &title.tax_id, [&title.address, &title.phone, &title.bank, &title.account]),
            seller: party(
                &seller.name,
                &seller.tax_id,
                [&seller.address, &seller.phone, &seller.bank, &seller.account],
            ),
            lines: content
                .lines
                .iter()
                .map(|line| {
                    [
                        line.item.clone(),
                        String::new(),
                        line.unit.clone(),
                        line.count.to_string(),
                        line.price(),
                        plain(line.net),
                        rate.clone(),
                        plain(line.tax),
                    ]
                })
                .collect(),
            net: yuan(split.net),
            tax: yuan(split.tax),
            capitals: xml::capitals(content),
            gross: yuan(content.gross),
            remarks: vec![content.remark.clone(), Locale::ZhCn.t_with("einvoice-check-code", &[("code", &code)])],
            drawer: seller.drawer.clone(),
            sample,
            check: code.to_owned(),
            qr: Modules::of(&address).map(|code| code.svg()).unwrap_or_default(),
            address,
            xml: String::from_utf8_lossy(record).into_owned(),
        }
    }
}

/// Sets the form.
///
/// # Errors
/// [`PaperError`].
pub async fn pdf(press: &Press, form: &Form, at: ca_core::domain::Timestamp) -> Result<Vec<u8>, PaperError> {
    press.print_as("invoice", form, at, Standard::WithAttachments).await
}
