//! Responses that may wait for others, and whose application goes on after them.

use super::*;

/// Goes on after each complete response until its client has it.
struct GoesOn {
    /// Told by the client.
    told: Receiver<()>,
}

impl Application for GoesOn {
    fn serve(&mut self, mut exchange: Exchange) -> Option<Exchange> {
        let length: [(&[u8], &[u8]); 1] = [(b"Content-Length", b"4")];
        exchange.start(200, b"OK", length).unwrap();
        exchange.send(b"done", false).unwrap();
        self.told
            .recv_timeout(PATIENCE)
            .expect("the response did not come");
        exchange.finish().unwrap();
        Some(exchange)
    }

    fn detached<T: Send>(&mut self, waiting: impl FnOnce() -> T + Send) -> T {
        waiting()
    }

    fn turn(&mut self) {}

    fn refused(&mut self, _refusals: Refusals) {}
}

#[test]
fn whoever_goes_on_after_a_response_keeps_it_from_nobody() {
    let (io, address) = sockets(settings());
    let dispatcher = Dispatcher::start(io, 1, None).unwrap();
    let mut clients = [0, 1, 2].map(|_| Client::connect(address));
    for client in &mut clients {
        client.get("/");
    }
    // All are there before the first is begun, so that its response may wait for theirs.
    until(|| (dispatcher.io().waiting() == clients.len()).then_some(()));
    let (tell, told) = channel();
    std::thread::scope(|scope| {
        scope.spawn(|| dispatcher.run(&mut GoesOn { told }));
        for round in 0..2 {
            for client in &mut clients {
                if round > 0 {
                    client.get("/");
                }
                assert_eq!(client.body(), "done");
                tell.send(()).unwrap();
            }
        }
        dispatcher.end(Ending::AtOnce);
    });
}
