//! The scanner of responses: it never panics, and how the network cuts a response
//! changes nothing about what it is.
//!
//! Input: a byte of flags, a byte with the number of cuts, two bytes for each cut,
//! then the response.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tonnage_load::fuzzing::{Scanned, scan_response};

fuzz_target!(|input: &[u8]| {
    let [flags, count, rest @ ..] = input else {
        return;
    };
    let Some((cuts, data)) = rest.split_at_checked(usize::from(count % 32) * 2) else {
        return;
    };
    let mut cuts: Vec<usize> = cuts
        .chunks(2)
        .map(|pair| usize::from(u16::from_be_bytes([pair[0], pair[1]])))
        .collect();
    cuts.sort_unstable();
    let (is_head, keep) = (flags & 1 != 0, flags & 2 != 0);
    let at_once = scan_response(data, &[], is_head, keep);
    let every_byte: Vec<usize> = (1..data.len()).collect();
    for cuts in [&cuts, &every_byte] {
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
