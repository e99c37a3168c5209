//! Frames of a websocket's client: they never panic, how the network cuts them changes nothing,
//! no message is longer than it may be, and what is answered are frames that a client may be
//! sent.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tonnage_fuzz::Pieces;
use tonnage_serve::fuzzing::{Heard, converse};

fuzz_target!(|input: &[u8]| {
    let Some(pieces) = Pieces::of(input) else {
        return;
    };
    let (flags, data) = (pieces.flags, pieces.data);
    let deflate = flags & 1 != 0;
    let most_bytes = if flags & 2 == 0 { 1 << 20 } else { 100 };
    let at_once = converse(data, &[], most_bytes, deflate);
    for cuts in &pieces.ways() {
        let in_pieces = converse(data, cuts, most_bytes, deflate);
        assert_eq!(in_pieces, at_once, "cut at {cuts:?}");
    }
    for heard in &at_once.heard {
        let bytes = match heard {
            Heard::Text(text) => text.len(),
            Heard::Binary(bytes) => bytes.len(),
        };
        assert!(bytes <= most_bytes);
    }
    let closes = answers(&at_once.replies);
    assert_eq!(closes, at_once.ended.is_some());
});

/// Reads what is answered: pongs, and at the end a Close frame, if there is one.
fn answers(mut replies: &[u8]) -> bool {
    while let [first, length, rest @ ..] = replies {
        assert!(*length <= 125, "a control frame is short, and has no mask");
        let (payload, rest) = rest.split_at(usize::from(*length));
        replies = rest;
        match first {
            0x8a => {}
            0x88 => {
                assert!(rest.is_empty() && payload.len() != 1);
                return true;
            }
            other => panic!("{other:#x} is no answer"),
        }
    }
    assert!(replies.is_empty());
    false
}
