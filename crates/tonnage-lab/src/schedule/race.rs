//! A race against time: once every cell was seen in a few blocks, those that are
//! clearly worse than the best of their kind are dropped, and those that are known
//! closely enough rest, so that the others get more blocks.

use tonnage_analysis::{Validity, larger_is_better, survivors_bias, validity};
use tonnage_model::CellPlan;
use tonnage_stats::{SCREENING_BLOCKS, SETTLED_HALF_WIDTH};

use super::{Done, Point, Schedule};

impl Schedule<'_> {
    /// The points that a block of a race still measures.
    pub(super) fn still_racing(
        &self,
        done: &Done<'_>,
        points: Vec<Point>,
        block: u32,
    ) -> Vec<Point> {
        if block < SCREENING_BLOCKS as u32 {
            return points;
        }
        let figure = self.study.show.figure.as_ref();
        let figure = figure.map_or("rps", |figure| figure.get_ref().as_str());
        let values = |point: &Point| -> Vec<Option<f64>> {
            (0..block)
                .map(|block| done.performance(*point, block, figure))
                .collect()
        };
        let mut racing = Vec::new();
        for group in self.groups(&points) {
            let figures: Vec<Vec<Option<f64>>> = group.iter().map(values).collect();
            let survivors = tonnage_stats::survivors(&figures, SCREENING_BLOCKS, self.seed);
            let is_settled = |at: &usize| {
                let known: Vec<f64> = figures[*at].iter().flatten().copied().collect();
                tonnage_stats::settled(&known, SETTLED_HALF_WIDTH)
            };
            let unsettled = survivors.iter().filter(|at| !is_settled(at)).count();
            // The best rest only together: a ratio needs both in the same block.
            if unsettled > 0 {
                racing.extend(survivors.iter().map(|at| group[*at]));
            }
        }
        racing.sort_by_key(|point| points.iter().position(|other| other == point));
        racing
    }

    /// Points that compete with each other: equal but for what serves them.
    fn groups(&self, points: &[Point]) -> Vec<Vec<Point>> {
        let mut groups: Vec<Vec<Point>> = Vec::new();
        for point in points {
            let rivals = |group: &&mut Vec<Point>| {
                group[0].clients == point.clients
                    && course(&self.cells[group[0].cell]) == course(&self.cells[point.cell])
            };
            match groups.iter_mut().find(rivals) {
                Some(group) => group.push(*point),
                None => groups.push(vec![*point]),
            }
        }
        groups
    }
}

impl Done<'_> {
    /// The study's figure of a point in a block, turned so that larger is better; `None`
    /// where its trial does not count, or lost so many requests that the rest is a
    /// selection.
    fn performance(&self, point: Point, block: u32, figure: &str) -> Option<f64> {
        let trial = self.trial_of(point, block)?;
        let lost = tonnage_analysis::figure(trial, "error_percent")? / 100.0;
        if validity(trial) != Validity::Counted || survivors_bias(lost) {
            return None;
        }
        let value = tonnage_analysis::figure(trial, figure).filter(|value| *value > 0.0)?;
        Some(if larger_is_better(figure) {
            value
        } else {
            value.recip()
        })
    }
}

/// A cell without what serves it.
fn course(plan: &CellPlan) -> CellPlan {
    CellPlan {
        configuration: String::new(),
        stack: String::new(),
        workers: None,
        threads: None,
        environment: std::collections::BTreeMap::new(),
        ..plan.clone()
    }
}
