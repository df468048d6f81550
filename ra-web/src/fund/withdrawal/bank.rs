//! The way to the bank: a folder into which payment orders are laid, and the bank's answers (pain.002) that are read.
//!
//! Whoever writes into the folder is not believed: it only goes out. A file has the serial number for its name, so that it is
//! laid there once however often that is tried.

use std::path::PathBuf;

use ca_core::durable;
use quick_xml::Reader;
use quick_xml::events::Event;

use super::pain::Party;

/// A file of answers is no longer.
pub const MAX_ANSWERS: usize = 4 * 1024 * 1024;

/// Where payment orders go, and from which account they are paid.
#[derive(Clone, Debug)]
pub struct Bank {
    /// The folder.
    pub folder: PathBuf,
    /// Whose account.
    pub name: String,
    /// The account.
    pub account: String,
    /// Its bank's number in the payment system.
    pub bank_code: String,
}

impl Bank {
    /// The payer.
    #[must_use]
    pub fn payer(&self) -> Party<'_> {
        Party { name: &self.name, account: &self.account, bank_code: &self.bank_code }
    }

    /// Lays a message into the folder; one that lies there stays.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn put(&self, serial: &str, message: &[u8]) -> std::io::Result<()> {
        std::fs::create_dir_all(&self.folder)?;
        match durable::create(&self.folder.join(format!("{serial}.xml")), message, durable::PRIVATE) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
            done => done,
        }
    }
}

/// What the bank says of a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BankAnswer {
    /// The order's serial number.
    pub serial: String,
    /// `ACSC`, `ACCC`: it is paid. `RJCT`: it is not.
    pub status: String,
}

impl BankAnswer {
    /// Whether it is paid.
    #[must_use]
    pub fn is_paid(&self) -> bool {
        matches!(self.status.as_str(), "ACSC" | "ACCC")
    }

    /// Whether it will not be paid.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.status == "RJCT"
    }
}

/// The answers in a pain.002 message of any version.
///
/// # Errors
/// When it is no XML, or too long.
pub fn answers(xml: &[u8]) -> Result<Vec<BankAnswer>, String> {
    if xml.len() > MAX_ANSWERS {
        return Err(format!("over {MAX_ANSWERS} bytes"));
    }
    let text = std::str::from_utf8(xml).map_err(|_| "not UTF-8".to_owned())?;
    let mut reader = Reader::from_str(text);
    let (mut found, mut within, mut serial, mut status) = (Vec::new(), Vec::new(), String::new(), String::new());
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(start) => within.push(start.local_name().as_ref().to_owned()),
            Event::Text(words) => {
                let words = words.trim().to_owned();
                match within.last().map(String::as_str) {
                    Some("OrgnlEndToEndId") => serial = words,
                    Some("TxSts") => status = words,
                    _ => {}
                }
            }
            Event::End(_) => {
                let ended = within.pop();
                if ended.as_deref() == Some("TxInfAndSts") && !serial.is_empty() {
                    found.push(BankAnswer { serial: std::mem::take(&mut serial), status: std::mem::take(&mut status) });
                }
            }
            Event::Eof => return Ok(found),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_payment_by_payment() {
        let xml = "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.002.001.10\"><CstmrPmtStsRpt>\
            <OrgnlPmtInfAndSts><OrgnlPmtInfId>A</OrgnlPmtInfId>\
            <TxInfAndSts><OrgnlEndToEndId>A</OrgnlEndToEndId><TxSts>ACSC</TxSts></TxInfAndSts>\
            <TxInfAndSts><OrgnlEndToEndId>B</OrgnlEndToEndId><TxSts>RJCT</TxSts></TxInfAndSts>\
            </OrgnlPmtInfAndSts></CstmrPmtStsRpt></Document>";
        let found = answers(xml.as_bytes()).expect("read");
        let said: Vec<_> = found.iter().map(|one| (one.serial.as_str(), one.is_paid())).collect();
        assert_eq!(said, [("A", true), ("B", false)]);
        assert!(!found[0].is_refused() && found[1].is_refused());
        assert!(answers(b"<Document><a></Document>").is_err());
        assert_eq!(answers(b"<Document></Document>"), Ok(Vec::new()));
    }

    #[test]
    fn an_order_lies_in_the_folder_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let bank = Bank {
            folder: folder.path().join("out"),
            name: "示范市住房公积金管理中心".into(),
            account: "1305".into(),
            bank_code: "105121000017".into(),
        };
        bank.put("A", b"one").expect("written");
        bank.put("A", b"two").expect("there already");
        assert_eq!(std::fs::read(folder.path().join("out/A.xml")).expect("read"), b"one");
    }
}
