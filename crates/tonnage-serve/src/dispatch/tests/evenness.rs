//! Several workers behind one listener, each with threads of its own: who has how many
//! connections, and that none is lost on its way from one to another.

use std::ops::Range;

use super::*;
use crate::board::{Board, SlotId};
use crate::listen::Inboxes;

const CONNECTIONS: usize = 64;

/// Workers that know of each other.
struct Team {
    board: Board,
    workers: Vec<Worker>,
}

impl Team {
    /// Of four workers that can serve.
    fn new() -> Self {
        let board = Board::new(4).unwrap();
        let inboxes = Arc::new(Inboxes::new(4).unwrap());
        let listener = listener();
        let workers = (0..4).map(SlotId::new).map(|slot| {
            board.prepare(slot, 1, 1, 0);
            assert!(board.slot(slot).become_ready());
            let neighbours = Neighbours::new(board, slot, Arc::clone(&inboxes));
            let listener = listener.try_clone().unwrap();
            Worker::on(settings(), 1, listener, Some(neighbours))
        });
        let workers = workers.collect();
        Self { board, workers }
    }

    fn clients(&self) -> Vec<Client> {
        (0..CONNECTIONS).map(|_| self.workers[0].client()).collect()
    }

    fn connections(&self) -> Vec<usize> {
        let all = self.workers.iter();
        all.map(|worker| worker.dispatcher.io().connections())
            .collect()
    }

    /// Waits until these workers, and no others, share all connections evenly.
    #[track_caller]
    fn await_even(&self, sharing: Range<usize>) {
        until(|| {
            let counts = &self.connections()[sharing.clone()];
            let (most, least) = (counts.iter().max()?, counts.iter().min()?);
            let are_all = counts.iter().sum::<usize>() == CONNECTIONS;
            (are_all && 10 * most <= 13 * least).then_some(())
        });
    }
}

/// Ends what goes on meanwhile, also where a test fails.
struct Meanwhile<'a>(&'a AtomicBool);

impl Drop for Meanwhile<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn ask(clients: &mut [Client]) {
    for client in clients {
        client.get("/");
        assert_eq!(client.body(), "/ 0");
    }
}

#[test]
fn bursts_are_spread_over_all_workers_and_the_counts_stay_true() {
    let team = Team::new();
    for _ in 0..10 {
        let mut clients = team.clients();
        ask(&mut clients);
        team.await_even(0..4);
        ask(&mut clients);
        // The next burst comes while the board still has the numbers of this one.
    }
    until(|| (team.connections() == [0; 4]).then_some(()));
    for (_, slot) in team.board.used() {
        until(|| (slot.connections() == (0, 0)).then_some(()));
    }
}

#[test]
fn a_worker_that_comes_late_gets_its_share_of_connections_in_use() {
    let team = Team::new();
    let late = team.board.slot(SlotId::new(3));
    late.mark_stuck();
    let mut clients = team.clients();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _asking = Meanwhile(&is_over);
        for clients in clients.chunks_mut(CONNECTIONS / 4) {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    ask(clients);
                }
            });
        }
        team.await_even(0..3);
        late.prepare(1, 1, 0);
        assert!(late.become_ready());
        team.await_even(0..4);
    });
}

#[test]
fn who_drains_leaves_its_idle_connections_to_others() {
    let team = Team::new();
    let mut clients = team.clients();
    ask(&mut clients);
    team.await_even(0..4);
    let draining = &team.workers[0];
    // Its thread polls again, so that it has nothing in hand any more.
    until(|| {
        draining
            .dispatcher
            .polled
            .load(Ordering::SeqCst)
            .then_some(())
    });
    team.board.slot(SlotId::new(0)).drain();
    draining.dispatcher.end(Ending::Gracefully {
        empty_backlog: false,
    });
    assert_eq!(draining.dispatcher.io().connections(), 0);
    draining.await_end();
    team.await_even(1..4);
    ask(&mut clients);
}
