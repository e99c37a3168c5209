//! `tonnage audit` on tables that were published, and on what is none.

use std::fs;

use serde_json::Value;

use crate::common::{Home, text};

/// Study 0's text as published: a Markdown table below headings, with empty rows.
const ECHO_LIMITS: &str = "\
# Performance analysis of Python Flask in Docker

### (Number of Gunicorn workers 8)


| CPU | Memory  | Concurrency  | Think Time (exponential) | Average Latency (ms) | Standard Deviation | TPS (requests/second) | Error % |
|-----|---------|--------------|--------------------------|----------------------|--------------------|-----------------------|---------|
| 0.2 | 10GB    | 500          | 1000                     | 1263                 | 2042               | 168                   | 1.64    |
| 0.5 | 10GB    | 500          | 1000                     | 96                   | 213                | 358                   | 1.28    |
| 1   | 10GB    | 500          | 1000                     | 36                   | 168                | 372                   | 0.85    |
| 2   | 10GB    | 500          | 1000                     | 29                   | 116                | 376.6                 | 0.77    |
|     |         |              |                          |                      |                    |                       |         |
| 0.2 | 1GB     | 500          | 1000                     | 1341                 | 2649               | 187                   | 0.41    |
| 0.5 | 1GB     | 500          | 1000                     | 74                   | 155                | 362                   | 0.54    |
| 1   | 1GB     | 500          | 1000                     | 60                   | 229                | 367                   | 1.03    |
| 2   | 1GB     | 500          | 1000                     | 40                   | 162                | 373                   | 0.52    |

### Observations
";

/// The same as a spreadsheet saves it where commas are decimal.
const ECHO_LIMITS_CSV: &str = "\u{feff}CPU;Memory;Users;Mean (s);TPS
0,2;10GB;500;1,263;168
0,5;10GB;500;0,096;358
1;10GB;500;0,036;372
2;10GB;500;0,029;376,6
;;;;
0,2;1GB;500;1,341;187
0,5;1GB;500;0,074;362
1;1GB;500;0,06;367
2;1GB;500;0,04;373
";

/// What study 4 printed.
const FLASK_BENCH: &str = "\
vus,rps,resp_time,req_failed
1,69.58683773778522,14.25021685,0
2,133.7129194175826,14.735899649999999,0
4,207.36593739764353,28.290248599999998,0
8,279.57333903745644,31.8923282,0
";

/// Runs the audit of a file with `content`, and gives exit code, output and errors.
#[track_caller]
fn audit(content: impl AsRef<[u8]>, flags: &[&str]) -> (i32, String, String) {
    let home = Home::new();
    let file = home.path().join("table.csv");
    fs::write(&file, content).unwrap();
    let arguments = [&["audit", file.to_str().unwrap()], flags].concat();
    let output = home.tonnage(&arguments);
    let folder = format!("{}/", home.path().display());
    let shown = |bytes: &[u8]| text(bytes).replace(&folder, "");
    let code = output.status.code().unwrap();
    (code, shown(&output.stdout), shown(&output.stderr))
}

/// The JSON of an audit that succeeds.
#[track_caller]
fn json(content: impl AsRef<[u8]>, flags: &[&str]) -> Value {
    let (code, out, errors) = audit(content, &[flags, &["--json"]].concat());
    assert_eq!(code, 0, "{errors}");
    serde_json::from_str(&out).unwrap()
}

/// Lines of the rows that do not agree.
fn flawed(json: &Value) -> Vec<u64> {
    let rows = json["rows"].as_array().unwrap().iter();
    rows.filter(|row| row["consistent"] == false)
        .map(|row| row["line"].as_u64().unwrap())
        .collect()
}

/// Exit code 2, and an error with all of `parts` in it.
#[track_caller]
fn refused(content: impl AsRef<[u8]>, flags: &[&str], parts: &[&str]) {
    let (code, out, errors) = audit(content, flags);
    assert_eq!(code, 2, "{errors}");
    assert!(out.is_empty(), "{out}");
    for part in parts {
        assert!(errors.contains(part), "no {part:?} in: {errors}");
    }
}

#[test]
fn the_published_table_of_study_0_has_a_think_time_of_1300_ms() {
    for (content, wrong) in [(ECHO_LIMITS, 8), (ECHO_LIMITS_CSV, 2)] {
        let found = json(content, &[]);
        let think_s = found["think_s"].as_f64().unwrap();
        assert!((think_s - 1.3).abs() < 0.013, "{think_s}");
        assert_eq!(flawed(&found), [wrong]);
        assert_eq!(found["rows"].as_array().unwrap().len(), 8);
    }
}

#[test]
fn what_follows_from_it_is_said_in_words() {
    let (code, out, errors) = audit(ECHO_LIMITS, &[]);
    assert_eq!((code, errors.as_str()), (0, ""));
    let words = out.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "table.csv: 8 rows",
        "7 of 8 rows agree within 3 % on a think time of Z = 1.30 s",
        "Line 8 (0.2 · 10GB) does not fit: 500 clients with a mean latency of 1263 ms",
        "On lines 9–11 (0.5 · 10GB to 2 · 10GB) and 14–16 (0.5 · 1GB to 2 · 1GB) the clients think",
        "the load that the clients offer, and not what the server can carry",
        "383.9 requests per second from 500 clients",
        "On line 13 (0.2 · 1GB) they wait for 51 % of their cycle",
    ] {
        assert!(words.contains(part), "no {part:?} in: {out}");
    }
}

#[test]
fn only_the_strict_fail_on_rows_that_do_not_fit() {
    assert_eq!(audit(ECHO_LIMITS, &["--strict"]).0, 4);
    let without_it = ECHO_LIMITS.replace("| 168                   |", "| 195                   |");
    assert_ne!(without_it, ECHO_LIMITS);
    assert_eq!(audit(without_it, &["--strict"]).0, 0);
}

#[test]
fn a_think_time_that_is_known_is_taken() {
    let found = json(ECHO_LIMITS, &["--think", "1"]);
    assert_eq!(found["think_is_given"], true);
    // The second that the study's text speaks of explains no row of the fast ones.
    assert!(flawed(&found).len() >= 6, "{found}");
    assert_eq!(flawed(&json(ECHO_LIMITS, &["--think", "1300ms"])), [8]);
}

#[test]
fn a_percentile_is_not_taken_for_a_mean() {
    refused(
        FLASK_BENCH,
        &[],
        &[
            "table.csv:1:1: ",
            "no column says that it is the mean latency",
            "columns: vus, rps, resp_time, req_failed",
            "--latency-column NAME",
        ],
    );
    let named = json(FLASK_BENCH, &["--latency-column", "resp_time"]);
    assert_eq!(named["rows"].as_array().unwrap().len(), 4);
    refused(
        FLASK_BENCH,
        &["--latency-column", "restime"],
        &["no column `restime`", "did you mean `resp_time`?"],
    );
}

#[test]
fn what_is_no_table_is_refused_with_its_place() {
    refused("", &[], &["table.csv:1:1: there is no table"]);
    refused("\n\n", &[], &["there is no table", "CSV or Markdown"]);
    refused(
        b"users,rps,mean\n10,5,\xe9\n",
        &[],
        &[
            "table.csv:2:6: the byte 0xe9 is not UTF-8",
            "iconv -f ISO-8859-1",
        ],
    );
    refused(b"\xff\xfeu\0", &[], &["table.csv:1:1:", "iconv -f UTF-16"]);
    refused(
        "users,rps,mean\n10,5,12\n10,fast,12\n",
        &[],
        &["table.csv:3:4: `fast` is no throughput"],
    );
    refused(
        "users,rps,mean\n10,5,12\n",
        &[],
        &["the table has 1 row with", "--think SECONDS"],
    );
    refused("users,rps,mean\n", &[], &["the table has 0 rows with"]);
    let home = Home::new();
    let output = home.tonnage(&["audit", "/no/such/table.csv"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("cannot read the table /no/such/table.csv"));
}

#[test]
fn a_wrong_unit_is_noticed() {
    let (code, out, _) = audit(ECHO_LIMITS, &["--latency-unit", "s"]);
    assert_eq!(code, 0);
    let words = out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("The rows agree on no think time"), "{out}");
    assert!(words.contains("try `--latency-unit ms`"), "{out}");
    refused(
        ECHO_LIMITS,
        &["--latency-unit", "parsec"],
        &["`parsec` is no unit of time", "s, ms, us"],
    );
}

#[test]
fn clients_that_no_column_has_are_asked_for() {
    let content = "rps,mean\n100,10\n50,20\n";
    refused(content, &[], &["the number of clients", "--clients N"]);
    let found = json(content, &["--clients", "1"]);
    assert!(found["think_s"].as_f64().unwrap() < 1e-3);
    assert_eq!(found["agreeing"], 2);
    refused(content, &["--clients", "0"], &["a number above 0"]);
}

#[test]
fn a_table_can_be_piped_in() {
    let home = Home::new();
    let file = home.path().join("table.md");
    fs::write(&file, ECHO_LIMITS).unwrap();
    let output = home
        .command(&["audit", "-"])
        .stdin(fs::File::open(file).unwrap())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).starts_with("standard input: 8 rows"));
}
