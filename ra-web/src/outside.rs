//! What is common to asking others over HTTP: whom a secret may be sent to, and how much of an answer is read.

use reqwest::{Response, Url};

/// Why an answer is not read.
#[derive(Debug)]
pub enum AnswerFault {
    /// It is longer than it may be.
    TooLong,
    /// The connection broke. Without the address, which may be in nobody's log.
    Broken(String),
}

/// Whether what is sent there stays secret: by TLS, or because it stays on this machine.
#[must_use]
pub fn is_private(url: &Url) -> bool {
    let here = matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
    url.scheme() == "https" || (url.scheme() == "http" && here)
}

/// The body of an answer, of at most so many bytes.
///
/// # Errors
/// [`AnswerFault`].
pub async fn bounded(mut response: Response, most: usize) -> Result<Vec<u8>, AnswerFault> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| AnswerFault::Broken(told(error)))? {
        if bytes.len() + chunk.len() > most {
            return Err(AnswerFault::TooLong);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// What a log may know of a failure: not the address.
#[must_use]
pub fn told(error: reqwest::Error) -> String {
    error.without_url().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_go_over_tls_or_stay_on_the_machine() {
        let private = |text: &str| is_private(&Url::parse(text).expect("a URL"));
        for good in ["https://tsa.example/tsa", "http://127.0.0.1:8085/tsa", "http://[::1]/", "http://localhost/"] {
            assert!(private(good), "{good}");
        }
        for bad in ["http://tsa.example/tsa", "http://127.0.0.1.example/", "http://10.0.0.1/"] {
            assert!(!private(bad), "{bad}");
        }
    }
}
