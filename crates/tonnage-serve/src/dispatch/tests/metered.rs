//! Where the time of requests goes, counted where somebody wants to know.

use super::*;
use crate::board::{Board, SlotId};
use crate::listen::Inboxes;

/// What others have the interpreter for, after each wait of the application's thread.
const HELD: Duration = Duration::from_millis(20);

/// What the application takes.
const WORK: Duration = Duration::from_millis(10);

struct Contended {
    /// Told before each wait.
    waits: Sender<()>,
}

impl Application for Contended {
    fn serve(&mut self, mut exchange: Exchange) -> Option<Exchange> {
        std::thread::sleep(WORK);
        let none: [(&[u8], &[u8]); 0] = [];
        exchange.start(200, b"OK", none).unwrap();
        exchange.send(b"done", true).unwrap();
        exchange.finish().unwrap();
        Some(exchange)
    }

    fn detached<T: Send>(&mut self, waiting: impl FnOnce() -> T + Send) -> T {
        let _ = self.waits.send(());
        let waited = waiting();
        std::thread::sleep(HELD);
        waited
    }

    fn turn(&mut self) {}

    fn refused(&mut self, _: Refusals) {}
}

#[test]
fn waiting_for_the_interpreter_is_told_from_waiting_in_the_queue() {
    let board = Board::new(1).unwrap();
    let slot = SlotId::new(0);
    let inboxes = Arc::new(Inboxes::new(1).unwrap());
    let settings = IoSettings {
        metered: true,
        ..settings()
    };
    let listener = listener();
    let Name::Tcp(address) = *listener.name() else {
        panic!("not TCP")
    };
    let neighbours = Neighbours::new(board, slot, inboxes);
    let io = Io::new(settings, vec![listener], Some(neighbours)).unwrap();
    let dispatcher = Dispatcher::start(io, 1, Some(board.slot(slot))).unwrap();
    let (waits, waiting) = channel();
    let running = {
        let dispatcher = Arc::clone(&dispatcher);
        std::thread::spawn(move || dispatcher.run(&mut Contended { waits }))
    };
    let mut client = TcpStream::connect(address).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    for _ in 0..3 {
        client
            .write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            .unwrap();
        let mut answer = Vec::new();
        let mut room = [0; 1024];
        while !answer.ends_with(b"done") {
            let bytes = client.read(&mut room).unwrap();
            assert!(bytes > 0);
            answer.extend_from_slice(&room[..bytes]);
        }
        // The next request comes while it waits.
        while waiting.try_recv().is_ok() {}
        waiting.recv_timeout(PATIENCE).unwrap();
    }
    // A response is counted when it was sent.
    let meters = board.meters(slot);
    let totals = until(|| Some(meters.snapshot()).filter(|totals| totals.responses() == 3));
    assert_eq!(totals.statuses, [(200, 3)]);
    assert_eq!((totals.connections, totals.body_bytes), (1, 12));
    // The first one may have come while the thread had its connection in hand.
    assert!(
        totals.gil.sum_ns >= 2 * HELD.as_nanos() as u64,
        "{totals:?}"
    );
    assert!(totals.application_ns >= 3 * WORK.as_nanos() as u64);
    let parts = totals.queue.sum_ns + totals.gil.sum_ns + totals.application_ns;
    assert!(parts <= totals.service.sum_ns);
    dispatcher.end(Ending::AtOnce);
    running.join().unwrap();
}
