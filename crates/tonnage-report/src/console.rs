//! What a study prints while it runs and when it ends: the line of a step, the CSV
//! block and the summaries in the layouts of other generators. Tables and sentences are
//! in `text`.

use tonnage_analysis::{Analysis, CellView};
use tonnage_model::{Cell, Study, TrialRecord};

use crate::figure::{counted, short};

use crate::content::Preformatted;
use crate::figure::{NOT_AVAILABLE, exact};
use crate::{Document, ReportError, SummaryStyle, figure_text, summary_text};

/// The line for a trial that has ended: the study's `console.step`, filled with the
/// trial's figures and factors, or what every study tells of a trial.
pub fn step_line(study: &Study, trial: &TrialRecord) -> Result<String, ReportError> {
    let Some(step) = &study.console.step else {
        let figure = |name| tonnage_analysis::figure(trial, name);
        let shown = |name| figure(name).map_or_else(|| "n/a".to_owned(), |v| short(name, v));
        let clients = counted(u64::from(trial.cell.clients), "client");
        return Ok(format!(
            "{}, {clients}: {} requests/s, p95 {} ms, {} failed",
            served(&trial.cell),
            shown("rps"),
            shown("p95_ms"),
            shown("failed")
        ));
    };
    let line = step.get_ref().fill(|name| {
        if Study::FIGURES.contains(&name) {
            return Some(figure_text(trial, name));
        }
        // What a cell does not have must not lose the line.
        Some(
            trial
                .cell
                .factor(name)
                .unwrap_or_else(|| NOT_AVAILABLE.to_owned()),
        )
    })?;
    Ok(line)
}

/// What a trial was made with, shortly.
fn served(cell: &Cell) -> String {
    if cell.configuration.is_empty() {
        format!("{} on {}", cell.workload, cell.stack)
    } else {
        cell.configuration.clone()
    }
}

/// The columns of `console.csv` for every cell that was measured, of all its blocks
/// together; empty where the study wants none.
///
/// A run of one ladder is a plain CSV table. Where there are several, each is a
/// table of its own below a comment line with the factors that tell it from the
/// others, such as `# workers=3 iterations=2000`. Cells that are on no ladder follow as
/// a table whose first column is the cell.
pub fn csv_block(document: &Document) -> Result<String, ReportError> {
    if document.study.console.csv.is_empty() {
        return Ok(String::new());
    }
    let analysis = document.analysis();
    let view = |index: usize| &analysis.cells[index];
    let mut blocks = Vec::new();
    for ladder in &analysis.ladders {
        let cells: Vec<_> = ladder.steps.iter().map(|step| view(step.cell)).collect();
        let table = csv_table(&document.study, &cells, false)?;
        blocks.push(match ladder.label.as_str() {
            "" => table,
            label => format!("# {label}\n{table}"),
        });
    }
    let on_ladder = |index: &usize| {
        let mut steps = analysis.ladders.iter().flat_map(|ladder| &ladder.steps);
        steps.any(|step| step.cell == *index)
    };
    let others = (0..analysis.cells.len()).filter(|index| !on_ladder(index));
    let others: Vec<_> = others.map(view).collect();
    if !others.is_empty() || blocks.is_empty() {
        blocks.push(csv_table(&document.study, &others, others.len() > 1)?);
    }
    Ok(blocks.join("\n"))
}

fn csv_table(
    study: &Study,
    cells: &[&CellView<'_>],
    with_name: bool,
) -> Result<String, ReportError> {
    let columns = &study.console.csv;
    let mut writer = csv::Writer::from_writer(Vec::new());
    let first = with_name.then_some("cell");
    let names = columns.iter().map(|column| column.name.as_str());
    writer.write_record(first.into_iter().chain(names))?;
    for view in cells.iter().filter(|view| !view.shown.is_empty()) {
        let figures = columns.iter().map(|column| {
            let figure = view.interval(column.figure.get_ref());
            figure.map_or_else(|| NOT_AVAILABLE.to_owned(), |figure| exact(figure.estimate))
        });
        let first = with_name.then(|| view.name().to_owned());
        writer.write_record(first.into_iter().chain(figures))?;
    }
    Ok(into_text(writer))
}

/// The text that `writer` has collected in memory.
pub(crate) fn into_text(writer: csv::Writer<Vec<u8>>) -> String {
    let bytes = writer
        .into_inner()
        .expect("flushing to memory does not fail");
    String::from_utf8(bytes).expect("only strings were written")
}

/// The load summaries that the study asks for (`console.summaries`), of each cell's
/// first trial that counts; empty where it asks for none. The notes are at most `width`
/// columns wide; the others' layouts are as wide as they are.
pub fn summaries_text(document: &Document, width: usize) -> String {
    let summaries = summaries(document, &document.analysis(), width).into_iter();
    let parts = summaries.map(|summary| format!("# {}\n{}", summary.title, summary.text));
    parts.collect::<Vec<_>>().join("\n")
}

/// The same one by one.
pub(crate) fn summaries(
    document: &Document,
    analysis: &Analysis<'_>,
    width: usize,
) -> Vec<Preformatted> {
    let styles = document.study.console.summaries.iter();
    let styles: Vec<SummaryStyle> = styles
        .filter_map(|name| name.get_ref().parse().ok())
        .collect();
    let mut summaries = Vec::new();
    for view in &analysis.cells {
        let Some(trial) = view.shown.first() else {
            continue;
        };
        let Some(load) = trial.measured() else {
            continue;
        };
        for style in &styles {
            let block = if view.shown.len() > 1 {
                format!(", block {} of {}", trial.block + 1, view.shown.len())
            } else {
                String::new()
            };
            summaries.push(Preformatted {
                title: format!("{}, as {style}{block}", view.name()),
                text: summary_text(*style, load, width),
            });
        }
    }
    summaries
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use insta::assert_snapshot;

    #[test]
    fn the_step_line_reads_as_the_study_wants_it() {
        let document = fixture::published();
        assert_snapshot!(step_line(&document.study, &document.trials[2]).unwrap(), @"Injecting with 4 vus. rps=398.9 resp_time=20.070399 res_failed=0");
    }

    #[test]
    fn a_step_without_figures_says_so() {
        let document = fixture::failed();
        let line = step_line(&document.study, document.trials.last().unwrap()).unwrap();
        assert_snapshot!(line, @"Injecting with 4 vus. rps=n/a resp_time=n/a res_failed=n/a");
    }

    #[test]
    fn a_study_without_a_line_has_one_all_the_same() {
        let document = fixture::zoo();
        assert_snapshot!(step_line(&document.study, &document.trials[1]).unwrap(), @"dev single, 100 clients: 57.42 requests/s, p95 3483 ms, 0 failed");
    }

    #[test]
    fn one_ladder_is_a_plain_table() {
        assert_snapshot!(csv_block(&fixture::published()).unwrap(), @r"
        vus,rps,resp_time,req_failed
        1,192.5,10.395647,0
        2,371.2375,10.780671,0
        4,398.9,20.070399,0
        8,402.25,39.780351,0
        ");
    }

    #[test]
    fn several_ladders_are_told_apart() {
        assert_snapshot!(csv_block(&fixture::several()).unwrap(), @r"
        # workers=3
        vus,rps,resp_time,req_failed
        1,190,5.980159,0
        2,340.5,11.755519,0
        4,351,22.806527,0

        # workers=5
        vus,rps,resp_time,req_failed
        1,192.5,10.395647,0
        2,371.25,10.780671,0
        4,380,11.960319,0
        ");
    }

    #[test]
    fn cells_on_no_ladder_are_named() {
        assert_snapshot!(csv_block(&fixture::grid()).unwrap(), @r"
        # workers=1
        ms
        17.007658
        16.854463
        17.090943
        16.835784

        # workers=2
        ms
        9.980517
        9.850371
        9.89029
        9.927777

        # workers=3
        ms
        10.246002
        7.416657
        7.242951
        7.427482

        # workers=5
        ms
        10.542642
        5.953194
        4.99047
        5.021802

        # workers=9
        ms
        11.228539
        6.43501
        3.413106
        3.365653
        ");
    }

    #[test]
    fn nothing_measured_is_a_heading() {
        assert_eq!(
            csv_block(&fixture::empty()).unwrap(),
            "vus,rps,resp_time,req_failed\n"
        );
    }

    #[test]
    fn summaries_are_those_that_the_study_asks_for() {
        assert_eq!(summaries_text(&fixture::published(), 80), "");
        let text = summaries_text(&fixture::zoo(), 80);
        assert!(
            text.starts_with("# dev single cpus=0.5, as wrk, block 1 of 4\n"),
            "{text}"
        );
        assert!(text.contains("Requests/sec:"));
    }
}
