//! Charts: where the bars and lines of an SVG picture stand. The words and the drawing are the template's.

/// A series of figures with the name of its colour class.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// In the page's language.
    pub label: String,
    /// One for each label of the chart; `None` where nothing is known.
    pub values: Vec<Option<i64>>,
}

/// What kind of picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Bars side by side.
    Bars,
    /// A line for each series.
    Lines,
}

/// A bar: place, and what it says when it is pointed at.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    /// The series, from 1: the colour class.
    pub series: usize,
    /// Left.
    pub x: f64,
    /// Top.
    pub y: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
    /// Its title.
    pub title: String,
}

/// A point of a line.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// Right of the left edge.
    pub x: f64,
    /// Below the upper edge.
    pub y: f64,
    /// Its title.
    pub title: String,
}

/// A line with its points.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// The series, from 1: the colour class and the shape of its points.
    pub series: usize,
    /// Pieces without a gap, each as the `points` of a polyline.
    pub pieces: Vec<String>,
    /// The points.
    pub points: Vec<Point>,
}

/// A text at a place.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    /// Right of the left edge.
    pub x: f64,
    /// Below the upper edge.
    pub y: f64,
    /// What it says.
    pub text: String,
}

/// A picture, ready to be drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// Names of the series, in the order of their classes.
    pub legend: Vec<String>,
    /// Bars, if it has bars.
    pub bars: Vec<Bar>,
    /// Lines, if it has lines.
    pub lines: Vec<Line>,
    /// The scale at the left, with a line across at each.
    pub scale: Vec<Mark>,
    /// The labels below.
    pub labels: Vec<Mark>,
}

/// The picture's width; it is scaled to its place.
pub const WIDTH: f64 = 760.0;
/// Its height.
pub const HEIGHT: f64 = 280.0;
const LEFT: f64 = 56.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 32.0;
/// Labels that have room below.
const MOST_LABELS: usize = 13;

impl Chart {
    /// Draws series over labels; `say` writes a figure.
    #[must_use]
    pub fn draw(kind: Kind, labels: &[String], series: &[Series], say: impl Fn(i64) -> String) -> Self {
        let most = series.iter().flat_map(|s| &s.values).flatten().copied().max().unwrap_or(0).max(1);
        let (step, ticks) = ticks(most);
        let top = (step * ticks) as f64;
        let height = HEIGHT - TOP - BOTTOM;
        let y = |value: i64| TOP + height - height * (value.max(0) as f64 / top);
        let slot = (WIDTH - LEFT) / labels.len().max(1) as f64;
        let mut chart = Self {
            legend: series.iter().map(|s| s.label.clone()).collect(),
            bars: Vec::new(),
            lines: Vec::new(),
            scale: (0..=ticks).map(|n| Mark { x: LEFT - 8.0, y: y(n * step), text: say(n * step) }).collect(),
            labels: Vec::new(),
        };
        let every = labels.len().div_ceil(MOST_LABELS).max(1);
        for (at, label) in labels.iter().enumerate().step_by(every) {
            let mark = Mark { x: LEFT + slot * (at as f64 + 0.5), y: HEIGHT - 8.0, text: label.clone() };
            chart.labels.push(mark);
        }
        for (number, one) in series.iter().enumerate() {
            let title = |at: usize, value| {
                format!("{} {}: {}", labels.get(at).map_or("", String::as_str), one.label, say(value))
            };
            match kind {
                Kind::Bars => {
                    let width = (slot * 0.76 / series.len() as f64).min(40.0);
                    let left = (slot - width * series.len() as f64) / 2.0;
                    for (at, value) in one.values.iter().enumerate().filter_map(|(at, v)| v.map(|v| (at, v))) {
                        chart.bars.push(Bar {
                            series: number + 1,
                            x: LEFT + slot * at as f64 + left + width * number as f64,
                            y: y(value),
                            width: width - 1.0,
                            height: TOP + height - y(value),
                            title: title(at, value),
                        });
                    }
                }
                Kind::Lines => {
                    let mut line = Line { series: number + 1, pieces: Vec::new(), points: Vec::new() };
                    let mut piece: Vec<String> = Vec::new();
                    for (at, value) in one.values.iter().enumerate() {
                        let Some(value) = *value else {
                            line.pieces.push(std::mem::take(&mut piece).join(" "));
                            continue;
                        };
                        let point = Point { x: LEFT + slot * (at as f64 + 0.5), y: y(value), title: title(at, value) };
                        piece.push(format!("{:.1},{:.1}", point.x, point.y));
                        line.points.push(point);
                    }
                    line.pieces.push(piece.join(" "));
                    line.pieces.retain(|piece| !piece.is_empty());
                    chart.lines.push(line);
                }
            }
        }
        chart
    }
}

/// Steps of a scale that people read easily: 1, 2 or 5 times a power of ten, at most five of them.
fn ticks(most: i64) -> (i64, i64) {
    let mut step = 1;
    for factor in [2, 5, 10].into_iter().cycle() {
        if step * 5 >= most {
            break;
        }
        step = match factor {
            2 => step * 2,
            5 => step / 2 * 5,
            _ => step / 5 * 10,
        };
    }
    (step, (most + step - 1) / step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_are_round_and_reach_the_highest_figure() {
        for (most, step, ticks_) in [(1, 1, 1), (5, 1, 5), (6, 2, 3), (23, 5, 5), (51, 20, 3), (999, 200, 5)] {
            assert_eq!(ticks(most), (step, ticks_), "{most}");
        }
    }

    #[test]
    fn bars_and_points_lie_inside_the_picture_and_a_gap_breaks_a_line() {
        let labels: Vec<String> = (0..24).map(|n| n.to_string()).collect();
        let mut values: Vec<Option<i64>> = (0..24).map(|n| Some(n * n)).collect();
        values[7] = None;
        let series = [
            Series { label: "one".into(), values: values.clone() },
            Series { label: "two".into(), values: vec![Some(0); 24] },
        ];
        let bars = Chart::draw(Kind::Bars, &labels, &series, |n| n.to_string());
        assert_eq!(bars.bars.len(), 47);
        for bar in &bars.bars {
            assert!(bar.x >= LEFT && bar.x + bar.width <= WIDTH && bar.y >= TOP && bar.height >= 0.0, "{bar:?}");
        }
        assert!(bars.labels.len() <= MOST_LABELS);
        let lines = Chart::draw(Kind::Lines, &labels, &series, |n| n.to_string());
        assert_eq!((lines.lines[0].pieces.len(), lines.lines[0].points.len()), (2, 23));
        let empty = Chart::draw(Kind::Lines, &[], &[], |n| n.to_string());
        assert_eq!(empty.scale.len(), 2);
    }
}
