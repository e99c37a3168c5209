//! What ends a study: the answer, the tables of cells, ladders and published figures,
//! what was searched, and what must be known to judge them.

use std::fmt::Write as _;

use tonnage_analysis::Analysis;

use super::{bullets, wrap};
use crate::Document;
use crate::content::{cell_tables, findings, ladder_tables, published_tables, trust};
use crate::table::Table;

/// The answer, every cell with its interval, its ratio to the best and why it is as slow
/// as it is, ladders, published beside ours, and the notes; lines of at most `width`
/// columns (20 at least). Each table names the noise grade and the isolation.
pub fn comparison_text(document: &Document, width: usize) -> String {
    closing(document, &document.analysis(), width)
}

pub(super) fn closing(document: &Document, analysis: &Analysis<'_>, width: usize) -> String {
    let mut text = wrap("", &analysis.headline(), width, 0);
    let trust = trust(document, analysis);
    let mut add = |tables: Vec<Table>| {
        for mut table in tables {
            table.notes.push(format!("({trust})"));
            text.push('\n');
            text.push_str(&table.text(width));
        }
    };
    add(cell_tables(document, analysis, true));
    add(ladder_tables(analysis));
    add(published_tables(document, analysis));
    let findings = findings(analysis);
    if !findings.is_empty() {
        let _ = write!(text, "\n{}", bullets(&findings, width));
    }
    let _ = write!(
        text,
        "\n{}",
        bullets(&crate::notes_of(document, analysis), width)
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use insta::assert_snapshot;

    #[test]
    fn a_ladder_stands_beside_what_was_published() {
        assert_snapshot!(comparison_text(&fixture::published(), 80), @r"
        Flask behind 2n+1 gunicorn sync workers: peaks at 402 (one block) requests/s
        with 8 clients, gains less than 5 % by doubling from 4.0 clients, knee by bounds
        at 2.1 clients

        clients   n   rps, 95 %   gain of doubling   p50 (ms)   p95 (ms)   failed
        ──────────────────────────────────────────────────────────────────────────
              1   1       192.5                         5.067      10.40        0
              2   1       371.2             × 1.93      5.255      10.78        0
              4   1       398.9             × 1.07      9.781      20.07        0
         8 peak   1       402.3             × 1.01      19.40      39.78        0
        From 4.00 clients on, doubling them gains less than 5 %.
        The knee by asymptotic bounds is at 2.09 clients: D = 5.19 ms, Xmax = 402
        requests/s, 2.09 effective servers.
        Universal Scalability Law: λ = 201, σ = 0.145, κ = 0.0372, peak at 4.79 clients.
        (noise grade unknown, A/A floor unknown, nothing limited, generator and server
        share 2 CPUs)

        Seed 004
        row      figure     published   ours, 95 %   ratio
        ───────────────────────────────────────────────────
        vus=1    rps            69.59        192.5    2.77
                 p95 (ms)       14.25        10.40   0.730
                 failed             0            0       –
        vus=2    rps            133.7        371.2    2.78
                 p95 (ms)       14.74        10.78   0.732
                 failed             0            0       –
        vus=4    rps            207.4        398.9    1.92
                 p95 (ms)       28.29        20.07   0.709
                 failed             0            0       –
        vus=8    rps            279.6        402.3    1.44
                 p95 (ms)       31.89        39.78    1.25
                 failed             0            0       –
        vus=16   rps            280.4            –       –
                 p95 (ms)       82.85            –       –
                 failed             0            –       –
        (noise grade unknown, A/A floor unknown, nothing limited, generator and server
        share 2 CPUs)

        - Generator and server shared the same 2 CPUs: what one used, the other lacked.
        - The scalability law is fitted to fewer than six numbers of clients, which says
          little.
        - A percentile is n/a where fewer than 10 samples lie beyond it.
        ");
    }

    #[test]
    fn cells_are_ranked_with_intervals_and_causes() {
        assert_snapshot!(comparison_text(&fixture::zoo(), 100), @r"
        A small zoo: gevent+gunicorn with a long name 4p cpus=none leads with 176 (168–183) requests/s, not
        distinguishable from uwsgi 4p×50t cpus=none; throttled with dev single cpus=0.5

        cell                     n          rps, 95 %         to best        failed   why
        ────────────────────────────────────────────────────────────────────────────────────────────────────
        gevent+gunicorn with a   3      176 (168–183)            best             0   memory-killed: the
        long name 4p cpus=none                                                        kernel killed 12
                                                                                      processes for want of
                                                                                      memory, and 9 were
                                                                                      replaced
        uwsgi 4p×50t cpus=none   4      174 (169–178)          ≈ best             0
        dev single cpus=0.5      4   57.7 (57.3–58.2)           0.329             0   throttled in 93 % of
                                                        (0.311–0.348)                 periods, 22.3 s of
                                                                                      40.0 s; also
                                                                                      CPU-bound
        gunicorn 4p×50t          4      189 (186–192)        failures   2800 (27 %)
        cpus=none
        (noise grade B, A/A floor ±2.2 % from 4 pairs of equal cells, cgroup v1, generator and server share
        2 CPUs)

        Seed 001-cpu
        row            figure   published      ours, 95 %              ratio
        ─────────────────────────────────────────────────────────────────────
        uwsgi 4p×50t   rps          150.5   174 (169–178)   1.15 (1.13–1.18)
        (noise grade B, A/A floor ±2.2 % from 4 pairs of equal cells, cgroup v1, generator and server share
        2 CPUs)

        - Differences below the noise floor print as ≈: ±2.2 % from 4 pairs of equal cells.
        - The machine's noise grade is B.
        - gunicorn 4p×50t cpus=none: 27 % of the requests failed, so that its figures are those of the
          survivors; it ranks below all cells that serve their requests.
        - 1 of 28 trials could not be measured to the end.
        - Generator and server shared the same 2 CPUs: what one used, the other lacked.
        - japronto cannot run here and is left out: it cannot be installed on Python 3.12.
        - A percentile is n/a where fewer than 10 samples lie beyond it.
        ");
    }

    #[test]
    fn nothing_measured_is_said() {
        assert!(comparison_text(&fixture::empty(), 60).contains("nothing measured"));
    }

    #[test]
    fn no_document_is_wider_than_asked() {
        for (name, document) in fixture::all() {
            for width in [60, 80, 120] {
                let text = comparison_text(&document, width);
                for line in text.lines() {
                    assert!(line.chars().count() <= width, "{name} at {width}: {line}");
                }
            }
        }
    }
}
