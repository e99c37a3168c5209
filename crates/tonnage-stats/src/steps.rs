//! Steps in a series: from where on it ran at another level, and which blocks ran while
//! the machine changed. What is done about it is for the caller.

/// The fewest values of a level: less is an outlier, not a level.
pub const SHORTEST_LEVEL: usize = 3;

/// What a step costs, in units of ln n times the noise: twice the Bayesian criterion's
/// charge for a level and its place, so that noise makes a step in less than 5 of 100
/// series (the tests count).
const PENALTY: f64 = 3.0;

/// Blocks whose references differ by less, as |ln|, have not drifted whatever the noise.
const LEAST_DRIFT: f64 = 0.05;

/// Where new levels start: indices into `values`, ascending, the first level's 0 left
/// out; empty for a series without steps.
///
/// The levels are the medians between steps, chosen to make Σ |value − level| + penalty ·
/// steps least (L1 segmentation by dynamic programming: B. Jackson et al., IEEE Signal
/// Processing Letters 12(2), 2005), where a level has at least [`SHORTEST_LEVEL`] values
/// and the penalty is like that of G. Schwarz's criterion for Laplace noise (Annals of
/// Statistics 6(2), 1978). The noise is read from the differences of neighbours, which
/// steps hardly touch. Values that are not finite end the search: there are no steps.
pub fn steps(values: &[f64]) -> Vec<usize> {
    let n = values.len();
    if n < 2 * SHORTEST_LEVEL || !values.iter().all(|value| value.is_finite()) {
        return Vec::new();
    }
    let penalty = PENALTY * noise(values) * (n as f64).ln();
    // For each end: the least cost up to it, and where its last level starts.
    let mut best = vec![(f64::INFINITY, 0); n + 1];
    best[0] = (-penalty, 0);
    for start in 0..n {
        if best[start].0.is_infinite() {
            continue;
        }
        let mut level = Vec::with_capacity(n - start);
        for end in start + 1..=n {
            insert(&mut level, values[end - 1]);
            let cost = best[start].0 + penalty + spread(&level);
            // Rounding must not make a step.
            if level.len() >= SHORTEST_LEVEL
                && cost < best[end].0 * (1.0 - 1e-12) - f64::MIN_POSITIVE
            {
                best[end] = (cost, start);
            }
        }
    }
    let mut starts = Vec::new();
    let mut end = n;
    while best[end].1 > 0 {
        end = best[end].1;
        starts.push(end);
    }
    starts.reverse();
    starts
}

/// How far each step of [`steps`] went: the new level's median less the old one's, in the
/// unit of the values. `starts` are ascending indices into `values`.
pub fn level_shifts(values: &[f64], starts: &[usize]) -> Vec<f64> {
    let edges: Vec<usize> = [0]
        .into_iter()
        .chain(starts.iter().copied())
        .chain([values.len()])
        .collect();
    let levels: Vec<f64> = edges
        .windows(2)
        .map(|edge| median(&values[edge[0]..edge[1]]))
        .collect();
    levels.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

/// The blocks in which the machine changed: those whose trials of the reference cell (at
/// their start, middle and end) differ among themselves by more than max(3 · `noise_floor`,
/// 5 %) as |ln|. A block with a reference that is not positive and finite counts as
/// drifted; one with fewer than two references has nothing to compare and does not.
///
/// The floor is [`noise_floor`](crate::noise_floor)'s, of means over blocks: three times
/// that is what three single trials stay within in about 95 of 100 blocks when the
/// experiment has 3 to 8 blocks; with many more it is stricter.
pub fn drifted_blocks(reference: &[Vec<f64>], noise_floor: f64) -> Vec<usize> {
    let limit = (3.0 * noise_floor).max(LEAST_DRIFT);
    let drifted = |trials: &Vec<f64>| {
        let usable = |value: &f64| *value > 0.0 && value.is_finite();
        if !trials.iter().all(usable) {
            return true;
        }
        let low = trials.iter().copied().fold(f64::INFINITY, f64::min);
        let high = trials.iter().copied().fold(0.0, f64::max);
        (high / low).ln() > limit
    };
    (0..reference.len())
        .filter(|block| drifted(&reference[*block]))
        .collect()
}

/// The mean absolute deviation of the noise, from the median difference of neighbours:
/// for a normal law the median of |difference| is 0.954 standard deviations, the mean
/// absolute deviation 0.798. Where most neighbours are equal, from their mean difference.
fn noise(values: &[f64]) -> f64 {
    let differences: Vec<f64> = values
        .windows(2)
        .map(|pair| (pair[1] - pair[0]).abs())
        .collect();
    let typical = median(&differences);
    if typical > 0.0 {
        return typical * 0.798 / 0.954;
    }
    let mean = differences.iter().sum::<f64>() / differences.len() as f64;
    mean / std::f64::consts::SQRT_2
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

fn insert(sorted: &mut Vec<f64>, value: f64) {
    let place = sorted.partition_point(|other| *other < value);
    sorted.insert(place, value);
}

/// Σ |value − median| of sorted values: the upper half less the lower.
fn spread(sorted: &[f64]) -> f64 {
    let half = sorted.len() / 2;
    let upper: f64 = sorted[sorted.len() - half..].iter().sum();
    upper - sorted[..half].iter().sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Stream;
    use proptest::prelude::*;

    fn series(seed: u64, levels: &[(usize, f64)], cv: f64) -> Vec<f64> {
        let mut stream = Stream::new(seed, 3);
        let mut values = Vec::new();
        for (count, level) in levels {
            values.extend((0..*count).map(|_| stream.trial(*level, cv)));
        }
        values
    }

    #[test]
    fn noise_alone_makes_no_steps() {
        // Measured: 3.0, 3.5, 0.7 and 0 %.
        for n in [6, 10, 24, 60] {
            let stepped =
                (0..1000).filter(|seed| !steps(&series(*seed, &[(n, 100.0)], 0.03)).is_empty());
            let share = stepped.count() as f64 / 1000.0;
            assert!(share < 0.05, "{n} values: {share}");
        }
    }

    #[test]
    fn a_step_of_five_deviations_is_found_where_it_is() {
        let found = (0..500).filter(|seed| {
            let values = series(*seed, &[(12, 100.0), (9, 85.0)], 0.03);
            matches!(steps(&values)[..], [at] if at.abs_diff(12) <= 1)
        });
        let share = found.count() as f64 / 500.0;
        assert!(share > 0.9, "{share}");
    }

    #[test]
    fn two_levels_come_and_go() {
        let values = series(4, &[(8, 100.0), (5, 70.0), (10, 100.0)], 0.02);
        let starts = steps(&values);
        assert_eq!(starts, [8, 13]);
        let shifts = level_shifts(&values, &starts);
        assert!(
            (shifts[0] + 30.0).abs() < 3.0 && (shifts[1] - 30.0).abs() < 3.0,
            "{shifts:?}"
        );
        assert_eq!(level_shifts(&values, &[]), [0.0; 0]);
    }

    #[test]
    fn one_outlier_is_no_level() {
        let mut values = series(5, &[(15, 100.0)], 0.02);
        values[7] = 20.0;
        assert_eq!(steps(&values), [0; 0]);
        assert_eq!(steps(&[1.0, 1.0, 1.0, 9.0, 9.0, f64::NAN]), [0; 0]);
        // Without noise any step counts.
        assert_eq!(steps(&[1.0, 1.0, 1.0, 1.1, 1.1, 1.1, 1.1]), [3]);
    }

    #[test]
    fn blocks_whose_references_differ_have_drifted() {
        let reference = [
            vec![100.0, 102.0, 99.0],
            vec![100.0, 99.0, 80.0],
            vec![100.0],
            vec![],
            vec![100.0, 0.0, 100.0],
        ];
        assert_eq!(drifted_blocks(&reference, 0.01), [1, 4]);
        assert_eq!(drifted_blocks(&reference, 0.1), [4]);
    }

    proptest! {
        #[test]
        fn levels_are_long_enough_and_clean_steps_are_found(
            lengths in prop::collection::vec(4usize..12, 1..5),
        ) {
            let levels: Vec<(usize, f64)> = lengths
                .iter()
                .enumerate()
                .map(|(i, n)| (*n, if i % 2 == 0 { 100.0 } else { 60.0 }))
                .collect();
            let values = series(1, &levels, 0.005);
            let starts = steps(&values);
            let mut at = 0;
            let expected: Vec<usize> = lengths[..lengths.len() - 1]
                .iter()
                .map(|n| { at += n; at })
                .collect();
            prop_assert_eq!(starts, expected);
        }

        #[test]
        fn any_series_has_sane_steps(values in prop::collection::vec(-1e6f64..1e6, 0..40)) {
            let mut edges = steps(&values);
            edges.insert(0, 0);
            edges.push(values.len());
            if edges.len() > 2 {
                prop_assert!(edges.windows(2).all(|e| e[1] - e[0] >= SHORTEST_LEVEL));
            }
        }
    }
}
