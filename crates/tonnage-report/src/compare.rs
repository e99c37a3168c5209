//! Two runs beside each other as text and as Markdown.

use std::fmt::Write as _;

use tonnage_analysis::{Comparison, NoiseFloor, RunComparison, Versus, ratio_text};

use crate::Document;
use crate::content::trust;
use crate::figure::{long_name, with_unit};
use crate::table::{Field, Table, escaped};
use crate::text::{bullets, when, wrap};

/// Two runs as text in lines of at most `width` columns: the answer, each cell with
/// both figures and their ratio, what has no counterpart, and how far to trust it.
/// `figure` is one of the study's figures; that which the first run's study compares
/// where `None`.
pub fn compare_text(a: &Document, b: &Document, figure: Option<&str>, width: usize) -> String {
    let found = Found::of(a, b, figure);
    let mut text = wrap("", &found.answer, width, 0);
    text.push('\n');
    for (name, run) in &found.runs {
        text.push_str(&wrap(&format!("{name}  "), run, width, 3));
    }
    text.push('\n');
    text.push_str(&found.table.text(width));
    text.push('\n');
    text.push_str(&bullets(&found.notes, width));
    text
}

/// The same as Markdown.
pub fn compare_markdown(a: &Document, b: &Document, figure: Option<&str>) -> String {
    let found = Found::of(a, b, figure);
    let mut text = format!("# {}\n\n", escaped(&found.answer));
    for (name, run) in &found.runs {
        let _ = writeln!(text, "- {name}: {}", escaped(run));
    }
    text.push('\n');
    text.push_str(&found.table.markdown());
    for note in &found.notes {
        let _ = writeln!(text, "- {}", escaped(note));
    }
    text
}

struct Found {
    answer: String,
    runs: [(&'static str, String); 2],
    table: Table,
    notes: Vec<String>,
}

impl Found {
    fn of(a: &Document, b: &Document, figure: Option<&str>) -> Self {
        let (of_a, of_b) = (a.analysis(), b.analysis());
        let figure = figure.unwrap_or(&of_a.figure).to_owned();
        let comparison = RunComparison::of(&of_a, &of_b, &figure);
        let noise = [of_a.noise_of(&figure), of_b.noise_of(&figure)];
        let run = |document: &Document, trust: String| {
            format!(
                "{} ({}), {}; {trust}",
                document.run.run_id,
                document.run.study,
                when(&document.run)
            )
        };
        Self {
            answer: answer(&comparison),
            runs: [
                ("A", run(a, trust(a, &of_a))),
                ("B", run(b, trust(b, &of_b))),
            ],
            table: table(&comparison),
            notes: notes(&comparison, &noise),
        }
    }
}

fn answer(comparison: &RunComparison) -> String {
    let name = long_name(&comparison.figure);
    if comparison.rows.is_empty() {
        return format!("The runs have no cell in common whose {name} could be compared");
    }
    let count = |wanted: Comparison| {
        let rows = comparison.rows.iter();
        rows.filter(|row| row.verdict() == wanted).count()
    };
    let too_few = match count(Comparison::TooFew) {
        0 => String::new(),
        count => format!(", {count} cannot be told for want of blocks"),
    };
    format!(
        "{name}, B against A: of {} cells {} are larger, {} smaller, {} ≈{too_few}",
        comparison.rows.len(),
        count(Comparison::Larger),
        count(Comparison::Smaller),
        count(Comparison::Alike)
    )
}

fn table(comparison: &RunComparison) -> Table {
    let unit = with_unit(&comparison.figure);
    let mut table = Table::new(
        "",
        &[
            "<cell",
            &format!("A: {unit}"),
            &format!("B: {unit}"),
            "B ÷ A",
            "against the reference",
            "<says",
        ],
    );
    for row in &comparison.rows {
        let label = if row.label.is_empty() {
            "the cell"
        } else {
            &row.label
        };
        let says = match row.verdict() {
            Comparison::Larger => "larger",
            Comparison::Smaller => "smaller",
            Comparison::Alike => "≈",
            Comparison::TooFew => "too few blocks",
        };
        let ratio = |versus: &Versus| ratio_text(&versus.ratio);
        table.push(
            vec![
                Field::new(label),
                Field::new(crate::content::interval_of(&comparison.figure, &row.a)),
                Field::new(crate::content::interval_of(&comparison.figure, &row.b)),
                Field::new(ratio(&row.ratio)),
                Field::new(row.normalised.as_ref().map(ratio).unwrap_or_default()),
                Field::new(says),
            ],
            row.mark.is_some(),
        );
    }
    table.compact()
}

fn notes(comparison: &RunComparison, noise: &[NoiseFloor; 2]) -> Vec<String> {
    let mut notes = Vec::new();
    for (factor, a, b) in &comparison.differing {
        notes.push(format!(
            "The runs differ as a whole in {factor}: A {a}, B {b}."
        ));
    }
    if let Some(reference) = &comparison.reference {
        notes.push(format!(
            "The machine: B's reference is {} times A's; where the table has a ratio against the reference, that difference is taken out of it.",
            ratio_text(&reference.ratio)
        ));
    }
    notes.push(floor_note(noise));
    for row in &comparison.rows {
        if let Some(mark) = &row.mark {
            notes.push(format!(
                "{}: {mark}; what its row says may not be the server's doing.",
                row.label
            ));
        }
    }
    for (run, cells) in [("A", &comparison.only_a), ("B", &comparison.only_b)] {
        if !cells.is_empty() {
            notes.push(format!("Only in {run}: {}.", cells.join(", ")));
        }
    }
    notes
}

/// Below what differences print as ≈, by the run whose equal cells differed more. The
/// floor of a run with one or two pairs is a matter of luck, and no number to print.
fn floor_note(noise: &[NoiseFloor; 2]) -> String {
    let [a, b] = noise;
    let known = |floor: &NoiseFloor| floor.pairs >= tonnage_stats::FEWEST_BLOCKS;
    if known(a) && known(b) {
        let larger = if b.ln > a.ln { b } else { a };
        return format!(
            "Differences below the larger noise floor of both runs print as ≈: {}.",
            larger.text()
        );
    }
    format!(
        "How far equal cells differ is not known well enough to tell small differences from noise: A {}; B {}.",
        a.text(),
        b.text()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use insta::assert_snapshot;

    #[test]
    fn two_runs_stand_beside_each_other() {
        let (a, b) = (fixture::zoo(), fixture::zoo_again());
        assert_snapshot!(compare_text(&a, &b, None, 100), @r"
        goodput (requests/s), B against A: of 4 cells 0 are larger, 1 smaller, 3 ≈

        A  20261121-020000-planted (planted), 2026-11-21 02:00:00 UTC, for 10m; noise grade B, A/A floor
           ±2.2 % from 4 pairs of equal cells, cgroup v1, generator and server share 2 CPUs
        B  20261121-020000-planted (planted), 2026-11-21 02:00:00 UTC, for 10m; noise grade B, A/A floor
           ±1.5 % from 4 pairs of equal cells, cgroup v1, generator and server share 2 CPUs

        cell                            A: rps              B: rps           B ÷ A    against the   says
                                                                                        reference
        ────────────────────────────────────────────────────────────────────────────────────────────────────
        dev single            57.7 (57.3–58.2)    52.3 (51.9–52.8)           0.907           1.01   ≈
        cpus=0.5                                                     (0.898–0.916)   (0.997–1.02)
        uwsgi 4p×50t             174 (169–178)       159 (159–160)           0.918           1.02   ≈
        cpus=none                                                    (0.894–0.942)   (0.994–1.05)
        gunicorn 4p×50t          189 (186–192)       170 (166–174)           0.899           1.00   ≈
        cpus=none                                                    (0.878–0.920)   (0.976–1.03)
        gevent+gunicorn          176 (168–183)       158 (155–160)           0.898                  smaller
        with a long name                                             (0.858–0.940)
        4p cpus=none

        - The machine: B's reference is 0.899 (0.892–0.906) times A's; where the table has a ratio against
          the reference, that difference is taken out of it.
        - Differences below the larger noise floor of both runs print as ≈: ±2.2 % from 4 pairs of equal
          cells.
        - gunicorn 4p×50t cpus=none: 27 % of the requests failed in the first run, 29 % of the requests
          failed in the second run; what its row says may not be the server's doing.
        ");
        assert!(compare_markdown(&a, &b, None).contains("| cell |"));
    }

    #[test]
    fn a_floor_of_one_pair_is_no_number_to_go_by() {
        let (mut a, b) = (fixture::zoo(), fixture::zoo_again());
        a.trials.retain(|trial| trial.block == 0);
        let text = compare_markdown(&a, &b, None);
        assert!(!text.contains("print as ≈"), "{text}");
        assert!(
            text.contains("A unknown (one pair of equal cells, "),
            "{text}"
        );
        assert!(text.contains("B ±1.5 % from 4 pairs"), "{text}");
    }

    #[test]
    fn no_line_is_wider_than_asked() {
        for width in [60, 120] {
            let text = compare_text(
                &fixture::zoo(),
                &fixture::published(),
                Some("p95_ms"),
                width,
            );
            assert!(
                text.lines().all(|line| line.chars().count() <= width),
                "{text}"
            );
        }
    }
}
