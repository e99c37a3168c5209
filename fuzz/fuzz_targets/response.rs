//! The scanner of responses: it never panics, and how the network cuts a response
//! changes nothing about what it is.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tonnage_fuzz::Pieces;
use tonnage_load::fuzzing::{Scanned, scan_response};

fuzz_target!(|input: &[u8]| {
    let Some(pieces) = Pieces::of(input) else {
        return;
    };
    let (flags, data) = (pieces.flags, pieces.data);
    let (is_head, keep) = (flags & 1 != 0, flags & 2 != 0);
    let at_once = scan_response(data, &[], is_head, keep);
    for cuts in &pieces.ways() {
        let in_pieces = scan_response(data, cuts, is_head, keep);
        // A head that is wrong is only looked at when its end is there, so that
        // pieces may be refused later; a longer one may wait for its end.
        let is_same =
            in_pieces == at_once || (at_once == Scanned::Refused && in_pieces == Scanned::Part);
        assert!(
            is_same,
            "{at_once:?} at once, {in_pieces:?} cut at {cuts:?}"
        );
    }
});
