//! Searches with oracles: planted edges, luck, contradictions.

use super::*;
use crate::random::Stream;
use proptest::prelude::*;

fn rate() -> Bisection {
    Bisection {
        low: 100.0,
        high: 10_000.0,
        within: 0.05,
        unit: 0.0,
        holds: Holds::Below,
        confirm: 2,
    }
}

fn memory() -> Bisection {
    Bisection {
        low: 16.0,
        high: 1024.0,
        within: 0.02,
        unit: 1.0,
        holds: Holds::Above,
        confirm: 2,
    }
}

/// Searches with an oracle; the last step and the number of tries.
fn search(bisection: Bisection, mut oracle: impl FnMut(f64) -> bool) -> (SearchStep, usize) {
    let mut observed = Vec::new();
    loop {
        match bisection.next(&observed) {
            SearchStep::Try(value) => observed.push((value, oracle(value))),
            end => return (end, observed.len()),
        }
        assert!(observed.len() < 1000, "no end");
    }
}

/// Ends, midpoints until the bracket is close enough, confirmations.
fn bound(bisection: &Bisection) -> usize {
    let halvings = (bisection.high / bisection.low).ln() / (1.0 + bisection.within).ln();
    2 + halvings.log2().ceil() as usize + 2 * bisection.confirm
}

#[test]
fn the_least_memory_is_found_to_the_mebibyte() {
    let (end, tries) = search(memory(), |mib| mib >= 50.0);
    let SearchStep::Done {
        edge,
        bracket,
        beyond,
    } = end
    else {
        panic!("{end:?}");
    };
    assert_eq!((edge, bracket, beyond), (50.0, (49.0, 50.0), false));
    assert!(tries <= bound(&memory()) + 1, "{tries}");
}

#[test]
fn ranges_without_an_edge_say_so() {
    let never = SearchStep::Impossible(Unfindable::NeverHolds);
    assert_eq!(search(rate(), |_| false), (never, 3));
    assert_eq!(search(memory(), |_| false), (never, 3));
    let (end, tries) = search(rate(), |_| true);
    assert_eq!(tries, 4);
    assert!(matches!(
        end,
        SearchStep::Done {
            edge: 10_000.0,
            beyond: true,
            ..
        }
    ));
    let (end, _) = search(memory(), |_| true);
    assert!(matches!(
        end,
        SearchStep::Done {
            edge: 16.0,
            beyond: true,
            ..
        }
    ));
    let empty = Bisection {
        high: 50.0,
        ..rate()
    };
    assert_eq!(
        empty.next(&[]),
        SearchStep::Impossible(Unfindable::EmptyRange)
    );
}

#[test]
fn one_unlucky_try_is_outvoted() {
    // The first try of the first midpoint fails by bad luck.
    let mut tries = 0;
    let (end, _) = search(rate(), |rate| {
        let at_midpoint = (rate / 1000.0 - 1.0).abs() < 1e-9;
        tries += usize::from(at_midpoint);
        rate < 4000.0 && !(at_midpoint && tries == 1)
    });
    assert_eq!(tries, 3);
    let SearchStep::Done { bracket, .. } = end else {
        panic!("{end:?}");
    };
    assert!(bracket.0 < 4000.0 && bracket.1 >= 4000.0, "{bracket:?}");
}

#[test]
fn a_tie_is_tried_again_and_contradictions_count_against() {
    let tied = [
        (100.0, true),
        (10_000.0, false),
        (1000.0, true),
        (1000.0, false),
    ];
    assert_eq!(rate().next(&tied), SearchStep::Try(1000.0));
    // 4000 holds although 1000 does not: the edge is sought below 1000.
    let contradiction = [
        (100.0, true),
        (1000.0, false),
        (4000.0, true),
        (10_000.0, false),
    ];
    let SearchStep::Try(next) = rate().next(&contradiction) else {
        panic!("not done");
    };
    assert!(next > 100.0 && next < 1000.0, "{next}");
}

#[test]
fn an_edge_that_wavers_is_still_found_nearby() {
    // Within 5 % of the edge the outcome is a coin's.
    let near = (0..200).filter(|seed| {
        let mut stream = Stream::new(*seed, 0);
        let (end, _) = search(rate(), |rate| {
            let distance = (rate / 3000.0_f64).ln();
            if distance.abs() < 0.05 {
                stream.uniform() < 0.5
            } else {
                distance < 0.0
            }
        });
        matches!(end, SearchStep::Done { edge, .. } if (edge / 3000.0).ln().abs() < 0.11)
    });
    let near = near.count();
    assert!(near >= 198, "{near} of 200");
}

proptest! {
    #[test]
    fn a_planted_edge_is_found_within_the_bound(
        edge in 100.0f64..10_000.0,
        within in 0.005f64..0.5,
        confirm in 0usize..4,
        below: bool,
    ) {
        let holds = if below { Holds::Below } else { Holds::Above };
        let bisection = Bisection { within, holds, confirm, ..rate() };
        let (end, tries) = search(bisection, |value| (value <= edge) == below);
        prop_assert!(tries <= bound(&bisection), "{tries}");
        let SearchStep::Done { edge: found, bracket, beyond } = end else {
            return Err(TestCaseError::fail(format!("{end:?}")));
        };
        prop_assert!(!beyond);
        prop_assert!(bracket.0 <= edge && edge <= bracket.1);
        prop_assert!(bracket.1 / bracket.0 <= 1.0 + within);
        prop_assert_eq!(Some(found), Some(if below { bracket.0 } else { bracket.1 }));
    }

    #[test]
    fn any_oracle_comes_to_an_end(seed: u64, confirm in 0usize..4, mib: bool) {
        let bisection = Bisection { confirm, ..if mib { memory() } else { rate() } };
        let mut stream = Stream::new(seed, 0);
        let (_, tries) = search(bisection, |_| stream.uniform() < 0.5);
        prop_assert!(tries < 1000);
    }

    #[test]
    fn the_order_of_the_observations_does_not_matter(edge in 100.0f64..10_000.0) {
        let mut observed = Vec::new();
        while let SearchStep::Try(value) = rate().next(&observed) {
            observed.push((value, value <= edge));
            let mut reversed = observed.clone();
            reversed.reverse();
            prop_assert_eq!(rate().next(&observed), rate().next(&reversed));
        }
    }
}
