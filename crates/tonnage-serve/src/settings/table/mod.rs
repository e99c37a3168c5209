//! The table: a row for each of gunicorn 27's 120 settings, in its order within a
//! section, and our own. Whoever makes the server honour a setting, or stop doing so,
//! changes its row here; `--help`, `--check-config` and `docs/serve-settings.md` follow.

mod hooks;
mod logging;
mod mechanics;
mod own;
mod processes;
mod protocols;
mod websockets;

use super::setting::Setting;

/// Every setting, gunicorn's first.
pub fn all() -> impl Iterator<Item = &'static Setting> {
    [
        processes::ROWS,
        mechanics::ROWS,
        logging::ROWS,
        hooks::ROWS,
        protocols::ROWS,
        own::ROWS,
        websockets::ROWS,
    ]
    .into_iter()
    .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::setting::{Kind, Section, Standing};
    use std::collections::BTreeSet;

    /// Further flags of gunicorn's settings.
    const OURS: [&str; 3] = ["--limit-request-field-size", "--loop", "--ws-max-size"];

    /// Name, section and flags of each setting of gunicorn 27.0.1, as its parser has them.
    const GUNICORN: &str = include_str!("gunicorn-27.0.1.tsv");

    #[test]
    fn each_of_gunicorns_settings_has_its_row_and_no_other_is_called_one() {
        let ours: BTreeSet<String> = all()
            .filter(|setting| setting.section != Section::Own)
            .map(|setting| {
                // Flags that only we have make no difference to who comes from gunicorn.
                let flags: Vec<&str> = setting
                    .flags
                    .iter()
                    .copied()
                    .filter(|flag| !OURS.contains(flag))
                    .collect();
                let title = setting.section.title();
                format!("{}\t{title}\t{}", setting.name, flags.join(" "))
            })
            .collect();
        let theirs: BTreeSet<String> = GUNICORN.lines().map(str::to_owned).collect();
        assert_eq!(theirs.len(), 120);
        assert_eq!(ours, theirs);
    }

    #[test]
    fn names_and_flags_are_given_once_and_every_row_explains_itself() {
        let mut seen = BTreeSet::new();
        for setting in all() {
            assert!(seen.insert(setting.name), "{}", setting.name);
            assert!(
                !setting.about.is_empty() && !setting.about.ends_with('.'),
                "{}",
                setting.name
            );
            for flag in setting.flags {
                assert!(seen.insert(*flag), "{flag}");
                assert!(flag.starts_with('-'), "{flag}");
            }
            match setting.standing {
                Standing::Honoured => {}
                Standing::HonouredDifferently(text)
                | Standing::Accepted(text)
                | Standing::Later { what: text, .. }
                | Standing::Refused(text) => {
                    assert!(!text.is_empty() && !text.ends_with('.'), "{}", setting.name);
                }
            }
        }
    }

    /// `_config.py` checks hooks where they are; it must know the same ones.
    #[test]
    fn python_knows_the_same_hooks() {
        let python = std::fs::read_to_string(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../python/tonnage/_config.py"
        ))
        .unwrap();
        let mut hooks = 0;
        for setting in all() {
            if let Kind::Hook(parameters) = setting.kind {
                let counts: Vec<String> = parameters.iter().map(u8::to_string).collect();
                // Python writes a tuple of one with a comma.
                let counts = match counts.as_slice() {
                    [one] => format!("({one},)"),
                    several => format!("({})", several.join(", ")),
                };
                let line = format!("    \"{}\": {counts},\n", setting.name);
                assert!(python.contains(&line), "missing in _config.py: {line}");
                hooks += 1;
            }
        }
        assert_eq!(hooks, 20);
        assert_eq!(python.matches("\": (").count(), hooks);
    }
}
