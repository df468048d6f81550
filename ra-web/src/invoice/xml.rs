//! The record of an e-invoice as XML, with the names of 数电票 (`domain.md` §5). What it says is what was frozen; the tax platform's
//! signature is not in it, for it is the platform's alone.

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

use super::content::Content;
use super::record::EInvoice;
use crate::i18n::Locale;

/// The tag and version that the platform's own files carry.
const TAG: &str = "SWEI3200";
const VERSION: &str = "0.37";

/// A writer of elements.
pub(super) struct Xml(Writer<Vec<u8>>);

impl Xml {
    /// Begins a document.
    pub(super) fn new() -> std::io::Result<Self> {
        let mut writer = Writer::new(Vec::new());
        writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
        Ok(Self(writer))
    }

    /// Opens an element.
    pub(super) fn open(&mut self, name: &str, attributes: &[(&str, &str)]) -> std::io::Result<()> {
        let mut start = BytesStart::new(name);
        start.extend_attributes(attributes.iter().copied());
        self.0.write_event(Event::Start(start))
    }

    /// Closes an element.
    pub(super) fn close(&mut self, name: &str) -> std::io::Result<()> {
        self.0.write_event(Event::End(BytesEnd::new(name)))
    }

    /// An element without content.
    pub(super) fn empty(&mut self, name: &str, attributes: &[(&str, &str)]) -> std::io::Result<()> {
        let mut start = BytesStart::new(name);
        start.extend_attributes(attributes.iter().copied());
        self.0.write_event(Event::Empty(start))
    }

    /// An element with a text.
    pub(super) fn leaf(&mut self, name: &str, attributes: &[(&str, &str)], text: &str) -> std::io::Result<()> {
        self.open(name, attributes)?;
        self.0.write_event(Event::Text(BytesText::new(text)))?;
        self.close(name)
    }

    /// The bytes.
    pub(super) fn end(self) -> Vec<u8> {
        self.0.into_inner()
    }
}

/// The record of an invoice with this number, issued at this Beijing time (`2026-11-30 10:00:00`).
///
/// # Errors
/// Never in memory; the writer's type says it could.
pub fn write(invoice: &EInvoice, number: &str, issued: &str) -> std::io::Result<Vec<u8>> {
    let content = &invoice.content;
    let t = |key: &str| Locale::ZhCn.t(key);
    let mut xml = Xml::new()?;
    xml.open("EInvoice", &[])?;
    xml.open("Header", &[])?;
    xml.leaf("EIid", &[], number)?;
    xml.leaf("EInvoiceTag", &[], TAG)?;
    xml.leaf("Version", &[], VERSION)?;
    xml.open("InherentLabel", &[])?;
    label(&mut xml, "InIssuType", if invoice.red.is_some() { "1" } else { "0" }, &t(kind_key(invoice)))?;
    label(&mut xml, "EInvoiceType", "01", &t("einvoice-type"))?;
    label(&mut xml, "GeneralOrSpecialVAT", "02", &t("einvoice-ordinary"))?;
    xml.close("InherentLabel")?;
    xml.close("Header")?;
    xml.open("EInvoiceData", &[])?;
    parties(&mut xml, content)?;
    basics(&mut xml, content, issued)?;
    for line in &content.lines {
        xml.open("IssuItemInformation", &[])?;
        let rate = rate(content);
        for (name, text) in [
            ("ItemName", line.item.as_str()),
            ("SpecMod", ""),
            ("MeaUnits", line.unit.as_str()),
            ("Quantity", &line.count.to_string()),
            ("UnPrice", &line.price()),
            ("Amount", &plain(line.net)),
            ("TaxRate", &rate),
            ("ComTaxAm", &plain(line.tax)),
        ] {
            xml.leaf(name, &[], text)?;
        }
        xml.close("IssuItemInformation")?;
    }
    if let Some((blue, reason)) = &invoice.red {
        xml.open("RedInformation", &[])?;
        xml.leaf("BlueInvoiceNumber", &[], blue)?;
        xml.leaf("RedReason", &[], &reason.number().to_string())?;
        xml.close("RedInformation")?;
    }
    xml.leaf("Remark", &[], &content.remark)?;
    xml.close("EInvoiceData")?;
    xml.open("TaxSupervisionInfo", &[])?;
    xml.leaf("InvoiceNumber", &[], number)?;
    xml.leaf("IssueTime", &[], issued)?;
    xml.leaf("TaxBureauName", &[], &content.seller.bureau)?;
    xml.close("TaxSupervisionInfo")?;
    xml.close("EInvoice")?;
    Ok(xml.end())
}

const fn kind_key(invoice: &EInvoice) -> &'static str {
    if invoice.red.is_some() { "einvoice-red" } else { "einvoice-blue" }
}

fn label(xml: &mut Xml, name: &str, code: &str, says: &str) -> std::io::Result<()> {
    xml.open(name, &[])?;
    xml.leaf("LabelCode", &[], code)?;
    xml.leaf("LabelName", &[], says)?;
    xml.close(name)
}

fn parties(xml: &mut Xml, content: &Content) -> std::io::Result<()> {
    let (seller, buyer) = (&content.seller, &content.title);
    xml.open("SellerInformation", &[])?;
    for (name, text) in [
        ("SellerIdNum", &seller.tax_id),
        ("SellerName", &seller.name),
        ("SellerAddr", &seller.address),
        ("SellerTelNum", &seller.phone),
        ("SellerBankName", &seller.bank),
        ("SellerBankAccNum", &seller.account),
    ] {
        xml.leaf(name, &[], text)?;
    }
    xml.close("SellerInformation")?;
    xml.open("BuyerInformation", &[])?;
    for (name, text) in [
        ("BuyerIdNum", &buyer.tax_id),
        ("BuyerName", &buyer.name),
        ("BuyerAddr", &buyer.address),
        ("BuyerTelNum", &buyer.phone),
        ("BuyerBankName", &buyer.bank),
        ("BuyerBankAccNum", &buyer.account),
    ] {
        xml.leaf(name, &[], text)?;
    }
    xml.close("BuyerInformation")
}

fn basics(xml: &mut Xml, content: &Content, issued: &str) -> std::io::Result<()> {
    let split = content.split();
    xml.open("BasicInformation", &[])?;
    for (name, text) in [
        ("TotalAmWithoutTax", plain(split.net)),
        ("TotalTaxAm", plain(split.tax)),
        ("TotalTax-includedAmount", plain(content.gross)),
        ("TotalTax-includedAmountInChinese", capitals(content)),
        ("Drawer", content.seller.drawer.clone()),
        ("RequestTime", issued.to_owned()),
    ] {
        xml.leaf(name, &[], &text)?;
    }
    xml.close("BasicInformation")
}

/// Without marks between thousands.
fn plain(amount: crate::payment::fen::Fen) -> String {
    amount.to_string().replace(',', "")
}

/// `0.06`.
fn rate(content: &Content) -> String {
    let points = content.rate.0;
    let text = format!("0.{points:04}");
    let kept = text.trim_end_matches('0');
    if kept == "0." { "0".into() } else { kept.to_owned() }
}

/// In capitals, as 数电票 write them: with 圆.
pub(super) fn capitals(content: &Content) -> String {
    content.gross.capitals().replace('元', "圆")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invoice::tests::asked;

    #[test]
    fn the_record_has_the_names_of_the_form_and_what_was_frozen() {
        let mut invoice = asked();
        invoice.content.title.name = "东湖<建筑>&\"工程\"".into();
        let xml = String::from_utf8(write(&invoice, "99202609210000000001", "2026-09-21 20:13:20").expect("written"))
            .expect("UTF-8");
        for part in [
            "<EIid>99202609210000000001</EIid>",
            "<BuyerName>东湖&lt;建筑&gt;&amp;",
            "<BuyerIdNum>91350100M000100Y43</BuyerIdNum>",
            "<TotalAmWithoutTax>433.96</TotalAmWithoutTax><TotalTaxAm>26.04</TotalTaxAm>",
            "<TotalTax-includedAmount>460.00</TotalTax-includedAmount>",
            "<TotalTax-includedAmountInChinese>肆佰陆拾圆整</TotalTax-includedAmountInChinese>",
            "<Quantity>2</Quantity><UnPrice>188.68</UnPrice><Amount>377.36</Amount><TaxRate>0.06</TaxRate><ComTaxAm>22.64",
            "<InvoiceNumber>99202609210000000001</InvoiceNumber><IssueTime>2026-09-21 20:13:20</IssueTime>",
        ] {
            assert!(xml.contains(part), "{part}\n{xml}");
        }
        assert!(!xml.contains("RedInformation"));
    }
}
