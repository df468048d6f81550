//! An e-invoice as OFD (GB/T 33190-2016): a ZIP of parts in XML, its record attached, sealed by the office ([`seal`]).
//!
//! Every part that can be read is digested into the description that the seal signs, so that a changed one is found out. Fonts are
//! named and not embedded: readers have the usual ones.

mod canvas;
pub mod seal;
#[cfg(test)]
pub(crate) mod verify;

use std::io::{Cursor, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ca_core::domain::Timestamp;
use sm3::{Digest as _, Sm3};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use self::canvas::{Align, BEHIND, Canvas, FORM, INK, mm};
use self::seal::{HEIGHT, Seal, SealFault, WIDTH};
use super::paper::Form;
use super::xml::Xml;
use crate::i18n::Locale;
use crate::paper::qr::Modules;

/// The name space of all parts.
const NAMESPACE: (&str, &str) = ("xmlns:ofd", "http://www.ofdspec.org/2016");
const BOX: &str = "0 0 210 140";
const SM3: &str = "1.2.156.10197.1.401";
const SM2_SM3: &str = "1.2.156.10197.1.501";
const SIGNATURE: &str = "Doc_0/Signs/Sign_0/Signature.xml";
const SEAL: &str = "Doc_0/Signs/Sign_0/Seal.esl";
const SIGNED_VALUE: &str = "Doc_0/Signs/Sign_0/SignedValue.dat";
const SIGNATURES: &str = "Doc_0/Signs/Signatures.xml";
/// Ids: the page, its font, its layer; objects follow.
const PAGE: u32 = 1;
const FONT: u32 = 2;
const LAYER: u32 = 4;

/// Why there is no OFD.
#[derive(Debug, thiserror::Error)]
pub enum OfdError {
    /// Writing in memory.
    #[error("writing an OFD: {0}")]
    Write(#[from] std::io::Error),
    /// Packing in memory.
    #[error("packing an OFD: {0}")]
    Pack(#[from] zip::result::ZipError),
    /// The seal.
    #[error(transparent)]
    Seal(#[from] SealFault),
}

/// Draws the form, attaches its record and seals both.
///
/// # Errors
/// [`OfdError`].
pub fn write(form: &Form, seal: &Seal, at: Timestamp) -> Result<Vec<u8>, OfdError> {
    let (page, last) = page(form)?;
    let mut parts: Vec<(&str, Vec<u8>)> = vec![
        ("OFD.xml", root(form)?),
        ("Doc_0/Document.xml", document(last)?),
        ("Doc_0/PublicRes.xml", resources()?),
        ("Doc_0/DocumentRes.xml", no_resources()?),
        ("Doc_0/Pages/Page_0/Content.xml", page),
        ("Doc_0/Attachs/Attachments.xml", attachments(form)?),
        ("Doc_0/Attachs/original_invoice.xml", form.xml.clone().into_bytes()),
        (SEAL, seal.der().to_vec()),
    ];
    let described = described(&parts, at)?;
    let value = seal.sign(&described, &format!("/{SIGNATURE}"), at)?;
    parts.extend([(SIGNATURES, signatures()?), (SIGNATURE, described), (SIGNED_VALUE, value)]);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    // A fixed time: the same invoice is the same file.
    let options = SimpleFileOptions::default().last_modified_time(zip::DateTime::default());
    for (name, bytes) in parts {
        zip.start_file(name, options)?;
        zip.write_all(&bytes)?;
    }
    Ok(zip.finish()?.into_inner())
}

/// A part with a root element.
fn part(
    name: &str,
    attributes: &[(&str, &str)],
    fill: impl FnOnce(&mut Xml) -> std::io::Result<()>,
) -> std::io::Result<Vec<u8>> {
    let mut xml = Xml::new()?;
    let mut all = vec![NAMESPACE];
    all.extend_from_slice(attributes);
    xml.open(name, &all)?;
    fill(&mut xml)?;
    xml.close(name)?;
    Ok(xml.end())
}

fn root(form: &Form) -> std::io::Result<Vec<u8>> {
    let id = hex::encode(&Sm3::digest(form.number.as_bytes())[..16]);
    part("ofd:OFD", &[("Version", "1.1"), ("DocType", "OFD")], |xml| {
        xml.open("ofd:DocBody", &[])?;
        xml.open("ofd:DocInfo", &[])?;
        xml.leaf("ofd:DocID", &[], &id)?;
        xml.leaf("ofd:Title", &[], &form.title)?;
        xml.leaf("ofd:CreationDate", &[], &form.printed)?;
        xml.leaf("ofd:Creator", &[], "Yinxin")?;
        xml.open("ofd:CustomDatas", &[])?;
        xml.leaf("ofd:CustomData", &[("Name", "InvoiceNumber")], &form.number)?;
        xml.leaf("ofd:CustomData", &[("Name", "IssueTime")], &form.printed)?;
        xml.leaf("ofd:CustomData", &[("Name", "CheckCode")], &form.check)?;
        xml.close("ofd:CustomDatas")?;
        xml.close("ofd:DocInfo")?;
        xml.leaf("ofd:DocRoot", &[], "Doc_0/Document.xml")?;
        xml.leaf("ofd:Signatures", &[], SIGNATURES)?;
        xml.close("ofd:DocBody")
    })
}

fn document(last: u32) -> std::io::Result<Vec<u8>> {
    part("ofd:Document", &[], |xml| {
        xml.open("ofd:CommonData", &[])?;
        xml.leaf("ofd:MaxUnitID", &[], &last.to_string())?;
        xml.open("ofd:PageArea", &[])?;
        xml.leaf("ofd:PhysicalBox", &[], BOX)?;
        xml.close("ofd:PageArea")?;
        xml.leaf("ofd:PublicRes", &[], "PublicRes.xml")?;
        xml.leaf("ofd:DocumentRes", &[], "DocumentRes.xml")?;
        xml.close("ofd:CommonData")?;
        xml.open("ofd:Pages", &[])?;
        xml.empty("ofd:Page", &[("ID", &PAGE.to_string()), ("BaseLoc", "Pages/Page_0/Content.xml")])?;
        xml.close("ofd:Pages")?;
        xml.leaf("ofd:Attachments", &[], "Attachs/Attachments.xml")
    })
}

fn resources() -> std::io::Result<Vec<u8>> {
    let font = Locale::ZhCn.t("einvoice-font");
    part("ofd:Res", &[("BaseLoc", "Res")], |xml| {
        xml.open("ofd:ColorSpaces", &[])?;
        xml.empty("ofd:ColorSpace", &[("ID", "3"), ("Type", "RGB"), ("BitsPerComponent", "8")])?;
        xml.close("ofd:ColorSpaces")?;
        xml.open("ofd:Fonts", &[])?;
        xml.empty("ofd:Font", &[("ID", &FONT.to_string()), ("FontName", &font), ("FamilyName", &font)])?;
        xml.close("ofd:Fonts")
    })
}

fn no_resources() -> std::io::Result<Vec<u8>> {
    part("ofd:Res", &[("BaseLoc", "Res")], |_| Ok(()))
}

fn attachments(form: &Form) -> std::io::Result<Vec<u8>> {
    let size = (form.xml.len() / 1024 + 1).to_string();
    part("ofd:Attachments", &[], |xml| {
        let attributes = [
            ("ID", "1"),
            ("Name", "original_invoice"),
            ("Format", "xml"),
            ("CreationDate", form.printed.as_str()),
            ("Size", size.as_str()),
            ("Visible", "false"),
        ];
        xml.open("ofd:Attachment", &attributes)?;
        xml.leaf("ofd:FileLoc", &[], "original_invoice.xml")?;
        xml.close("ofd:Attachment")
    })
}

fn signatures() -> std::io::Result<Vec<u8>> {
    part("ofd:Signatures", &[], |xml| {
        xml.leaf("ofd:MaxSignId", &[], "1")?;
        xml.empty("ofd:Signature", &[("ID", "1"), ("Type", "Seal"), ("BaseLoc", "Sign_0/Signature.xml")])
    })
}

/// What is signed: every part by its digest, and where the seal stands.
fn described(parts: &[(&str, Vec<u8>)], at: Timestamp) -> std::io::Result<Vec<u8>> {
    let moment = at.beijing_text();
    let bounds = [mm(90.0), mm(6.0), WIDTH.to_string(), HEIGHT.to_string()].join(" ");
    part("ofd:Signature", &[], |xml| {
        xml.open("ofd:SignedInfo", &[])?;
        xml.empty("ofd:Provider", &[("ProviderName", "Yinxin"), ("Company", "Yinxin"), ("Version", "1.0")])?;
        xml.leaf("ofd:SignatureMethod", &[], SM2_SM3)?;
        xml.leaf("ofd:SignatureDateTime", &[], &moment)?;
        xml.open("ofd:References", &[("CheckMethod", SM3)])?;
        for (name, bytes) in parts {
            let place = format!("/{name}");
            xml.open("ofd:Reference", &[("FileRef", &place)])?;
            xml.leaf("ofd:CheckValue", &[], &STANDARD.encode(Sm3::digest(bytes)))?;
            xml.close("ofd:Reference")?;
        }
        xml.close("ofd:References")?;
        xml.empty("ofd:StampAnnot", &[("ID", "1"), ("PageRef", &PAGE.to_string()), ("Boundary", &bounds)])?;
        xml.open("ofd:Seal", &[])?;
        xml.leaf("ofd:BaseLoc", &[], &format!("/{SEAL}"))?;
        xml.close("ofd:Seal")?;
        xml.close("ofd:SignedInfo")?;
        xml.leaf("ofd:SignedValue", &[], &format!("/{SIGNED_VALUE}"))
    })
}

/// The picture of the form, and the last id in it.
fn page(form: &Form) -> std::io::Result<(Vec<u8>, u32)> {
    let mut last = LAYER;
    let bytes = part("ofd:Page", &[], |xml| {
        xml.open("ofd:Area", &[])?;
        xml.leaf("ofd:PhysicalBox", &[], BOX)?;
        xml.close("ofd:Area")?;
        xml.open("ofd:Content", &[])?;
        xml.open("ofd:Layer", &[("ID", &LAYER.to_string()), ("Type", "Body")])?;
        let mut canvas = Canvas::new(xml, FONT, last);
        draw(&mut canvas, form)?;
        last = canvas.last();
        xml.close("ofd:Layer")?;
        xml.close("ofd:Content")
    })?;
    Ok((bytes, last))
}

/// Where the columns of the table of items begin, and its right end.
const COLUMNS: [f64; 9] = [5.0, 55.0, 73.0, 84.0, 98.0, 124.0, 152.0, 174.0, 205.0];
const LEFT: f64 = 5.0;
const RIGHT: f64 = 205.0;
const MIDDLE: f64 = 105.0;
/// The lines across: above the parties, the items, the sums, the amount in words, the remarks, and the end.
const ROWS: [f64; 6] = [32.0, 52.0, 90.0, 98.0, 106.0, 126.0];

fn draw(canvas: &mut Canvas<'_>, form: &Form) -> std::io::Result<()> {
    let t = |key: &str| Locale::ZhCn.t(key);
    if form.sample {
        canvas.text((30.0, 62.0, 150.0), 22.0, Align::Centre, BEHIND, &t("einvoice-sample-mark"))?;
    }
    canvas.text((LEFT, 12.0, 200.0), 6.5, Align::Centre, FORM, &form.title)?;
    if let Some(code) = Modules::of(&form.address) {
        quick_response(canvas, &code, (8.0, 5.0, 22.0))?;
    }
    for (y, name, value) in [(12.0, "einvoice-number", &form.number), (18.0, "einvoice-issued", &form.day)] {
        canvas.text((143.0, y, 22.0), 3.2, Align::Left, FORM, &t(name))?;
        canvas.text((162.0, y, 44.0), 3.2, Align::Left, INK, value)?;
    }
    frame(canvas)?;
    for (left, name, rows) in [(LEFT, "einvoice-buyer", &form.buyer), (MIDDLE, "einvoice-seller", &form.seller)] {
        for (n, letter) in t(name).chars().enumerate() {
            let y = 33.0 + f64::from(u32::try_from(n).unwrap_or(0)) * 3.5;
            canvas.text((left + 1.0, y, 5.0), 3.2, Align::Left, FORM, &letter.to_string())?;
        }
        let mut y = 34.0;
        for (name, value) in rows {
            let text = format!("{name}{value}");
            let lines = canvas.text((left + 7.5, y, 91.0), 3.0, Align::Left, INK, &text)?;
            y += 4.4 + f64::from(u32::try_from(lines - 1).unwrap_or(0)) * 3.75;
        }
    }
    items(canvas, form)?;
    canvas.text((LEFT, 92.0, 50.0), 3.2, Align::Centre, FORM, &t("einvoice-sum"))?;
    canvas.text((COLUMNS[5], 92.0, 27.0), 3.2, Align::Right, INK, &form.net)?;
    canvas.text((COLUMNS[7], 92.0, 30.0), 3.2, Align::Right, INK, &form.tax)?;
    canvas.text((LEFT, 100.0, 50.0), 3.2, Align::Centre, FORM, &t("einvoice-gross-capitals"))?;
    canvas.text((58.0, 100.0, 90.0), 3.4, Align::Left, INK, &form.capitals)?;
    canvas.text((148.0, 100.0, 20.0), 3.2, Align::Left, FORM, &t("einvoice-gross-figures"))?;
    canvas.text((164.0, 100.0, 40.0), 3.4, Align::Left, INK, &form.gross)?;
    for (n, letter) in t("einvoice-remarks").chars().enumerate() {
        let y = 109.0 + f64::from(u32::try_from(n).unwrap_or(0)) * 6.0;
        canvas.text((LEFT + 1.0, y, 5.0), 3.2, Align::Left, FORM, &letter.to_string())?;
    }
    let mut y = 108.0;
    for remark in &form.remarks {
        let lines = canvas.text((LEFT + 8.0, y, 188.0), 3.0, Align::Left, INK, remark)?;
        y += f64::from(u32::try_from(lines).unwrap_or(0)) * 3.75 + 0.6;
    }
    if form.sample {
        canvas.text((LEFT + 8.0, 121.0, 188.0), 3.0, Align::Left, FORM, &t("einvoice-sample-note"))?;
    }
    canvas.text((20.0, 129.0, 20.0), 3.2, Align::Left, FORM, &t("einvoice-drawer"))?;
    canvas.text((36.0, 129.0, 60.0), 3.2, Align::Left, INK, &form.drawer)?;
    Ok(())
}

fn frame(canvas: &mut Canvas<'_>) -> std::io::Result<()> {
    for y in ROWS {
        canvas.line((LEFT, y), (RIGHT, y))?;
    }
    for x in [LEFT, RIGHT] {
        canvas.line((x, ROWS[0]), (x, ROWS[5]))?;
    }
    for x in [LEFT + 6.0, MIDDLE, MIDDLE + 6.0] {
        canvas.line((x, ROWS[0]), (x, ROWS[1]))?;
    }
    canvas.line((55.0, ROWS[3]), (55.0, ROWS[4]))?;
    canvas.line((LEFT + 6.0, ROWS[4]), (LEFT + 6.0, ROWS[5]))
}

fn items(canvas: &mut Canvas<'_>, form: &Form) -> std::io::Result<()> {
    let names = ["item", "model", "unit", "count", "price", "net", "rate", "tax"];
    let aligns = [
        Align::Left,
        Align::Left,
        Align::Centre,
        Align::Right,
        Align::Right,
        Align::Right,
        Align::Centre,
        Align::Right,
    ];
    let column = |n: usize| (COLUMNS[n] + 0.5, COLUMNS[n + 1] - COLUMNS[n] - 1.0);
    for (n, name) in names.iter().enumerate() {
        let (x, wide) = column(n);
        canvas.text((x, 53.5, wide), 3.2, Align::Centre, FORM, &Locale::ZhCn.t(&format!("einvoice-column-{name}")))?;
    }
    let mut y = 58.5;
    for line in &form.lines {
        let mut most = 1;
        for (n, (text, align)) in line.iter().zip(aligns).enumerate() {
            let (x, wide) = column(n);
            most = canvas.text((x, y, wide), 3.0, align, INK, text)?.max(most);
        }
        y += f64::from(u32::try_from(most).unwrap_or(1)) * 3.75 + 0.6;
    }
    Ok(())
}

/// The code in a square with this left, top and side.
fn quick_response(canvas: &mut Canvas<'_>, code: &Modules, (x, y, side): (f64, f64, f64)) -> std::io::Result<()> {
    let of = |n: usize| f64::from(u32::try_from(n).unwrap_or(0));
    let module = side / of(code.side());
    let path: Vec<String> = code
        .runs()
        .map(|(row, column, length)| {
            let (left, top) = (of(column) * module, of(row) * module);
            let (right, bottom) = (left + of(length) * module, top + module);
            let (left, top, right, bottom) = (mm(left), mm(top), mm(right), mm(bottom));
            format!("M {left} {top} L {right} {top} L {right} {bottom} L {left} {bottom} C")
        })
        .collect();
    canvas.fill((x, y, side, side), INK, &path.join(" "))
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;
    use crate::invoice::tests::{asked, seal};
    use crate::payment::bill::tests::NOW;

    const NUMBER: &str = "99202609211000000001";

    fn form() -> Form {
        let record = super::super::xml::write(&asked(), NUMBER, "2026-09-21 20:13:20").expect("written");
        let address = format!("http://127.0.0.1:8080/invoice/verify?number={NUMBER}&check=0123456789");
        Form::of(&asked(), NUMBER, "2026-09-21", ("0123456789", address), true, &record)
    }

    /// The package again, with one part changed.
    fn changed(ofd: &[u8], part: &str) -> Vec<u8> {
        let mut zip = zip::ZipArchive::new(Cursor::new(ofd)).expect("a package");
        let mut out = ZipWriter::new(Cursor::new(Vec::new()));
        for at in 0..zip.len() {
            let mut file = zip.by_index(at).expect("a part");
            let name = file.name().expect("a name").into_owned();
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).expect("read");
            if name == part {
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
            }
            out.start_file(name, SimpleFileOptions::default()).expect("begun");
            out.write_all(&bytes).expect("written");
        }
        out.finish().expect("packed").into_inner()
    }

    #[test]
    fn the_seal_holds_every_part_and_a_changed_one_is_found_out() {
        let ofd = write(&form(), &seal(), NOW).expect("written");
        assert_eq!(ofd, write(&form(), &seal(), NOW).expect("written"), "the same each time");
        let seen = verify::verify(&ofd).expect("a good seal");
        assert_eq!((seen.parts.len(), seen.signed.len()), (11, 8));
        for part in seen.signed.iter().map(|name| name.trim_start_matches('/')).chain([SIGNATURE, SIGNED_VALUE]) {
            assert!(verify::verify(&changed(&ofd, part)).is_err(), "{part}");
        }
    }

    /// OpenSSL, which no one here wrote, says whether the key in the certificate signed what is said to be signed.
    #[test]
    fn openssl_verifies_the_seal_under_the_standard_id() {
        let seen = verify::verify(&write(&form(), &seal(), NOW).expect("written")).expect("a good seal");
        let folder = tempfile::tempdir().expect("a folder");
        let certificate = openssl::x509::X509::from_der(&seen.certificate).expect("a certificate");
        let key = certificate.public_key().and_then(|key| key.public_key_to_pem()).expect("a key");
        let file = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).expect("written");
            path
        };
        let (key, signed) = (file("key.pem", &key), file("signed", &seen.to_sign));
        let value = file("value", &seen.signature);
        let verdict = |id: &str| {
            let done = std::process::Command::new("openssl")
                .args(["pkeyutl", "-verify", "-pubin", "-rawin", "-digest", "sm3", "-pkeyopt", id, "-inkey"])
                .args([key.as_os_str(), "-in".as_ref(), signed.as_os_str(), "-sigfile".as_ref(), value.as_os_str()])
                .output()
                .expect("openssl runs");
            done.status.success()
        };
        assert!(verdict("distid:1234567812345678") && !verdict("distid:another"));
    }
}
