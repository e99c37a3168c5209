//! The table: shared and complete.

use std::thread;

use rustix::process::Pid;

use super::*;

#[test]
fn the_memory_is_shared_with_forked_processes_and_every_slot_is_inside() {
    let board = Board::new(300).unwrap();
    let (first, last) = (board.slot(SlotId::new(0)), board.slot(SlotId::new(299)));
    first.beat(1);
    last.beat(2);
    let begin = ptr::from_ref(first).addr();
    let end = ptr::from_ref(last).addr() + size_of::<Slot>();
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let shared = maps.lines().any(|line| {
        let (range, rest) = line.split_once(' ').unwrap();
        let (low, high) = range.split_once('-').unwrap();
        let bounds = [low, high].map(|hex| usize::from_str_radix(hex, 16).unwrap());
        bounds[0] <= begin && end <= bounds[1] && rest.starts_with("rw-s")
    });
    assert!(shared, "{begin:x} is not in shared memory:\n{maps}");
    assert_eq!((first.heartbeat_ms(), last.heartbeat_ms()), (1, 2));
}

#[test]
fn a_slot_is_two_cache_lines() {
    assert_eq!(size_of::<Slot>(), 128);
}

#[test]
fn a_worker_that_was_told_to_stop_does_not_become_ready() {
    let board = Board::new(1).unwrap();
    let slot = board.slot(SlotId::new(0));
    board.prepare(SlotId::new(0), 1, 1, 0);
    slot.drain();
    assert!(!slot.become_ready());
    assert_eq!(slot.state(), State::Draining);
}

#[test]
fn a_new_worker_inherits_no_numbers() {
    let board = Board::new(2).unwrap();
    let id = SlotId::new(1);
    let slot = board.slot(id);
    board.prepare(id, 1, 1, 5);
    assert!(slot.become_ready());
    slot.set_connections(7);
    slot.ask_for_replacement(Wish::Requests);
    assert_eq!(slot.wants_replacement(), Some(Wish::Requests));
    assert!(slot.add_inbound(0));
    slot.set_in_flight(3, Some(9));
    assert_eq!((slot.count_request(), slot.count_request()), (1, 2));
    slot.set_pid(Pid::INIT);
    assert_eq!(slot.snapshot().pid, Some(Pid::INIT));
    board.prepare(id, 2, 8, 40);
    let fresh = slot.snapshot();
    let expected = Snapshot {
        pid: None,
        state: State::Starting,
        generation: 2,
        age: 8,
        connections: 0,
        inbound: 0,
        in_flight: 0,
        requests: 0,
        heartbeat_ms: 40,
        busy_since_ms: None,
        wants_replacement: false,
    };
    assert_eq!(fresh, expected);
}

#[test]
fn no_count_is_lost_between_threads() {
    let board = Board::new(1).unwrap();
    let slot = board.slot(SlotId::new(0));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..1000 {
                    slot.count_request();
                }
            });
        }
    });
    assert_eq!(slot.snapshot().requests, 4000);
}
