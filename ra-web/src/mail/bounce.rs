//! Mails that came back: a server took them, and later said that it cannot deliver them (RFC 3464). The head of the mail that it
//! returns names which one it was.
//!
//! Trusts nobody: anyone can write such a report. It changes what staff read of a mail and nothing else, and of its words only
//! the status code is kept.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Names the mail in its head.
pub const HEADER: &str = "X-Mail-Id";
/// A report may have so many bytes; attachments are not returned whole.
pub const MAX_BYTES: usize = 1024 * 1024;
/// So long a line is looked at.
const LINE: usize = 1000;

/// A report that a mail cannot be delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounce {
    /// Which mail: its id in the outbox.
    pub mail: String,
    /// The status code, e.g. `5.1.1`.
    pub status: String,
}

/// The value of [`HEADER`] for a mail.
#[must_use]
pub fn name_of(id: &str) -> String {
    URL_SAFE_NO_PAD.encode(id)
}

/// Reads what came to the sender's address. `None`: it is no report, or of a mail that is only delayed.
#[must_use]
pub fn read(message: &[u8]) -> Option<Bounce> {
    let text = String::from_utf8_lossy(message.get(..MAX_BYTES.min(message.len()))?);
    let lines: Vec<&str> = text.lines().map(|line| line.get(..LINE.min(line.len())).unwrap_or_default()).collect();
    let says = |line: &&str| line.to_ascii_lowercase().replace('"', "").contains("report-type=delivery-status");
    if !lines.iter().any(says) || !field(&lines, "Action").is_some_and(|action| action.eq_ignore_ascii_case("failed")) {
        return None;
    }
    let status = field(&lines, "Status").filter(|status| is_permanent(status))?;
    let mail = URL_SAFE_NO_PAD.decode(field(&lines, HEADER)?).ok()?;
    Some(Bounce { mail: String::from_utf8(mail).ok()?, status: status.to_owned() })
}

/// The value of a field wherever it stands, also when it was folded onto the next line.
fn field<'t>(lines: &[&'t str], name: &str) -> Option<&'t str> {
    let at = lines
        .iter()
        .position(|line| line.split_once(':').is_some_and(|(before, _)| before.eq_ignore_ascii_case(name)))?;
    let value = lines[at].split_once(':').map_or("", |(_, value)| value.trim());
    if value.is_empty() { lines.get(at + 1).map(|line| line.trim()) } else { Some(value) }
}

/// `5.x.y`: three numbers, and nothing beside them.
fn is_permanent(status: &str) -> bool {
    let parts: Vec<&str> = status.split('.').collect();
    let number = |part: &&str| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    parts.len() == 3 && parts[0] == "5" && parts.iter().all(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(id: &str, action: &str, status: &str) -> String {
        format!(
            "From: MAILER-DAEMON@mx.example\r\nSubject: Undelivered Mail Returned to Sender\r\n\
             Content-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\r\n\r\n--b\r\n\
             Content-Type: text/plain\r\n\r\nunknown user\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n\
             Reporting-MTA: dns; mx.example\r\n\r\nFinal-Recipient: rfc822; nobody@unit.example\r\nAction: {action}\r\n\
             Status: {status}\r\nDiagnostic-Code: smtp; 550 nobody@unit.example: no such user\r\n--b\r\n\
             Content-Type: text/rfc822-headers\r\n\r\nSubject: paid\r\nX-Mail-Id:\r\n {}\r\n--b--\r\n",
            name_of(id)
        )
    }

    #[test]
    fn a_mail_that_came_back_is_named_and_nothing_of_its_address_is_kept() {
        let read = read(report("paid/PM-20261130-0001", "failed", "5.1.1").as_bytes()).expect("a report");
        assert_eq!(read, Bounce { mail: "paid/PM-20261130-0001".into(), status: "5.1.1".into() });
    }

    #[test]
    fn what_is_delayed_or_no_report_says_nothing() {
        let good = report("paid/1", "failed", "5.1.1");
        for other in [
            report("paid/1", "delayed", "4.4.1"),
            report("paid/1", "failed", "4.4.1"),
            report("paid/1", "failed", "5.1.1 <script>"),
            good.replace("report-type=delivery-status", "charset=utf-8"),
            good.replace("X-Mail-Id", "X-Other"),
            good.replace(&name_of("paid/1"), "!!"),
            String::new(),
        ] {
            assert_eq!(read(other.as_bytes()), None, "{other}");
        }
    }
}
