//! Bisection as pure decisions: given what was tried, what to try next. Trying is for
//! the caller, which may stop and go on at any time, since all is read from the list of
//! observations.

/// Values that differ by this share are the same: one may have gone through a text.
const SAME: f64 = 1e-9;

/// On which side of the edge the condition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// Below it: the largest value that holds is wanted, such as the highest rate under
    /// an objective.
    Below,
    /// Above it: the least value that holds is wanted, such as the memory a server needs.
    Above,
}

/// A search for the edge of a condition that holds on one side of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bisection {
    /// The least value to try; above 0.
    pub low: f64,
    /// The largest value to try; above `low`.
    pub high: f64,
    /// How close to know the edge: 0.05 ends at a bracket of at most 5 %.
    pub within: f64,
    /// Values are whole multiples of this, such as 1 for MiB; 0 for any value. `low` and
    /// `high` should be such multiples.
    pub unit: f64,
    /// The side on which the condition holds.
    pub holds: Holds,
    /// How many further tries confirm either end of the final bracket; 2 gives three
    /// tries each, of which the majority counts.
    pub confirm: usize,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SearchStep {
    /// Try this value and add what came of it to the observations, under this very value.
    Try(f64),
    /// The edge is known.
    Done {
        /// The most extreme value that holds: the largest for [`Holds::Below`], the least
        /// for [`Holds::Above`].
        edge: f64,
        /// The edge lies between these, the lower first.
        bracket: (f64, f64),
        /// The condition holds in the whole range: the edge lies beyond it, and the
        /// bracket is a single value.
        beyond: bool,
    },
    /// There is no edge to be found.
    Impossible(Unfindable),
}

/// Why a search found nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfindable {
    /// The condition does not even hold at the end of the range where it should.
    NeverHolds,
    /// The range is empty, or not positive and finite, or `within` is not above 0.
    EmptyRange,
}

impl Bisection {
    /// The next step, from everything `observed` so far: `(value, whether it held)` in any
    /// order; what lies outside the range is passed over.
    ///
    /// First the end of the range where the condition should hold is tried, then the other,
    /// then geometric midpoints, since rates and memory are felt in ratios. Repeated tries
    /// of a value count by their majority; a tie is tried once more. Where values
    /// contradict each other (one holds beyond another that does not) the edge is taken
    /// to be before the first that does not hold: the cautious side. Before the end, both
    /// ends of the bracket get `confirm` further tries; if one turns out otherwise, the
    /// search goes on from there. The number of steps is bounded by the values that lie
    /// far enough apart, each tried `1 + confirm` times, and once more where that leaves a
    /// tie.
    pub fn next(&self, observed: &[(f64, bool)]) -> SearchStep {
        if !(self.low > 0.0 && self.high > self.low && self.high.is_finite() && self.within > 0.0) {
            return SearchStep::Impossible(Unfindable::EmptyRange);
        }
        let tallies = self.tallies(observed);
        if let Some(tied) = tallies.iter().find(|tally| tally.held == tally.failed) {
            return SearchStep::Try(tied.value);
        }
        let (near, far) = match self.holds {
            Holds::Below => (self.low, self.high),
            Holds::Above => (self.high, self.low),
        };
        let at = |value: f64| tallies.iter().find(|tally| tally.is_at(value));
        // From the side on which it should hold: all before the first that does not.
        let holding = tallies.iter().take_while(|tally| tally.holds()).last();
        let failing = tallies.iter().find(|tally| !tally.holds());
        let Some(first) = at(near) else {
            return SearchStep::Try(near);
        };
        if !first.holds() {
            return self
                .confirmation(first)
                .unwrap_or(SearchStep::Impossible(Unfindable::NeverHolds));
        }
        match (holding, failing) {
            (Some(holding), Some(failing)) => self.between(holding, failing),
            (Some(holding), None) if holding.is_at(far) => {
                self.confirmation(holding).unwrap_or(SearchStep::Done {
                    edge: far,
                    bracket: (far, far),
                    beyond: true,
                })
            }
            _ => SearchStep::Try(far),
        }
    }

    /// The next step once both ends of the bracket are known.
    fn between(&self, holding: &Tally, failing: &Tally) -> SearchStep {
        let bracket = (
            holding.value.min(failing.value),
            holding.value.max(failing.value),
        );
        if let Some(middle) = self.middle(bracket) {
            return SearchStep::Try(middle);
        }
        self.confirmation(holding)
            .or_else(|| self.confirmation(failing))
            .unwrap_or(SearchStep::Done {
                edge: holding.value,
                bracket,
                beyond: false,
            })
    }

    /// The value to try inside a bracket; `None` where it is close enough.
    fn middle(&self, (low, high): (f64, f64)) -> Option<f64> {
        if high / low <= 1.0 + self.within {
            return None;
        }
        let middle = (low * high).sqrt();
        if self.unit <= 0.0 {
            return Some(middle);
        }
        let rounded = (middle / self.unit).round() * self.unit;
        let inside =
            |value: &f64| *value > low + self.unit / 2.0 && *value < high - self.unit / 2.0;
        [rounded, rounded + self.unit, rounded - self.unit]
            .into_iter()
            .find(inside)
    }

    /// One more try of a value that has not had enough.
    fn confirmation(&self, tally: &Tally) -> Option<SearchStep> {
        (tally.held + tally.failed <= self.confirm).then_some(SearchStep::Try(tally.value))
    }

    /// What was seen at each value, from the side on which the condition should hold.
    fn tallies(&self, observed: &[(f64, bool)]) -> Vec<Tally> {
        let mut tallies: Vec<Tally> = Vec::new();
        let inside =
            |value: f64| (self.low * (1.0 - SAME)..=self.high * (1.0 + SAME)).contains(&value);
        for (value, held) in observed.iter().filter(|(value, _)| inside(*value)) {
            let place = tallies.iter().position(|tally| tally.is_at(*value));
            let place = place.unwrap_or_else(|| {
                tallies.push(Tally {
                    value: *value,
                    held: 0,
                    failed: 0,
                });
                tallies.len() - 1
            });
            let tally = &mut tallies[place];
            tally.held += usize::from(*held);
            tally.failed += usize::from(!*held);
        }
        tallies.sort_by(|a, b| a.value.total_cmp(&b.value));
        if self.holds == Holds::Above {
            tallies.reverse();
        }
        tallies
    }
}

/// The tries of one value.
struct Tally {
    value: f64,
    held: usize,
    failed: usize,
}

impl Tally {
    fn holds(&self) -> bool {
        self.held > self.failed
    }

    fn is_at(&self, value: f64) -> bool {
        (self.value - value).abs() <= SAME * value.abs()
    }
}

#[cfg(test)]
mod tests;
