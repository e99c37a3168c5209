//! Rows as lines of a terminal. What stands in them is the caller's.

use comfy_table::{
    CellAlignment, ColumnConstraint, ContentArrangement, LineStyle, Table, TableStyle, Width,
};

use crate::text::MIN_WIDTH;

/// Rows below a heading, at most `width` columns wide; columns named in `words` are
/// aligned left, all others right, as numbers are. Where all words have room, none is broken.
pub(crate) fn lines(
    heading: &[&str],
    rows: Vec<Vec<String>>,
    words: &[usize],
    width: usize,
) -> String {
    const STYLE: TableStyle =
        TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));
    let width = width.max(MIN_WIDTH);
    let in_need = in_need(heading, &rows, width);
    let mut table = Table::new();
    table
        .load_style(STYLE)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(columns(width))
        .set_header(heading.to_vec());
    for row in rows {
        table.add_row(row);
    }
    for index in 0..heading.len() {
        if let Some(column) = table.column_mut(index) {
            column.set_padding((u16::from(index > 0), 1));
            if !words.contains(&index) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
    }
    for (index, longest_word) in in_need {
        if let Some(column) = table.column_mut(index) {
            let least = columns(longest_word) + column.padding_width();
            column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(least)));
        }
    }
    let mut text = String::new();
    for line in table.lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// The columns that shares of the same width would break a word of, and how wide their
/// longest words are; none where these have no room at all.
fn in_need(heading: &[&str], rows: &[Vec<String>], width: usize) -> Vec<(usize, usize)> {
    let needs: Vec<(usize, usize)> = (0..heading.len())
        .map(|index| {
            let cells = rows.iter().map(|row| row[index].as_str());
            let texts: Vec<&str> = cells.chain([heading[index]]).collect();
            let words = texts.iter().flat_map(|text| text.split(' '));
            let longest_word = words.map(length).max().unwrap_or(0);
            let longest_text = texts.iter().map(|text| length(text)).max();
            (longest_word, longest_text.unwrap_or(0))
        })
        .collect();
    // Three between two columns, and one behind the last.
    let available = (width + 2).saturating_sub(3 * heading.len());
    let share = (1..=available).rev().find(|share| {
        let widths = needs.iter().map(|(word, text)| *share.clamp(word, text));
        widths.sum::<usize>() <= available
    });
    let longest_words = needs.iter().map(|(word, _)| *word).enumerate();
    longest_words
        .filter(|(_, word)| share.is_some_and(|share| share < *word))
        .collect()
}

fn length(text: &str) -> usize {
    text.chars().count()
}

fn columns(width: usize) -> u16 {
    u16::try_from(width).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    #[test]
    fn words_are_whole_where_they_have_room() {
        let heading = [
            "clients",
            "n",
            "rps, 95 %",
            "gain of doubling",
            "p50 (ms)",
            "p95 (ms)",
            "failed",
            "why",
        ];
        let row = |cells: [&str; 8]| cells.map(str::to_owned).to_vec();
        let rows = vec![
            row(["2", "4", "371 (369–373)", "", "5.255", "10.40", "0", ""]),
            row([
                "4 peak",
                "4",
                "412 (409–415)",
                "× 1.11",
                "9.610",
                "30.27",
                "0",
                "worker-starved: CPU-bound",
            ]),
        ];
        assert_snapshot!(lines(&heading, rows, &[7], 80), @r"
        clients   n   rps, 95 %    gain of      p50      p95   failed   why
                                  doubling     (ms)     (ms)
        ────────────────────────────────────────────────────────────────────────────────
              2   4         371               5.255    10.40        0
                      (369–373)
         4 peak   4         412     × 1.11    9.610    30.27        0   worker-starved:
                      (409–415)                                         CPU-bound
        ");
    }
}
