//! Plain text for terminals: the shared pieces (tables and wrapped sentences).
//! Nothing here colours or prints.

mod audit;
mod catalog;
mod closing;
mod doctor;
mod load;
mod show;

use std::time::Duration;

use tonnage_model::HumanDuration;

pub use audit::{AUDIT_SCHEMA, AuditedTable, LeftOut, TableRow, audit_json, audit_text};
pub use catalog::{StackEntry, WorkloadEntry, stacks_text, workloads_text};
pub use closing::comparison_text;
pub use doctor::{DOCTOR_SCHEMA, doctor_json, doctor_text};
pub use load::load_text;
pub(crate) use load::{
    answer, conditions, demand, facts, phases, requests_needed, verdict_line, verdict_note,
};
pub use show::show_text;
pub(crate) use show::{cell, outcome, status, when};

/// Narrower terminals get lines of this many columns all the same.
pub(crate) const MIN_WIDTH: usize = 20;

/// A duration in microseconds as people write it: `30s`.
pub(crate) fn duration(us: u64) -> String {
    HumanDuration(Duration::from_micros(us)).to_string()
}

/// A table of words and numbers; columns named in `words` are aligned left.
fn table(header: &[&str], rows: Vec<Vec<String>>, words: &[usize], width: usize) -> String {
    crate::table::lines(header, rows, words, width)
}

/// `text` in lines of at most `width` columns: the first begins with `first`, all
/// others with `indent` blanks. Lines break between words; a word that is longer
/// than a whole line is cut, so that URLs fit too.
pub(crate) fn wrap(first: &str, text: &str, width: usize, indent: usize) -> String {
    let width = width.max(MIN_WIDTH);
    let mut lines = vec![first.to_owned()];
    let mut columns = first.chars().count();
    for (index, word) in text.split(' ').enumerate() {
        let mut rest: Vec<char> = word.chars().collect();
        let fits_a_line = indent + rest.len() <= width;
        if index > 0 && columns + 1 + rest.len() > width && (fits_a_line || columns + 1 >= width) {
            lines.push(" ".repeat(indent));
            columns = indent;
        } else if index > 0 {
            push(&mut lines, " ");
            columns += 1;
        }
        while columns + rest.len() > width {
            let tail = rest.split_off(width - columns);
            push(&mut lines, &rest.iter().collect::<String>());
            lines.push(" ".repeat(indent));
            columns = indent;
            rest = tail;
        }
        push(&mut lines, &rest.iter().collect::<String>());
        columns += rest.len();
    }
    lines.join("\n") + "\n"
}

fn push(lines: &mut [String], text: &str) {
    if let Some(line) = lines.last_mut() {
        line.push_str(text);
    }
}

/// A list of notes, each behind a dash.
pub(crate) fn bullets(notes: &[String], width: usize) -> String {
    notes
        .iter()
        .map(|note| wrap("- ", note, width, 2))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_are_broken_between_words() {
        assert_eq!(
            wrap("", "one two three four five six", 20, 2),
            "one two three four\n  five six\n"
        );
        assert_eq!(wrap("", "", 20, 0), "\n");
    }

    #[test]
    fn a_word_longer_than_the_line_is_cut() {
        let url = "http://127.0.0.1:8000/a/very/long/path";
        assert_eq!(
            wrap("", url, 20, 0),
            "http://127.0.0.1:800\n0/a/very/long/path\n"
        );
    }

    proptest! {
        #[test]
        fn no_line_is_too_long_and_nothing_is_lost(
            text in "[a-z –]{0,200}",
            width in 0usize..90,
            indent in 0usize..4,
        ) {
            let wrapped = wrap("- ", &text, width, indent);
            prop_assert!(wrapped.lines().all(|line| line.chars().count() <= width.max(MIN_WIDTH)));
            let letters = |t: &str| t.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            prop_assert_eq!(letters(&wrapped), format!("-{}", letters(&text)));
        }
    }
}
