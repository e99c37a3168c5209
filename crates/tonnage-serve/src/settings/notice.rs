//! What users should know of the settings they gave: which ones act otherwise than with
//! gunicorn, which ones do nothing, and which ones they perhaps misspelt.

use super::resolved::Entry;
use super::setting::{Setting, Standing};
use super::source::Source;
use super::table;
use std::fmt;

/// How much a notice matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Honoured, in its spirit.
    Differs,
    /// Without effect here, and rightly so.
    NoEffect,
    /// Not in this version.
    Later,
    /// A variable of the configuration file that looks like a setting and is none.
    Misspelt,
}

/// One thing to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The setting, or the variable.
    pub name: String,
    /// Where it was given.
    pub origin: Source,
    /// How much it matters.
    pub level: Level,
    /// What is to know, without a full stop.
    pub text: String,
}

impl Notice {
    /// Whether it belongs into the log at each start, not only into the answer of
    /// `--check-config`.
    pub fn is_warning(&self) -> bool {
        self.level >= Level::Later
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name, origin, text, ..
        } = self;
        match self.level {
            Level::Differs => write!(f, "`{name}` from {origin} is honoured differently: {text}"),
            Level::NoEffect => write!(f, "`{name}` from {origin} has no effect: {text}"),
            Level::Later => write!(f, "`{name}` from {origin} is not honoured: {text}"),
            Level::Misspelt => write!(f, "`{name}` from {origin} is no setting: {text}"),
        }
    }
}

/// What a value that was given comes to.
pub(super) enum Judgement {
    /// Nothing to say.
    Honoured,
    /// To be told.
    Notice(Level, String),
    /// The server must not start.
    Refused(String),
}

/// What to say of a setting that has this value, which is not its default.
pub(super) fn judge(setting: &Setting) -> Judgement {
    match setting.standing {
        Standing::Honoured => Judgement::Honoured,
        Standing::HonouredDifferently(text) => Judgement::Notice(Level::Differs, text.to_owned()),
        Standing::Accepted(text) => Judgement::Notice(Level::NoEffect, text.to_owned()),
        Standing::Later { what, starts: true } => {
            Judgement::Notice(Level::Later, format!("{what} is not in this version"))
        }
        Standing::Later {
            what,
            starts: false,
        } => Judgement::Refused(format!("{what} is not in this version")),
        Standing::Refused(advice) => Judgement::Refused(advice.to_owned()),
    }
}

/// The setting that a variable of a configuration file was perhaps meant for: one slip
/// away, or named as its flag is. A configuration file may have any variable, so that this
/// is careful: a setting that `is_given` as well is none that somebody missed.
pub(super) fn meant_setting(
    variable: &str,
    is_given: impl Fn(&str) -> bool,
) -> Option<&'static str> {
    // Shorter names are within a slip of too many others.
    if variable.len() < 5 || variable != variable.to_lowercase() {
        return None;
    }
    let as_flag = format!("--{}", variable.replace('_', "-"));
    table::all()
        .filter(|setting| !is_given(setting.name))
        .filter_map(|setting| {
            let distance = if setting.flags.contains(&as_flag.as_str()) {
                0
            } else {
                strsim::damerau_levenshtein(variable, setting.name)
            };
            let allowed = if setting.name.len() < 8 { 1 } else { 2 };
            (distance <= allowed).then_some((distance, setting.name))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// The setting nearest to a name that is none, where it is near enough.
pub(super) fn nearest_setting(name: &str) -> Option<&'static str> {
    let lower = name.to_lowercase();
    table::all()
        .map(|setting| {
            (
                strsim::damerau_levenshtein(&lower, setting.name),
                setting.name,
            )
        })
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, nearest)| *distance <= nearest.len().max(lower.len()) / 3)
        .map(|(_, nearest)| nearest)
}

/// The notice on one entry.
pub(super) fn notice(entry: &Entry, level: Level, text: String) -> Notice {
    Notice {
        name: entry.setting.name.to_owned(),
        origin: entry.source.clone(),
        level,
        text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_and_flags_names_are_recognised_in_a_configuration_file() {
        let meant = |name| meant_setting(name, |_| false);
        assert_eq!(meant("worker"), Some("workers"));
        assert_eq!(meant("log_level"), Some("loglevel"));
        assert_eq!(meant("access_log"), Some("accesslog"));
        assert_eq!(meant("access_logfile"), Some("accesslog"));
        assert_eq!(meant("keep_alive"), Some("keepalive"));
        assert_eq!(meant("preload"), Some("preload_app"));
        assert_eq!(meant("max_request"), Some("max_requests"));
        assert_eq!(meant("when_redy"), Some("when_ready"));
        for helper in [
            "name", "env", "cpus", "port", "host", "app_dir", "CORES", "base_dir",
        ] {
            assert_eq!(meant(helper), None, "{helper}");
        }
        // `worker = 2` beside `workers = worker * 2` is a helper.
        assert_eq!(meant_setting("worker", |name| name == "workers"), None);
    }

    #[test]
    fn the_nearest_setting_is_near() {
        assert_eq!(nearest_setting("treads"), Some("threads"));
        assert_eq!(nearest_setting("Workers"), Some("workers"));
        assert_eq!(nearest_setting("kubernetes"), None);
    }
}
