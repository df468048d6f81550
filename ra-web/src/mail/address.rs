//! E-mail addresses, as units type them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The longest that SMTP takes.
const MOST: usize = 254;
const MOST_BEFORE_AT: usize = 64;

/// An address that a mail server can be given as it is: no quotes, no comments, no line ends. No Display: whoever shows it
/// decides whether masked.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address(String);

/// Text that is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no e-mail address")]
pub struct NoAddress;

impl Address {
    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Before the `@`, and after it.
    #[must_use]
    pub fn parts(&self) -> (&str, &str) {
        self.0.split_once('@').unwrap_or((&self.0, ""))
    }

    /// For lists: `l***@example.com`.
    #[must_use]
    pub fn masked(&self) -> String {
        let (local, domain) = self.parts();
        format!("{}***@{domain}", &local[..1.min(local.len())])
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl FromStr for Address {
    type Err = NoAddress;

    fn from_str(text: &str) -> Result<Self, NoAddress> {
        let (local, domain) = text.rsplit_once('@').ok_or(NoAddress)?;
        let atom = |part: &str, also: &[u8]| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || also.contains(&b))
        };
        let local_good =
            local.len() <= MOST_BEFORE_AT && local.split('.').all(|part| atom(part, b"!#$%&'*+/=?^_`{|}~-"));
        let label = |part: &str| part.len() <= 63 && atom(part, b"-") && !part.starts_with('-') && !part.ends_with('-');
        let domain_good = domain.contains('.') && domain.split('.').all(label);
        if text.len() <= MOST && local_good && domain_good { Ok(Self(text.to_owned())) } else { Err(NoAddress) }
    }
}

impl TryFrom<String> for Address {
    type Error = NoAddress;

    fn try_from(text: String) -> Result<Self, NoAddress> {
        text.parse()
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_as_it_is_or_not_at_all() {
        for good in ["a@b.cn", "liu.fang+ca@mail.example.com", "x_y-z@163.com"] {
            assert_eq!(good.parse::<Address>().expect(good).as_str(), good);
        }
        let long = format!("{}@example.com", "a".repeat(65));
        for bad in [
            "",
            "@",
            "a@",
            "@b.cn",
            "a@b",
            "a b@c.cn",
            "a@b..cn",
            ".a@b.cn",
            "a.@b.cn",
            "a@-b.cn",
            "a@b.cn\r\nBcc: c@d.cn",
            "刘芳@example.com",
            "a@b.cn,c@d.cn",
            "<a@b.cn>",
            "a@[127.0.0.1]",
            long.as_str(),
        ] {
            assert_eq!(bad.parse::<Address>(), Err(NoAddress), "{bad}");
        }
        assert_eq!(format!("{:?}", "liufang@example.com".parse::<Address>()), "Ok(l***@example.com)");
    }
}
