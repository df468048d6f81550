//! Where the command line gets PINs and tickets from.

use std::io::{BufRead as _, IsTerminal as _};
use std::path::Path;

use zeroize::Zeroizing;

use super::CliError;
use crate::driver::Pin;

/// The most characters of a line that holds a secret.
const MAX_CHARS: usize = 256;

/// From a file's first line if one is given, else asked for.
pub(super) fn pin(file: Option<&Path>, prompt: &str) -> Result<Pin, CliError> {
    match file {
        Some(path) => {
            let read = std::fs::read_to_string(path).map(Zeroizing::new);
            let text = read.map_err(|error| CliError::File { path: path.to_owned(), error })?;
            Ok(Pin::typed(text.lines().next().unwrap_or_default()))
        }
        None => Ok(Pin::typed(ask(prompt)?.as_str())),
    }
}

/// Asked for without echo on a terminal; otherwise the next line of standard input.
pub(super) fn ask(prompt: &str) -> Result<Zeroizing<String>, CliError> {
    let failed = |error| CliError::File { path: "<stdin>".into(), error };
    let line = if std::io::stdin().is_terminal() {
        Zeroizing::new(rpassword::prompt_password(format!("{prompt}: ")).map_err(failed)?)
    } else {
        let mut line = Zeroizing::new(String::with_capacity(MAX_CHARS));
        std::io::stdin().lock().read_line(&mut line).map_err(failed)?;
        line
    };
    Ok(Zeroizing::new(line.trim_end_matches(['\r', '\n']).chars().take(MAX_CHARS).collect()))
}
