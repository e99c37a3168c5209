//! The table of settings as Markdown, for `docs/serve-settings.md`.

use super::setting::{Fallback, Kind, Section, Setting, Standing};
use super::table;
use std::fmt::Write as _;

/// How no default is written.
pub(super) const NOTHING: &str = "–";

/// A heading and a table for each section; ours first.
pub fn render_table() -> String {
    let mut out = String::new();
    let own_first = [Section::Own].into_iter().chain(
        Section::ALL
            .into_iter()
            .filter(|section| *section != Section::Own),
    );
    for section in own_first {
        // Writing to a text cannot fail.
        let _ = write!(
            out,
            "## {}\n\n| setting | flags | default | here | what it is |\n|---|---|---|---|---|\n",
            section.title()
        );
        for setting in table::all().filter(|setting| setting.section == section) {
            let _ = writeln!(
                out,
                "| `{}` | {} | {} | {} | {} |",
                setting.name,
                flags(setting),
                default(setting),
                standing(setting.standing),
                cell(setting.about),
            );
        }
        out.push('\n');
    }
    // One line feed ends a file.
    out.pop();
    out
}

fn flags(setting: &Setting) -> String {
    if setting.flags.is_empty() {
        return "file only".to_owned();
    }
    let flags: Vec<String> = setting
        .flags
        .iter()
        .map(|flag| format!("`{flag}`"))
        .collect();
    flags.join(" ")
}

/// What a setting is where nobody says anything.
pub(super) fn default(setting: &Setting) -> String {
    let text = match (setting.name, setting.fallback) {
        ("workers", _) => return "`WEB_CONCURRENCY`, or `1`".to_owned(),
        ("bind", _) => return "`0.0.0.0:$PORT`, or `127.0.0.1:8000`".to_owned(),
        ("forwarded_allow_ips", _) => {
            return "`FORWARDED_ALLOW_IPS`, or `127.0.0.1,::1`".to_owned();
        }
        ("sendfile", _) => return "`SENDFILE`, or on".to_owned(),
        (
            _,
            Fallback::Nothing | Fallback::Text("") | Fallback::Texts([]) | Fallback::Headers([]),
        ) => {
            return NOTHING.to_owned();
        }
        (_, Fallback::Switch(true)) => return "on".to_owned(),
        (_, Fallback::Switch(false)) => return "off".to_owned(),
        (_, Fallback::StartDirectory) => return "where it is started".to_owned(),
        (_, Fallback::EffectiveUser) => return "who starts it".to_owned(),
        (_, Fallback::EffectiveGroup) => return "its group".to_owned(),
        (_, Fallback::Whole(number)) if setting.kind == Kind::Mode => format!("0o{number:o}"),
        (_, Fallback::Whole(number)) => number.to_string(),
        (_, Fallback::Seconds(seconds)) => seconds.to_string(),
        (_, Fallback::Text(text)) => text.to_owned(),
        (_, Fallback::Texts(texts)) => texts.join(","),
        (_, Fallback::Headers(fields)) => fields
            .iter()
            .map(|(name, value)| format!("{name}: {value}"))
            .collect::<Vec<_>>()
            .join(", "),
    };
    format!("`{}`", cell(&text))
}

fn standing(standing: Standing) -> String {
    match standing {
        Standing::Honoured => "yes".to_owned(),
        Standing::HonouredDifferently(text) => format!("**differs**: {}", cell(text)),
        Standing::Accepted(text) => format!("**no effect**: {}", cell(text)),
        Standing::Later { what, starts: true } => {
            format!("**later**: {what}; the server starts without it, and says so")
        }
        Standing::Later {
            what,
            starts: false,
        } => format!("**later**: {what}; the server does not start with it"),
        Standing::Refused(advice) => format!("**refused**: {}", cell(advice)),
    }
}

/// A bar would end the cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What divides the text that is written from the table that is made.
    const MARK: &str = "<!-- From here on made by `render_table`: \
         UPDATE_DOCS=1 cargo test -p tonnage-serve document -->\n\n";

    #[test]
    fn the_published_table_is_that_of_the_settings() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/serve-settings.md");
        let published = std::fs::read_to_string(file).unwrap();
        let (prose, table) = published.split_once(MARK).expect("the mark is in the file");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(file, format!("{prose}{MARK}{}", render_table())).unwrap();
        } else {
            assert!(
                table == render_table(),
                "docs/serve-settings.md is out of date: UPDATE_DOCS=1 cargo test -p tonnage-serve document"
            );
        }
    }

    #[test]
    fn each_setting_has_one_row() {
        let rows = render_table();
        for setting in table::all() {
            let start = format!("\n| `{}` |", setting.name);
            assert_eq!(rows.matches(&start).count(), 1, "{}", setting.name);
        }
        assert!(rows.ends_with("|\n") && !rows.ends_with("\n\n"));
    }
}
