//! The rows of a table as numbers for Little's law: cells read, units applied, rows
//! without figures put aside with their reason.

use tonnage_model::FileError;
use tonnage_report::{LeftOut, TableRow};

use super::columns::Columns;
use super::numbers::{Content, TimeUnit, content};
use super::table::{Cell, Table};

/// What is known of all rows alike.
#[derive(Debug, Clone, Copy)]
pub(super) struct Given {
    /// Clients of every row, where no column says.
    pub(super) clients: Option<f64>,
    /// The unit of latencies that have none of their own; `None` for the header's,
    /// and milliseconds where that has none either.
    pub(super) unit: Option<TimeUnit>,
}

/// The rows that have all three figures, and those that do not.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) rows: Vec<TableRow>,
    pub(super) left_out: Vec<LeftOut>,
}

/// Reads every row; an error is the first cell that holds something else than a figure.
pub(super) fn read(
    file: &str,
    text: &str,
    table: &Table,
    columns: &Columns,
    given: Given,
) -> Result<Rows, FileError> {
    let mut read = Rows::default();
    for cells in &table.rows {
        // What separates groups of rows.
        if cells.iter().all(|cell| cell.text.is_empty()) {
            continue;
        }
        let reader = Reader {
            file,
            text,
            cells,
            has_decimal_commas: table.has_decimal_commas,
        };
        let offset = cells.first().map_or(0, |cell| cell.offset);
        let line = FileError::at(file, text, offset, "").line;
        match reader.row(columns, given)? {
            Ok((clients, throughput_rps, response_s)) => read.rows.push(TableRow {
                line,
                label: label(cells, columns),
                clients,
                throughput_rps,
                response_s,
            }),
            Err(reason) => read.left_out.push(LeftOut { line, reason }),
        }
    }
    Ok(read)
}

/// What stands left of the figures: what a row is about.
fn label(cells: &[Cell], columns: &Columns) -> String {
    let first = [
        columns.clients,
        Some(columns.throughput),
        Some(columns.latency),
    ];
    let first = first.into_iter().flatten().min().unwrap_or(0);
    let words = cells.iter().take(first).map(|cell| cell.text.as_str());
    words
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" · ")
}

struct Reader<'a> {
    file: &'a str,
    text: &'a str,
    cells: &'a [Cell],
    has_decimal_commas: bool,
}

/// N, X in requests per second and R in seconds, or why there are none.
type Figures = Result<(f64, f64, f64), String>;

impl Reader<'_> {
    fn row(&self, columns: &Columns, given: Given) -> Result<Figures, FileError> {
        let clients = match columns.clients {
            Some(column) => self.figure(column, "number of clients", |unit| {
                CLIENT_UNITS.contains(&unit).then_some(1.0)
            })?,
            None => given.clients,
        };
        let throughput = self.figure(columns.throughput, "throughput", rate_factor)?;
        let unit = given
            .unit
            .or(columns.latency_unit)
            .unwrap_or(TimeUnit::Milliseconds);
        let latency = self.figure(columns.latency, "latency", |name| match name {
            "" => Some(unit.seconds()),
            name => TimeUnit::named(name).map(TimeUnit::seconds),
        })?;
        let positive = |figure: Option<f64>, what: &str| match figure {
            None => Err(format!("it has no {what}")),
            Some(figure) if figure <= 0.0 => Err(format!("its {what} is {figure}")),
            Some(figure) => Ok(figure),
        };
        Ok(positive(clients, "number of clients").and_then(|clients| {
            let throughput = positive(throughput, "throughput")? * columns.per_second;
            Ok((clients, throughput, positive(latency, "mean latency")?))
        }))
    }

    /// The figure in a column, times the factor of the unit behind it; `None` where
    /// there is none.
    fn figure(
        &self,
        column: usize,
        what: &str,
        factor: impl Fn(&str) -> Option<f64>,
    ) -> Result<Option<f64>, FileError> {
        let Some(cell) = self.cells.get(column) else {
            return Ok(None);
        };
        match content(&cell.text, self.has_decimal_commas) {
            Content::Nothing => return Ok(None),
            Content::Number(number, unit) => {
                if let Some(factor) = factor(&unit) {
                    return Ok(Some(number * factor));
                }
            }
            Content::Words => {}
        }
        let message = format!(
            "`{}` is no {what} (expected a number, with its unit if it has one; write n/a where there is none)",
            cell.text
        );
        Err(FileError::at(self.file, self.text, cell.offset, message))
    }
}

const CLIENT_UNITS: [&str; 8] = [
    "",
    "clients",
    "users",
    "user",
    "vus",
    "vu",
    "connections",
    "threads",
];

/// What a rate in this unit has to be multiplied with.
fn rate_factor(unit: &str) -> Option<f64> {
    match unit {
        "" | "rps" | "tps" | "qps" | "/s" | "r/s" | "req/s" | "req/sec" | "reqs/s"
        | "requests/s" | "requests/sec" | "requests/second" => Some(1.0),
        "k" | "k/s" | "krps" | "k rps" | "k req/s" => Some(1e3),
        "rpm" | "/min" | "req/min" | "requests/min" | "requests/minute" => Some(1.0 / 60.0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::columns::{Named, find};
    use super::super::table::tables;
    use super::*;

    fn rows(text: &str, given: Given) -> Result<Rows, FileError> {
        let table = &tables(text)[0];
        let columns = find(
            "t.csv",
            text,
            table,
            &Named::default(),
            given.clients.is_some(),
        )?;
        read("t.csv", text, table, &columns, given)
    }

    const NOTHING_GIVEN: Given = Given {
        clients: None,
        unit: None,
    };

    #[test]
    fn units_are_taken_from_the_cell_the_flag_and_the_header_in_this_order() {
        let times = |header: &str, cell: &str, unit| {
            let text = format!("users,rps,{header}\n10,1,{cell}\n");
            let given = Given {
                unit,
                ..NOTHING_GIVEN
            };
            rows(&text, given).unwrap().rows[0].response_s
        };
        let near =
            |one: f64, other: f64| assert!((one - other).abs() < 1e-12, "{one}, not {other}");
        near(times("mean", "20", None), 0.02);
        near(times("mean (s)", "20", None), 20.0);
        near(times("mean (s)", "20", Some(TimeUnit::Microseconds)), 2e-5);
        near(
            times("mean (s)", "20 ms", Some(TimeUnit::Microseconds)),
            0.02,
        );
    }

    #[test]
    fn rates_are_per_second() {
        let rate = |header: &str, cell: &str| {
            rows(
                &format!("users;{header};mean\n10;{cell};5\n"),
                NOTHING_GIVEN,
            )
            .unwrap()
            .rows[0]
                .throughput_rps
        };
        for (header, cell, expected) in [
            ("rps", "1,5", 1.5),
            ("rps", "1.5k", 1500.0),
            ("req/s", "90 req/s", 90.0),
            ("requests/min", "90", 1.5),
            ("throughput", "90 rpm", 1.5),
        ] {
            assert!(
                (rate(header, cell) - expected).abs() < 1e-9,
                "{header} {cell}"
            );
        }
    }

    #[test]
    fn rows_without_a_figure_are_put_aside_with_their_reason() {
        let text = "cpu,users,rps,mean\n1,10,90,5\n,,,\n2,10,n/a,5\n4,10,0,5\n8,10,70\n";
        let read = rows(text, NOTHING_GIVEN).unwrap();
        assert_eq!((read.rows.len(), read.rows[0].label.as_str()), (1, "1"));
        let reasons: Vec<(usize, &str)> = read
            .left_out
            .iter()
            .map(|row| (row.line, row.reason.as_str()))
            .collect();
        assert_eq!(
            reasons,
            [
                (4, "it has no throughput"),
                (5, "its throughput is 0"),
                (6, "it has no mean latency")
            ]
        );
    }

    #[test]
    fn clients_can_be_given_for_all_rows() {
        let given = Given {
            clients: Some(50.0),
            ..NOTHING_GIVEN
        };
        let read = rows("rps,mean\n10,20\n", given).unwrap();
        assert!((read.rows[0].clients - 50.0).abs() < 1e-12);
        assert_eq!((read.rows[0].label.as_str(), read.rows[0].line), ("", 2));
    }

    #[test]
    fn a_cell_that_is_no_figure_is_named_with_its_place() {
        for (text, place, part) in [
            (
                "users,rps,mean\n10,fast,5\n",
                "t.csv:2:4:",
                "`fast` is no throughput",
            ),
            (
                "users,rps,mean\n10,5,5 parsec\n",
                "t.csv:2:6:",
                "`5 parsec` is no latency",
            ),
            (
                "| users | rps | mean |\n|---|---|---|\n| 10 x | 5 | 5 |\n",
                "t.csv:3:3:",
                "`10 x` is no number of clients",
            ),
        ] {
            let error = rows(text, NOTHING_GIVEN).unwrap_err().to_string();
            assert!(
                error.starts_with(place) && error.contains(part) && error.contains("n/a"),
                "{error}"
            );
        }
    }
}
