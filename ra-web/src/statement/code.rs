//! Remittance codes: what a payer writes beside a transfer, so that the money finds what it is for.
//!
//! Two letters that say whose, eight digits drawn by chance, and a check digit after Damm, which no single wrong digit and no
//! two neighbours that changed places leave as it was. Digits only: nothing looks like something else, and a bank clerk can
//! type it.

use rand::Rng;
use unicode_normalization::UnicodeNormalization as _;

/// What a code is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A bill of the registration office.
    Bill,
    /// A transaction of the housing fund.
    Fund,
}

impl Kind {
    /// The two letters.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Bill => "XT",
            Self::Fund => "GJ",
        }
    }
}

/// Letters of a code.
const LETTERS: usize = 2;
/// Digits of a code, the check digit among them.
const DIGITS: usize = 9;

/// Damm's table: a quasigroup of order ten without fixed points.
const DAMM: [[u8; 10]; 10] = [
    [0, 3, 1, 7, 5, 9, 8, 6, 4, 2],
    [7, 0, 9, 2, 1, 5, 4, 8, 6, 3],
    [4, 2, 0, 6, 8, 7, 1, 3, 5, 9],
    [1, 7, 5, 0, 9, 8, 3, 4, 2, 6],
    [6, 1, 2, 3, 0, 4, 5, 9, 7, 8],
    [3, 6, 7, 4, 2, 0, 9, 5, 8, 1],
    [5, 8, 6, 9, 7, 2, 0, 1, 3, 4],
    [8, 9, 4, 5, 3, 6, 2, 0, 1, 7],
    [9, 4, 3, 8, 6, 1, 7, 2, 0, 5],
    [2, 5, 8, 1, 4, 3, 6, 7, 9, 0],
];

/// `XT123456784`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RemittanceCode(String);

impl RemittanceCode {
    /// One by chance; whether it is free the store says.
    pub fn draw(kind: Kind, rng: &mut impl Rng) -> Self {
        let number: u32 = rng.random_range(0..100_000_000);
        let digits = format!("{number:08}");
        Self(format!("{}{digits}{}", kind.prefix(), check(&digits)))
    }

    /// As text, without blanks.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// In groups, as people copy it: `XT 123 456 784`.
    #[must_use]
    pub fn grouped(&self) -> String {
        let (letters, digits) = self.0.split_at(LETTERS);
        format!("{letters} {} {} {}", &digits[..3], &digits[3..6], &digits[6..])
    }
}

impl std::str::FromStr for RemittanceCode {
    type Err = ();

    /// As it is stored. What people and banks write is read by [`codes_in`].
    fn from_str(text: &str) -> Result<Self, ()> {
        let kinds = [Kind::Bill, Kind::Fund];
        let digits = kinds.iter().find_map(|kind| text.strip_prefix(kind.prefix())).ok_or(())?;
        let good = digits.len() == DIGITS && digits.bytes().all(|b| b.is_ascii_digit()) && check(digits) == 0;
        if good { Ok(Self(text.to_owned())) } else { Err(()) }
    }
}

impl std::fmt::Display for RemittanceCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The check digit of some digits; of digits with a right one at their end it is zero.
fn check(digits: &str) -> u8 {
    digits.bytes().fold(0, |at, digit| DAMM[usize::from(at)][usize::from(digit - b'0')])
}

/// What stands in the memo of a transfer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Codes {
    /// Codes whose check digit is right, each once.
    pub good: Vec<RemittanceCode>,
    /// Something that was meant to be one.
    pub broken: bool,
}

/// Reads codes of a kind out of a memo: full-width, in small letters, with blanks and hyphens between, O for 0 and l for 1.
#[must_use]
pub fn codes_in(kind: Kind, memo: &str) -> Codes {
    let text: Vec<char> = memo
        .nfkc()
        .flat_map(char::to_uppercase)
        .filter(|c| !c.is_whitespace() && !matches!(c, '-' | '_' | '.' | '·'))
        .collect();
    let mut codes = Codes::default();
    for (at, pair) in text.windows(LETTERS).enumerate() {
        if !pair.iter().copied().eq(kind.prefix().chars()) {
            continue;
        }
        let digits: String = text[at + LETTERS..].iter().map_while(|c| digit(*c)).take(DIGITS).collect();
        match format!("{}{digits}", kind.prefix()).parse::<RemittanceCode>() {
            Ok(code) if !codes.good.contains(&code) => codes.good.push(code),
            Ok(_) => {}
            Err(()) => codes.broken |= digits.len() >= 5,
        }
    }
    codes
}

const fn digit(c: char) -> Option<char> {
    match c {
        '0'..='9' => Some(c),
        'O' => Some('0'),
        'I' | 'L' => Some('1'),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn good(text: &str) -> Vec<String> {
        codes_in(Kind::Bill, text).good.iter().map(ToString::to_string).collect()
    }

    fn code(number: u32) -> String {
        let digits = format!("{number:08}");
        format!("XT{digits}{}", check(&digits))
    }

    #[test]
    fn a_code_is_read_as_people_and_banks_write_it() {
        let code = code(12_345_678);
        let digits = &code[2..];
        let wide: String = code.chars().map(|c| char::from_u32(c as u32 + 0xfee0).expect("a wide form")).collect();
        for written in [
            code.clone(),
            code.to_lowercase(),
            wide,
            format!("证书延期服务费 {code} 东湖"),
            format!("xt {} {} {}", &digits[..3], &digits[3..6], &digits[6..]),
            format!("ＸＴ－{digits}"),
            format!("用途:{code}/附言:{code}"),
            format!("{code} 20261130"),
        ] {
            assert_eq!(good(&written), std::slice::from_ref(&code), "{written}");
        }
        assert_eq!(good(&super::tests::code(1_020).replace('0', "o").replace('1', "l")), [super::tests::code(1_020)]);
        assert_eq!(code.parse::<RemittanceCode>().expect("a code").grouped().replace(' ', ""), code);
    }

    #[test]
    fn two_codes_are_two_and_what_is_no_code_is_none() {
        let (one, two) = (code(1), code(2));
        assert_eq!(codes_in(Kind::Fund, &one), Codes::default(), "another's");
        assert_eq!(good(&format!("{one},{two}")), [one, two]);
        assert_eq!(codes_in(Kind::Bill, "货款"), Codes::default());
        assert_eq!(codes_in(Kind::Bill, "XT12"), Codes::default(), "too short to have been meant");
        assert!(codes_in(Kind::Bill, "XT123456789").broken || !good("XT123456789").is_empty());
        let wrong = format!("XT12345678{}", (check("12345678") + 1) % 10);
        assert_eq!(codes_in(Kind::Bill, &wrong), Codes { good: Vec::new(), broken: true });
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn one_wrong_digit_or_two_neighbours_changed_are_always_seen(number in 0_u32..100_000_000) {
            let right = code(number).into_bytes();
            for at in 2..right.len() {
                for other in b'0'..=b'9' {
                    let mut typed = right.clone();
                    typed[at] = other;
                    let text = String::from_utf8(typed).expect("digits");
                    prop_assert_eq!(text.parse::<RemittanceCode>().is_ok(), other == right[at], "{}", text);
                }
                if at + 1 < right.len() && right[at] != right[at + 1] {
                    let mut typed = right.clone();
                    typed.swap(at, at + 1);
                    let text = String::from_utf8(typed).expect("digits");
                    prop_assert!(text.parse::<RemittanceCode>().is_err(), "{}", text);
                }
            }
        }
    }
}
