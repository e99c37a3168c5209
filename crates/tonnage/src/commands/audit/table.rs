//! Tables as people publish and paste them: CSV with commas, semicolons or tabs, and
//! Markdown. What the columns mean is left to `columns`.

use csv_core::{ReadFieldResult, ReaderBuilder};

/// The field of a table, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) text: String,
    /// Where it begins in the file, in bytes: behind the blanks before it, at its quote
    /// where it has one.
    pub(super) offset: usize,
}

/// A table with a header; rows may be shorter or longer than it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) header: Vec<Cell>,
    pub(super) rows: Vec<Vec<Cell>>,
    /// Whether numbers may have a comma before their decimals, since fields are not
    /// separated by one.
    pub(super) has_decimal_commas: bool,
}

/// Every table in `text`: those of Markdown, and where there is none, the whole as
/// CSV. Empty where there is nothing at all.
pub(super) fn tables(text: &str) -> Vec<Table> {
    let markdown = markdown_tables(text);
    if !markdown.is_empty() {
        return markdown;
    }
    csv_table(text).into_iter().collect()
}

/// A table of GitHub's Markdown: a line of cells, a line of dashes, lines of cells up
/// to one without a bar. Spaces and bars around a line are free; `\|` is no bar.
fn markdown_tables(text: &str) -> Vec<Table> {
    let lines: Vec<(usize, &str)> = lines(text).collect();
    let mut tables = Vec::new();
    let mut at = 0;
    while at + 1 < lines.len() {
        if !lines[at].1.contains('|') || !is_delimiter_row(lines[at + 1].1) {
            at += 1;
            continue;
        }
        let body = lines[at + 2..]
            .iter()
            .take_while(|(_, line)| line.contains('|'));
        let rows: Vec<Vec<Cell>> = body
            .map(|(offset, line)| markdown_cells(line, *offset))
            .collect();
        let header = markdown_cells(lines[at].1, lines[at].0);
        at += 2 + rows.len();
        tables.push(Table {
            header,
            rows,
            has_decimal_commas: false,
        });
    }
    tables
}

/// Lines without their ends, each with its offset.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut offset = 0;
    text.split_inclusive('\n').map(move |line| {
        let start = offset;
        offset += line.len();
        (start, line.trim_end_matches(['\n', '\r']))
    })
}

/// `|---|:-:|`, with one bar at least.
fn is_delimiter_row(line: &str) -> bool {
    let is_dashes = |cell: &Cell| {
        let dashes = cell.text.trim_matches(':');
        !dashes.is_empty() && dashes.chars().all(|c| c == '-')
    };
    line.contains('|') && markdown_cells(line, 0).iter().all(is_dashes)
}

fn markdown_cells(line: &str, line_offset: usize) -> Vec<Cell> {
    let mut bars = Vec::new();
    let mut escaped = false;
    for (at, c) in line.char_indices() {
        if c == '|' && !escaped {
            bars.push(at);
        }
        escaped = c == '\\' && !escaped;
    }
    let begins = std::iter::once(0).chain(bars.iter().map(|bar| bar + 1));
    let ends = bars.iter().copied().chain([line.len()]);
    let mut cells: Vec<Cell> = begins
        .zip(ends)
        .map(|(begin, end)| {
            let raw = &line[begin..end];
            let blanks = raw.len() - raw.trim_start().len();
            Cell {
                text: raw.trim().replace("\\|", "|"),
                offset: line_offset + begin + blanks,
            }
        })
        .collect();
    // What stands outside of the outer bars is no cell.
    let trimmed = line.trim();
    if trimmed.starts_with('|') {
        cells.remove(0);
    }
    if trimmed.ends_with('|') && !trimmed.ends_with("\\|") && !cells.is_empty() {
        cells.pop();
    }
    cells
}

/// The whole text as CSV (RFC 4180, with a separator that the first line shows); lines
/// that begin with `#` are comments. `None` where there is no line.
fn csv_table(text: &str) -> Option<Table> {
    let is_content = |line: &&str| !line.trim().is_empty() && !line.starts_with('#');
    let first = lines(text).map(|(_, line)| line).find(is_content)?;
    let separator = ['\t', ';'].into_iter().find(|c| first.contains(*c));
    let mut records = csv_records(text, separator.map_or(b',', |c| c as u8)).into_iter();
    let header = records.next()?;
    // Tables that were put together repeat their header.
    let is_header = |row: &Vec<Cell>| {
        row.iter()
            .map(|cell| &cell.text)
            .eq(header.iter().map(|cell| &cell.text))
    };
    let rows = records.filter(|row| !is_header(row)).collect();
    Some(Table {
        header,
        rows,
        has_decimal_commas: separator.is_some(),
    })
}

fn csv_records(text: &str, separator: u8) -> Vec<Vec<Cell>> {
    let mut reader = ReaderBuilder::new()
        .delimiter(separator)
        .comment(Some(b'#'))
        .build();
    let bytes = text.as_bytes();
    let (mut at, mut begin) = (0, 0);
    let (mut records, mut record, mut field) = (Vec::new(), Vec::new(), Vec::new());
    let mut buffer = [0; 1024];
    loop {
        let (result, read, written) = reader.read_field(&bytes[at..], &mut buffer);
        at += read;
        field.extend_from_slice(&buffer[..written]);
        let record_end = match result {
            ReadFieldResult::InputEmpty | ReadFieldResult::OutputFull => continue,
            ReadFieldResult::Field { record_end } => record_end,
            ReadFieldResult::End => return records,
        };
        let text = String::from_utf8_lossy(&std::mem::take(&mut field))
            .trim()
            .to_owned();
        if record.is_empty() {
            begin = begin_of_record(bytes, begin);
        }
        let offset = begin + blanks(&bytes[begin.min(at)..at], separator);
        record.push(Cell { text, offset });
        begin = at;
        if record_end {
            records.push(std::mem::take(&mut record));
        }
    }
}

/// Where the record at or behind `at` begins: the reader passes over the mark of an
/// encoding, empty lines, comments, and the second half of a line's end.
fn begin_of_record(bytes: &[u8], mut at: usize) -> usize {
    if bytes[at..].starts_with("\u{feff}".as_bytes()) {
        at += '\u{feff}'.len_utf8();
    }
    loop {
        match bytes.get(at) {
            Some(b'\r' | b'\n') => at += 1,
            Some(b'#') => {
                at += bytes[at..]
                    .iter()
                    .take_while(|byte| **byte != b'\n')
                    .count();
            }
            _ => return at,
        }
    }
}

/// How many bytes of blanks `field` begins with: all that `str::trim` takes away, except
/// for the separator or the line's end behind an empty field.
fn blanks(field: &[u8], separator: u8) -> usize {
    String::from_utf8_lossy(field)
        .chars()
        .take_while(|c| c.is_whitespace() && !['\r', '\n', char::from(separator)].contains(c))
        .map(char::len_utf8)
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tonnage_model::FileError;

    fn texts(row: &[Cell]) -> Vec<&str> {
        row.iter().map(|cell| cell.text.as_str()).collect()
    }

    /// `line:column` of a cell.
    fn place(text: &str, cell: &Cell) -> String {
        let error = FileError::at("", text, cell.offset, "");
        format!("{}:{}", error.line, error.column)
    }

    #[test]
    fn separators_are_recognised() {
        for text in [
            "a,b\n1,2\n",
            "a;b\r\n1;2",
            "a\tb\n\n1\t2\n",
            "\u{feff}a,b\n1, 2\n",
            "# x, y; z\na,b\n# c\n1,2",
        ] {
            let found = tables(text);
            assert_eq!(found.len(), 1, "{text:?}");
            assert_eq!(texts(&found[0].header), ["a", "b"], "{text:?}");
            assert_eq!(found[0].rows.len(), 1, "{text:?}");
            assert_eq!(texts(&found[0].rows[0]), ["1", "2"], "{text:?}");
            assert_eq!(
                found[0].has_decimal_commas,
                text.contains(['\t', ';']) && !text.contains('#')
            );
        }
    }

    #[test]
    fn every_cell_knows_its_place() {
        let text = "\u{feff}a,bé\r\n# note\r\n\r\n1,\" \"\"2\"\"\n, 3\", x\r\n4,5,6";
        let table = &tables(text)[0];
        let of_row = |row: &[Cell]| row.iter().map(|cell| place(text, cell)).collect::<Vec<_>>();
        assert_eq!(texts(&table.rows[0]), ["1", "\"2\"\n, 3", "x"]);
        // The mark at the beginning counts as a character.
        assert_eq!(of_row(&table.header), ["1:2", "1:4"]);
        assert_eq!(of_row(&table.rows[0]), ["4:1", "4:3", "5:7"]);
        assert_eq!(of_row(&table.rows[1]), ["6:1", "6:3", "6:5"]);
    }

    #[test]
    fn blanks_before_a_cell_are_none_of_it() {
        let text = "a,b\n\t x,\u{a0}\ty\n,\t\n";
        let table = &tables(text)[0];
        let places = |row: &[Cell]| row.iter().map(|cell| place(text, cell)).collect::<Vec<_>>();
        assert_eq!(texts(&table.rows[0]), ["x", "y"]);
        assert_eq!(places(&table.rows[0]), ["2:3", "2:7"]);
        assert_eq!(places(&table.rows[1]), ["3:1", "3:3"]);
        // A tab that separates is no blank.
        let text = "a\tb\n\t 1\n";
        assert_eq!(place(text, &tables(text)[0].rows[0][0]), "2:1");
        assert_eq!(place(text, &tables(text)[0].rows[0][1]), "2:3");
    }

    #[test]
    fn a_field_longer_than_the_buffer_is_whole() {
        let long = "x".repeat(5000);
        let text = format!("a,b\n{long},1\n");
        assert_eq!(texts(&tables(&text)[0].rows[0]), [long.as_str(), "1"]);
    }

    #[test]
    fn a_repeated_header_is_no_row() {
        let table = &tables("# workers=3\na,b\n1,2\n\n# workers=5\na,b\n3,4\n")[0];
        assert_eq!(table.rows.len(), 2);
    }

    #[test]
    fn markdown_is_found_in_a_text() {
        let text = "# Title\n\nSome | words\n\n  a | b\\|c |\n:--|--:\n1 | 2\n\n| d |\n|---|\n| **3** |\nend\n";
        let found = tables(text);
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(texts(&found[0].header), ["a", "b|c"]);
        assert_eq!(texts(&found[0].rows[0]), ["1", "2"]);
        assert_eq!(place(text, &found[0].rows[0][1]), "7:5");
        assert_eq!(texts(&found[1].rows[0]), ["**3**"]);
        assert_eq!(found[1].rows.len(), 1);
    }

    #[test]
    fn a_row_of_empty_cells_is_a_row() {
        let table = &tables("| a | b |\n|---|---|\n|   |   |\n| 1 | 2 |")[0];
        assert_eq!(texts(&table.rows[0]), ["", ""]);
        assert_eq!(table.rows.len(), 2);
    }

    #[test]
    fn nothing_is_no_table() {
        for text in ["", "\n \n", "# only a comment\n"] {
            assert_eq!(tables(text), [], "{text:?}");
        }
        assert_eq!(tables("|\n|-|\n").len(), 1);
    }

    proptest! {
        #[test]
        fn no_text_is_a_panic_and_every_cell_is_in_it(text in "([|,;#\"\\\\ \r\n\t:-]|[aé1]){0,60}") {
            for table in tables(&text) {
                let cells = table.rows.iter().flatten().chain(&table.header);
                for cell in cells {
                    prop_assert!(cell.offset <= text.len());
                    let plain = cell.text.chars().all(char::is_alphanumeric);
                    if plain && text.is_char_boundary(cell.offset) {
                        let there = &text[cell.offset..];
                        prop_assert!(there.starts_with(&cell.text) || text.contains('"'), "{cell:?}");
                    }
                }
            }
        }
    }
}
