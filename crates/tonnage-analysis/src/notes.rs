//! What a reader must know to judge a run's figures: noise, drift, cells that are not
//! what they seem, CPUs that were shared.

use tonnage_model::{TrialRecord, format_significant};

use crate::analysis::Analysis;
use crate::cells::CellView;
use crate::headline::named;
use crate::ratio_text;

/// More CPU time than the quota allows by this factor, and it was not kept (design: the
/// gates of a trial).
const QUOTA_HELD: f64 = 1.02;

/// The kernel's period of a quota where none is chosen, in microseconds.
const PERIOD_US: u64 = 100_000;

impl Analysis<'_> {
    /// What a reader must know to judge the figures, most important first.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        notes.extend(self.noise_notes());
        notes.extend(self.drift_notes());
        notes.extend(self.cell_notes());
        notes.extend(self.sharing_note());
        if self.run.quick {
            notes.push("This is the study's quick form: shorter windows and fewer cells than it was made for.".to_owned());
        }
        for (stack, why) in &self.run.conditions.unavailable {
            notes.push(format!("{stack} cannot run here and is left out: {why}."));
        }
        notes.extend(self.ladder_notes());
        notes
    }

    fn noise_notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if let Some(equals) = self.noise.equals.filter(|_| self.noise.equals_differ()) {
            notes.push(format!(
                "Two copies of the same cell differ by a factor of {}: something makes equal cells unequal here, and no difference of that size means anything.",
                ratio_text(&equals.ratio)
            ));
        }
        if self.noise.pairs >= tonnage_stats::FEWEST_BLOCKS {
            notes.push(format!(
                "Differences below the noise floor print as ≈: {}.",
                self.noise.text()
            ));
        }
        if let Some(noise) = &self.run.conditions.noise {
            notes.push(format!("The machine's noise grade is {:?}.", noise.grade));
        }
        notes
    }

    fn drift_notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        for (start, level) in &self.drift.steps {
            let block = self
                .drift
                .reference
                .get(*start)
                .map_or(0, |point| point.block);
            notes.push(format!(
                "From block {} on the machine ran at {} times its speed before; ratios within a block are untouched by that.",
                block + 1,
                format_significant(*level, 2)
            ));
        }
        let blocks = |blocks: &[u32]| {
            let numbers: Vec<String> = blocks.iter().map(|block| (block + 1).to_string()).collect();
            numbers.join(", ")
        };
        if !self.drift.left_out.is_empty() {
            notes.push(format!(
                "Left out and measured again, as the machine changed within them: block {}.",
                blocks(&self.drift.left_out)
            ));
        }
        if !self.drift.to_repeat.is_empty() {
            notes.push(format!(
                "The machine changed within block {}, which was not measured again.",
                blocks(&self.drift.to_repeat)
            ));
        }
        notes
    }

    fn cell_notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let bound: Vec<&str> = self
            .cells
            .iter()
            .filter(|v| v.generator_bound.is_some())
            .map(CellView::name)
            .collect();
        if !bound.is_empty() {
            notes.push(format!(
                "Generator-bound, and in no ranking: {}. Their servers may be faster than they look.",
                bound.join(", ")
            ));
        }
        for view in &self.cells {
            if let Some(lost) = view.bias_text() {
                notes.push(format!(
                    "{}: {lost}, so that its figures are those of the survivors; it ranks below all cells that serve their requests.",
                    view.name()
                ));
            }
        }
        notes.extend(self.cells.iter().filter_map(quota_note));
        let unmeasured = self
            .trials
            .iter()
            .filter(|(trial, _)| trial.measured().is_none())
            .count();
        if unmeasured > 0 {
            notes.push(format!(
                "{unmeasured} of {} trials could not be measured to the end.",
                self.trials.len()
            ));
        }
        notes
    }

    /// Notes of ladders, those that are equal as one.
    fn ladder_notes(&self) -> Vec<String> {
        let mut merged: Vec<(&str, Vec<&str>)> = Vec::new();
        for ladder in &self.ladders {
            for note in &ladder.notes {
                match merged.iter_mut().find(|(known, _)| known == note) {
                    Some((_, labels)) => labels.push(&ladder.label),
                    None => merged.push((note, vec![&ladder.label])),
                }
            }
        }
        let written = merged.into_iter().map(|(note, labels)| match *labels {
            [only] => named(only, note),
            _ => named(&format!("{} ladders", labels.len()), note),
        });
        written.collect()
    }

    fn sharing_note(&self) -> Option<String> {
        if let Some(target) = &self.run.target {
            return Some(format!(
                "The server at {target} was started by somebody else: its workers, versions and machine are not known here."
            ));
        }
        let shared = self
            .trials
            .iter()
            .filter(|(trial, _)| trial.generator_cpus.is_none())
            .count();
        let of = if shared < self.trials.len() {
            format!(" in {shared} of {} trials", self.trials.len())
        } else {
            String::new()
        };
        let cpus = self.run.host.usable_cpus;
        (shared > 0).then(|| {
            format!(
                "Generator and server shared the same {cpus} {}{of}: what one used, the other lacked.",
                if cpus == 1 { "CPU" } else { "CPUs" }
            )
        })
    }
}

/// Where a server used more CPU time than its quota allows: the limit was none.
fn quota_note(view: &CellView<'_>) -> Option<String> {
    let quota = view.cell.limits.cpus?;
    let period_us = view.cell.limits.cpu_period_us.unwrap_or(PERIOD_US);
    let beyond = |trial: &&&TrialRecord| {
        let Some(usage) = &trial.usage else {
            return false;
        };
        // Pages that the kernel reclaims for a server count as its time, but are not
        // throttled.
        let reclaims = usage.memory_limit_hits.is_some_and(|hits| hits > 0);
        // A window that cuts periods has the quota of one more.
        let allowed_us = QUOTA_HELD * usage.window_us as f64 + period_us as f64;
        !reclaims && usage.cpu_us as f64 > quota.cpus() * allowed_us
    };
    let trials: Vec<&&TrialRecord> = view.shown.iter().filter(beyond).collect();
    let most = trials
        .iter()
        .filter_map(|trial| trial.usage.as_ref()?.mean_cpus())
        .reduce(f64::max)?;
    Some(format!(
        "{}: in {} of {} trials its quota of {} did not hold: the server used up to {} CPUs.",
        view.name(),
        trials.len(),
        view.shown.len(),
        quota,
        format_significant(most, 3)
    ))
}
