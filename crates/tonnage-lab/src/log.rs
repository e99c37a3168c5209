//! A server's log: what of it an error message shows.

use std::fs;
use std::path::Path;

/// How many lines of the end are shown.
const LAST_LINES: usize = 12;

/// How many lines of the first traceback are shown, where the end does not
/// reach back to it.
const TRACEBACK_LINES: usize = 8;

/// The end of the log, and before it the first Python traceback: a server that
/// stops because of an app often logs so much about itself after the app's own
/// words that the end alone would hide them.
pub(crate) fn excerpt(path: &Path) -> String {
    let bytes = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    if lines.is_empty() {
        return "(it is empty)".to_owned();
    }
    let last = lines.len().saturating_sub(LAST_LINES);
    let mut shown = Vec::new();
    if let Some(end) = first_traceback_end(&lines).filter(|end| *end < last) {
        let begin = end.saturating_sub(TRACEBACK_LINES - 1);
        shown.extend_from_slice(&lines[begin..=end]);
        shown.push("…");
    }
    shown.extend_from_slice(&lines[last..]);
    shown.join("\n")
}

/// The line with the exception that ends the first traceback: the first one
/// after its beginning that is not indented.
fn first_traceback_end(lines: &[&str]) -> Option<usize> {
    let begin = lines
        .iter()
        .position(|line| line.starts_with("Traceback (most recent call last)"))?;
    let frames = &lines[begin + 1..];
    let end = frames
        .iter()
        .position(|line| !line.is_empty() && !line.starts_with(' '))?;
    Some(begin + 1 + end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excerpt_of(lines: &[String]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        fs::write(&path, lines.join("\n")).unwrap();
        excerpt(&path)
    }

    fn numbered(count: usize) -> Vec<String> {
        (0..count).map(|i| format!("line {i}")).collect()
    }

    #[test]
    fn a_short_log_is_shown_whole_and_a_long_one_by_its_end() {
        assert_eq!(excerpt_of(&[]), "(it is empty)");
        assert_eq!(excerpt_of(&numbered(3)), "line 0\nline 1\nline 2");
        assert_eq!(
            excerpt_of(&numbered(50)),
            numbered(50)[50 - LAST_LINES..].join("\n")
        );
    }

    #[test]
    fn the_first_traceback_is_not_buried_by_what_follows() {
        let mut lines = vec!["Traceback (most recent call last):".to_owned()];
        lines.extend((0..20).map(|i| format!("  File \"x.py\", line {i}")));
        lines.push("RuntimeError: the reason".to_owned());
        lines.extend(numbered(30));
        let excerpt = excerpt_of(&lines);
        assert!(
            excerpt.contains("line 19\"\n") || excerpt.contains("line 19\n"),
            "{excerpt}"
        );
        assert!(
            excerpt.contains("RuntimeError: the reason\n…\nline 18"),
            "{excerpt}"
        );
    }
}
