//! What comes before a response and after its body: interim responses (RFC 9110, section
//! 15.2), of which 103 is the one that is of use (RFC 8297), and trailers (section 6.5).

use super::Exchange;
use crate::http::{self, Known, ResponseName, Version};
use crate::reply::ReplyError;

/// What a client says that takes trailers (RFC 9110, section 10.1.4).
const TRAILERS: &[u8] = b"trailers";

impl Exchange {
    /// Sends an interim response at once. Nothing, where the final one was sent already, or
    /// to a client of HTTP/1.0, which would take it for that.
    pub fn send_interim<'f>(
        &mut self,
        status: u16,
        fields: impl IntoIterator<Item = (&'f [u8], &'f [u8])>,
    ) -> Result<(), ReplyError> {
        // Another protocol is not for an application to switch to.
        if !(100..200).contains(&status) || status == 101 {
            return Err(ReplyError::NotInterim);
        }
        let mut head = Vec::new();
        http::push_status(&mut head, status, http::reason(status).as_bytes())?;
        for (name, value) in fields {
            http::push_field(&mut head, name, value)?;
        }
        head.extend_from_slice(b"\r\n");
        if self.reply.has_sent() || self.version() < Version::Http11 {
            return Ok(());
        }
        // Nobody may answer in the application's place in the midst of it.
        self.say_whether_it_ends();
        if self.intact {
            let sent = self.connection.send(&[&head]);
            self.note_sent(&sent);
            self.release();
        }
        Ok(())
    }

    /// To be called before the response begins: trailers will follow its body, where the
    /// client takes them. Whether it does.
    pub fn announce_trailers(&mut self) -> bool {
        let takes = self.version() >= Version::Http11
            && self.fields().any(|(known, _, value)| {
                known == Known::Te
                    && value
                        .split(|byte| *byte == b',')
                        .any(|item| item.trim_ascii().eq_ignore_ascii_case(TRAILERS))
            });
        if takes {
            self.reply.announce_trailers();
        }
        takes
    }

    /// Ends the response with trailers, which are left out where its body has no place for
    /// them. Fields that belong into a head are left out as well.
    pub fn finish_with<'f>(
        &mut self,
        trailers: impl IntoIterator<Item = (&'f [u8], &'f [u8])>,
    ) -> Result<(), ReplyError> {
        self.finish_compressed()?;
        self.say_whether_it_ends();
        if self.connection.is_stream() {
            return self.finish_stream_with(&trailers.into_iter().collect::<Vec<_>>());
        }
        if let Some(end) = self.reply.finish_with(trailers)? {
            self.write(&end, &[]);
        }
        Ok(())
    }

    /// The same for a stream, which has a place for them of its own.
    fn finish_stream_with(&mut self, trailers: &[(&[u8], &[u8])]) -> Result<(), ReplyError> {
        let mut fields = Vec::new();
        for (name, value) in trailers {
            if self.reply.trails() && ResponseName::of(name) == ResponseName::Other {
                http::push_field(&mut fields, name, value)?;
            }
        }
        let none: [(&[u8], &[u8]); 0] = [];
        if let Some(end) = self.reply.finish_with(none)? {
            self.write(&end, &[]);
        }
        if self.reply.is_complete() {
            let sent = self.connection.finish_stream(&fields);
            self.note_sent(&sent);
        }
        Ok(())
    }
}
