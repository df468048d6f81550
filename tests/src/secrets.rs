//! Looks for known secrets in files, in each spelling in which a program could have let them out.

use std::collections::HashMap;
use std::path::Path;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// Octets of a form that select it; the rest is compared then.
const HEAD: usize = 8;

/// Forms of secrets to look for.
#[derive(Default)]
pub struct Search {
    by_head: HashMap<u64, Vec<(Vec<u8>, String)>>,
}

impl Search {
    /// Adds a secret of at least 16 octets, under the name that a finding will give.
    ///
    /// # Panics
    /// When it is shorter: it would be found by chance.
    pub fn add(&mut self, name: &str, secret: &[u8]) {
        assert!(secret.len() >= 16, "{name} is too short to be looked for");
        self.form(format!("{name}, raw"), secret.to_vec());
        self.form(format!("{name}, hex"), hex::encode(secret).into_bytes());
        self.form(format!("{name}, HEX"), hex::encode_upper(secret).into_bytes());
        let decimal: Vec<String> = secret.iter().map(u8::to_string).collect();
        self.form(format!("{name}, as Debug prints octets"), decimal.join(", ").into_bytes());
        // Base64 of a longer message shows the secret in one of three ways, by where it begins.
        for skip in 0..3 {
            let whole = &secret[skip..skip + (secret.len() - skip) / 3 * 3];
            let standard = STANDARD_NO_PAD.encode(whole);
            let url_safe = URL_SAFE_NO_PAD.encode(whole);
            if url_safe != standard {
                self.form(format!("{name}, URL-safe base64"), url_safe.into_bytes());
            }
            self.form(format!("{name}, base64"), standard.into_bytes());
        }
    }

    fn form(&mut self, name: String, octets: Vec<u8>) {
        let head = octets.first_chunk::<HEAD>().copied().map(u64::from_be_bytes).expect("longer than its head");
        self.by_head.entry(head).or_default().push((octets, name));
    }

    /// Which of them stand in these octets.
    #[must_use]
    pub fn find(&self, octets: &[u8]) -> Vec<&str> {
        let (mut found, mut window) = (Vec::new(), 0_u64);
        for (at, octet) in octets.iter().enumerate() {
            window = window << 8 | u64::from(*octet);
            let Some(forms) = (at + 1 >= HEAD).then(|| self.by_head.get(&window)).flatten() else { continue };
            let rest = &octets[at + 1 - HEAD..];
            found.extend(forms.iter().filter(|(form, _)| rest.starts_with(form)).map(|(_, name)| name.as_str()));
        }
        found
    }

    /// Which of them stand in the files below a folder, or in their names; and how many files were read.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn find_below(&self, folder: &Path) -> anyhow::Result<(Vec<String>, usize)> {
        let (mut found, mut files) = (Vec::new(), 0);
        for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            let shown = path.display().to_string();
            found.extend(self.find(shown.as_bytes()).into_iter().map(|name| format!("{shown}: its name has {name}")));
            let kind = std::fs::symlink_metadata(&path)?.file_type();
            if kind.is_dir() {
                let (inside, count) = self.find_below(&path)?;
                found.extend(inside);
                files += count;
            } else if kind.is_file() {
                let octets = std::fs::read(&path).with_context(|| shown.clone())?;
                found.extend(self.find(&octets).into_iter().map(|name| format!("{shown}: {name}")));
                files += 1;
            }
        }
        Ok((found, files))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_spelling_is_found_wherever_it_begins() {
        let secret: Vec<u8> = (0..32).map(|n: u8| n.wrapping_mul(37).wrapping_add(200)).collect();
        let mut search = Search::default();
        search.add("key", &secret);
        for before in 0..4 {
            let longer = [&vec![7; before], &secret[..], b"more"].concat();
            let base64 = base64::engine::general_purpose::STANDARD.encode(&longer);
            let spelled =
                [longer.clone(), hex::encode(&longer).into(), hex::encode_upper(&longer).into(), base64.into()];
            for spelling in spelled.into_iter().chain([format!("{longer:?}").into_bytes()]) {
                assert_eq!(search.find(&spelling).len(), 1, "{}", String::from_utf8_lossy(&spelling));
            }
        }
        let mut other = secret.clone();
        other[31] ^= 1;
        assert!(search.find(&other).is_empty());
    }
}
