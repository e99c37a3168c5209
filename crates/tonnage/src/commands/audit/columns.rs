//! Which columns of a table hold clients, throughput and mean latency, by what their
//! headers say. Reading the cells is left to `rows`.

use tonnage_model::{FileError, did_you_mean};

use super::numbers::TimeUnit;
use super::table::{Cell, Table};

/// What the law needs of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Clients,
    Throughput,
    Latency,
}

/// Columns that the user names, in place of those that headers suggest.
#[derive(Debug, Clone, Default)]
pub(super) struct Named {
    pub(super) clients: Option<String>,
    pub(super) throughput: Option<String>,
    pub(super) latency: Option<String>,
}

/// The columns of a table, by their numbers from 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Columns {
    /// `None` where the number of clients is said elsewhere.
    pub(super) clients: Option<usize>,
    pub(super) throughput: usize,
    /// Rates in this column times this are per second.
    pub(super) per_second: f64,
    pub(super) latency: usize,
    /// The unit in the header.
    pub(super) latency_unit: Option<TimeUnit>,
}

/// Finds the columns; an error names the one that is missing or not certain, and the
/// flag that says which it is.
pub(super) fn find(
    file: &str,
    text: &str,
    table: &Table,
    named: &Named,
    clients_are_given: bool,
) -> Result<Columns, FileError> {
    let find = |role: Role, name: &Option<String>| {
        let found = match name {
            Some(name) => by_name(&table.header, name),
            None => by_header(&table.header, role),
        };
        found.map_err(|(offset, message)| {
            let offset = offset.or(table.header.first().map(|cell| cell.offset));
            FileError::at(file, text, offset.unwrap_or(0), message)
        })
    };
    let clients = if clients_are_given && named.clients.is_none() {
        None
    } else {
        Some(find(Role::Clients, &named.clients)?)
    };
    let throughput = find(Role::Throughput, &named.throughput)?;
    let latency = find(Role::Latency, &named.latency)?;
    let is_per_minute = is_per_minute(&words(&table.header[throughput].text));
    Ok(Columns {
        clients,
        throughput,
        per_second: if is_per_minute { 1.0 / 60.0 } else { 1.0 },
        latency,
        latency_unit: unit(&table.header[latency].text),
    })
}

/// Where and why a column was not found.
type NotFound = (Option<usize>, String);

fn by_name(header: &[Cell], name: &str) -> Result<usize, NotFound> {
    let same = |cell: &Cell| cell.text.to_lowercase() == name.trim().to_lowercase();
    header.iter().position(same).ok_or_else(|| {
        let known: Vec<&str> = header.iter().map(|cell| cell.text.as_str()).collect();
        let hint = did_you_mean(name, &known);
        (None, format!("the table has no column `{name}`: {hint}"))
    })
}

fn by_header(header: &[Cell], role: Role) -> Result<usize, NotFound> {
    let ranks: Vec<u8> = header
        .iter()
        .map(|cell| role.rank(&words(&cell.text)))
        .collect();
    let best = ranks.iter().copied().max().unwrap_or(0);
    let mut found = (0..header.len()).filter(|index| ranks[*index] == best && best > 0);
    let (what, flag) = (role.what(), role.flag());
    match (found.next(), found.next()) {
        (Some(only), None) => Ok(only),
        (Some(one), Some(other)) => Err((
            Some(header[other].offset),
            format!(
                "both `{}` and `{}` can be {what}; say which: {flag} \"{0}\"",
                header[one].text, header[other].text
            ),
        )),
        (None, _) => {
            let columns: Vec<&str> = header.iter().map(|cell| cell.text.as_str()).collect();
            Err((
                None,
                format!(
                    "no column says that it is {what} (columns: {}); {}",
                    columns.join(", "),
                    role.way_out()
                ),
            ))
        }
    }
}

impl Role {
    fn what(self) -> &'static str {
        match self {
            Self::Clients => "the number of clients",
            Self::Throughput => "the throughput",
            Self::Latency => "the mean latency",
        }
    }

    fn flag(self) -> &'static str {
        match self {
            Self::Clients => "--clients-column",
            Self::Throughput => "--throughput-column",
            Self::Latency => "--latency-column",
        }
    }

    fn way_out(self) -> &'static str {
        match self {
            Self::Clients => {
                "if one does, say which with --clients-column NAME; if it is the same in all rows, --clients N"
            }
            Self::Throughput => "if one is, say which with --throughput-column NAME",
            Self::Latency => {
                "if one is, say which with --latency-column NAME; a median or a percentile will not do, since Little's law holds for means"
            }
        }
    }

    /// How surely a header means this: 0 not at all, 2 by its own words.
    fn rank(self, words: &[String]) -> u8 {
        let has = |any: &[&str]| words.iter().any(|word| any.contains(&word.as_str()));
        if has(OTHER_STATISTICS) || words.iter().any(|word| is_percentile(word)) {
            return 0;
        }
        // Not the least rate, and not the time of a request in seconds.
        let by_name = has(RATES) && (has(REQUESTS) || !has(&["min"]));
        let by_unit = has(REQUESTS) && (has(PER_SECOND) || has(PER_MINUTE)) && !has(TIMES);
        let is_rate = by_name || by_unit;
        match self {
            Self::Clients if is_rate || has(TIMES) => 0,
            Self::Clients => u8::from(has(CLIENTS)) * 2,
            Self::Throughput => u8::from(is_rate) * 2,
            Self::Latency if is_rate => 0,
            Self::Latency if has(MEANS) => {
                let is_bare = words
                    .iter()
                    .all(|word| MEANS.contains(&word.as_str()) || is_unit(word));
                u8::from(is_bare || has(TIMES)) * 2
            }
            // The plain word is often the mean; a plain "response time" or "duration"
            // is as often a percentile.
            Self::Latency => {
                let rest: Vec<&String> = words.iter().filter(|word| !is_unit(word)).collect();
                u8::from(rest.len() == 1 && rest[0] == "latency")
            }
        }
    }
}

const CLIENTS: &[&str] = &[
    "client",
    "clients",
    "user",
    "users",
    "vu",
    "vus",
    "concurrency",
    "concurrent",
    "connection",
    "connections",
    "conns",
];
const RATES: &[&str] = &["tps", "rps", "qps", "rpm", "throughput"];
const REQUESTS: &[&str] = &[
    "req",
    "reqs",
    "request",
    "requests",
    "transactions",
    "queries",
];
const PER_SECOND: &[&str] = &["s", "sec", "second", "seconds"];
const PER_MINUTE: &[&str] = &["min", "minute", "minutes", "rpm"];
const MEANS: &[&str] = &["avg", "average", "mean"];
const TIMES: &[&str] = &[
    "latency",
    "latencies",
    "time",
    "times",
    "response",
    "resp",
    "duration",
    "rt",
    "elapsed",
];

/// Words of columns that are something else, whatever stands beside them.
const OTHER_STATISTICS: &[&str] = &[
    "median",
    "max",
    "maximum",
    "peak",
    "sd",
    "std",
    "stdev",
    "stddev",
    "deviation",
    "variance",
    "percentile",
    "think",
    "connect",
    "error",
    "errors",
    "failed",
    "failures",
    "err",
    "minimum",
    "jitter",
];

fn is_percentile(word: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    word.strip_prefix('p').is_some_and(is_number) || word.strip_suffix("th").is_some_and(is_number)
}

fn is_unit(word: &str) -> bool {
    TimeUnit::named(word).is_some()
}

fn is_per_minute(words: &[String]) -> bool {
    words.iter().any(|word| PER_MINUTE.contains(&word.as_str()))
}

/// A header's unit of time.
fn unit(header: &str) -> Option<TimeUnit> {
    // The last, since units stand at the end.
    words(header)
        .iter()
        .rev()
        .find_map(|word| TimeUnit::named(word))
}

/// The words of a header in lower case: `avgLatency_ms`, `Average Latency (ms)`.
fn words(header: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for c in header.chars() {
        if !c.is_alphanumeric() || (was_lower && c.is_uppercase()) {
            words.push(String::new());
        }
        if c.is_alphanumeric() {
            words
                .last_mut()
                .into_iter()
                .for_each(|word| word.extend(c.to_lowercase()));
        }
        was_lower = c.is_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::super::table::tables;
    use super::*;

    fn columns(header: &str) -> Result<Columns, FileError> {
        let table = &tables(header)[0];
        find("t.csv", header, table, &Named::default(), false)
    }

    #[test]
    fn headers_are_recognised_as_people_write_them() {
        for (header, expected, unit) in [
            ("clients,rps,mean_ms", [0, 1, 2], Some("ms")),
            ("VUs,Throughput,Average", [0, 1, 2], None),
            ("p99,req/s,avg latency (s),users", [3, 1, 2], Some("s")),
            (
                "Concurrency;requests per second;p50 ms;avgLatency",
                [0, 1, 3],
                None,
            ),
            (
                "connections\tTPS\tmedian\tLatency [µs]",
                [0, 1, 3],
                Some("µs"),
            ),
            (
                "CPU,Memory,Concurrency,Think Time (exponential),Average Latency (ms),Standard Deviation,TPS (requests/second),Error %",
                [2, 6, 4],
                Some("ms"),
            ),
            ("users,QPS,mean response time,latency", [0, 1, 2], None),
            (
                "users,min rps,rps,Time per request [s] (mean)",
                [0, 2, 3],
                Some("s"),
            ),
            (
                "Concurrent users,Requests/sec,Avg RT (msec),Std. dev.,max rps",
                [0, 1, 2],
                Some("ms"),
            ),
        ] {
            let found = columns(header).unwrap();
            assert_eq!(
                (found.clients, found.throughput, found.latency),
                (Some(expected[0]), expected[1], expected[2]),
                "{header}"
            );
            assert_eq!(found.latency_unit.map(TimeUnit::symbol), unit, "{header}");
            assert!((found.per_second - 1.0).abs() < 1e-12);
        }
        let minutes = columns("users,requests/min,mean").unwrap();
        assert!((minutes.per_second * 60.0 - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_column_that_is_missing_is_named_with_the_way_out() {
        for (header, parts) in [
            (
                "vus,rps,resp_time,req_failed",
                &[
                    "t.csv:1:1:",
                    "mean latency",
                    "columns: vus, rps, resp_time, req_failed",
                    "--latency-column NAME",
                ][..],
            ),
            (
                "vus,rps,p95 latency ms",
                &["mean latency", "percentile will not do"],
            ),
            ("rps,mean", &["number of clients", "--clients N"]),
            ("users,mean", &["the throughput", "--throughput-column"]),
            (
                "users,rps,tps,mean",
                &[
                    "t.csv:1:11:",
                    "both `rps` and `tps`",
                    "--throughput-column \"rps\"",
                ],
            ),
            ("users,rps,average cpu", &["mean latency"]),
        ] {
            let error = columns(header).unwrap_err().to_string();
            for part in parts {
                assert!(error.contains(part), "{header}: no {part:?} in: {error}");
            }
        }
    }

    #[test]
    fn a_column_can_be_named() {
        let header = "vus,rps,resp_time,mean";
        let table = &tables(header)[0];
        let find = |name: &str| {
            let named = Named {
                latency: Some(name.to_owned()),
                ..Named::default()
            };
            find("t.csv", header, table, &named, true)
        };
        let found = find("Resp_Time").unwrap();
        assert_eq!((found.clients, found.latency), (None, 2));
        let error = find("resptime").unwrap_err().to_string();
        assert!(error.contains("did you mean `resp_time`?"), "{error}");
    }
}
