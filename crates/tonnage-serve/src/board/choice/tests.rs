//! Who is chosen, and that choices made at the same time do not fall on one.

use std::cell::Cell;
use std::thread;

use super::*;

fn ready(board: &Board, index: u16, connections: u32) -> SlotId {
    let id = SlotId::new(index);
    board.prepare(id, 1, index.into(), 5);
    assert!(board.slot(id).become_ready());
    board.slot(id).set_connections(connections);
    id
}

#[test]
fn only_ready_workers_are_chosen_and_connections_on_their_way_count() {
    let board = Board::new(8).unwrap();
    let (a, b) = (ready(&board, 0, 4), ready(&board, 1, 3));
    let c = ready(&board, 2, 0);
    board.slot(c).drain();
    for expected in [b, a, b] {
        assert_eq!(board.claim_least_loaded(), Some(expected));
    }
    assert_eq!(board.slot(b).connections(), (3, 2));
    for _ in 0..3 {
        board.slot(b).take_inbound();
    }
    assert_eq!(board.claim_least_loaded(), Some(b));
    assert!(board.has_other(a) && board.has_other(c));
    board.slot(b).mark_stuck();
    assert!(!board.has_other(a));
}

#[test]
fn a_connection_goes_only_to_a_clearly_less_loaded_worker() {
    let board = Board::new(4).unwrap();
    let (a, b) = (ready(&board, 0, 0), ready(&board, 1, 0));
    for (besides, least, goes) in [
        (0, 0, false),
        (1, 0, true),
        (1, 1, false),
        (2, 1, true),
        (15, 14, false),
        (16, 14, true),
    ] {
        board.slot(b).set_connections(least);
        let expected = goes.then_some(b);
        let text = format!("{besides} besides it, against {least}");
        board.slot(a).set_connections(besides);
        assert_eq!(board.claim_better_home(a, false), expected, "new: {text}");
        board.slot(b).take_inbound();
        board.slot(a).set_connections(besides + 1);
        assert_eq!(board.claim_better_home(a, true), expected, "old: {text}");
        board.slot(b).take_inbound();
        assert_eq!(board.has_better_home(a), goes, "{text}");
    }
    board.slot(b).set_connections(0);
    board.slot(b).set_in_flight(1, Some(1));
    assert_eq!(board.claim_better_home(a, false), None, "it is held up");
    board.slot(b).set_in_flight(0, None);
    board.slot(a).drain();
    board.slot(b).set_connections(100);
    assert_eq!(board.claim_better_home(a, false), Some(b));
    board.slot(b).mark_stuck();
    assert_eq!(board.claim_better_home(a, false), None);
}

#[test]
fn of_two_that_find_the_same_worker_the_second_looks_again() {
    let board = Board::new(2).unwrap();
    let (a, b) = (ready(&board, 0, 0), ready(&board, 1, 0));
    let seen = Cell::new(least_loaded(board.ready()));
    assert_eq!(board.claim_least_loaded(), Some(a));
    let claimed = claim(|| seen.take().or_else(|| least_loaded(board.ready())));
    assert_eq!(claimed, Some(b));
    let counts = [a, b].map(|id| board.slot(id).connections());
    assert_eq!(counts, [(0, 1); 2]);
}

#[test]
fn connections_that_are_handed_over_at_the_same_time_are_all_counted() {
    let board = Board::new(6).unwrap();
    let givers = [ready(&board, 0, 10_000), ready(&board, 1, 10_000)];
    let others = [2, 3, 4, 5].map(|index| ready(&board, index, 0));
    thread::scope(|scope| {
        for giver in givers {
            scope.spawn(move || {
                for _ in 0..1000 {
                    assert!(board.claim_better_home(giver, false).is_some());
                }
            });
        }
    });
    for other in others {
        assert_eq!(board.slot(other).connections(), (0, 500));
    }
}

#[test]
fn four_workers_with_64_connections_stay_even_whoever_accepts() {
    let board = Board::new(4).unwrap();
    let ids = [0, 1, 2, 3].map(|index| ready(&board, index, 0));
    let mut counts = [0u32; 4];
    for accepted in 0..64 {
        // The same worker wins nearly always, as it does with the kernel's queue.
        let own = if accepted % 9 == 0 { 2 } else { 0 };
        let home = board.claim_better_home(ids[own], false).unwrap_or(ids[own]);
        counts[home.index()] += 1;
        board.slot(home).set_connections(counts[home.index()]);
        board.slot(home).take_inbound();
    }
    let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
    assert!(f64::from(*most) <= 1.3 * f64::from(*least), "{counts:?}");
}
