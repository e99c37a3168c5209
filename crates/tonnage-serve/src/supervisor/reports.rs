//! What workers have the supervisor say: texts that have to be said whatever their worker
//! does, and that its own log could not take, since that is the application's business too.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socketpair,
};

use super::Level;

/// Bytes of a text, at most.
const TEXT_BYTES: usize = 64 * 1024;

/// Texts that are taken at once: the supervisor has other things to do.
const AT_ONCE: usize = 16;

/// Said at the end of what was cut off.
const CUT_OFF: &str = "\n… (cut off)";

/// A pair of sockets that keep messages apart, which forked processes share.
#[derive(Debug)]
pub struct Reports {
    taken: OwnedFd,
    sent: OwnedFd,
}

impl Reports {
    /// One without any.
    pub fn new() -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let (taken, sent) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
        Ok(Self { taken, sent })
    }

    /// Has a text said. Never waits: `false` where there are too many already, and it is lost.
    pub fn send(&self, level: Level, text: &str) -> bool {
        let mut message = Vec::with_capacity(1 + text.len().min(TEXT_BYTES));
        message.push(level as u8);
        if text.len() <= TEXT_BYTES {
            message.extend_from_slice(text.as_bytes());
        } else {
            let end = text.floor_char_boundary(TEXT_BYTES - CUT_OFF.len());
            message.extend_from_slice(&text.as_bytes()[..end]);
            message.extend_from_slice(CUT_OFF.as_bytes());
        }
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        loop {
            match send(&self.sent, &message, flags) {
                Err(Errno::INTR) => {}
                sent => return sent.is_ok(),
            }
        }
    }

    /// What has come, the oldest first; not all of it where that is much.
    pub fn take(&self) -> Vec<(Level, String)> {
        let mut texts = Vec::new();
        // Nearly always there is nothing, for which no room is needed.
        let mut room = Vec::new();
        while texts.len() < AT_ONCE && self.has_some() {
            room.resize(1 + TEXT_BYTES, 0);
            let Ok((bytes, _)) = recv(&self.taken, &mut room[..], RecvFlags::DONTWAIT) else {
                break;
            };
            if let Some((level, text)) = room[..bytes].split_first() {
                let text = String::from_utf8_lossy(text).into_owned();
                texts.push((level_of(*level), text));
            }
        }
        texts
    }

    fn has_some(&self) -> bool {
        let mut first = [0];
        let flags = RecvFlags::DONTWAIT | RecvFlags::PEEK;
        matches!(recv(&self.taken, &mut first, flags), Ok((1.., _)))
    }
}

impl AsFd for Reports {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.taken.as_fd()
    }
}

fn level_of(raw: u8) -> Level {
    let all = [
        Level::Debug,
        Level::Info,
        Level::Warning,
        Level::Error,
        Level::Critical,
    ];
    let known = all.into_iter().find(|level| *level as u8 == raw);
    known.unwrap_or(Level::Error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_arrive_whole_and_in_order() {
        let reports = Reports::new().unwrap();
        assert_eq!(reports.take(), []);
        assert!(reports.send(Level::Warning, "one\ntwo"));
        assert!(reports.send(Level::Critical, ""));
        let taken = reports.take();
        let expected = [
            (Level::Warning, "one\ntwo".to_owned()),
            (Level::Critical, String::new()),
        ];
        assert_eq!(taken, expected);
        assert_eq!(reports.take(), []);
    }

    #[test]
    fn a_long_text_is_cut_off_between_two_characters_and_says_so() {
        let reports = Reports::new().unwrap();
        assert!(reports.send(Level::Error, &"ä".repeat(TEXT_BYTES)));
        let (_, text) = reports.take().remove(0);
        assert!(text.len() <= TEXT_BYTES && text.ends_with("ä\n… (cut off)"));
    }

    #[test]
    fn whoever_says_too_much_does_not_wait() {
        let reports = Reports::new().unwrap();
        let long = "x".repeat(TEXT_BYTES);
        let sent = (0..1000)
            .take_while(|_| reports.send(Level::Info, &long))
            .count();
        assert!((1..1000).contains(&sent), "{sent}");
        let mut taken = 0;
        while let more @ 1.. = reports.take().len() {
            assert!(more <= AT_ONCE);
            taken += more;
        }
        assert_eq!(taken, sent);
    }
}
