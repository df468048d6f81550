//! Programs that nobody here wrote, asked for their verdict on what we made.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::programs::{must, run};

/// The checkout's root.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned).unwrap_or_default()
}

/// Runs `openssl` with these arguments and gives what it printed.
///
/// # Errors
/// When it ends with an error.
pub fn openssl(arguments: &[&str]) -> anyhow::Result<String> {
    must(Command::new("openssl").args(arguments))
}

/// Asks Tongsuo, which knows SM2 under the standard id, and gives what it printed: the words are those of
/// tests/tongsuo, the files DER.
///
/// # Errors
/// When it refuses, with its reason; or when it has not been built (`make tongsuo`).
pub fn tongsuo(words: &[&dyn AsRef<OsStr>]) -> anyhow::Result<String> {
    // target/debug/deps/journeys-… → target/tongsuo/debug/tongsuo-judge
    let own = std::env::current_exe()?;
    let judge = own.ancestors().nth(3).context("a target folder")?.join("tongsuo/debug/tongsuo-judge");
    anyhow::ensure!(judge.exists(), "{} is not built: make tongsuo", judge.display());
    Ok(must(Command::new(judge).args(words.iter().map(|word| word.as_ref())))?.trim_end().to_owned())
}

/// Writes a DER certificate or CRL as PEM beside it and gives the new file's name.
///
/// # Errors
/// When OpenSSL cannot read it.
pub fn pem(kind: &str, der: &Path) -> anyhow::Result<PathBuf> {
    let pem = der.with_extension(format!("{kind}.pem"));
    openssl(&[kind, "-inform", "DER", "-in", text(der)?, "-out", text(&pem)?])?;
    Ok(pem)
}

/// A path as an argument.
///
/// # Errors
/// When it is not UTF-8.
pub fn text(path: &Path) -> anyhow::Result<&str> {
    path.to_str().with_context(|| format!("{} is not UTF-8", path.display()))
}

/// Puts PEM files one after the other.
///
/// # Errors
/// When one cannot be read, or the result not written.
pub fn bundle(files: &[PathBuf], to: &Path) -> anyhow::Result<()> {
    let mut all = Vec::new();
    for file in files {
        all.extend(std::fs::read(file).with_context(|| file.display().to_string())?);
    }
    Ok(std::fs::write(to, all)?)
}

/// What pkilint is to look at.
#[derive(Debug)]
pub enum Lint<'a> {
    /// A certificate by itself.
    Certificate(&'a Path),
    /// A certificate against its issuer's.
    Chain {
        /// Issuer's certificate.
        issuer: &'a Path,
        /// The certificate it signed.
        subject: &'a Path,
    },
    /// An issuing CA's CRL.
    Crl(&'a Path),
    /// A root's CRL.
    Arl(&'a Path),
    /// An OCSP response.
    Ocsp(&'a Path),
}

/// Lints files with pkilint; a finding of severity WARNING or worse is an error.
///
/// # Errors
/// When there is a finding, with all of them; or when pkilint is not installed (`scripts/setup test`).
pub fn pkilint(jobs: &[Lint<'_>]) -> anyhow::Result<()> {
    let python = root().join(".venv/bin/python");
    anyhow::ensure!(python.exists(), "pkilint is not installed: run scripts/setup test");
    let mut command = Command::new(python);
    command.arg(root().join("tests/conformance/pkilint_batch.py"));
    for job in jobs {
        let argument = match job {
            Lint::Certificate(file) => format!("cert={}", file.display()),
            Lint::Chain { issuer, subject } => format!("chain={},{}", issuer.display(), subject.display()),
            Lint::Crl(file) => format!("crl={}", file.display()),
            Lint::Arl(file) => format!("arl={}", file.display()),
            Lint::Ocsp(file) => format!("ocsp={}", file.display()),
        };
        command.arg(argument);
    }
    let printed = must(&mut command)?;
    let clean = printed.lines().filter(|line| line.ends_with(": clean")).count();
    anyhow::ensure!(clean == jobs.len(), "pkilint looked at {clean} of {} files:\n{printed}", jobs.len());
    Ok(())
}

/// Lets Python's `cryptography` read and, where it knows the algorithm, verify; gives the facts that it read, one
/// object of JSON for each job. The jobs are those of tests/conformance/cryptography_batch.py.
///
/// # Errors
/// When something does not hold, or it is not installed (`scripts/setup test`).
pub fn cryptography(jobs: &[String]) -> anyhow::Result<Vec<serde_json::Value>> {
    let python = root().join(".venv/bin/python");
    anyhow::ensure!(python.exists(), "cryptography is not installed: run scripts/setup test");
    let printed = must(Command::new(python).arg(root().join("tests/conformance/cryptography_batch.py")).args(jobs))?;
    let facts = printed.lines().map(serde_json::from_str).collect::<Result<Vec<serde_json::Value>, _>>()?;
    anyhow::ensure!(facts.len() == jobs.len(), "it looked at {} of {} objects", facts.len(), jobs.len());
    Ok(facts)
}

/// What the codes on the pages of a PDF say: drawn by poppler, read by zxing-cpp.
///
/// # Errors
/// When it cannot be drawn, or one of them is not installed (`scripts/setup test`).
pub fn codes(pdf: &Path) -> anyhow::Result<Vec<String>> {
    let python = root().join(".venv/bin/python");
    anyhow::ensure!(python.exists(), "zxing-cpp is not installed: run scripts/setup test");
    let printed = must(Command::new(python).arg(root().join("tests/conformance/codes.py")).arg(pdf))?;
    Ok(printed.lines().map(serde_json::from_str).collect::<Result<_, _>>()?)
}

/// What `openssl ocsp` reads from a responder's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OcspVerdict {
    /// `good`.
    Good,
    /// `revoked`.
    Revoked,
    /// `unknown`.
    Unknown,
}

/// Asks the responder at `url` about a certificate with `openssl ocsp`, which checks the signature, the
/// delegation, the times and, when it sends one, the nonce.
///
/// # Errors
/// When the answer is not acceptable to OpenSSL; the error says what it printed.
pub fn openssl_ocsp(
    url: &str,
    chain: &Path,
    issuer: &Path,
    subject: &[&str],
    nonce: bool,
) -> anyhow::Result<OcspVerdict> {
    let mut command = Command::new("openssl");
    command.args(["ocsp", "-url", url, "-CAfile", text(chain)?, "-issuer", text(issuer)?]).args(subject);
    if !nonce {
        command.arg("-no_nonce");
    }
    let output = run(&mut command, Duration::from_secs(20))?;
    let printed = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    // It ends with 0 for "revoked" too, and only warns when the nonce is missing.
    let accepted = output.status.success() && printed.contains("Response verify OK") && !printed.contains("WARNING");
    anyhow::ensure!(accepted, "openssl ocsp does not accept the answer:\n{printed}");
    for (word, verdict) in
        [(": good", OcspVerdict::Good), (": revoked", OcspVerdict::Revoked), (": unknown", OcspVerdict::Unknown)]
    {
        if printed.contains(word) {
            return Ok(verdict);
        }
    }
    bail!("openssl ocsp names no status:\n{printed}")
}
