//! The chunked transfer coding (RFC 9112, section 7.1), read piece by piece: it
//! finds the end of a body and keeps none of it.

use crate::body::BodySink;

/// The longest chunk extension or trailer section that is put up with, in bytes.
const MAX_OVERHEAD: usize = 16 * 1024;

/// How far a chunked body has been read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ChunkDecoder {
    state: State,
    /// Bytes of the present extension, or of all trailers.
    overhead: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// In the size; the digits so far, and how many.
    Size {
        size: u64,
        digits: u8,
    },
    /// In an extension, which is skipped.
    Extension {
        size: u64,
    },
    /// The line feed after a size.
    SizeLineFeed {
        size: u64,
    },
    /// In the data, this much of it left.
    Data {
        left: u64,
    },
    /// The line end after the data.
    DataReturn,
    DataLineFeed,
    /// At the first byte of a trailer line, or of the end.
    TrailerStart,
    Trailer,
    TrailerLineFeed,
    EndLineFeed,
    End,
}

/// The body is not in the chunked coding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadChunk;

impl ChunkDecoder {
    pub(crate) fn new() -> Self {
        Self {
            state: State::Size { size: 0, digits: 0 },
            overhead: 0,
        }
    }

    /// Reads `data`; gives the number of bytes up to the body's end once that is
    /// among them, else `None` (all of `data` belongs to the body).
    /// What lies between the chunk headers goes to `body`.
    pub(crate) fn feed(
        &mut self,
        data: &[u8],
        body: &mut BodySink,
    ) -> Result<Option<usize>, BadChunk> {
        let mut at = 0;
        while at < data.len() {
            if let State::Data { left } = self.state {
                let here = left.min((data.len() - at) as u64);
                body.take(&data[at..at + here as usize]);
                at += here as usize;
                // The bound is one of a line's, not of the body's.
                self.overhead = 0;
                self.state = if here == left {
                    State::DataReturn
                } else {
                    State::Data { left: left - here }
                };
                continue;
            }
            self.state = self.step(data[at])?;
            at += 1;
            if self.state == State::End {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }

    /// The state after one byte outside the data.
    fn step(&mut self, byte: u8) -> Result<State, BadChunk> {
        Ok(match (self.state, byte) {
            (State::Size { size, digits }, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                // Sixteen digits fill the u64; one more could overflow it.
                if digits == 16 {
                    return Err(BadChunk);
                }
                let digit = char::from(byte).to_digit(16).ok_or(BadChunk)?;
                State::Size {
                    size: size << 4 | u64::from(digit),
                    digits: digits + 1,
                }
            }
            (State::Size { digits: 0, .. }, _) => return Err(BadChunk),
            (State::Size { size, .. } | State::Extension { size }, b'\r') => {
                State::SizeLineFeed { size }
            }
            (State::Size { size, .. }, b';' | b' ' | b'\t') => State::Extension { size },
            (State::Extension { size }, byte) if byte != b'\n' => {
                self.count_overhead()?;
                State::Extension { size }
            }
            (State::SizeLineFeed { size: 0 } | State::TrailerLineFeed, b'\n') => {
                State::TrailerStart
            }
            (State::SizeLineFeed { size }, b'\n') => State::Data { left: size },
            (State::DataReturn, b'\r') => State::DataLineFeed,
            (State::DataLineFeed, b'\n') => State::Size { size: 0, digits: 0 },
            (State::TrailerStart, b'\r') => State::EndLineFeed,
            (State::Trailer, b'\r') => State::TrailerLineFeed,
            (State::TrailerStart | State::Trailer, byte) if byte != b'\n' => {
                self.count_overhead()?;
                State::Trailer
            }
            (State::EndLineFeed, b'\n') => State::End,
            _ => return Err(BadChunk),
        })
    }

    fn count_overhead(&mut self) -> Result<(), BadChunk> {
        self.overhead += 1;
        if self.overhead > MAX_OVERHEAD {
            return Err(BadChunk);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BODY: &[u8] =
        b"5\r\nhello\r\n00A;x=\"y\"\r\n0123456789\r\n0\r\nTrailer: t\r\nOther: u\r\n\r\n";

    #[test]
    fn the_end_is_found_wherever_the_body_is_cut() {
        for cut in 0..BODY.len() {
            let mut decoder = ChunkDecoder::new();
            assert_eq!(
                decoder.feed(&BODY[..cut], &mut BodySink::default()),
                Ok(None),
                "cut at {cut}"
            );
            assert_eq!(
                decoder.feed(&BODY[cut..], &mut BodySink::default()),
                Ok(Some(BODY.len() - cut)),
                "cut at {cut}"
            );
        }
    }

    #[test]
    fn what_follows_the_end_is_left_alone() {
        let mut with_more = BODY.to_vec();
        with_more.extend_from_slice(b"HTTP/1.1 200 OK");
        assert_eq!(
            ChunkDecoder::new().feed(&with_more, &mut BodySink::default()),
            Ok(Some(BODY.len()))
        );
    }

    #[test]
    fn malformed_bodies_are_refused() {
        for body in [
            &b"\r\n"[..],
            b"x\r\n",
            b"-1\r\n",
            b"5\nhello",
            b"5\r\nhelloX",
            b"5\r\nhello\rX",
            b"10000000000000000\r\n",
            b"0\r\n\n",
            b"0\r\nA: b\n",
        ] {
            assert_eq!(
                ChunkDecoder::new().feed(body, &mut BodySink::default()),
                Err(BadChunk),
                "{:?}",
                String::from_utf8_lossy(body)
            );
        }
    }

    #[test]
    fn many_extensions_are_fine_one_endless_one_is_not() {
        let chunk = format!("1;signature={}\r\nx\r\n", "s".repeat(1000));
        let mut decoder = ChunkDecoder::new();
        for _ in 0..100 {
            assert_eq!(
                decoder.feed(chunk.as_bytes(), &mut BodySink::default()),
                Ok(None)
            );
        }
        let endless = format!("1;{}", "s".repeat(MAX_OVERHEAD + 1));
        assert_eq!(
            decoder.feed(endless.as_bytes(), &mut BodySink::default()),
            Err(BadChunk)
        );
    }

    #[test]
    fn endless_trailers_are_refused() {
        let mut body = b"0\r\n".to_vec();
        body.resize(MAX_OVERHEAD + 100, b'a');
        assert_eq!(
            ChunkDecoder::new().feed(&body, &mut BodySink::default()),
            Err(BadChunk)
        );
    }

    proptest! {
        #[test]
        fn no_input_panics_or_reads_past_its_end(data in prop::collection::vec(any::<u8>(), 0..256)) {
            if let Ok(Some(end)) = ChunkDecoder::new().feed(&data, &mut BodySink::default()) {
                prop_assert!(end <= data.len());
            }
        }

        #[test]
        fn any_chunking_of_any_body_ends_where_it_ends(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..8),
            cut in any::<prop::sample::Index>(),
        ) {
            let mut body = Vec::new();
            for chunk in &chunks {
                body.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                body.extend_from_slice(chunk);
                body.extend_from_slice(b"\r\n");
            }
            body.extend_from_slice(b"0\r\n\r\n");
            let cut = cut.index(body.len());
            let mut decoder = ChunkDecoder::new();
            prop_assert_eq!(decoder.feed(&body[..cut], &mut BodySink::default()), Ok(None));
            prop_assert_eq!(decoder.feed(&body[cut..], &mut BodySink::default()), Ok(Some(body.len() - cut)));
        }
    }
}
