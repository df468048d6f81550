//! The index as a file, so that a start need not read millions of rows.
//!
//! For: the feed. The file says up to which line of the status log it goes; the feed reads on from there and believes
//! the file only if that line still reads the same. A checksum over all of it tells a damaged file, a version one that
//! an other program wrote, the issuers' certificates one of another hierarchy: each is refused whole, and the
//! database read instead. It is not signed: whoever can write it can make the responder say anything, so only its owner
//! may.
//!
//! ```text
//! "yinxin-ocsp-index" 1, length (4 octets) and JSON of the header,
//! for each issuer: number (16) and word (8) of each certificate, number (20) and word (8) of each with a long number,
//! SHA-256 of all that
//! ```

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;
use std::sync::Arc;

use ca_core::domain::{CertificateStatus, IssuerId, Serial, StatusChange, Timestamp};
use ca_core::durable::{self, Staged};
use der::Encode as _;
use openssl::sha::{Sha256, sha256};
use serde::{Deserialize, Serialize};

use super::index::{Loading, State, Word};
use super::{Core, Issuer};

const MAGIC: &[u8] = b"yinxin-ocsp-index\x01";
const MAX_HEADER: u32 = 1024 * 1024;
/// Octets of the checksum.
const SUM: u64 = 32;
const BUFFER: usize = 1024 * 1024;

/// Why a file does not serve.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImageError {
    /// It cannot be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is no image of this version, is damaged, or was cut off.
    #[error("it is damaged, or of another version ({0})")]
    Damaged(&'static str),
    /// It is about other issuers than those that are configured.
    #[error("it is about other issuers")]
    OtherIssuers,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    seq: i64,
    line: Option<Line>,
    issuers: Vec<Part>,
}

/// A line of the status log.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    issuer: IssuerId,
    serial: Serial,
    status: CertificateStatus,
    not_after: i64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    issuer: IssuerId,
    certificate_sha256: String,
    short: usize,
    long: usize,
}

/// Writes what `core` knows; the log's last line that is in it is given.
pub(crate) fn write(core: &Core, seq: i64, line: Option<&StatusChange>, path: &Path) -> Result<(), ImageError> {
    let shares: Vec<_> = core.issuers.iter().map(|issuer| issuer.index.shares()).collect();
    let count = |issuer: &Issuer, short, long| {
        Ok(Part { issuer: issuer.id.clone(), certificate_sha256: fingerprint(issuer)?, short, long })
    };
    let parts = core.issuers.iter().zip(&shares).map(|(issuer, (short, long))| {
        count(issuer, short.iter().map(|state| state.len()).sum(), long.iter().map(|state| state.len()).sum())
    });
    let line = line.map(|line| Line {
        issuer: line.issuer.clone(),
        serial: line.serial.clone(),
        status: line.status,
        not_after: line.not_after.unix(),
    });
    let header = Header { seq, line, issuers: parts.collect::<Result<_, ImageError>>()? };
    let header = serde_json::to_vec(&header).map_err(|_| ImageError::Damaged("the header cannot be written"))?;
    let length = u32::try_from(header.len()).map_err(|_| ImageError::Damaged("the header is too long"))?;

    let mut staged = Staged::new(path, durable::PRIVATE)?;
    let mut out = BufWriter::with_capacity(BUFFER, Hashing { inner: staged.file(), hash: Sha256::new() });
    out.write_all(MAGIC)?;
    out.write_all(&length.to_be_bytes())?;
    out.write_all(&header)?;
    for (short, long) in &shares {
        write_all(&mut out, short, |number| number.to_be_bytes())?;
        write_all(&mut out, long, |number| *number)?;
    }
    let Hashing { inner: file, hash } = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.write_all(&hash.finish())?;
    Ok(staged.place()?)
}

fn write_all<N: super::index::Number, const W: usize>(
    out: &mut impl Write,
    shares: &[Arc<State<N>>],
    octets: impl Fn(&N) -> [u8; W],
) -> io::Result<()> {
    for state in shares {
        for (number, word) in state.settled.all().chain(state.fresh.all()) {
            out.write_all(&octets(&number))?;
            out.write_all(&word.to_be_bytes())?;
        }
    }
    Ok(())
}

/// Reads an image, if there is one, into the index of each issuer; up to which line of the log it goes.
pub(crate) fn read(core: &Core, path: &Path) -> Result<Option<(i64, Option<StatusChange>)>, ImageError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let size = file.metadata()?.len().checked_sub(SUM).ok_or(ImageError::Damaged("the length"))?;
    let mut reader = BufReader::with_capacity(BUFFER, Hashing { inner: (&file).take(size), hash: Sha256::new() });
    let mut magic = [0; MAGIC.len()];
    reader.read_exact(&mut magic)?;
    let mut length = [0; 4];
    reader.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length);
    if magic != MAGIC || length > MAX_HEADER {
        return Err(ImageError::Damaged("the beginning"));
    }
    let mut header = vec![0; usize::try_from(length).unwrap_or(0)];
    reader.read_exact(&mut header)?;
    let header: Header = serde_json::from_slice(&header).map_err(|_| ImageError::Damaged("the header"))?;
    let of_ours = |(part, issuer): (&Part, &Issuer)| -> Result<bool, ImageError> {
        Ok(part.issuer == issuer.id && part.certificate_sha256 == fingerprint(issuer)?)
    };
    let ours = header.issuers.iter().zip(&core.issuers).map(of_ours).collect::<Result<Vec<_>, _>>()?;
    if header.issuers.len() != core.issuers.len() || ours.contains(&false) {
        return Err(ImageError::OtherIssuers);
    }
    // Before room is made for them: a damaged count must not use up the memory.
    let octets: usize =
        header.issuers.iter().map(|part| part.short.saturating_mul(24) + part.long.saturating_mul(28)).sum();
    if u64::try_from(octets).map_or(true, |octets| octets > size) {
        return Err(ImageError::Damaged("a count"));
    }
    let mut loadings = Vec::with_capacity(core.issuers.len());
    for part in &header.issuers {
        let mut loading = Loading::new();
        loading.reserve(part.short);
        for _ in 0..part.short {
            let (number, word) = read_one(&mut reader)?;
            loading.push_short(u128::from_be_bytes(number), word);
        }
        for _ in 0..part.long {
            let (number, word) = read_one(&mut reader)?;
            loading.push_long(number, word);
        }
        loadings.push(loading);
    }
    let whole = reader.read(&mut [0])? == 0;
    let digest = reader.into_inner().hash.finish();
    let mut sum = [0; 32];
    (&file).read_exact(&mut sum)?;
    if digest != sum || !whole {
        return Err(ImageError::Damaged("the checksum"));
    }
    for (issuer, loading) in core.issuers.iter().zip(loadings) {
        issuer.index.load(loading);
    }
    let line = header.line.map(|line| StatusChange {
        seq: header.seq,
        issuer: line.issuer,
        serial: line.serial,
        status: line.status,
        not_after: Timestamp::from_unix(line.not_after),
    });
    Ok(Some((header.seq, line)))
}

fn read_one<const W: usize>(reader: &mut impl Read) -> Result<([u8; W], Word), ImageError> {
    let (mut number, mut word) = ([0; W], [0; 8]);
    reader.read_exact(&mut number)?;
    reader.read_exact(&mut word)?;
    let word = Word::from_bits(u64::from_be_bytes(word)).ok_or(ImageError::Damaged("a status"))?;
    Ok((number, word))
}

fn fingerprint(issuer: &Issuer) -> Result<String, ImageError> {
    let der = issuer.certificate.to_der().map_err(|_| ImageError::OtherIssuers)?;
    Ok(hex::encode(sha256(&der)))
}

/// What passes through is hashed.
struct Hashing<T> {
    inner: T,
    hash: Sha256,
}

impl<T: Write> Write for Hashing<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<T: Read> Read for Hashing<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hash.update(&buffer[..read]);
        Ok(read)
    }
}
