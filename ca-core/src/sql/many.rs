//! Statements over many rows, in a few sizes: sqlx takes only SQL that stands still, and an engine keeps only so
//! many prepared statements.

use std::fmt::Write as _;
use std::sync::OnceLock;

/// How many rows a statement takes; every number of rows is a sum of these.
const SIZES: [usize; 3] = [16, 4, 1];

/// A statement over so many rows.
pub(super) struct Many {
    shape: Shape,
    texts: OnceLock<[&'static str; SIZES.len()]>,
}

enum Shape {
    Rows(&'static str, usize),
    Keys(&'static str),
    Written(fn(usize) -> String),
}

impl Many {
    /// `head ($1, $2), ($3, $4), …` with this many columns: an INSERT.
    pub(super) const fn rows(head: &'static str, columns: usize) -> Self {
        Self { shape: Shape::Rows(head, columns), texts: OnceLock::new() }
    }

    /// `head ($1, $2, …)`: a SELECT by keys.
    pub(super) const fn keys(head: &'static str) -> Self {
        Self { shape: Shape::Keys(head), texts: OnceLock::new() }
    }

    /// Whatever this writes for a number of rows.
    pub(super) const fn written(text: fn(usize) -> String) -> Self {
        Self { shape: Shape::Written(text), texts: OnceLock::new() }
    }

    /// Cuts items into pieces of at most so many, each with the statement that takes it.
    pub(super) fn pieces<'a, T>(&self, items: &'a [T], most: usize) -> impl Iterator<Item = (&'static str, &'a [T])> {
        let texts = self.texts();
        let mut rest = items;
        std::iter::from_fn(move || {
            let (text, size) = texts.into_iter().zip(SIZES).find(|(_, size)| *size <= rest.len().min(most))?;
            let (piece, left) = rest.split_at(size);
            rest = left;
            Some((text, piece))
        })
    }

    /// The statement in all its sizes.
    pub(super) fn texts(&self) -> [&'static str; SIZES.len()] {
        // Made once for the life of the process: a handful of short texts.
        *self.texts.get_or_init(|| SIZES.map(|size| &*String::leak(self.text(size))))
    }

    fn text(&self, size: usize) -> String {
        let (head, rows, width) = match self.shape {
            Shape::Rows(head, columns) => (head, size, columns),
            Shape::Keys(head) => (head, 1, size),
            Shape::Written(text) => return text(size),
        };
        let mut text = format!("{head} ");
        for row in 0..rows {
            text.push_str(if row == 0 { "(" } else { ", (" });
            for column in 0..width {
                let separator = if column == 0 { "" } else { ", " };
                // Writing into a String cannot fail.
                let _ = write!(text, "{separator}${}", row * width + column + 1);
            }
            text.push(')');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::Many;

    #[test]
    fn every_number_of_rows_is_cut_into_statements_that_fit() {
        let insert = Many::rows("INSERT INTO t (a, b) VALUES", 2);
        assert_eq!(insert.texts()[2], "INSERT INTO t (a, b) VALUES ($1, $2)");
        assert!(insert.texts()[1].ends_with("VALUES ($1, $2), ($3, $4), ($5, $6), ($7, $8)"));
        assert_eq!(Many::keys("SELECT a FROM t WHERE a IN").texts()[1], "SELECT a FROM t WHERE a IN ($1, $2, $3, $4)");
        let items: Vec<usize> = (0..38).collect();
        let sizes: Vec<usize> = insert.pieces(&items, 16).map(|(_, piece)| piece.len()).collect();
        assert_eq!(sizes, [16, 16, 4, 1, 1]);
        let one: Vec<usize> = insert.pieces(&items[..6], 1).map(|(_, piece)| piece.len()).collect();
        assert_eq!(one, [1; 6]);
        assert!(insert.pieces(&items, 16).flat_map(|(_, piece)| piece).eq(&items));
        assert_eq!(insert.pieces::<usize>(&[], 16).count(), 0);
    }
}
