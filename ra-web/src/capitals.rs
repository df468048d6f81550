//! Amounts of renminbi in Chinese capitals, as receipts, invoices and vouchers write them.

/// An amount in fen: 20,000 is 贰佰元整. Amounts below zero begin with 负.
#[must_use]
pub fn yuan(fen_in_all: i64) -> String {
    let (yuan, jiao, fen) =
        (fen_in_all.unsigned_abs() / 100, fen_in_all.unsigned_abs() / 10 % 10, fen_in_all.unsigned_abs() % 10);
    let mut text = String::from(if fen_in_all < 0 { "负" } else { "" });
    if yuan > 0 || (jiao == 0 && fen == 0) {
        text.push_str(&integer(yuan));
        text.push('元');
    }
    match (jiao, fen) {
        (0, 0) => text.push('整'),
        (0, fen) => {
            if yuan > 0 {
                text.push('零');
            }
            text.push(DIGITS[fen as usize]);
            text.push('分');
        }
        (jiao, 0) => {
            text.push(DIGITS[jiao as usize]);
            text.push_str("角整");
        }
        (jiao, fen) => {
            text.extend([DIGITS[jiao as usize], '角', DIGITS[fen as usize], '分']);
        }
    }
    text
}

const DIGITS: [char; 10] = ['零', '壹', '贰', '叁', '肆', '伍', '陆', '柒', '捌', '玖'];
const PLACES: [&str; 4] = ["", "拾", "佰", "仟"];
const GROUPS: [&str; 5] = ["", "万", "亿", "万亿", "亿亿"];

/// A whole number in capitals: runs of zeros give one 零, none before 万, 亿 or the end.
fn integer(number: u64) -> String {
    if number == 0 {
        return "零".into();
    }
    let groups: Vec<u64> = (0_u32..5).map(|n| number / 10_000_u64.pow(n) % 10_000).collect();
    let (mut text, mut gap) = (String::new(), false);
    for (n, group) in groups.iter().enumerate().rev() {
        if *group == 0 {
            gap = gap || !text.is_empty();
            continue;
        }
        for place in (0..4_usize).rev() {
            let digit = group / 10_u64.pow(place as u32) % 10;
            if digit == 0 {
                gap = gap || !text.is_empty();
                continue;
            }
            if gap {
                text.push('零');
                gap = false;
            }
            text.push(DIGITS[digit as usize]);
            text.push_str(PLACES[place]);
        }
        // Zeros at the end of a group are said only when digits follow.
        text.push_str(GROUPS[n]);
        gap = false;
    }
    text
}
