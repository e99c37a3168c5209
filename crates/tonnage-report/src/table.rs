//! A table, described once for the terminal, Markdown and the page.

mod terminal;

use std::fmt::Write as _;

pub(crate) use self::terminal::lines;
use crate::text::wrap;

/// From so many columns on, a terminal has room for optional ones.
const WIDE: usize = 110;

/// A table with what belongs to it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Table {
    /// What it is about; empty where the section says so.
    pub(crate) title: String,
    /// Its columns, from left to right.
    pub(crate) columns: Vec<Column>,
    /// Its rows, from top to bottom; each has a cell for each column.
    pub(crate) rows: Vec<Row>,
    /// What must be known to read it, below it.
    pub(crate) notes: Vec<String>,
}

/// A column.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Column {
    /// Its heading, with the unit.
    pub(crate) name: String,
    /// Whether it holds words, which stand on the left; numbers stand on the right.
    pub(crate) words: bool,
    /// Whether a narrow terminal is better off without it.
    pub(crate) optional: bool,
}

/// A row.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Row {
    /// Its cells.
    pub(crate) cells: Vec<Field>,
    /// Whether it tells of something that went wrong.
    pub(crate) bad: bool,
}

/// A cell of a table.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Field {
    /// What stands there.
    pub(crate) text: String,
    /// Why, where that does not go without saying; shown where there is room.
    pub(crate) hint: String,
}

impl Field {
    /// A text that explains itself.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            hint: String::new(),
        }
    }

    /// A figure, or a mark in its place with the reason why there is none.
    pub(crate) fn or(text: Option<String>, mark: &str, hint: impl Into<String>) -> Self {
        match text {
            Some(text) => Self::new(text),
            None => Self {
                text: mark.to_owned(),
                hint: hint.into(),
            },
        }
    }
}

impl Table {
    /// A table without rows; names that begin with `<` head columns of words, those with
    /// `?` columns that a narrow terminal leaves out.
    pub(crate) fn new(title: &str, columns: &[&str]) -> Self {
        let column = |name: &&str| Column {
            name: name.trim_start_matches(['<', '?']).to_owned(),
            words: name.starts_with('<'),
            optional: name.starts_with('?'),
        };
        Self {
            title: title.to_owned(),
            columns: columns.iter().map(column).collect(),
            ..Self::default()
        }
    }

    /// Adds a row.
    pub(crate) fn push(&mut self, cells: Vec<Field>, bad: bool) {
        debug_assert_eq!(cells.len(), self.columns.len(), "{}", self.title);
        self.rows.push(Row { cells, bad });
    }

    /// The table without columns that are empty in every row.
    pub(crate) fn compact(mut self) -> Self {
        let empty = |index: usize| {
            let mut cells = self.rows.iter().map(|row| &row.cells[index]);
            cells.all(|cell| cell.text.is_empty())
        };
        let keep: Vec<bool> = (0..self.columns.len())
            .map(|index| self.rows.is_empty() || !empty(index))
            .collect();
        let mut kept = keep.iter();
        self.columns.retain(|_| *kept.next().unwrap_or(&true));
        for row in &mut self.rows {
            let mut kept = keep.iter();
            row.cells.retain(|_| *kept.next().unwrap_or(&true));
        }
        self
    }

    /// As text in lines of at most `width` columns: a line below the heading, words
    /// broken where they must be.
    pub(crate) fn text(&self, width: usize) -> String {
        let shown = |(_, column): &(usize, &Column)| width >= WIDE || !column.optional;
        let shown: Vec<(usize, &Column)> = self.columns.iter().enumerate().filter(shown).collect();
        let heading: Vec<&str> = shown
            .iter()
            .map(|(_, column)| column.name.as_str())
            .collect();
        let rows = self.rows.iter().map(|row| {
            let cells = shown
                .iter()
                .map(|(index, _)| row.cells[*index].text.clone());
            cells.collect()
        });
        let places = shown.iter().enumerate();
        let words = places
            .filter(|(_, (_, column))| column.words)
            .map(|(place, _)| place);
        let words: Vec<usize> = words.collect();
        let mut text = String::new();
        if !self.title.is_empty() {
            text.push_str(&wrap("", &self.title, width, 0));
        }
        text.push_str(&lines(&heading, rows.collect(), &words, width));
        for note in &self.notes {
            text.push_str(&wrap("", note, width, 0));
        }
        text
    }

    /// As a table of GitHub's Markdown.
    pub(crate) fn markdown(&self) -> String {
        let row = |cells: &mut dyn Iterator<Item = String>| {
            format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "))
        };
        let mut text = String::new();
        if !self.title.is_empty() {
            let _ = write!(text, "**{}**\n\n", escaped(&self.title));
        }
        text.push_str(&row(&mut self.columns.iter().map(|c| escaped(&c.name))));
        let sides = self
            .columns
            .iter()
            .map(|column| if column.words { ":--" } else { "--:" }.to_owned());
        text.push_str(&row(&mut { sides }));
        for line in &self.rows {
            text.push_str(&row(&mut line.cells.iter().map(|cell| escaped(&cell.text))));
        }
        text.push('\n');
        for note in &self.notes {
            let _ = write!(text, "{}\n\n", escaped(note));
        }
        text
    }
}

/// Text that Markdown shows as it is.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        match letter {
            '\\' | '|' | '*' | '_' | '`' | '[' | ']' | '#' => {
                escaped.push('\\');
                escaped.push(letter);
            }
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '\n' | '\r' => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    fn zoo() -> Table {
        let mut table = Table::new("Servers", &["<cell", "rps", "", "<why"]);
        let field = Field::new;
        table.push(
            vec![
                field("uwsgi 4p|50t"),
                field("967"),
                field(""),
                field("worker-starved"),
            ],
            false,
        );
        table.push(
            vec![
                field("dev *single*"),
                Field::or(None, "–", "it failed"),
                field(""),
                field(""),
            ],
            true,
        );
        table.notes.push("Two blocks.".to_owned());
        table.compact()
    }

    #[test]
    fn one_description_is_text_and_markdown() {
        assert_snapshot!(zoo().text(60), @r"
        Servers
        cell           rps   why
        ────────────────────────────────────
        uwsgi 4p|50t   967   worker-starved
        dev *single*     –
        Two blocks.
        ");
        assert_snapshot!(zoo().markdown(), @r"
        **Servers**

        | cell | rps | why |
        | :-- | --: | :-- |
        | uwsgi 4p\|50t | 967 | worker-starved |
        | dev \*single\* | – |  |

        Two blocks.
        ");
    }

    #[test]
    fn markdown_shows_what_it_is_given() {
        assert_eq!(escaped("a|b <c> _d_"), "a\\|b &lt;c&gt; \\_d\\_");
        assert_eq!(escaped("two\nlines"), "two lines");
    }
}
