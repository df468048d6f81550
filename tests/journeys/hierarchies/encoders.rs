//! What the bytes of certificates and lists must hold whoever reads them: strict DER, numbers, days.

use anyhow::Context as _;
use der::{Decode as _, Encode as _};
use time::{OffsetDateTime, UtcOffset};
use x509_cert::Certificate;
use x509_cert::certificate::Rfc5280;
use x509_cert::crl::CertificateList;

use super::exhibits::Exhibits;

/// Parses everything and writes it again: what comes out must be the same octets.
pub(super) fn x509_cert_writes_the_same(exhibits: &Exhibits) -> anyhow::Result<()> {
    for (_, file) in exhibits.certificates() {
        let der = std::fs::read(&file)?;
        assert_eq!(Certificate::from_der(&der)?.to_der()?, der, "{}", file.display());
    }
    for file in [&exhibits.list, &exhibits.root_list] {
        let der = std::fs::read(file)?;
        assert_eq!(CertificateList::<Rfc5280>::from_der(&der)?.to_der()?, der, "{}", file.display());
    }
    Ok(())
}

/// Serial numbers are long and never twice the same; a validity begins and ends with a day of Beijing; nothing that
/// looks like a resident's number stands in a unit's certificate.
pub(super) fn numbers_and_days(exhibits: &Exhibits) -> anyhow::Result<()> {
    let mut serials = Vec::new();
    for (_, file) in exhibits.certificates() {
        let certificate = Certificate::from_der(&std::fs::read(&file)?)?;
        let tbs = certificate.tbs_certificate();
        let serial = tbs.serial_number().as_bytes().to_vec();
        assert!(serial.len() >= 8, "{} octets of serial number in {}", serial.len(), file.display());
        serials.push(serial);
        if file == exhibits.delegate {
            continue;
        }
        let [start, end] = validity(&certificate)?.map(|moment| moment.to_offset(BEIJING));
        assert_eq!(start.time(), time::macros::time!(0:00), "{}", file.display());
        assert_eq!(end.time(), time::macros::time!(23:59:59), "{}", file.display());
    }
    let all = serials.len();
    serials.sort();
    serials.dedup();
    assert_eq!(serials.len(), all, "a serial number twice");
    let unit = std::fs::read(exhibits.good.der())?;
    let longest = unit.split(|octet| !octet.is_ascii_digit() && !matches!(octet, b'X' | b'x')).map(<[u8]>::len).max();
    assert!(longest < Some(15), "digits like those of a resident's number");
    Ok(())
}

/// Days begin and end by this clock.
pub(super) const BEIJING: UtcOffset = time::macros::offset!(+8);

/// First and last moment.
pub(super) fn validity(certificate: &Certificate) -> anyhow::Result<[OffsetDateTime; 2]> {
    let validity = certificate.tbs_certificate().validity();
    let moment = |time: x509_cert::time::Time| {
        OffsetDateTime::from_unix_timestamp(i64::try_from(time.to_unix_duration().as_secs())?).context("a moment")
    };
    Ok([moment(validity.not_before)?, moment(validity.not_after)?])
}
