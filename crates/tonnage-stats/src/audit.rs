//! An audit of a published table by Little's law: which think time its rows agree on,
//! and which rows agree with none. What the table is about is for the caller.

/// A row is consistent when Little's law gives its throughput to 3 %, the same as the
/// laboratory asks of its own trials.
pub const TOLERANCE: f64 = 0.03;

/// One row of a table of a closed loop.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AuditRow {
    /// The number of clients N.
    pub clients: f64,
    /// The throughput X in requests per second.
    pub throughput_rps: f64,
    /// The mean response time R in seconds; a median or a percentile will not do.
    pub response_s: f64,
}

/// What an audit found.
#[derive(Debug, Clone, PartialEq)]
pub struct Audit {
    /// The think time Z in seconds that most rows agree on; 0 for none.
    pub think_s: f64,
    /// The rows in the order of the table.
    pub rows: Vec<AuditedRow>,
    /// How many rows are consistent.
    pub agreeing: usize,
    /// How many rows have figures to judge by.
    pub usable: usize,
}

/// What an audit says of one row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AuditedRow {
    /// N ÷ (R + Z), in requests per second; `None` where the row cannot be judged.
    pub predicted_rps: Option<f64>,
    /// Predicted ÷ published − 1; `None` where the row cannot be judged.
    pub residual: Option<f64>,
    /// Whether the residual is within [`TOLERANCE`].
    pub consistent: bool,
}

impl Audit {
    /// Whether more than half of the usable rows agree, and at least two: one row agrees
    /// with some think time nearly always.
    pub fn is_conclusive(&self) -> bool {
        self.agreeing >= 2 && 2 * self.agreeing > self.usable
    }

    /// The rows that can be judged and do not agree.
    pub fn inconsistent(&self) -> Vec<usize> {
        let deviates = |row: &AuditedRow| row.residual.is_some() && !row.consistent;
        (0..self.rows.len())
            .filter(|row| deviates(&self.rows[*row]))
            .collect()
    }
}

/// Finds the think time of a closed loop from its published rows by N = X · (R + Z)
/// (J. D. C. Little, Operations Research 9(3), 1961), and the rows that deviate by more
/// than [`TOLERANCE`]. `None` with fewer than two rows that have clients, throughput and
/// a response time.
///
/// Each row agrees with an interval of think times; Z is taken from where most of these
/// overlap, and where several places tie, from the one nearest to the median of
/// N ÷ X − R. It is then set to the median of N ÷ X − R of the rows that agree, unless
/// that loses one of them. A few wrong rows do not move it.
pub fn audit(rows: &[AuditRow]) -> Option<Audit> {
    let usable: Vec<AuditRow> = rows.iter().copied().filter(is_usable).collect();
    if usable.len() < 2 {
        return None;
    }
    let think_s = refined(&usable, most_agreed(&usable));
    let rows: Vec<AuditedRow> = rows.iter().map(|row| judged(row, think_s)).collect();
    Some(Audit {
        think_s,
        agreeing: rows.iter().filter(|row| row.consistent).count(),
        usable: usable.len(),
        rows,
    })
}

fn is_usable(row: &AuditRow) -> bool {
    let positive = |value: f64| value > 0.0 && value.is_finite();
    positive(row.clients) && positive(row.throughput_rps) && positive(row.response_s)
}

fn judged(row: &AuditRow, think_s: f64) -> AuditedRow {
    let predicted_rps = is_usable(row).then(|| row.clients / (row.response_s + think_s));
    let residual = predicted_rps.map(|predicted| predicted / row.throughput_rps - 1.0);
    AuditedRow {
        predicted_rps,
        residual,
        // Rounding must not exclude the bounds of its own interval.
        consistent: residual.is_some_and(|residual| residual.abs() <= TOLERANCE * (1.0 + 1e-9)),
    }
}

/// N ÷ X − R, what is left of a client's cycle; below 0 for a row that cannot be true.
fn pause_s(row: &AuditRow) -> f64 {
    row.clients / row.throughput_rps - row.response_s
}

fn agreeing(rows: &[AuditRow], think_s: f64) -> impl Iterator<Item = &AuditRow> {
    rows.iter()
        .filter(move |row| judged(row, think_s).consistent)
}

/// A think time, 0 or more, with which most rows agree.
fn most_agreed(rows: &[AuditRow]) -> f64 {
    let typical = median(rows.iter().map(pause_s).collect()).max(0.0);
    // The most overlap begins where some interval does.
    let begin = |row: &AuditRow| {
        (row.clients / ((1.0 + TOLERANCE) * row.throughput_rps) - row.response_s).max(0.0)
    };
    let candidates = rows.iter().map(begin).chain([typical]);
    let rank = |think_s: f64| (agreeing(rows, think_s).count(), -(think_s - typical).abs());
    candidates
        .max_by(|a, b| {
            let ((count_a, near_a), (count_b, near_b)) = (rank(*a), rank(*b));
            count_a.cmp(&count_b).then(near_a.total_cmp(&near_b))
        })
        .unwrap_or(typical)
}

/// The median pause of the rows that agree, as long as they all still do.
fn refined(rows: &[AuditRow], think_s: f64) -> f64 {
    let pauses: Vec<f64> = agreeing(rows, think_s).map(pause_s).collect();
    if pauses.is_empty() {
        return think_s;
    }
    let better = median(pauses.clone()).max(0.0);
    if agreeing(rows, better).count() >= pauses.len() {
        better
    } else {
        think_s
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 {
        values[middle]
    } else {
        f64::midpoint(values[middle - 1], values[middle])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn row(clients: f64, response_ms: f64, throughput_rps: f64) -> AuditRow {
        AuditRow {
            clients,
            throughput_rps,
            response_s: response_ms / 1e3,
        }
    }

    /// The table of the study of an echo service under limits (seed 000), 500 users.
    fn published() -> Vec<AuditRow> {
        [
            (1263.0, 168.0),
            (96.0, 358.0),
            (36.0, 372.0),
            (29.0, 376.6),
            (1341.0, 187.0),
            (74.0, 362.0),
            (60.0, 367.0),
            (40.0, 373.0),
        ]
        .map(|(response_ms, rps)| row(500.0, response_ms, rps))
        .to_vec()
    }

    #[test]
    fn the_published_table_has_a_pause_of_1300_ms_and_one_wrong_row() {
        let audit = audit(&published()).unwrap();
        assert!(
            (audit.think_s / 1.3 - 1.0).abs() < 0.01,
            "{}",
            audit.think_s
        );
        assert_eq!(audit.inconsistent(), [0]);
        assert_eq!((audit.agreeing, audit.usable), (7, 8));
        assert!(audit.is_conclusive());
        // 195.1 instead of 168 requests per second.
        assert!((audit.rows[0].predicted_rps.unwrap() - 195.0).abs() < 0.3);
        assert!((audit.rows[0].residual.unwrap() - 0.16).abs() < 0.005);
    }

    #[test]
    fn loops_without_pauses_have_none() {
        // Different clients, and one row that is too good to be true.
        let rows = [
            row(1.0, 10.0, 100.2),
            row(4.0, 20.0, 199.0),
            row(8.0, 39.6, 200.0),
            row(16.0, 40.0, 700.0),
        ];
        let audit = audit(&rows).unwrap();
        assert!(audit.think_s < 1e-3, "{}", audit.think_s);
        assert_eq!(audit.inconsistent(), [3]);
    }

    #[test]
    fn rows_without_figures_are_left_out_and_little_is_not_enough() {
        let mut rows = published();
        rows.insert(1, row(500.0, f64::NAN, 300.0));
        rows.push(row(500.0, 10.0, 0.0));
        let found = audit(&rows).unwrap();
        assert_eq!(found.inconsistent(), [0]);
        assert_eq!(
            (found.rows[1].residual, found.rows[1].consistent),
            (None, false)
        );
        assert_eq!(audit(&rows[..2]), None);
        assert_eq!(audit(&[]), None);
        // Two rows that have nothing in common.
        let apart = audit(&[row(10.0, 10.0, 100.0), row(10.0, 10.0, 1.0)]).unwrap();
        assert!(!apart.is_conclusive());
    }

    proptest! {
        #[test]
        fn a_planted_pause_is_found_among_wrong_rows(
            think_s in 0.0f64..5.0,
            times in prop::collection::vec((1.0f64..1000.0, 0.001f64..2.0, -0.01f64..0.01), 5..20),
            wrong in 0usize..3,
        ) {
            let rows: Vec<AuditRow> = times
                .iter()
                .enumerate()
                .map(|(i, (clients, response_s, noise))| {
                    let factor = if i < wrong { 1.5 } else { 1.0 + noise };
                    AuditRow {
                        clients: *clients,
                        throughput_rps: clients / (response_s + think_s) * factor,
                        response_s: *response_s,
                    }
                })
                .collect();
            let found = audit(&rows).unwrap();
            // Noise of 1 % of a whole cycle moves the pause by as much.
            let cycle = think_s + 2.0;
            prop_assert!((found.think_s - think_s).abs() <= 0.045 * cycle, "{}", found.think_s);
            prop_assert!(found.agreeing >= times.len() - wrong);
        }
    }
}
