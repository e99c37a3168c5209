//! A rule for the number of workers, such as `2n+1`, against the best number measured.

use tonnage_model::{Cell, RunRecord, Study, WorkerRule, format_significant};
use tonnage_stats::{Comparison, FEWEST_BLOCKS, not_distinguishable_from_best};

use crate::causes::available_cpus;
use crate::cells::CellView;
use crate::comparison::matrix;
use crate::factors::{factors, key, labels};
use crate::larger_is_better;
use crate::noise::{Versus, pairs};

/// A rule is supported where the best number of workers may be better by no more than
/// this: nobody sizes a server more finely.
const MAY_LOSE: f64 = 0.10;

/// What the trials say of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HypothesisVerdict {
    /// No other number could be shown to be better, and none may be better by more
    /// than a tenth.
    Supported,
    /// Another number is better beyond doubt, be it by little: see the gain.
    Refuted,
    /// The blocks do not tell.
    CannotTell,
}

impl HypothesisVerdict {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Supported => "supported",
            Self::Refuted => "refuted",
            Self::CannotTell => "cannot tell",
        }
    }
}

/// A rule tested among cells that differ only in their number of workers.
#[derive(Debug, Clone, PartialEq)]
pub struct Hypothesis {
    /// The rule, such as `2n+1`.
    pub rule: String,
    /// What tells these cells from other groups that it was tested in.
    pub label: String,
    /// The number of workers that the rule gives here.
    pub rule_workers: u32,
    /// The number that was measured in its place, the same or the nearest.
    pub tested_workers: u32,
    /// The best number measured.
    pub best_workers: u32,
    /// Indices of the two cells: the rule's and the best.
    pub cells: (usize, usize),
    /// How much better the best is than the rule's, above 1 whatever the figure;
    /// `None` where they are the same, or share no block.
    pub gain: Option<Versus>,
    /// What that says.
    pub verdict: HypothesisVerdict,
    /// The same as a sentence.
    pub text: String,
}

/// What is asked of each group of cells.
struct Question<'a> {
    text: &'a str,
    rule: WorkerRule,
    run: &'a RunRecord,
    cells: &'a [CellView<'a>],
    figure: &'a str,
    floor: f64,
}

/// The study's hypothesis in each group of cells that differ only in workers.
pub(crate) fn hypotheses(
    study: &Study,
    run: &RunRecord,
    cells: &[CellView<'_>],
    figure: &str,
    floor: f64,
) -> Vec<Hypothesis> {
    let text = study.show.hypothesis.as_ref();
    let text = text.map(|text| text.get_ref().as_str());
    let Some((text, rule)) = text.and_then(|text| Some((text, text.parse().ok()?))) else {
        return Vec::new();
    };
    let question = Question {
        text,
        rule,
        run,
        cells,
        figure,
        floor,
    };
    let groups = groups(cells);
    let labels = group_labels(cells, &groups);
    let tested = groups.iter().zip(labels);
    tested
        .filter_map(|(members, label)| question.test(members, label))
        .collect()
}

/// Cells that differ only in workers and count, fewest workers first; two or more.
fn groups(cells: &[CellView<'_>]) -> Vec<Vec<usize>> {
    let mut groups: Vec<(Cell, Vec<usize>)> = Vec::new();
    for (index, view) in cells.iter().enumerate() {
        let usable = view.counts && view.generator_bound.is_none() && !view.has_survivors_bias();
        if view.cell.workers.is_none() || !usable {
            continue;
        }
        let key = Cell {
            workers: None,
            worker_rule: String::new(),
            ..key(view.cell)
        };
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, members)) => members.push(index),
            None => groups.push((key, vec![index])),
        }
    }
    groups.retain(|(_, members)| members.len() > 1);
    for (_, members) in &mut groups {
        members.sort_by_key(|member| cells[*member].cell.workers);
    }
    groups.into_iter().map(|(_, members)| members).collect()
}

fn group_labels(cells: &[CellView<'_>], groups: &[Vec<usize>]) -> Vec<String> {
    let all: Vec<_> = groups
        .iter()
        .map(|members| {
            let mut factors = factors(cells[members[0]].cell);
            factors.retain(|(name, _)| name != "workers" && name != "worker_rule");
            factors
        })
        .collect();
    labels(&all)
}

impl Question<'_> {
    /// The verdict in one group, whose `members` are in the order of their workers.
    fn test(&self, members: &[usize], label: String) -> Option<Hypothesis> {
        let (cells, figure) = (self.cells, self.figure);
        let workers = |member: usize| cells[member].cell.workers.unwrap_or(0);
        let own = members
            .iter()
            .copied()
            .find(|member| cells[*member].cell.worker_rule == self.text);
        let by_rule = || self.rule.workers(cpus(&cells[members[0]], self.run));
        let rule_workers = own.map_or_else(by_rule, workers);
        let distance = |member: &usize| workers(*member).abs_diff(rule_workers);
        let tested = own.or_else(|| members.iter().copied().min_by_key(distance))?;
        let figures = matrix(cells, members, figure);
        let found = not_distinguishable_from_best(&figures, self.floor)?;
        let best = members[found.best];
        let gain = if best == tested {
            None
        } else {
            self.gain(best, tested)
        };
        let row = members.iter().position(|member| *member == tested)?;
        let blocks = figures[found.best].iter().flatten().count();
        let verdict = match &gain {
            None if best == tested && blocks >= FEWEST_BLOCKS => HypothesisVerdict::Supported,
            Some(gain) if gain.comparison == Comparison::TooFew => HypothesisVerdict::CannotTell,
            Some(_) if !found.alike.contains(&row) => HypothesisVerdict::Refuted,
            Some(gain) if gain.ratio.high <= 1.0 + MAY_LOSE => HypothesisVerdict::Supported,
            _ => HypothesisVerdict::CannotTell,
        };
        let mut hypothesis = Hypothesis {
            rule: self.text.to_owned(),
            label,
            rule_workers,
            tested_workers: workers(tested),
            best_workers: workers(best),
            cells: (tested, best),
            gain,
            verdict,
            text: String::new(),
        };
        hypothesis.text = sentence(&hypothesis);
        Some(hypothesis)
    }

    /// How much better one cell is than another, above 1 whatever the figure.
    fn gain(&self, best: usize, tested: usize) -> Option<Versus> {
        let by_block = |member: usize| self.cells[member].by_block(self.figure);
        let mut pairs = pairs(&by_block(best), &by_block(tested));
        if !larger_is_better(self.figure) {
            for (a, b) in &mut pairs {
                std::mem::swap(a, b);
            }
        }
        Versus::of(&pairs, self.floor, self.run.conditions.seed)
    }
}

/// The CPUs that n stands for: those that the server may use.
fn cpus(view: &CellView<'_>, run: &RunRecord) -> usize {
    (available_cpus(view, run).ceil() as usize).max(1)
}

fn sentence(hypothesis: &Hypothesis) -> String {
    let rule = &hypothesis.rule;
    let measured = if hypothesis.rule_workers == hypothesis.tested_workers {
        format!("{rule} = {} workers", hypothesis.rule_workers)
    } else {
        format!(
            "{rule} = {} workers, of which {} were measured in place",
            hypothesis.rule_workers, hypothesis.tested_workers
        )
    };
    let found = match &hypothesis.gain {
        None => "none of the numbers measured is better".to_owned(),
        Some(gain) => {
            let percent = |ratio: f64| format_significant((ratio - 1.0) * 100.0, 2);
            let bounds = if gain.comparison == Comparison::TooFew {
                "too few blocks".to_owned()
            } else {
                format!(
                    "{} to {} %",
                    percent(gain.ratio.low),
                    percent(gain.ratio.high)
                )
            };
            let workers = match hypothesis.best_workers {
                1 => "1 worker is".to_owned(),
                more => format!("{more} workers are"),
            };
            format!(
                "{workers} {} % better ({bounds})",
                percent(gain.ratio.estimate)
            )
        }
    };
    format!("{measured}: {}; {found}", hypothesis.verdict.name())
}
