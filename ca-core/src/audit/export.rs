//! The chain as a file that can be verified without the database: JSON Lines, events in order, each checkpoint behind
//! the event that it names, then the end of the chain. So one line after the other can be verified and forgotten.

use std::io::{self, BufRead, Write};

use serde::{Deserialize, Serialize};

use super::chain::{Fault, Verifier, Whole};
use super::checkpoint::SignedCheckpoint;
use crate::domain::{Sha256, Timestamp};
use crate::store::{AuditHead, AuditLog, AuditRow, StoreError};

/// The longest line that is read.
const MAX_LINE_BYTES: u64 = 256 * 1024;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Event { seq: i64, at: Timestamp, event: String, hash: Sha256 },
    Checkpoint(SignedCheckpoint),
    End { seq: i64, hash: Sha256 },
}

/// Why an export was not made or not believed.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file cannot be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A line that is none of ours.
    #[error("line {line} cannot be read: {what}")]
    Line {
        /// Number, from 1.
        line: usize,
        /// Why.
        what: String,
    },
    /// The file does not end as it must: it was cut off.
    #[error("the export has no end: it was cut off")]
    NoEnd,
    /// The chain is not whole.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Writes the whole chain.
///
/// # Errors
/// [`ExportError::Store`] or [`ExportError::Io`].
pub async fn export(tx: &mut dyn AuditLog, out: &mut (dyn Write + Send)) -> Result<AuditHead, ExportError> {
    let head = tx.audit_head().await?;
    let mut checkpoints = tx.checkpoints().await?.into_iter().peekable();
    let mut after = 0;
    loop {
        let rows = tx.audit_after(after, 1000).await?;
        let Some(last) = rows.last() else { break };
        after = last.seq;
        for AuditRow { seq, at, event, hash } in rows {
            write_line(out, &Line::Event { seq, at, event, hash })?;
            while let Some(checkpoint) = checkpoints.next_if(|checkpoint| checkpoint.seq <= seq) {
                write_line(out, &Line::Checkpoint(checkpoint.into()))?;
            }
        }
    }
    // Of events that are gone.
    for checkpoint in checkpoints {
        write_line(out, &Line::Checkpoint(checkpoint.into()))?;
    }
    write_line(out, &Line::End { seq: head.seq, hash: head.hash })?;
    out.flush()?;
    Ok(head)
}

fn write_line(out: &mut (dyn Write + Send), line: &Line) -> io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")
}

/// Verifies an export: every event, every checkpoint in it and any kept elsewhere. Holds one line at a time.
///
/// # Errors
/// [`ExportError`].
pub fn verify_export(
    input: &mut dyn BufRead,
    audit_key: &[u8],
    kept_elsewhere: &[SignedCheckpoint],
) -> Result<Whole, ExportError> {
    let mut verifier = Verifier::new(audit_key, kept_elsewhere)?;
    let mut end = None;
    for number in 1.. {
        let Some(line) = read_line(input, number)? else { break };
        if end.is_some() {
            return Err(ExportError::Line { line: number, what: "a line after the end".into() });
        }
        match line {
            Line::Event { seq, at, event, hash } => verifier.push(&AuditRow { seq, at, event, hash })?,
            Line::Checkpoint(checkpoint) => verifier.checkpoint(&checkpoint)?,
            Line::End { seq, hash } => end = Some(AuditHead { seq, hash }),
        }
    }
    Ok(verifier.finish(end.ok_or(ExportError::NoEnd)?)?)
}

fn read_line(input: &mut dyn BufRead, number: usize) -> Result<Option<Line>, ExportError> {
    let mut text = Vec::new();
    let read = io::Read::take(&mut *input, MAX_LINE_BYTES).read_until(b'\n', &mut text)?;
    if read == 0 {
        return Ok(None);
    }
    let line = serde_json::from_slice(&text);
    line.map(Some).map_err(|error| ExportError::Line { line: number, what: error.to_string() })
}
