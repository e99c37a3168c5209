//! Connections whose proxy may say, before anything else, who its client is.

use super::{Io, Signs, Token};
use crate::connection::Preamble;

impl Io {
    /// Looks at what comes before the first request, and then goes on with that.
    pub(super) fn read_preamble(&mut self, token: Token, signs: Signs) {
        let Self {
            slots, settings, ..
        } = self;
        let (Some(connection), Some(spoken)) = (slots.get(token), &settings.proxy_protocol) else {
            return;
        };
        match connection.read_preamble(spoken) {
            // Nobody says the rest after that.
            Ok(Preamble::Awaited) if signs.hung_up => self.remove(token),
            Ok(Preamble::Awaited) => {}
            Ok(Preamble::Gone) => self.remove(token),
            Ok(Preamble::Over) => {
                connection.stage = connection.first_stage();
                self.work(token, signs);
            }
            Err(refusal) => self.refuse(token, refusal),
        }
    }
}
