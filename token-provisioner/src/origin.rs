//! Origins of sites, as browsers write them.

use std::fmt;
use std::str::FromStr;

use reqwest::Url;

/// `https://host[:port]`, or `http://` for a loopback host; nothing behind it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin(Url);

/// Text that is no origin that we deal with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OriginError {
    /// Not an origin in the form of `location.origin`.
    #[error("{0:?} is not an origin (scheme://host[:port] and nothing more)")]
    Malformed(String),
    /// Plain HTTP to another machine.
    #[error("{0:?} is neither https nor on this computer")]
    NotSecure(String),
}

impl Origin {
    /// The address of a resource of the site; `path` begins with `/`.
    #[must_use]
    pub fn join(&self, path: &str) -> Url {
        let mut url = self.0.clone();
        url.set_path(path);
        url
    }

    /// Whether the site runs on this computer.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.0)
    }

    /// Host and port to connect to.
    #[must_use]
    pub fn host_and_port(&self) -> Option<(String, u16)> {
        Some((self.0.host_str()?.trim_matches(['[', ']']).to_owned(), self.0.port_or_known_default()?))
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost") => true,
        Some(host) => host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback()),
        None => false,
    }
}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        let malformed = || OriginError::Malformed(text.chars().take(200).collect());
        let url = Url::parse(text).map_err(|_| malformed())?;
        if !matches!(url.scheme(), "https" | "http") || url.origin().ascii_serialization() != text {
            return Err(malformed());
        }
        if url.scheme() == "http" && !is_loopback(&url) {
            return Err(OriginError::NotSecure(text.to_owned()));
        }
        Ok(Self(url))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.origin().ascii_serialization())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_taken_only_as_browsers_write_them() {
        for good in ["https://portal.example", "https://portal.example:8443", "http://127.0.0.1:8081", "http://[::1]:1"]
        {
            assert_eq!(good.parse::<Origin>().map(|o| o.to_string()), Ok(good.to_owned()));
        }
        for bad in
            ["https://portal.example/", "https://PORTAL.example", "https://portal.example:443", "null", "", "ftp://a"]
        {
            assert!(matches!(bad.parse::<Origin>(), Err(OriginError::Malformed(_))), "{bad}");
        }
    }

    #[test]
    fn plain_http_to_another_machine_is_refused() {
        assert!(matches!("http://portal.example".parse::<Origin>(), Err(OriginError::NotSecure(_))));
        assert!(matches!("http://127.0.0.1.example".parse::<Origin>(), Err(OriginError::NotSecure(_))));
    }
}
