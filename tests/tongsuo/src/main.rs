//! Lets Tongsuo judge SM2 objects under the standard id (`1234567812345678`), which the `openssl` program cannot
//! give to intermediate certificates, CRLs and OCSP answers.
//!
//!     tongsuo-judge verify-chain ROOT SUB LEAF [CRL...]      with CRLs, each certificate must be good by them
//!     tongsuo-judge verify-crl ISSUER CRL
//!     tongsuo-judge verify-ocsp ROOT SUB LEAF ANSWER DIGEST  prints good, revoked or unknown for that CertID
//!     tongsuo-judge verify-request REQUEST
//!
//! All files are DER. The exit code is 0 only when Tongsuo accepts; else standard error says why. It trusts the
//! ROOT it is given and the system's clock. A judge for tests: nothing that ships uses it.

#![forbid(unsafe_code)]

use std::error::Error;
use std::process::ExitCode;

use tongsuo::hash::MessageDigest;
use tongsuo::ocsp::{OcspCertId, OcspCertStatus, OcspFlag, OcspResponse, OcspResponseStatus};
use tongsuo::ssl::SslFiletype;
use tongsuo::stack::Stack;
use tongsuo::x509::store::{File, X509Lookup, X509Store, X509StoreBuilder};
use tongsuo::x509::verify::X509VerifyFlags;
use tongsuo::x509::{X509, X509Crl, X509Req, X509StoreContext};

/// Why an object is not accepted, or was not looked at.
type Refusal = Box<dyn Error>;

const USAGE: &str = "usage: tongsuo-judge verify-chain ROOT SUB LEAF [CRL...] | verify-crl ISSUER CRL | \
                     verify-ocsp ROOT SUB LEAF ANSWER sha1|sha256|sm3 | verify-request REQUEST";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let verdict = match words.as_slice() {
        ["verify-chain", root, sub, leaf, crls @ ..] => verify_chain(root, sub, leaf, crls),
        ["verify-crl", issuer, crl] => verify_crl(issuer, crl),
        ["verify-ocsp", root, sub, leaf, answer, digest] => verify_ocsp(root, sub, leaf, answer, digest),
        ["verify-request", request] => verify_request(request),
        _ => Err(USAGE.into()),
    };
    match verdict {
        Ok(said) => {
            println!("{said}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("refused: {why}");
            ExitCode::FAILURE
        }
    }
}

fn read(file: &str) -> Result<Vec<u8>, Refusal> {
    std::fs::read(file).map_err(|error| format!("{file}: {error}").into())
}

fn certificate(file: &str) -> Result<X509, Refusal> {
    let der = read(file)?;
    let parsed = X509::from_der(&der).map_err(|error| format!("{file}: {error}"))?;
    whole(file, &der, &parsed.to_der()?)?;
    Ok(parsed)
}

/// Tongsuo's parser leaves what follows the object; written again, the object must be the whole file.
fn whole(file: &str, der: &[u8], again: &[u8]) -> Result<(), Refusal> {
    if der == again { Ok(()) } else { Err(format!("{file}: not the DER of one object").into()) }
}

/// A store that trusts `root` alone and checks strictly, by these CRLs where there are any.
fn store(root: &str, crls: &[&str]) -> Result<X509Store, Refusal> {
    let mut builder = X509StoreBuilder::new()?;
    builder.add_cert(certificate(root)?)?;
    let mut flags = X509VerifyFlags::X509_STRICT | X509VerifyFlags::CHECK_SS_SIGNATURE;
    if !crls.is_empty() {
        // Deltas, and lists that cover a part of the certificates.
        flags |= X509VerifyFlags::CRL_CHECK | X509VerifyFlags::CRL_CHECK_ALL;
        flags |= X509VerifyFlags::USE_DELTAS | X509VerifyFlags::EXTENDED_CRL_SUPPORT;
        let lookup = builder.add_lookup(X509Lookup::<File>::file())?;
        for crl in crls {
            lookup.load_crl_file(crl, SslFiletype::ASN1).map_err(|error| format!("{crl}: {error}"))?;
        }
    }
    builder.set_flags(flags)?;
    Ok(builder.build())
}

fn verify_chain(root: &str, sub: &str, leaf: &str, crls: &[&str]) -> Result<String, Refusal> {
    let store = store(root, crls)?;
    let mut between = Stack::new()?;
    between.push(certificate(sub)?)?;
    let leaf = certificate(leaf)?;
    let mut context = X509StoreContext::new()?;
    let (verified, why, depth) = context.init(&store, &leaf, &between, |context| {
        Ok((context.verify_cert()?, context.error(), context.error_depth()))
    })?;
    if verified { Ok("verified".into()) } else { Err(format!("{why} at depth {depth}").into()) }
}

fn verify_crl(issuer: &str, crl: &str) -> Result<String, Refusal> {
    let der = read(crl)?;
    let list = X509Crl::from_der(&der)?;
    whole(crl, &der, &list.to_der()?)?;
    if !list.verify(&*certificate(issuer)?.public_key()?)? {
        return Err("the issuer's key did not sign this list".into());
    }
    Ok(format!("verified, {} entries", list.get_revoked().map_or(0, |entries| entries.len())))
}

fn verify_ocsp(root: &str, sub: &str, leaf: &str, answer: &str, digest: &str) -> Result<String, Refusal> {
    let der = read(answer)?;
    let response = OcspResponse::from_der(&der)?;
    whole(answer, &der, &response.to_der()?)?;
    if response.status() != OcspResponseStatus::SUCCESSFUL {
        return Err(format!("status {} of the answer", response.status().as_raw()).into());
    }
    let (issuer, leaf) = (certificate(sub)?, certificate(leaf)?);
    let mut between = Stack::new()?;
    between.push(issuer.clone())?;
    let basic = response.basic()?;
    basic.verify(&between, &*store(root, &[])?, OcspFlag::empty())?;
    let digest = match digest {
        "sha1" => MessageDigest::sha1(),
        "sha256" => MessageDigest::sha256(),
        "sm3" => MessageDigest::sm3(),
        other => return Err(format!("no digest {other}").into()),
    };
    let id = OcspCertId::from_cert(digest, &leaf, &issuer)?;
    let said = basic.find_status(&id).ok_or("the answer does not speak of this certificate")?;
    said.check_validity(0, None)?;
    Ok(match said.status {
        OcspCertStatus::GOOD => "good",
        OcspCertStatus::REVOKED => "revoked",
        _ => "unknown",
    }
    .into())
}

fn verify_request(file: &str) -> Result<String, Refusal> {
    let der = read(file)?;
    let request = X509Req::from_der(&der)?;
    whole(file, &der, &request.to_der()?)?;
    let by_its_key = request.verify(&*request.public_key()?)?;
    if by_its_key { Ok("verified".into()) } else { Err("not signed by the key it holds".into()) }
}
