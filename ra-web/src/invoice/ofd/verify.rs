//! Looks at an OFD as a reader does: every listed part by its digest, the seal, and the signature. For tests.

use std::io::{Cursor, Read as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ca_core::keys::{PublicKey, SignatureAlgorithm};
use ca_core::tlv::{Reader, single, tag};
use quick_xml::events::Event;
use sm3::{Digest as _, Sm3};
use zip::ZipArchive;

/// What an OFD says of itself.
#[derive(Debug)]
pub(crate) struct Seen {
    /// Names of all parts.
    pub(crate) parts: Vec<String>,
    /// Those that the seal signs.
    pub(crate) signed: Vec<String>,
    /// The texts of its page.
    pub(crate) texts: Vec<String>,
    /// Its attached record.
    pub(crate) record: String,
    /// DER of the certificate whose key signed.
    pub(crate) certificate: Vec<u8>,
    /// What it signed.
    pub(crate) to_sign: Vec<u8>,
    /// The signature.
    pub(crate) signature: Vec<u8>,
}

/// What is wrong, in words.
pub(crate) fn verify(ofd: &[u8]) -> Result<Seen, String> {
    let mut zip = ZipArchive::new(Cursor::new(ofd)).map_err(|error| error.to_string())?;
    let parts: Vec<String> = zip.file_names().flatten().map(|name| name.into_owned()).collect();
    let mut part = |name: &str| {
        let mut bytes = Vec::new();
        let mut file = zip.by_name(name.trim_start_matches('/')).map_err(|_| format!("{name} is missing"))?;
        file.read_to_end(&mut bytes).map_err(|error| error.to_string())?;
        Ok::<_, String>(bytes)
    };
    let description = part("Doc_0/Signs/Sign_0/Signature.xml")?;
    let signed = references(&description)?;
    for (name, digest) in &signed {
        if STANDARD.encode(Sm3::digest(part(name)?)) != *digest {
            return Err(format!("{name} is not what was sealed"));
        }
    }
    let [certificate, to_sign, signature] =
        seal(&part("Doc_0/Signs/Sign_0/SignedValue.dat")?, &part("Doc_0/Signs/Sign_0/Seal.esl")?, &description)?;
    let page = part("Doc_0/Pages/Page_0/Content.xml")?;
    let record = String::from_utf8_lossy(&part("Doc_0/Attachs/original_invoice.xml")?).into_owned();
    Ok(Seen {
        parts,
        signed: signed.into_iter().map(|(name, _)| name).collect(),
        texts: texts(&page)?,
        record,
        certificate,
        to_sign,
        signature,
    })
}

/// The signature's value against the description and the seal; answers the certificate, what it signed, and the signature.
fn seal(value: &[u8], seal: &[u8], description: &[u8]) -> Result<[Vec<u8>; 3], String> {
    let wrong = |what: &str| what.to_owned();
    let outer = single(value, tag::SEQUENCE).map_err(|_| wrong("no SES_Signature"))?;
    let fields = Reader::new(outer.content).rest().map_err(|_| wrong("no SES_Signature"))?;
    let [to_sign, certificate, _, signature] = fields.as_slice() else { return Err(wrong("not four fields")) };
    let signed = Reader::new(to_sign.content).rest().map_err(|_| wrong("no TBS_Sign"))?;
    let [version, inner, _, hash, place] = signed.as_slice() else { return Err(wrong("not five fields")) };
    if version.content != [4] || inner.whole != seal || place.content != b"/Doc_0/Signs/Sign_0/Signature.xml" {
        return Err(wrong("another version, seal or place"));
    }
    if hash.content.get(1..) != Some(Sm3::digest(description).as_slice()) {
        return Err(wrong("another description was signed"));
    }
    let key = key_of(certificate.content).ok_or_else(|| wrong("no certificate"))?;
    let good = |message: &[u8], bits: &[u8]| {
        key.verify_with(SignatureAlgorithm::Sm2Sm3, message, bits.get(1..).unwrap_or_default())
            .map_err(|error| error.to_string())
    };
    good(to_sign.whole, signature.content)?;
    let made = Reader::new(inner.content).rest().map_err(|_| wrong("no SESeal"))?;
    let [info, maker, _, made_by] = made.as_slice() else { return Err(wrong("not four fields of a seal")) };
    if maker.content != certificate.content {
        return Err(wrong("another maker"));
    }
    good(info.whole, made_by.content)?;
    Ok([certificate.content, to_sign.whole, &signature.content[1..]].map(<[u8]>::to_vec))
}

fn key_of(certificate: &[u8]) -> Option<PublicKey> {
    let whole = single(certificate, tag::SEQUENCE).ok()?;
    let signed = Reader::new(whole.content).expect(tag::SEQUENCE).ok()?;
    let fields = Reader::new(signed.content).rest().ok()?;
    PublicKey::read(fields.get(6)?.whole).ok()
}

fn events(xml: &[u8], mut each: impl FnMut(&str, &[(String, String)], &str)) -> Result<(), String> {
    let mut reader = quick_xml::Reader::from_reader(xml);
    let (mut name, mut attributes) = (String::new(), Vec::new());
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Eof => return Ok(()),
            Event::Start(start) | Event::Empty(start) => {
                name = start.name().as_ref().to_owned();
                attributes =
                    start.attributes().flatten().map(|a| (a.key.as_ref().to_owned(), a.value.into_owned())).collect();
                each(&name, &attributes, "");
            }
            Event::Text(text) => each(&name, &attributes, &text),
            Event::End(_) => name.clear(),
            _ => {}
        }
    }
}

fn references(description: &[u8]) -> Result<Vec<(String, String)>, String> {
    let (mut found, mut place) = (Vec::new(), String::new());
    events(description, |name, attributes, text| match (name, text) {
        ("ofd:Reference", _) => place = attributes.iter().map(|(_, v)| v.clone()).next().unwrap_or_default(),
        ("ofd:CheckValue", digest) if !digest.is_empty() => found.push((place.clone(), digest.to_owned())),
        _ => {}
    })?;
    Ok(found)
}

fn texts(page: &[u8]) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    events(page, |name, _, text| {
        if name == "ofd:TextCode" && !text.is_empty() {
            found.push(text.to_owned());
        }
    })?;
    Ok(found)
}
