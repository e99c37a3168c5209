//! The engine's inside as `fuzz/` needs it; no part of the interface.

use crate::body::BodyPrint;
use crate::h1::{Response, ResponseScanner};

/// How a response ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scanned {
    /// It is whole, with nothing behind it.
    Whole {
        /// The status code.
        status: u16,
        /// Whether the connection can serve another request.
        reusable: bool,
        /// Length of the body in bytes.
        body_bytes: u64,
        /// Checksum of the body.
        body_crc32: u32,
    },
    /// It is whole only if the peer closes now.
    UntilClose,
    /// More is to come.
    Part,
    /// It is no HTTP/1.1, or something follows its end.
    Refused,
}

/// Reads `data` as one response, in pieces that end at `cuts` (in order, those out
/// of range are left out).
pub fn scan_response(data: &[u8], cuts: &[usize], to_head_request: bool, keep: bool) -> Scanned {
    let mut scanner = ResponseScanner::new(keep);
    scanner.reset(to_head_request);
    let mut begin = 0;
    for &end in cuts.iter().chain([&data.len()]) {
        if end <= begin || end > data.len() {
            continue;
        }
        match scanner.feed(&data[begin..end]) {
            Err(_) => return Scanned::Refused,
            Ok(Some(_)) if end < data.len() => return Scanned::Refused,
            Ok(Some(response)) => return whole(response, scanner.body().print()),
            Ok(None) => {}
        }
        begin = end;
    }
    match scanner.feed_end() {
        Some(_) => Scanned::UntilClose,
        None => Scanned::Part,
    }
}

fn whole(response: Response, body: BodyPrint) -> Scanned {
    Scanned::Whole {
        status: response.status,
        reusable: response.reusable,
        body_bytes: body.bytes,
        body_crc32: body.crc32,
    }
}
