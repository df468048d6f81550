//! How long something took, on a scale of fixed steps: each a fourth of a doubling, so that a median is right to within a
//! tenth however many there were, and a month of an office is some dozens of numbers.

/// The scale begins with one minute.
const FIRST_SECONDS: f64 = 60.0;
const STEPS_OF_A_DOUBLING: f64 = 4.0;
/// The last step takes whatever is longer than about a year.
const LAST: i64 = 76;

/// The step of a time in seconds.
#[must_use]
pub fn step(seconds: i64) -> i64 {
    let minutes = seconds as f64 / FIRST_SECONDS;
    if minutes < 1.0 { 0 } else { ((minutes.log2() * STEPS_OF_A_DOUBLING).floor() as i64 + 1).min(LAST) }
}

/// The seconds for which a step stands: its middle.
#[must_use]
pub fn seconds(step: i64) -> i64 {
    if step <= 0 {
        return 30;
    }
    (FIRST_SECONDS * ((step as f64 - 0.5) / STEPS_OF_A_DOUBLING).exp2()) as i64
}

/// How long so many of a hundred took at most, out of steps with how many there were; `None` when there were none.
#[must_use]
pub fn percentile(steps: impl IntoIterator<Item = (i64, i64)>, percent: i64) -> Option<i64> {
    let mut steps: Vec<(i64, i64)> = steps.into_iter().filter(|(_, n)| *n > 0).collect();
    steps.sort_unstable();
    let all: i64 = steps.iter().map(|(_, n)| n).sum();
    // The smallest rank that has at least this share at or below it.
    let rank = (all * percent + 99) / 100;
    let mut seen = 0;
    steps.into_iter().find_map(|(step, n)| {
        seen += n;
        (seen >= rank).then(|| seconds(step))
    })
}

#[cfg(test)]
mod tests {
    use rand::Rng as _;
    use rand::SeedableRng as _;
    use rand_chacha::ChaCha20Rng;

    use super::*;

    #[test]
    fn each_time_is_within_a_tenth_of_its_step() {
        for time in (60..400).chain((400..30_000_000).step_by(9_973)) {
            let shown = seconds(step(time));
            assert!((shown - time).abs() * 10 <= time, "{time} is shown as {shown}");
        }
        assert_eq!((step(0), step(-5), step(59), step(60)), (0, 0, 0, 1));
    }

    #[test]
    fn percentiles_are_within_a_tenth_of_those_of_the_times_themselves() {
        let mut rng = ChaCha20Rng::seed_from_u64(4);
        for _ in 0..50 {
            let mut times: Vec<i64> = (0..rng.random_range(1..300)).map(|_| rng.random_range(60..900_000)).collect();
            times.sort_unstable();
            for percent in [50, 90] {
                let rank = (times.len() * percent).div_ceil(100);
                let exact = times[rank - 1];
                let counted = times.iter().map(|time| (step(*time), 1));
                let shown = percentile(counted, i64::try_from(percent).expect("small")).expect("some");
                assert!((shown - exact).abs() * 10 <= exact, "{percent} %: {shown} for {exact}");
            }
        }
        assert_eq!(percentile([], 50), None);
    }
}
