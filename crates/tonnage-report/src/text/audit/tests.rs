//! Tables as they were published, and what is said of them.

use super::*;
use insta::assert_snapshot;
use tonnage_stats::{AuditRow, audit};

fn audited(rows: &[(&str, f64, f64, f64)]) -> AuditedTable {
    let rows: Vec<TableRow> = rows
        .iter()
        .enumerate()
        .map(|(index, (label, clients, response_ms, rps))| TableRow {
            line: index + 2,
            label: (*label).to_owned(),
            clients: *clients,
            throughput_rps: *rps,
            response_s: response_ms / 1e3,
        })
        .collect();
    let figures: Vec<AuditRow> = rows
        .iter()
        .map(|row| AuditRow {
            clients: row.clients,
            throughput_rps: row.throughput_rps,
            response_s: row.response_s,
        })
        .collect();
    AuditedTable {
        source: "table.csv".to_owned(),
        clients_column: Some("Concurrency".to_owned()),
        throughput_column: "TPS (requests/second)".to_owned(),
        latency_column: "Average Latency (ms)".to_owned(),
        latency_unit: "ms".to_owned(),
        better_unit: None,
        think_is_given: false,
        audit: audit(&figures).unwrap(),
        rows,
        left_out: Vec::new(),
    }
}

/// The table of the study of an echo service under limits (seed 000).
fn published() -> AuditedTable {
    audited(&[
        ("0.2 · 10GB", 500.0, 1263.0, 168.0),
        ("0.5 · 10GB", 500.0, 96.0, 358.0),
        ("1 · 10GB", 500.0, 36.0, 372.0),
        ("2 · 10GB", 500.0, 29.0, 376.6),
        ("0.2 · 1GB", 500.0, 1341.0, 187.0),
        ("0.5 · 1GB", 500.0, 74.0, 362.0),
        ("1 · 1GB", 500.0, 60.0, 367.0),
        ("2 · 1GB", 500.0, 40.0, 373.0),
    ])
}

#[test]
fn the_published_table_is_explained() {
    assert_snapshot!(audit_text(&published(), 80), @r"
    table.csv: 8 rows, checked by Little's law, N = X · (R + Z)
      N  Concurrency
      X  TPS (requests/second)
      R  Average Latency (ms), read in ms

    line   row            N    X /s   R ms   N÷(R+Z)   X is off by   thinking
    ──────────────────────────────────────────────────────────────────────────
       2   0.2 · 10GB   500     168   1263     194.9     −13.8 % !       51 %
       3   0.5 · 10GB   500     358     96     357.6        +0.1 %       93 %
       4   1 · 10GB     500     372     36     373.6        −0.4 %       97 %
       5   2 · 10GB     500   376.6     29     375.5        +0.3 %       98 %
       6   0.2 · 1GB    500     187   1341     189.2        −1.1 %       49 %
       7   0.5 · 1GB    500     362     74     363.3        −0.3 %       95 %
       8   1 · 1GB      500     367     60       367         0.0 %       96 %
       9   2 · 1GB      500     373     40     372.5        +0.1 %       97 %

    - 7 of 8 rows agree within 3 % on a think time of Z = 1.30 s between an answer
      and the client's next request.
    - Line 2 (0.2 · 10GB) does not fit: 500 clients with a mean latency of 1263 ms
      and 1.30 s of thinking make 194.9 requests per second, not 168 (−13.8 %);
      either figure is wrong, or not all clients were at work.
    - On lines 3–5 (0.5 · 10GB to 2 · 10GB) and 7–9 (0.5 · 1GB to 2 · 1GB) the
      clients think for 90 % of their cycle or more. The throughput there is N ÷ (R
      + Z), the load that the clients offer, and not what the server can carry: one
      that answered at once would get 383.9 requests per second from 500 clients.
      How these rows differ says nothing about capacity: for that, take the think
      time away, or add clients.
    - On line 6 (0.2 · 1GB) they wait for 51 % of their cycle: there the server
      holds the clients back.
    ");
}

#[test]
fn a_table_without_think_time_is_said_to_be_one() {
    let table = audited(&[
        ("", 1.0, 10.0, 100.0),
        ("", 2.0, 10.5, 190.5),
        ("", 4.0, 20.0, 200.0),
        ("", 8.0, 40.0, 260.0),
    ]);
    assert_snapshot!(audit_text(&table, 72), @r"
    table.csv: 4 rows, checked by Little's law, N = X · (R + Z)
      N  Concurrency
      X  TPS (requests/second)
      R  Average Latency (ms), read in ms

    line   N    X /s   R ms   N÷(R+Z)   X is off by   thinking
    ───────────────────────────────────────────────────────────
       2   1     100     10       100         0.0 %        0 %
       3   2   190.5   10.5     190.5         0.0 %        0 %
       4   4     200     20       200         0.0 %        0 %
       5   8     260     40       200     +30.0 % !        0 %

    - 3 of 4 rows agree within 3 % that there is no think time: each client
      asks again as soon as it has its answer, and the throughput is what
      the server gave so many clients.
    - Line 5 does not fit: 8 clients with a mean latency of 40 ms make 200
      requests per second, not 260 (+30.0 %); either figure is wrong, or
      there were more clients.
    ");
}

#[test]
fn a_suffix_of_rows_is_named_by_where_it_begins() {
    let table = audited(&[
        ("", 100.0, 900.0, 52.63),
        ("", 100.0, 90.0, 91.74),
        ("", 100.0, 50.0, 95.24),
    ]);
    let text = conclusions(&table).join("\n");
    assert!(text.contains("From line 3 on the clients think"), "{text}");
    assert!(
        text.contains("On line 2 they wait for 47 % of their cycle"),
        "{text}"
    );
}

#[test]
fn rows_that_agree_on_nothing_are_no_finding_about_single_rows() {
    let mut table = audited(&[
        ("", 10.0, 5000.0, 100.0),
        ("", 20.0, 9000.0, 40.0),
        ("", 30.0, 1000.0, 70.0),
    ]);
    table.better_unit = Some("s".to_owned());
    table.left_out.push(LeftOut {
        line: 9,
        reason: "it has no throughput".to_owned(),
    });
    let text = conclusions(&table).join("\n");
    assert!(text.contains("agree on no think time"), "{text}");
    assert!(text.contains("`--latency-unit s`"), "{text}");
    assert!(
        text.contains("Line 9 is left out: it has no throughput."),
        "{text}"
    );
    assert!(!text.contains("does not fit"), "{text}");
}

#[test]
fn a_given_think_time_is_said_to_be_given() {
    let mut table = published();
    table.think_is_given = true;
    assert!(audit_text(&table, 100).contains("Z = 1.30 s that was given"));
}

#[test]
fn no_line_is_wider_than_asked() {
    for width in [60, 80, 120] {
        let text = audit_text(&published(), width);
        assert!(
            text.lines().all(|line| line.chars().count() <= width),
            "{text}"
        );
    }
}

#[test]
fn json_has_what_the_text_has() {
    let json = audit_json(&published()).unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["schema"], AUDIT_SCHEMA);
    assert!((json["think_s"].as_f64().unwrap() - 1.3).abs() < 0.013);
    assert_eq!((&json["agreeing"], &json["usable"]), (&7.into(), &8.into()));
    let flawed = json["rows"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["consistent"] == false);
    assert_eq!(
        flawed.map(|row| row["line"].clone()).collect::<Vec<_>>(),
        [2]
    );
    assert!(json["conclusions"].as_array().unwrap().len() >= 3);
}
