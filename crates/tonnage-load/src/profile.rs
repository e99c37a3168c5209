//! A level (users, or arrivals per second) over the time of a load: pieces that
//! hold or change evenly; the last level holds for ever.

use std::time::Duration;

use tonnage_model::{Stage, Stages};

const NS_PER_S: f64 = 1e9;

/// A level that goes evenly from one value to another.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Piece {
    start_s: f64,
    length_s: f64,
    from: f64,
    to: f64,
}

impl Piece {
    fn level_at(&self, s: f64) -> f64 {
        let share = ((s - self.start_s) / self.length_s).clamp(0.0, 1.0);
        self.from + (self.to - self.from) * share
    }

    fn area(&self) -> f64 {
        f64::midpoint(self.from, self.to) * self.length_s
    }

    /// How far into the piece its area reaches `area`, in seconds.
    fn inverse(&self, area: f64) -> f64 {
        let slope = (self.to - self.from) / self.length_s;
        // The root of from·x + slope·x²/2 = area in the form that does not
        // subtract two nearly equal numbers.
        let root = (self.from * self.from + 2.0 * slope * area).max(0.0).sqrt();
        let divisor = self.from + root;
        if divisor > 0.0 {
            2.0 * area / divisor
        } else {
            0.0
        }
    }
}

/// A level over time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Profile {
    pieces: Vec<Piece>,
    /// The level after the last piece.
    last: f64,
    end_s: f64,
}

impl Profile {
    /// `level` at once and for ever, or reached evenly within `ramp`.
    pub(crate) fn constant(level: f64, ramp: Duration) -> Self {
        let ramp = (!ramp.is_zero()).then_some(Stage {
            from: 0.0,
            to: level,
            length: ramp,
        });
        Self::new(ramp.as_slice(), level)
    }

    /// The levels of `stages`, and the last of them for ever.
    pub(crate) fn staged(stages: &Stages) -> Self {
        let last = stages.stages.last().map_or(0.0, |stage| stage.to);
        Self::new(&stages.stages, last)
    }

    fn new(stages: &[Stage], last: f64) -> Self {
        let mut start_s = 0.0;
        let pieces = stages
            .iter()
            .map(|stage| {
                let piece = Piece {
                    start_s,
                    length_s: stage.length.as_secs_f64(),
                    from: stage.from,
                    to: stage.to,
                };
                start_s += piece.length_s;
                piece
            })
            .collect();
        Self {
            pieces,
            last,
            end_s: start_s,
        }
    }

    /// The level at a moment after the beginning.
    pub(crate) fn level_at(&self, ns: u64) -> f64 {
        let s = ns as f64 / NS_PER_S;
        self.pieces
            .iter()
            .find(|piece| s < piece.start_s + piece.length_s)
            .map_or(self.last, |piece| piece.level_at(s))
    }

    /// Whether the level may still change after a moment.
    pub(crate) fn changes_after(&self, ns: u64) -> bool {
        (ns as f64) < self.end_s * NS_PER_S
    }

    /// The mean level between two moments.
    pub(crate) fn mean(&self, from_ns: u64, to_ns: u64) -> f64 {
        let (start, end) = (from_ns as f64 / NS_PER_S, to_ns as f64 / NS_PER_S);
        if end <= start {
            return self.level_at(from_ns);
        }
        (self.area_until(end) - self.area_until(start)) / (end - start)
    }

    /// The integral of the level from the beginning.
    fn area_until(&self, s: f64) -> f64 {
        let within = self.pieces.iter().map(|piece| {
            let length_s = (s - piece.start_s).clamp(0.0, piece.length_s);
            let to = piece.level_at(piece.start_s + length_s);
            f64::midpoint(piece.from, to) * length_s
        });
        within.sum::<f64>() + (s - self.end_s).max(0.0) * self.last
    }
}

/// Walks along a profile of arrivals per second and says when how many have come.
#[derive(Debug, Clone)]
pub(crate) struct ProfileWalk {
    profile: std::sync::Arc<Profile>,
    piece: usize,
    /// Arrivals since the piece's beginning.
    area: f64,
}

impl ProfileWalk {
    pub(crate) fn new(profile: std::sync::Arc<Profile>) -> Self {
        Self {
            profile,
            piece: 0,
            area: 0.0,
        }
    }

    /// The moment at which `arrivals` more than now have come, in nanoseconds
    /// since the beginning; `u64::MAX` where that never happens.
    pub(crate) fn advance(&mut self, arrivals: f64) -> u64 {
        self.area += arrivals;
        while let Some(piece) = self.profile.pieces.get(self.piece) {
            let area = piece.area();
            if self.area < area {
                return ns(piece.start_s + piece.inverse(self.area));
            }
            self.area -= area;
            self.piece += 1;
        }
        if self.profile.last > 0.0 {
            ns(self.profile.end_s + self.area / self.profile.last)
        } else {
            u64::MAX
        }
    }
}

fn ns(s: f64) -> u64 {
    (s * NS_PER_S).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::Arc;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn levels_hold_and_change_evenly() {
        let profile = Profile::staged(&"0..100@10s,100@5s,40@5s".parse().unwrap());
        for (s, level) in [
            (0, 0.0),
            (5, 50.0),
            (10, 100.0),
            (14, 100.0),
            (15, 40.0),
            (99, 40.0),
        ] {
            assert!(
                (profile.level_at(s * SECOND) - level).abs() < 1e-9,
                "at {s} s"
            );
        }
        assert!(profile.changes_after(19 * SECOND));
        assert!(!profile.changes_after(20 * SECOND));
        assert!((profile.mean(0, 20 * SECOND) - (500.0 + 500.0 + 200.0) / 20.0).abs() < 1e-9);
        assert!((profile.mean(20 * SECOND, 30 * SECOND) - 40.0).abs() < 1e-9);
    }

    #[test]
    fn a_constant_level_may_have_a_ramp() {
        let profile = Profile::constant(10.0, Duration::from_secs(2));
        assert!((profile.level_at(SECOND) - 5.0).abs() < 1e-9);
        assert!((profile.level_at(2 * SECOND) - 10.0).abs() < 1e-9);
        assert!(!Profile::constant(10.0, Duration::ZERO).changes_after(0));
    }

    #[test]
    fn a_constant_rate_comes_at_even_distances() {
        let mut walk = ProfileWalk::new(Arc::new(Profile::constant(1000.0, Duration::ZERO)));
        assert_eq!(walk.advance(0.0), 0);
        let times: Vec<u64> = (0..3).map(|_| walk.advance(1.0)).collect();
        assert_eq!(times, [1_000_000, 2_000_000, 3_000_000]);
    }

    #[test]
    fn a_ramp_of_arrivals_has_its_area() {
        // 0 to 100 per second in 2 s: 100 arrivals, the 25th after 1 s.
        let mut walk = ProfileWalk::new(Arc::new(Profile::constant(100.0, Duration::from_secs(2))));
        assert_eq!(walk.advance(25.0), SECOND);
        assert_eq!(walk.advance(75.0), 2 * SECOND);
        assert_eq!(walk.advance(100.0), 3 * SECOND);
    }

    #[test]
    fn nothing_comes_after_the_rate_has_fallen_to_zero() {
        let profile = Profile::staged(&"10..0/s@2s".parse().unwrap());
        let mut walk = ProfileWalk::new(Arc::new(profile));
        assert!(walk.advance(9.0) < 2 * SECOND);
        assert_eq!(walk.advance(2.0), u64::MAX);
    }

    proptest! {
        #[test]
        fn arrivals_agree_with_the_area_under_the_rate(
            levels in prop::collection::vec((0u32..1000, 0u32..1000, 1u32..20), 1..5),
            share in 0.01f64..0.99,
        ) {
            let text: Vec<String> = levels
                .iter()
                .map(|(from, to, s)| format!("{}..{}/s@{s}s", from + 1, to + 1))
                .collect();
            let profile = Profile::staged(&text.join(",").parse().unwrap());
            let arrivals = profile.area_until(profile.end_s) * share;
            let mut walk = ProfileWalk::new(Arc::new(profile.clone()));
            let at = walk.advance(arrivals / 3.0).max(walk.advance(arrivals / 3.0 * 2.0));
            let counted = profile.area_until(at as f64 / NS_PER_S);
            prop_assert!((counted - arrivals).abs() < 1e-3, "{counted} of {arrivals}");
        }
    }
}
