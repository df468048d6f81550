//! Papers with an electronic seal: the PDF is signed as PAdES says (ETSI EN 319 142-1), with the picture of the seal on its first page.
//!
//! For: whoever gets a paper can see with an ordinary PDF reader that it is as we made it; it is certified, so that nothing may be
//! added either. The key is one of its own, in a file of the configuration, and no authority's: it seals papers and nothing that
//! we issue or book is believed through it. Trusts the files of key and certificate. The paper's own bytes stay as typst made
//! them; seal and signature are appended. Never gives the key away.

use std::collections::BTreeSet;
use std::path::Path;

use ca_core::cms;
use ca_core::domain::Timestamp;
use lopdf::{Dictionary, Document, IncrementalDocument, Object, ObjectId, Stream, StringFormat, dictionary};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::pkey::{Id, PKey, Private};
use openssl::sign::Signer;
use openssl::x509::X509;

/// Room for the signature, in bytes: a message with a chain of several certificates.
const ROOM: usize = 12 * 1024;
/// Stands where the byte range will.
const RANGE: &str = "[0 9999999999 9999999999 9999999999]";
/// What a picture may unpack to.
const MAX_DRAWING: usize = 4 * 1024 * 1024;
/// A file of keys or certificates is no longer.
const MAX_FILE: u64 = 256 * 1024;

/// Why a paper is not sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealFault {
    /// A file of the configuration.
    #[error("{0}: {1}")]
    File(String, String),
    /// The key does not belong to the certificate, or is of a kind that PDF readers do not know.
    #[error("the seal's key: {0}")]
    Key(String),
    /// The certificate is not valid at that time.
    #[error("the seal's certificate is not valid at {0}")]
    NotValid(String),
    /// The paper or the picture.
    #[error("the paper: {0}")]
    Paper(#[from] lopdf::Error),
    /// A paper that has no first page, or a picture that has none.
    #[error("the paper has no page")]
    NoPage,
    /// There is no room.
    #[error("the signature has {0} bytes, and there is room for {ROOM}")]
    NoRoom(usize),
    /// The key did not sign.
    #[error("signing: {0}")]
    Signing(String),
}

impl From<ErrorStack> for SealFault {
    fn from(error: ErrorStack) -> Self {
        Self::Signing(error.to_string())
    }
}

/// The seal's key and certificate. No Debug: it holds a key.
pub struct Sealer {
    key: PKey<Private>,
    certificate: X509,
    certificate_der: Vec<u8>,
    chain: Vec<Vec<u8>>,
    name: String,
}

/// Where the picture goes on the first page, in points from its lower left corner.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// Left edge.
    pub x: f32,
    /// Lower edge.
    pub y: f32,
    /// Width and height.
    pub side: f32,
}

/// What stands beside the signature.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// What is sealed, for readers that list signatures.
    pub reason: &'a str,
    /// When.
    pub at: Timestamp,
}

impl Sealer {
    /// Reads the key (PEM, PKCS#8, not encrypted) and its certificate, followed by those that lead to a root, if it has any.
    ///
    /// # Errors
    /// [`SealFault`], for the operator.
    pub fn read(key_file: &Path, certificate_file: &Path) -> Result<Self, SealFault> {
        let key = PKey::private_key_from_pem(&bytes(key_file)?).map_err(|error| file(key_file, &error))?;
        let mut all =
            X509::stack_from_pem(&bytes(certificate_file)?).map_err(|error| file(certificate_file, &error))?;
        if all.is_empty() {
            return Err(file(certificate_file, &"no certificate"));
        }
        let certificate = all.remove(0);
        if !certificate.public_key()?.public_eq(&key) {
            return Err(SealFault::Key("it is not that of the certificate".into()));
        }
        let certificate_der = certificate.to_der()?;
        cms::algorithm_for(&certificate_der).map_err(|error| SealFault::Key(error.to_string()))?;
        if !matches!(key.id(), Id::RSA | Id::EC) {
            return Err(SealFault::Key("PDF readers know RSA, P-256 and P-384".into()));
        }
        let chain = all.iter().map(|one| one.to_der()).collect::<Result<_, _>>()?;
        let name = certificate.subject_name().entries_by_nid(openssl::nid::Nid::COMMONNAME).next();
        let name = name.and_then(|entry| entry.data().to_string().ok()).unwrap_or_default();
        Ok(Self { key, certificate, certificate_der, chain, name })
    }

    /// Whose seal it is: the certificate's common name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Seals a paper. `picture` is the first page of a PDF, drawn at `place`.
    ///
    /// # Errors
    /// [`SealFault`].
    pub fn seal(&self, paper: &[u8], picture: &[u8], place: Place, about: About<'_>) -> Result<Vec<u8>, SealFault> {
        self.valid_at(about.at)?;
        let document = Document::load_mem(paper)?;
        let page = *document.get_pages().get(&1).ok_or(SealFault::NoPage)?;
        let catalog = document.trailer.get(b"Root")?.as_reference()?;
        let annotations = document.get_dictionary(page)?.get(b"Annots").ok().cloned();
        let mut next = IncrementalDocument::create_from(paper.to_vec(), document);
        next.opt_clone_object_to_new_document(catalog)?;
        next.opt_clone_object_to_new_document(page)?;

        let new = &mut next.new_document;
        let drawing = drawn(new, picture)?;
        let signature = new.add_object(self.dictionary(about));
        let field = new.add_object(dictionary! {
            "Type" => "Annot",
            "Subtype" => "Widget",
            "FT" => "Sig",
            "T" => text("Seal"),
            "V" => signature,
            // Printed, and locked.
            "F" => 132,
            "P" => page,
            "Rect" => vec![place.x.into(), place.y.into(), (place.x + place.side).into(), (place.y + place.side).into()],
            "AP" => dictionary! { "N" => drawing },
        });
        let mut list = match annotations {
            Some(Object::Array(list)) => list,
            Some(Object::Reference(id)) => next.get_prev_documents().get_object(id)?.as_array()?.clone(),
            _ => Vec::new(),
        };
        list.push(field.into());
        let new = &mut next.new_document;
        new.get_dictionary_mut(page)?.set("Annots", list);
        let catalog = new.get_dictionary_mut(catalog)?;
        catalog.set("AcroForm", dictionary! { "Fields" => vec![field.into()], "SigFlags" => 3 });
        catalog.set("Perms", dictionary! { "DocMDP" => signature });

        let mut sealed = Vec::new();
        next.save_to(&mut sealed).map_err(|error| SealFault::Signing(error.to_string()))?;
        self.fill(sealed, paper.len())
    }

    fn valid_at(&self, at: Timestamp) -> Result<(), SealFault> {
        let moment = openssl::asn1::Asn1Time::from_unix(at.unix())?;
        if self.certificate.not_before() > moment || self.certificate.not_after() < moment {
            return Err(SealFault::NotValid(at.beijing_text()));
        }
        Ok(())
    }

    fn dictionary(&self, about: About<'_>) -> Dictionary {
        dictionary! {
            "Type" => "Sig",
            "Filter" => "Adobe.PPKLite",
            "SubFilter" => "ETSI.CAdES.detached",
            "ByteRange" => vec![0.into(), 9_999_999_999_i64.into(), 9_999_999_999_i64.into(), 9_999_999_999_i64.into()],
            "Contents" => Object::String(vec![0; ROOM], StringFormat::Hexadecimal),
            "Name" => text(&self.name),
            "Reason" => text(about.reason),
            "M" => Object::string_literal(date(about.at)),
            // Certified: no change at all is permitted.
            "Reference" => vec![Object::Dictionary(dictionary! {
                "Type" => "SigRef",
                "TransformMethod" => "DocMDP",
                "TransformParams" => dictionary! { "Type" => "TransformParams", "P" => 1, "V" => "1.2" },
            })],
        }
    }

    /// Signs what stands around the room for the signature, and puts it there.
    fn fill(&self, mut sealed: Vec<u8>, appended: usize) -> Result<Vec<u8>, SealFault> {
        let find = |mark: &[u8]| {
            let at = sealed[appended..].windows(mark.len()).position(|part| part == mark);
            at.map(|at| at + appended).ok_or_else(|| SealFault::Signing("no room for it was written".into()))
        };
        let range = find(RANGE.as_bytes())?;
        let room = find(&[b"/Contents<".as_slice(), &[b'0'; 64]].concat())? + b"/Contents".len();
        let after = room + 2 * ROOM + 2;
        let written = format!("[0 {room} {after} {}", sealed.len() - after);
        let written = format!("{written:<width$}]", width = RANGE.len() - 1);
        sealed[range..range + RANGE.len()].copy_from_slice(written.as_bytes());
        let content = [&sealed[..room], &sealed[after..]].concat();
        let algorithm = cms::algorithm_for(&self.certificate_der).map_err(|error| SealFault::Key(error.to_string()))?;
        let message = cms::sign_detached(&content, &self.certificate_der, &self.chain, |attributes| {
            self.sign(algorithm.digest(), attributes)
        });
        let message = message.map_err(|error| SealFault::Signing(error.to_string()))?;
        if message.len() > ROOM {
            return Err(SealFault::NoRoom(message.len()));
        }
        let hex = hex::encode(&message);
        sealed[room + 1..=room + hex.len()].copy_from_slice(hex.as_bytes());
        Ok(sealed)
    }

    fn sign(&self, digest: MessageDigest, message: &[u8]) -> Result<Vec<u8>, ErrorStack> {
        let mut signer = Signer::new(digest, &self.key)?;
        signer.sign_oneshot_to_vec(message)
    }
}

fn bytes(path: &Path) -> Result<zeroize::Zeroizing<Vec<u8>>, SealFault> {
    let size = std::fs::metadata(path).map_err(|error| file(path, &error))?.len();
    if size > MAX_FILE {
        return Err(file(path, &"too long for a file of keys or certificates"));
    }
    std::fs::read(path).map(zeroize::Zeroizing::new).map_err(|error| file(path, &error))
}

fn file(path: &Path, what: &dyn std::fmt::Display) -> SealFault {
    SealFault::File(path.display().to_string(), what.to_string())
}

/// UTF-16 with its mark, which every reader knows.
fn text(text: &str) -> Object {
    let mut bytes = vec![0xfe, 0xff];
    bytes.extend(text.encode_utf16().flat_map(u16::to_be_bytes));
    Object::String(bytes, StringFormat::Hexadecimal)
}

/// A moment as PDF writes it, in Beijing's time.
fn date(at: Timestamp) -> String {
    let digits: String = at.beijing_text().chars().filter(char::is_ascii_digit).collect();
    format!("D:{digits}+08'00'")
}

/// Puts the first page of a PDF into a document, as a drawing that is stretched to wherever it is used.
fn drawn(into: &mut Document, picture: &[u8]) -> Result<ObjectId, SealFault> {
    let mut drawing = Document::load_mem(picture)?;
    drawing.renumber_objects_with(into.max_id + 1);
    let page = *drawing.get_pages().get(&1).ok_or(SealFault::NoPage)?;
    let content = drawing.get_page_content_with_limit(page, MAX_DRAWING)?;
    let dictionary = drawing.get_dictionary(page)?;
    let resources = dictionary.get(b"Resources")?.clone();
    let size = dictionary.get(b"MediaBox").or_else(|_| inherited(&drawing, dictionary))?.clone();
    let mut needed = BTreeSet::new();
    reach(&drawing, &resources, &mut needed);
    for id in needed {
        into.set_object(id, drawing.get_object(id)?.clone());
    }
    into.max_id = into.max_id.max(drawing.max_id);
    let mut stream = Stream::new(
        dictionary! { "Type" => "XObject", "Subtype" => "Form", "BBox" => size, "Resources" => resources },
        content,
    );
    // What cannot be packed stays as it is.
    drop(stream.compress());
    Ok(into.add_object(stream))
}

fn inherited<'a>(document: &'a Document, page: &'a Dictionary) -> Result<&'a Object, lopdf::Error> {
    document.get_dictionary(page.get(b"Parent")?.as_reference()?)?.get(b"MediaBox")
}

/// Notes every object that a thing needs.
fn reach(document: &Document, object: &Object, needed: &mut BTreeSet<ObjectId>) {
    match object {
        Object::Reference(id) => {
            if needed.insert(*id)
                && let Ok(object) = document.get_object(*id)
            {
                reach(document, object, needed);
            }
        }
        Object::Array(all) => all.iter().for_each(|one| reach(document, one, needed)),
        Object::Dictionary(all) => all.iter().for_each(|(_, one)| reach(document, one, needed)),
        Object::Stream(stream) => stream.dict.iter().for_each(|(_, one)| reach(document, one, needed)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use ca_core::clock::{Clock as _, SystemClock};
    use openssl::cms::{CMSOptions, CmsContentInfo};
    use openssl::x509::store::X509StoreBuilder;
    use serde_json::json;

    use super::*;
    use crate::paper::Standard;
    use crate::paper::tests::{press, sample};

    /// A key and a certificate of its own for ten years, as `scripts/demo/prepare` makes them.
    fn founded(folder: &Path) -> Sealer {
        let (key, certificate) = (folder.join("seal.key"), folder.join("seal.cer"));
        let made = std::process::Command::new("openssl")
            .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-sha256", "-days", "3650"])
            .args(["-subj", "/C=CN/CN=示范市住房公积金管理中心", "-utf8"])
            .args(["-addext", "keyUsage=critical,digitalSignature,nonRepudiation"])
            .args(["-addext", "basicConstraints=critical,CA:FALSE"])
            .arg("-keyout")
            .arg(&key)
            .arg("-out")
            .arg(&certificate)
            .output()
            .expect("openssl is there");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        Sealer::read(&key, &certificate).expect("a sealer")
    }

    /// What the signature in a sealed paper is over, and itself; none when it is no longer a whole one.
    fn parts(sealed: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
        let document = Document::load_mem(sealed).ok()?;
        let mut dictionaries = document.objects.values().filter_map(|object| object.as_dict().ok());
        let signature = dictionaries.find(|dictionary| dictionary.has_type(b"Sig"))?;
        let numbers = signature.get(b"ByteRange").and_then(Object::as_array).ok()?.iter();
        let range: Vec<usize> = numbers.filter_map(|n| usize::try_from(n.as_i64().ok()?).ok()).collect();
        let [0, room, after, rest] = range[..] else { return None };
        let message = signature.get(b"Contents").and_then(Object::as_str).ok()?.to_vec();
        let whole = after + rest == sealed.len() && after == room + 2 * ROOM + 2;
        whole.then(|| ([&sealed[..room], &sealed[after..]].concat(), message))
    }

    fn holds(sealer: &Sealer, sealed: &[u8]) -> bool {
        let Some((content, message)) = parts(sealed) else { return false };
        // OpenSSL stops at the end of the message; zeros follow.
        let Ok(mut message) = CmsContentInfo::from_der(&message) else { return false };
        let mut store = X509StoreBuilder::new().expect("a store");
        store.add_cert(sealer.certificate.clone()).expect("added");
        let store = store.build();
        let flags = CMSOptions::BINARY | CMSOptions::NO_SIGNER_CERT_VERIFY;
        message.verify(None, Some(&*store), Some(&content[..]), None, flags).is_ok()
    }

    #[tokio::test]
    async fn a_sealed_paper_is_verified_by_openssl_and_a_changed_byte_is_found_out() {
        let folder = tempfile::tempdir().expect("a folder");
        let sealer = founded(folder.path());
        // The certificate begins now.
        let now = SystemClock.now();
        assert_eq!(sealer.name(), "示范市住房公积金管理中心");
        let paper = press().print("application", &sample(), now).await.expect("printed");
        let drawn = json!({"name": sealer.name(), "purpose": "电子凭证专用章"});
        let picture = press().print_as("fund-seal", &drawn, now, Standard::Drawing).await.expect("drawn");
        let place = Place { x: 420.0, y: 680.0, side: 102.0 };
        let about = About { reason: "汇缴书", at: now };
        let sealed = sealer.seal(&paper, &picture, place, about).expect("sealed");
        if let Some(folder) = std::env::var_os("YINXIN_PICTURES") {
            std::fs::write(Path::new(&folder).join("sealed.pdf"), &sealed).expect("written");
        }
        assert!(sealed.starts_with(&paper), "the paper's own bytes stay");
        assert!(holds(&sealer, &sealed));
        for at in [20, paper.len() / 2, paper.len() + 10, sealed.len() - 20] {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(!holds(&sealer, &changed), "byte {at}");
        }
        let late = About { at: now.plus(20 * 365 * 86_400), ..about };
        assert!(matches!(sealer.seal(&paper, &picture, place, late), Err(SealFault::NotValid(_))));
    }

    #[test]
    fn a_key_that_is_not_the_certificates_is_refused() {
        let (one, two) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let _ = (founded(one.path()), founded(two.path()));
        let read = Sealer::read(&one.path().join("seal.key"), &two.path().join("seal.cer"));
        assert!(matches!(read, Err(SealFault::Key(_))));
        let read = Sealer::read(&one.path().join("nowhere"), &two.path().join("seal.cer"));
        assert!(read.err().is_some_and(|fault| fault.to_string().contains("nowhere")));
    }
}
