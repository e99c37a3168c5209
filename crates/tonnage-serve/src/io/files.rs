//! Requests that are answered with a file, without the application.

use super::{Io, Token, Waiting};
use crate::connection::Connection;
use crate::dispatch::Exchange;

impl Io {
    /// Answers a complete request for a file; gives any other one back.
    pub(super) fn serve_file(
        &mut self,
        token: Token,
        connection: Box<Connection>,
    ) -> Option<Box<Connection>> {
        let Some(files) = &self.settings.static_files else {
            return Some(connection);
        };
        let request = connection.request();
        if !request.is_some_and(|request| files.has(request.path())) {
            return Some(connection);
        }
        let queued_ns = self.now_ns;
        let waiting = Waiting {
            token,
            connection,
            queued_ns,
            gil_ns: 0,
        };
        let mut exchange = Exchange::new(waiting, crate::dispatch::now_ns());
        files.answer(&mut exchange);
        if let Some(meters) = self.meters {
            exchange.count(meters, crate::dispatch::now_ns());
        }
        let answered = match self.streamed {
            Some(_) => exchange.into_streamed(),
            None => exchange.into_connection(),
        };
        match answered {
            Some(connection) if connection.is_stream() => self.close_stream(token, connection),
            Some(connection) => {
                let signs = self.slots.put_back(token, connection);
                self.remember(token, signs);
                // Not from here: its next request may be for a file too, and the one after that.
                self.resume_later(token);
            }
            None => self.remove(token),
        }
        None
    }
}
