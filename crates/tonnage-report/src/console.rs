//! What a study prints while it runs and when it ends: the line of a step and
//! the CSV block. Tables and sentences are in `text`.

use tonnage_model::{Study, TrialRecord};

use crate::{Document, ReportError, figure_text, ladders};

/// The study's line for a trial that has ended: `console.step`, filled with the
/// trial's figures and parameters.
pub fn step_line(study: &Study, trial: &TrialRecord) -> Result<String, ReportError> {
    let line = study.console.step.get_ref().fill(|name| {
        if Study::FIGURES.contains(&name) {
            return Some(figure_text(trial, name));
        }
        trial.cell.parameters.get(name).cloned()
    })?;
    Ok(line)
}

/// The columns of `console.csv` for every measured trial, in order.
///
/// A run of one ladder is a plain CSV table. Where there are several, each is a
/// table of its own below a comment line with the factors that tell it from the
/// others, such as `# workers=3 iterations=2000`.
pub fn csv_block(document: &Document) -> Result<String, ReportError> {
    let ladders = ladders(document);
    let mut block = String::new();
    for ladder in &ladders {
        if !ladder.label.is_empty() {
            if !block.is_empty() {
                block.push('\n');
            }
            block.push_str("# ");
            block.push_str(&ladder.label);
            block.push('\n');
        }
        block.push_str(&csv_table(&document.study, &ladder.trials)?);
    }
    if ladders.is_empty() {
        block = csv_table(&document.study, &[])?;
    }
    Ok(block)
}

fn csv_table(study: &Study, trials: &[&TrialRecord]) -> Result<String, ReportError> {
    let columns = &study.console.csv;
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(columns.iter().map(|column| &column.name))?;
    for trial in trials.iter().filter(|trial| trial.measured().is_some()) {
        writer.write_record(
            columns
                .iter()
                .map(|column| figure_text(trial, column.figure.get_ref())),
        )?;
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
    fn nothing_measured_is_a_heading() {
        assert_eq!(
            csv_block(&fixture::empty()).unwrap(),
            "vus,rps,resp_time,req_failed\n"
        );
    }
}
