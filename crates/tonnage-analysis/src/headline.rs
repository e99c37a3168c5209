//! The answer in words: who wins, and by how much; who cannot be told apart; where
//! throughput stops growing; where the cliffs are. What a reader must know to believe
//! it is in `notes`.

use tonnage_model::format_significant;
use tonnage_stats::{FEWEST_BLOCKS, Interval, Knee};

use crate::analysis::Analysis;
use crate::causes::Cause;
use crate::cells::CellView;
use crate::comparison::{Contest, Standing, Unranked};
use crate::hypothesis::HypothesisVerdict;
use crate::saturation::LadderView;
use crate::words::figure_text;
use crate::{interval_text, larger_is_better, ratio_text};

/// More answers than this make no headline.
const MAX_ANSWERS: usize = 3;

/// Ladders that have room in it beside the contest of their peaks.
const LADDERS_BESIDE_CONTEST: usize = MAX_ANSWERS - 1;

/// More names than this are counted instead.
const MAX_NAMES: usize = 4;

impl Analysis<'_> {
    /// The study's answer in a sentence, after its title.
    pub fn headline(&self) -> String {
        let answers = self.answers();
        let more = answers.len().saturating_sub(MAX_ANSWERS);
        let rest = if more > 0 {
            format!("; and {more} more")
        } else {
            String::new()
        };
        let shown = answers[..answers.len() - more].join("; ");
        format!("{}: {shown}{rest}", self.study.title)
    }

    /// Every answer that the run has, most important first; one at least.
    pub fn answers(&self) -> Vec<String> {
        if !self.cells.iter().any(|view| view.succeeded() > 0) && self.memory.is_empty() {
            return vec!["nothing measured".to_owned()];
        }
        let has_ladders = !self.ladders.is_empty();
        let contests = self.contests.iter();
        // On a ladder the peaks are compared, not each step.
        let contests = contests.filter(|contest| contest.of_peaks == has_ladders);
        let mut answers: Vec<String> = contests.map(|contest| self.contest_text(contest)).collect();
        // Beside an answer to the study's question ladders are details, unless they are few.
        let few = self.ladders.len() <= LADDERS_BESIDE_CONTEST;
        let ladders_answer = self.hypotheses.is_empty() && (answers.is_empty() || few);
        let memory = self.memory.iter();
        answers.extend(memory.map(|cliff| named(&cliff.label, &cliff.text)));
        answers.extend(self.rates.iter().map(|rate| named(&rate.label, &rate.text)));
        answers.extend(self.hypotheses_text());
        answers.extend(self.limits_text());
        if ladders_answer {
            answers.extend(self.ladders.iter().map(|ladder| ladder_text(ladder, self)));
        }
        if answers.is_empty() {
            answers.extend(self.cells.iter().map(|view| {
                let figure = view.interval(&self.figure);
                let figure = figure.map_or("n/a".to_owned(), |figure| {
                    figure_text(&self.figure, &figure)
                });
                named(&view.label, &figure)
            }));
        }
        if let Some(bound) = self.lone_generator_bound() {
            answers.insert(0, bound);
        }
        answers
    }

    /// The rule for workers: the sentence, or how often it was which.
    fn hypotheses_text(&self) -> Option<String> {
        use HypothesisVerdict::{CannotTell, Refuted, Supported};
        if let [only] = self.hypotheses.as_slice() {
            return Some(named(&only.label, &only.text));
        }
        let rule = &self.hypotheses.first()?.rule;
        let counts = [Supported, Refuted, CannotTell].map(|verdict| {
            let of = self
                .hypotheses
                .iter()
                .filter(|found| found.verdict == verdict);
            (of.count(), verdict.name())
        });
        let counts = counts.iter().filter(|(count, _)| *count > 0);
        let counts: Vec<String> = counts
            .map(|(count, name)| format!("{name} in {count}"))
            .collect();
        let all = self.hypotheses.len();
        Some(format!(
            "{rule}: {} of {all} groups of cells",
            counts.join(", ")
        ))
    }

    /// Which limits were too tight: cells whose processes were killed or throttled.
    fn limits_text(&self) -> Option<String> {
        let of = |cause: Cause| {
            let limited = self.cells.iter().filter(|view| {
                let main = view.causes.first().map(|finding| finding.cause);
                !view.cell.limits.is_empty() && main == Some(cause)
            });
            let names: Vec<&str> = limited.map(CellView::name).collect();
            let names = match names.as_slice() {
                [] => return None,
                few if few.len() <= MAX_NAMES => few.join(", "),
                many => format!("{} cells", many.len()),
            };
            Some(format!("{} with {names}", cause.name()))
        };
        let found: Vec<String> = [Cause::MemoryKilled, Cause::Throttled]
            .into_iter()
            .filter_map(of)
            .collect();
        (!found.is_empty()).then(|| found.join(", "))
    }

    /// What is to be said where the generator limited cells that are in no contest.
    fn lone_generator_bound(&self) -> Option<String> {
        let said = self
            .contests
            .iter()
            .any(|contest| contest.no_ranking.is_some());
        let bound = self
            .cells
            .iter()
            .filter(|view| view.generator_bound.is_some())
            .count();
        (bound > 0 && !said && 2 * bound >= self.cells.len())
            .then(|| "generator-bound: what was measured is the generator's limit".to_owned())
    }

    /// What a contest came to, as a clause.
    pub fn contest_text(&self, contest: &Contest) -> String {
        if let Some(why) = &contest.no_ranking {
            return named(&contest.label, why);
        }
        let Some((best, rank)) = contest.ranked.first() else {
            return named(&contest.label, "nothing could be ranked");
        };
        let view = &self.cells[*best];
        let figure = view.interval(&contest.figure);
        let figure = figure.map_or("n/a".to_owned(), |figure| {
            figure_text(&self.figure, &figure)
        });
        let text = if rank.standing == Standing::SurvivorsBias {
            format!(
                "in every cell more than 1 % of the requests were lost; {} serves most, {figure}",
                self.told(*best, contest)
            )
        } else {
            format!(
                "{} {}",
                self.told(*best, contest),
                self.lead(contest, &figure)
            )
        };
        let bound = contest
            .unranked
            .iter()
            .filter(|(_, why)| matches!(why, Unranked::GeneratorBound(_)));
        let bound: Vec<usize> = bound.map(|(cell, _)| *cell).collect();
        let unranked = if bound.is_empty() {
            String::new()
        } else {
            let names = self.names(&bound, contest);
            format!(" (not ranked, as generator-bound: {names})")
        };
        let main = view.causes.first().map(|finding| finding.cause);
        // Of times and costs the load that is offered says nothing.
        let offered = if main == Some(Cause::OfferedLoad) && larger_is_better(&contest.figure) {
            "; that is the load offered, not what the server can do"
        } else {
            ""
        };
        named(&contest.label, &format!("{text}{unranked}{offered}"))
    }

    /// How the best stands to the others.
    fn lead(&self, contest: &Contest, figure: &str) -> String {
        let alike = contest.standing(Standing::AlikeBest);
        let too_few = contest
            .ranked
            .iter()
            .skip(1)
            .find(|(_, rank)| rank.standing == Standing::TooFew);
        if too_few.is_some() {
            return format!(
                "came first with {figure}, but fewer than {FEWEST_BLOCKS} blocks tell nothing apart"
            );
        }
        if !alike.is_empty() {
            return format!(
                "leads with {figure}, not distinguishable from {}",
                self.names(&alike, contest)
            );
        }
        let Some((second, rank)) = contest.ranked.get(1) else {
            return format!("is the only one ranked, with {figure}");
        };
        let name = self.told(*second, contest);
        if rank.standing == Standing::SurvivorsBias {
            let share = self.cells[*second].lost_share() * 100.0;
            return format!(
                "wins with {figure}; {name} lost {} % of its requests and ranks below",
                format_significant(share, 2)
            );
        }
        match rank.to_best {
            Some(versus) => {
                let inverse = Interval {
                    estimate: 1.0 / versus.ratio.estimate,
                    low: 1.0 / versus.ratio.high,
                    high: 1.0 / versus.ratio.low,
                    ..versus.ratio
                };
                let ratio = if larger_is_better(&contest.figure) {
                    inverse
                } else {
                    versus.ratio
                };
                format!(
                    "wins with {figure}, {} times as good as {name}",
                    ratio_text(&ratio)
                )
            }
            None => format!("wins with {figure}"),
        }
    }

    /// A cell's label without what the contest's label says already.
    fn told(&self, cell: usize, contest: &Contest) -> String {
        let said: Vec<&str> = contest.label.split(' ').collect();
        let view = &self.cells[cell];
        let words = view
            .name()
            .split(' ')
            .filter(|word| contest.label.is_empty() || !said.contains(word));
        let left = words.collect::<Vec<_>>().join(" ");
        if left.is_empty() {
            view.name().to_owned()
        } else {
            left
        }
    }

    fn names(&self, cells: &[usize], contest: &Contest) -> String {
        if cells.len() > MAX_NAMES {
            return format!("{} others", cells.len());
        }
        cells
            .iter()
            .map(|cell| self.told(*cell, contest))
            .collect::<Vec<_>>()
            .join(", ")
    }
}

/// A ladder as a clause: its peak and its knee.
fn ladder_text(ladder: &LadderView, analysis: &Analysis<'_>) -> String {
    let Some((step, rps)) = ladder.peak_step().and_then(|step| Some((step, step.rps?))) else {
        return named(&ladder.label, "no step counts");
    };
    let clients = |count: u32| {
        let noun = if count == 1 { "client" } else { "clients" };
        format!("{count} {noun}")
    };
    let text = interval_text(&rps);
    let mut parts = vec![match ladder.alike {
        Some((first, last)) => {
            let from = ladder.steps[first].clients;
            let to = if last + 1 == ladder.steps.len() {
                format!("{} on", clients(from))
            } else {
                format!("{from} to {}", clients(ladder.steps[last].clients))
            };
            format!("reaches {text} requests/s (the steps from {to} cannot be told apart)")
        }
        None => format!("peaks at {text} requests/s with {}", clients(step.clients)),
    }];
    if analysis.cells[step.cell].generator_bound.is_some() {
        parts.push("where the generator was the limit".to_owned());
    }
    if let Some(knee) = ladder.knee.by_doubling {
        let knee = knee_text(&knee);
        parts.push(format!("gains less than 5 % by doubling from {knee}"));
    }
    if let Some(knee) = ladder.knee.by_bounds {
        parts.push(format!("knee by bounds at {}", knee_text(&knee)));
    }
    named(&ladder.label, &parts.join(", "))
}

fn knee_text(knee: &Knee) -> String {
    let clients = |value: f64| format_significant(value, 2);
    if knee.high.is_infinite() && knee.low <= 1.0 {
        return format!("{} clients", clients(knee.estimate));
    }
    let high = if knee.high.is_infinite() {
        "∞".to_owned()
    } else {
        clients(knee.high)
    };
    format!(
        "{} clients ({}–{high})",
        clients(knee.estimate),
        clients(knee.low)
    )
}

pub(crate) fn named(label: &str, text: &str) -> String {
    if label.is_empty() {
        text.to_owned()
    } else {
        format!("{label}: {text}")
    }
}
