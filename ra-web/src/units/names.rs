//! How a part of a name finds it by index: a name contains what one of its ends begins with. Each end is a row; a
//! search is one range of bytes, on any engine and in any locale, whatever the length of what was typed.

/// Of a longer name only so many characters count: as many as a name may have in a certificate.
const MAX_CHARS: usize = 64;

/// The ends of a folded name, the whole name first, each with the number of characters before it.
pub fn suffixes(folded: &str) -> impl Iterator<Item = (i16, &[u8])> {
    let name = cut(folded);
    name.char_indices().zip(0..).map(|((at, _), place)| (place, &name.as_bytes()[at..]))
}

/// The range of ends that begin with a part, from the first to before the second.
#[must_use]
pub fn range(part: &str) -> (Vec<u8>, Vec<u8>) {
    let from = cut(part).as_bytes().to_vec();
    // No byte of UTF-8 is 0xff.
    let below = [&from[..], &[0xff]].concat();
    (from, below)
}

fn cut(text: &str) -> &str {
    let end = text.char_indices().nth(MAX_CHARS).map_or(text.len(), |(at, _)| at);
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_of_a_name_is_the_beginning_of_one_of_its_ends() {
        let name = "示范市东湖abc公司";
        let found = |part: &str| {
            let (from, below) = range(part);
            suffixes(name).any(|(_, end)| end >= &from[..] && end < &below[..])
        };
        for part in [name, "示", "东湖", "湖a", "bc公", "司"] {
            assert!(found(part), "{part}");
        }
        for part in ["湖东", "东湖公司", "司示", "公司x"] {
            assert!(!found(part), "{part}");
        }
        assert_eq!(suffixes(name).next(), Some((0, name.as_bytes())));
        assert_eq!(suffixes(name).count(), 10);
    }

    #[test]
    fn a_name_beyond_all_measure_has_a_measured_number_of_ends() {
        let name = "长".repeat(500);
        let lengths: Vec<usize> = suffixes(&name).map(|(_, end)| end.len() / 3).collect();
        assert_eq!(lengths, (1..=MAX_CHARS).rev().collect::<Vec<_>>(), "no two are the same");
        assert_eq!(range(&name).0.len(), 3 * MAX_CHARS);
    }
}
