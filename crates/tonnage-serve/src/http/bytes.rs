//! Which bytes may stand where (RFC 9110, section 5; RFC 3986), and how many of them do.

/// A token: names and methods.
pub(super) const TOKEN: u8 = 1 << 0;
/// A token without small letters and `#`: methods as gunicorn takes them.
pub(super) const METHOD: u8 = 1 << 1;
/// A request target up to its query: visible ASCII.
pub(super) const PATH: u8 = 1 << 2;
/// A query: visible ASCII too.
pub(super) const QUERY: u8 = 1 << 3;
/// A fragment: any visible ASCII.
pub(super) const VISIBLE: u8 = 1 << 4;
/// A host's name (`reg-name`), percent signs included.
pub(super) const HOST: u8 = 1 << 5;
/// A field's value: visible bytes, blanks, and what is beyond ASCII.
pub(super) const TEXT: u8 = 1 << 6;
/// The same between quotes.
pub(super) const QUOTED: u8 = 1 << 7;

static CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = classes_of(byte as u8);
        byte += 1;
    }
    table
}

const fn classes_of(byte: u8) -> u8 {
    let mut classes = 0;
    let is_name = byte.is_ascii_alphanumeric();
    if is_name
        || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~')
    {
        classes |= TOKEN;
        if !byte.is_ascii_lowercase() && byte != b'#' {
            classes |= METHOD;
        }
    }
    if byte.is_ascii_graphic() {
        classes |= VISIBLE;
        if byte != b'#' {
            classes |= QUERY;
        }
        if !matches!(byte, b'#' | b'?') {
            classes |= PATH;
        }
    }
    if is_name || matches!(byte, b'!' | b'$'..=b'.' | b';' | b'=' | b'_' | b'~') {
        classes |= HOST;
    }
    if matches!(byte, b'\t' | b' '..=b'~' | 0x80..=0xff) {
        classes |= TEXT;
        if !matches!(byte, b'"' | b'\\') {
            classes |= QUOTED;
        }
    }
    classes
}

/// Whether `byte` is of one of these classes.
#[inline]
pub(super) fn is(byte: u8, classes: u8) -> bool {
    CLASSES[usize::from(byte)] & classes != 0
}

/// How many bytes at the beginning are of one of these classes.
#[inline]
pub(super) fn run(bytes: &[u8], classes: u8) -> usize {
    let (eights, rest) = bytes.as_chunks::<8>();
    let mut at = 0;
    // Without a look at the end of the slice for each byte.
    for eight in eights {
        for (place, &byte) in eight.iter().enumerate() {
            if !is(byte, classes) {
                return at + place;
            }
        }
        at += 8;
    }
    let in_rest = rest.iter().position(|&byte| !is(byte, classes));
    at + in_rest.unwrap_or(rest.len())
}

/// How many bytes at the beginning are of the class `TEXT`: eight at a time, since
/// values are long.
#[inline]
pub(super) fn text_run(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(eight) = bytes[at..].first_chunk::<8>() {
        let controls = controls(u64::from_le_bytes(*eight));
        if controls == 0 {
            at += 8;
            continue;
        }
        let control = at + controls.trailing_zeros() as usize / 8;
        if bytes[control] != b'\t' {
            return control;
        }
        at = control + 1;
    }
    at + run(&bytes[at..], TEXT)
}

/// Marks the control characters (tab and DEL among them) of eight bytes with the high
/// bits of their bytes. The lowest mark is right; those above it need not be, since a
/// subtraction carries over.
#[inline]
fn controls(eight: u64) -> u64 {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    let below_space = eight.wrapping_sub(ONES * 0x20) & !eight;
    let unlike_del = eight ^ (ONES * 0x7f);
    let is_del = unlike_del.wrapping_sub(ONES) & !unlike_del;
    (below_space | is_del) & (ONES * 0x80)
}

/// How many blanks (space and tab) there are at the beginning.
#[inline]
pub(super) fn blanks(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .position(|&byte| !is_blank(byte))
        .unwrap_or(bytes.len())
}

/// Whether `byte` is optional white space (RFC 9110, section 5.6.3).
#[inline]
pub(super) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// Without the blanks at both ends.
#[inline]
pub(super) fn trim(bytes: &[u8]) -> &[u8] {
    let mut rest = &bytes[blanks(bytes)..];
    while let [before @ .., b' ' | b'\t'] = rest {
        rest = before;
    }
    rest
}

/// The items of a comma-separated list, empty ones included.
pub(super) fn items(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|&byte| byte == b',').map(trim)
}

/// Digits and nothing else as a number; one beyond 64 bits is `u64::MAX`.
pub(super) fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    let mut number = 0_u64;
    for &byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number = number.saturating_mul(10).saturating_add(u64::from(digit));
    }
    Some(number)
}

/// The value of a hexadecimal digit.
#[inline]
pub(super) fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn classes_are_those_of_the_standards() {
        let class = |class| {
            (0..=255)
                .filter(|&byte| is(byte, class))
                .map(char::from)
                .collect::<String>()
        };
        let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
        let small = "abcdefghijklmnopqrstuvwxyz";
        // RFC 9110, section 5.6.2.
        assert_eq!(
            class(TOKEN),
            format!("!#$%&'*+-.0123456789{letters}^_`{small}|~")
        );
        assert_eq!(class(METHOD), format!("!$%&'*+-.0123456789{letters}^_`|~"));
        // RFC 3986, section 3.2.2: unreserved, sub-delims and the percent sign.
        assert_eq!(
            class(HOST),
            format!("!$%&'()*+,-.0123456789;={letters}_{small}~")
        );
        assert_eq!(class(VISIBLE).len(), 94);
        assert_eq!(class(QUERY).len(), 93);
        assert_eq!(class(PATH).len(), 92);
        assert_eq!(class(TEXT).chars().count(), 1 + 95 + 128);
        assert_eq!(class(QUOTED).chars().count(), 1 + 95 + 128 - 2);
    }

    #[test]
    fn every_control_ends_a_text_wherever_it_stands() {
        for byte in 0..=255 {
            for before in 0..20 {
                let mut text = vec![b'x'; before];
                text.push(byte);
                text.extend_from_slice(&[b'y'; 20]);
                let expected = if is(byte, TEXT) { text.len() } else { before };
                assert_eq!(text_run(&text), expected, "{byte:#x} behind {before}");
            }
        }
    }

    #[test]
    fn numbers_are_digits_only() {
        assert_eq!(decimal(b"0"), Some(0));
        assert_eq!(decimal(b"0042"), Some(42));
        assert_eq!(decimal(b"18446744073709551614"), Some(u64::MAX - 1));
        assert_eq!(decimal(b"99999999999999999999999999"), Some(u64::MAX));
        for text in [
            &b""[..],
            b"+5",
            b"-0",
            b" 5",
            b"5 ",
            b"0x5",
            b"5,5",
            b"\xb2",
        ] {
            assert_eq!(decimal(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn eight_at_a_time_is_one_at_a_time(bytes in prop::collection::vec(
            prop_oneof![Just(b'\t'), Just(0x7f), Just(0x1f), Just(b'\r'), any::<u8>(), 0x20..0x7f_u8],
            0..64,
        )) {
            prop_assert_eq!(text_run(&bytes), run(&bytes, TEXT));
        }

        #[test]
        fn trimming_takes_blanks_alone(inside in "[a-z][a-z \t]*[a-z]", before in "[ \t]*", after in "[ \t]*") {
            let text = format!("{before}{inside}{after}");
            prop_assert_eq!(trim(text.as_bytes()), inside.as_bytes());
        }
    }
}
