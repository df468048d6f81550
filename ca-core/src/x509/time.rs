//! Moments in certificates and CRLs.

use super::X509Error;
use crate::domain::Timestamp;
use crate::tlv::{Element, tag};

/// Reads a UTCTime or GeneralizedTime as RFC 5280 §4.1.2.5 writes it: seconds, `Z`, no fraction.
pub(crate) fn time(element: Element<'_>) -> Result<Timestamp, X509Error> {
    const BAD: X509Error = X509Error::Part("time");
    let digits = element.content.strip_suffix(b"Z").ok_or(BAD)?;
    if !digits.iter().all(u8::is_ascii_digit) {
        return Err(BAD);
    }
    let number = |at: usize| (digits[at] - b'0') * 10 + (digits[at + 1] - b'0');
    let (year, rest) = match (element.tag, digits.len()) {
        (tag::UTC_TIME, 12) => {
            let year = i32::from(number(0));
            (if year < 50 { 2000 + year } else { 1900 + year }, 2)
        }
        (tag::GENERALIZED_TIME, 14) => (i32::from(number(0)) * 100 + i32::from(number(2)), 4),
        _ => return Err(BAD),
    };
    let (month, day) = (number(rest), number(rest + 2));
    let (hour, minute, second) = (number(rest + 4), number(rest + 6), number(rest + 8));
    if !(1..=12).contains(&month)
        || !(1..=days_in(year, month)).contains(&day)
        || hour > 23
        || minute > 59
        || second > 59
    {
        return Err(BAD);
    }
    let clock = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
    Ok(Timestamp::from_unix(days_before(year, month, day) * 86_400 + clock))
}

fn days_in(year: i32, month: u8) -> u8 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to this day, in the Gregorian calendar. By hand, for a CRL has a million dates: years are
/// counted from March, so that the day that is not always there comes last.
fn days_before(year: i32, month: u8, day: u8) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (year, month, day) = (i64::from(year), i64::from(month), i64::from(day));
    365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468
}

/// Writes a Time: UTCTime up to 2049, GeneralizedTime from 2050 (RFC 5280 §4.1.2.5).
///
/// `None` outside the years 1950 to 9999.
pub(crate) fn write_time(moment: Timestamp) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(17);
    append_time(&mut out, moment)?;
    Some(out)
}

/// [`write_time`] at the end of what is there. A CRL has one in each of a million entries.
pub(crate) fn append_time(out: &mut Vec<u8>, moment: Timestamp) -> Option<()> {
    let utc = moment.to_utc()?;
    let year = u16::try_from(utc.year()).ok()?;
    let (century, year) = (u8::try_from(year / 100).ok()?, u8::try_from(year % 100).ok()?);
    let pair = |number: u8| [b'0' + number / 10 % 10, b'0' + number % 10];
    if is_utc_time(moment) {
        out.extend([tag::UTC_TIME, 13]);
    } else {
        out.extend([tag::GENERALIZED_TIME, 15]);
        out.extend(pair(century));
    }
    let rest = [year, u8::from(utc.month()), utc.day(), utc.hour(), utc.minute(), utc.second()].map(pair);
    out.extend_from_slice(rest.as_flattened());
    out.push(b'Z');
    Some(())
}

/// A GeneralizedTime whatever the year, as an invalidityDate is written (RFC 5280 §5.3.2).
#[cfg(any(feature = "sign", test))]
pub(crate) fn append_generalized_time(out: &mut Vec<u8>, moment: Timestamp) -> Option<()> {
    let utc = moment.to_utc()?;
    let year = u16::try_from(utc.year()).ok().filter(|year| *year < 10_000)?;
    let (century, year) = (u8::try_from(year / 100).ok()?, u8::try_from(year % 100).ok()?);
    let pairs = [century, year, u8::from(utc.month()), utc.day(), utc.hour(), utc.minute(), utc.second()];
    out.extend([tag::GENERALIZED_TIME, 15]);
    out.extend_from_slice(pairs.map(|number| [b'0' + number / 10, b'0' + number % 10]).as_flattened());
    out.push(b'Z');
    Some(())
}

/// Whether a moment is written as UTCTime: those before 2050 are.
pub(crate) fn is_utc_time(moment: Timestamp) -> bool {
    moment < Timestamp::from_unix(2_524_608_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlv;

    #[test]
    fn times_turn_from_two_to_four_digit_years_in_2050() {
        for (unix, tag) in [
            (-631_152_000, tag::UTC_TIME), // 1950-01-01
            (0, tag::UTC_TIME),
            (2_524_607_999, tag::UTC_TIME),         // 2049-12-31T23:59:59Z
            (2_524_608_000, tag::GENERALIZED_TIME), // 2050-01-01T00:00:00Z
        ] {
            let bytes = write_time(Timestamp::from_unix(unix)).expect("in range");
            assert_eq!(bytes[0], tag);
            let element = tlv::single(&bytes, tag).expect("own output");
            assert_eq!(time(element), Ok(Timestamp::from_unix(unix)));
            let mut long = Vec::new();
            append_generalized_time(&mut long, Timestamp::from_unix(unix)).expect("in range");
            let element = tlv::single(&long, tag::GENERALIZED_TIME).expect("own output");
            assert_eq!(time(element), Ok(Timestamp::from_unix(unix)));
        }
        assert_eq!(write_time(Timestamp::from_unix(i64::MAX)), None);
    }

    #[test]
    fn every_day_of_four_centuries_is_read_as_the_calendar_has_it() {
        for day in (-631_152_000 / 86_400)..(146_097 + 1) {
            let moment = Timestamp::from_unix(day * 86_400 + 86_399);
            let bytes = write_time(moment).expect("in range");
            let element = tlv::Reader::new(&bytes).next().expect("own output");
            assert_eq!(time(element), Ok(moment));
        }
        for (text, real) in [
            ("20000229000000Z", true),
            ("21000229000000Z", false),
            ("20260431000000Z", false),
            ("20260400000000Z", false),
            ("20260013000000Z", false),
            ("20261231240000Z", false),
            ("20261231236000Z", false),
            ("20261231235960Z", false),
            ("00000101000000Z", true),
        ] {
            let bytes = tlv::write(tag::GENERALIZED_TIME, &[text]);
            assert_eq!(time(tlv::single(&bytes, tag::GENERALIZED_TIME).expect("own output")).is_ok(), real, "{text}");
        }
    }

    #[test]
    fn times_without_seconds_or_with_offsets_are_refused() {
        let read = |tag: u8, text: &str| {
            let bytes = tlv::write(tag, &[text]);
            time(tlv::single(&bytes, tag).expect("own output")).is_ok()
        };
        assert!(read(tag::UTC_TIME, "261123204000Z"));
        assert!(!read(tag::UTC_TIME, "2611232040Z"));
        assert!(!read(tag::UTC_TIME, "261123204000+0800"));
        assert!(!read(tag::UTC_TIME, "261323204000Z"));
        assert!(!read(tag::GENERALIZED_TIME, "20261123204000.5Z"));
    }
}
