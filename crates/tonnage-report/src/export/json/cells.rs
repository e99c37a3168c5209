//! Cells, contests and ladders as JSON.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tonnage_analysis::{CellView, Contest, LadderView, Standing, Unranked};
use tonnage_model::Study;
use tonnage_stats::Saturated;

use super::{interval, versus};

pub(super) fn cell(view: &CellView<'_>) -> Value {
    let figures: BTreeMap<&str, Value> = Study::FIGURES
        .iter()
        .filter_map(|name| Some((*name, interval(&view.interval(name)?))))
        .collect();
    let excluded = view.excluded.iter().map(|excluded| {
        json!({ "position": excluded.trial.position, "reason": excluded.validity.reason() })
    });
    let causes = view
        .causes
        .iter()
        .map(|finding| json!({ "cause": finding.cause.name(), "text": finding.text }));
    json!({
        "label": view.label,
        "factors": tonnage_analysis::factors(view.cell).into_iter().collect::<BTreeMap<_, _>>(),
        "positions": view.shown.iter().map(|trial| trial.position).collect::<Vec<_>>(),
        "counts": view.counts,
        "excluded": excluded.collect::<Vec<_>>(),
        "generator_bound": view.generator_bound,
        "succeeded": view.succeeded(),
        "failed": view.failed(),
        "survivors_bias": view.has_survivors_bias(),
        "causes": causes.collect::<Vec<_>>(),
        "figures": figures,
    })
}

pub(super) fn contest(contest: &Contest) -> Value {
    let ranked = contest.ranked.iter().map(|(cell, rank)| {
        json!({
            "cell": cell,
            "place": rank.place,
            "standing": standing(rank.standing),
            "to_best": rank.to_best.as_ref().map(versus),
            "to_reference": rank.to_reference.as_ref().map(versus),
        })
    });
    let unranked = contest.unranked.iter().map(|(cell, why)| {
        let (why, reason) = unranked(why);
        json!({ "cell": cell, "why": why, "reason": reason })
    });
    json!({
        "label": contest.label,
        "figure": contest.figure,
        "of_peaks": contest.of_peaks,
        "ranked": ranked.collect::<Vec<_>>(),
        "unranked": unranked.collect::<Vec<_>>(),
        "no_ranking": contest.no_ranking,
    })
}

pub(super) fn ladder(ladder: &LadderView) -> Value {
    let knee = |low: f64, estimate: f64, high: f64| json!({ "estimate": estimate, "low": low, "high": high });
    let steps = ladder.steps.iter().map(|step| {
        json!({
            "cell": step.cell,
            "clients": step.clients,
            "rps": step.rps.as_ref().map(interval),
        })
    });
    let doublings = ladder.doublings.iter().map(|doubling| {
        json!({
            "clients": doubling.clients,
            "ratio": interval(&doubling.ratio),
            "saturated": saturated(doubling.saturated),
        })
    });
    let usl = match &ladder.usl {
        Ok(band) => json!({
            "lambda": band.usl.lambda,
            "sigma": band.usl.sigma,
            "kappa": band.usl.kappa,
            "peak_clients": band.peak.as_ref().map(|at| knee(at.low, at.estimate, at.high)),
            "band": band.points.iter().map(|at| {
                json!({
                    "clients": at.clients,
                    "low_rps": at.low_rps,
                    "estimate_rps": at.estimate_rps,
                    "high_rps": at.high_rps,
                })
            }).collect::<Vec<_>>(),
        }),
        Err(why) => json!({ "missing": why }),
    };
    let bounds = ladder.bounds.map(|bounds| {
        json!({
            "demand_s": bounds.demand_s,
            "peak_rps": bounds.peak_rps,
            "knee_clients": bounds.knee_clients(),
            "effective_servers": bounds.effective_servers(),
            "smallest_clients": bounds.smallest_clients,
        })
    });
    let of =
        |at: &Option<tonnage_stats::Knee>| at.as_ref().map(|at| knee(at.low, at.estimate, at.high));
    json!({
        "label": ladder.label,
        "peak_step": ladder.peak,
        "steps": steps.collect::<Vec<_>>(),
        "doublings": doublings.collect::<Vec<_>>(),
        "knee_by_doubling": of(&ladder.knee.by_doubling),
        "knee_by_bounds": of(&ladder.knee.by_bounds),
        "bounds": bounds,
        "usl": usl,
        "notes": ladder.notes,
    })
}

// Words of the format: programs compare them, and renaming a variant must not change
// them.

fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Best => "best",
        Standing::AlikeBest => "alike-best",
        Standing::Worse => "worse",
        Standing::TooFew => "too-few-blocks",
        Standing::SurvivorsBias => "survivors-bias",
    }
}

/// Why a cell has no place: the word, and the reason where there is one of its own.
fn unranked(why: &Unranked) -> (&'static str, Option<&str>) {
    match why {
        Unranked::GeneratorBound(reason) => ("generator-bound", Some(reason)),
        Unranked::Nothing(reason) => ("nothing-counts", Some(reason)),
        Unranked::NoContest => ("no-contest", None),
    }
}

fn saturated(saturated: Saturated) -> &'static str {
    match saturated {
        Saturated::Yes => "yes",
        Saturated::No => "no",
        Saturated::NearTie => "near-tie",
    }
}
