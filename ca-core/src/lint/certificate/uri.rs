//! Addresses in certificates.

/// The text of an http address, if it is one: https would need the certificate that is being checked (RFC 5280 §8).
pub(super) fn http(octets: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(octets).ok()?;
    let good = text.starts_with("http://") && text.bytes().all(|octet| octet.is_ascii_graphic());
    good.then_some(text)
}

/// The last part of an address, if the part before it is this folder.
pub(super) fn file_below<'a>(url: &'a str, folder: &str) -> Option<&'a str> {
    let (path, file) = url.rsplit_once('/')?;
    path.strip_suffix(folder)?.ends_with('/').then_some(file)
}
