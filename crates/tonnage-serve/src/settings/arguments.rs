//! The command line: a parser made from the table, and what it found in the table's
//! names. Values stay texts here; `normalise.rs` says what they mean.

use super::document;
use super::foreign::with_advice;
use super::raw::RawValue;
use super::setting::{Kind, Section, Setting, Standing};
use super::table;
use super::words::{WordsError, split_words};
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};
use thiserror::Error;

/// The name of the positional argument.
const APP: &str = "app";

/// What a command line says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Arguments {
    /// The application. gunicorn passes over what follows it, and so do we.
    pub app: Option<String>,
    /// Settings that were given, each once, in the order of the table.
    pub given: Vec<(&'static str, RawValue)>,
}

/// Why a command line is not one, or that it asks for help or the version.
#[derive(Debug, Error)]
pub enum ArgumentsError {
    /// The command line.
    #[error("{0}")]
    CommandLine(clap::Error),
    /// The flags in `GUNICORN_CMD_ARGS`.
    #[error("in GUNICORN_CMD_ARGS: {0}")]
    CmdArgs(clap::Error),
    /// `GUNICORN_CMD_ARGS` is no line of words.
    #[error("error: in GUNICORN_CMD_ARGS: {0}\n")]
    CmdArgsWords(#[from] WordsError),
}

impl ArgumentsError {
    /// Whether this is the help or the version that was asked for. It belongs on standard
    /// output, anything else on standard error.
    pub fn is_answer(&self) -> bool {
        match self {
            Self::CommandLine(error) | Self::CmdArgs(error) => matches!(
                error.kind(),
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
            ),
            Self::CmdArgsWords(_) => false,
        }
    }

    /// 0 for an answer, 2 for an error, as gunicorn's.
    pub fn exit_code(&self) -> u8 {
        if self.is_answer() { 0 } else { 2 }
    }
}

/// The parser of `tonnage serve`, also as a subcommand of another one.
pub fn command() -> Command {
    let mut command = Command::new("serve")
        .bin_name("tonnage serve")
        .display_name("tonnage serve")
        .about("Serve a WSGI or ASGI application, with gunicorn's settings")
        .version(env!("CARGO_PKG_VERSION"))
        .disable_version_flag(true)
        // As gunicorn's parser: the last one of several counts, and a flag may be cut
        // short while it stays the only one that begins so.
        .args_override_self(true)
        .infer_long_args(true)
        .arg(
            Arg::new(APP)
                .value_name("MODULE:NAME")
                .num_args(0..)
                .help("The application, as `package.module:object` or `package.module:make()`"),
        )
        .arg(
            Arg::new("version")
                .short('v')
                .long("version")
                .action(ArgAction::Version)
                .help("Print the version"),
        );
    for section in Section::ALL {
        for setting in table::all().filter(|setting| setting.section == section) {
            if !setting.flags.is_empty() {
                command = command.arg(argument(setting));
            }
        }
    }
    command
}

/// What these words say; the name of the program is not among them.
pub fn parse(words: impl IntoIterator<Item = String>) -> Result<Arguments, clap::Error> {
    let command = command().no_binary_name(true);
    command
        .try_get_matches_from(words)
        .map(|found| read(&found))
        .map_err(with_advice)
}

/// What `GUNICORN_CMD_ARGS` says. gunicorn does not look at an application in it.
pub(super) fn parse_cmd_args(line: &str) -> Result<Arguments, ArgumentsError> {
    parse(split_words(line)?).map_err(ArgumentsError::CmdArgs)
}

/// What a parser made by [`command`] found.
pub fn read(found: &ArgMatches) -> Arguments {
    Arguments {
        app: texts(found, APP).into_iter().next(),
        given: table::all()
            .filter(|setting| !setting.flags.is_empty())
            .filter(|setting| found.value_source(setting.name) == Some(ValueSource::CommandLine))
            .map(|setting| (setting.name, value(found, setting)))
            .collect(),
    }
}

/// What a flag is for, and what holds without it; of one that does nothing here, that.
fn help(setting: &Setting) -> String {
    let missing = match setting.standing {
        Standing::Honoured | Standing::HonouredDifferently(_) => None,
        Standing::Accepted(_) => Some("no effect here"),
        Standing::Later { .. } => Some("not in this version"),
        // One of its words is what is done anyway.
        Standing::Refused(_) if matches!(setting.kind, Kind::Choice(_)) => {
            Some("nothing else here")
        }
        Standing::Refused(_) => Some("refused"),
    };
    if let Some(missing) = missing {
        return format!("{} ({missing})", setting.about);
    }
    let default = document::default(setting).replace('`', "");
    if setting.kind == Kind::Switch || default == document::NOTHING {
        return setting.about.to_owned();
    }
    format!("{} [default: {default}]", setting.about)
}

fn argument(setting: &'static Setting) -> Arg {
    let mut argument = Arg::new(setting.name)
        .help(help(setting))
        .help_heading(setting.section.title());
    let mut has_long = false;
    for flag in setting.flags {
        argument = match flag.strip_prefix("--") {
            Some(long) if has_long => argument.visible_alias(long),
            Some(long) => {
                has_long = true;
                argument.long(long)
            }
            None => match flag.chars().nth(1) {
                Some(short) => argument.short(short),
                None => argument,
            },
        };
    }
    match setting.kind {
        Kind::Switch => argument.action(ArgAction::SetTrue),
        kind => {
            let argument = argument.value_name(setting.placeholder);
            match kind {
                Kind::Texts | Kind::Files | Kind::Mounts => argument.action(ArgAction::Append),
                Kind::ProxyProtocol => argument.num_args(0..=1).default_missing_value("auto"),
                // A negative number is an error of the setting, not a strange flag.
                Kind::Whole { .. } | Kind::Automatic { .. } | Kind::Seconds | Kind::Mode => {
                    argument.allow_negative_numbers(true)
                }
                _ => argument,
            }
        }
    }
}

fn value(found: &ArgMatches, setting: &'static Setting) -> RawValue {
    match setting.kind {
        Kind::Switch => RawValue::Switch(!setting.turns_off),
        Kind::Texts | Kind::Files | Kind::Mounts => RawValue::texts(texts(found, setting.name)),
        _ => found
            .get_one::<String>(setting.name)
            .map_or(RawValue::Nothing, |text| RawValue::Text(text.clone())),
    }
}

fn texts(found: &ArgMatches, name: &str) -> Vec<String> {
    found
        .get_many::<String>(name)
        .unwrap_or_default()
        .cloned()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Arguments {
        parse(words.iter().map(|word| (*word).to_owned())).unwrap()
    }

    fn refused(words: &[&str]) -> String {
        parse(words.iter().map(|word| (*word).to_owned()))
            .unwrap_err()
            .to_string()
    }

    fn text(text: &str) -> RawValue {
        RawValue::Text(text.into())
    }

    #[test]
    fn clap_finds_no_fault_with_the_table() {
        command().debug_assert();
    }

    #[test]
    fn flags_are_read_in_every_form_that_gunicorn_takes() {
        let found = parsed(&[
            "-w4",
            "--bind=unix:/run/a.sock",
            "site.wsgi:app",
            "-b",
            "[::1]:80",
            "--no-sendfile",
            "--preload",
            "--access-logfile",
            "-",
            "--root-path",
            "",
        ]);
        assert_eq!(found.app.as_deref(), Some("site.wsgi:app"));
        assert_eq!(
            found.given,
            [
                ("bind", RawValue::texts(["unix:/run/a.sock", "[::1]:80"])),
                ("workers", text("4")),
                ("preload_app", RawValue::Switch(true)),
                ("sendfile", RawValue::Switch(false)),
                ("root_path", text("")),
                ("accesslog", text("-")),
            ]
        );
    }

    #[test]
    fn the_last_of_several_counts_and_an_unambiguous_beginning_is_enough() {
        let found = parsed(&["-w", "2", "--workers", "3", "--max-requests-j", "5"]);
        assert_eq!(
            found.given,
            [("workers", text("3")), ("max_requests_jitter", text("5"))]
        );
        assert!(refused(&["--work", "2"]).contains("--work"));
    }

    #[test]
    fn a_mode_may_stand_alone_and_other_names_mean_the_same() {
        assert_eq!(
            parsed(&["app:app", "--proxy-protocol"]).given,
            [("proxy_protocol", text("auto"))]
        );
        assert_eq!(
            parsed(&["--log-file", "x", "--loop", "uvloop"]).given,
            [("asgi_loop", text("uvloop")), ("errorlog", text("x"))]
        );
        let found = parsed(&["a", "b", "--reload", "c"]);
        assert_eq!(found.app.as_deref(), Some("a"));
        assert_eq!(found.given, [("reload", RawValue::Switch(true))]);
    }

    #[test]
    fn an_unknown_flag_is_an_error_that_names_the_nearest() {
        let error = refused(&["--treads", "2"]);
        assert!(error.contains("--threads"), "{error}");
        assert!(!error.contains("as a value"), "{error}");
        // The setting itself says what is wrong with it.
        assert_eq!(parsed(&["-w", "-1"]).given, [("workers", text("-1"))]);
    }

    #[test]
    fn flags_of_uvicorn_come_with_what_they_are_here() {
        for (words, instead) in [
            (["--host", "0.0.0.0"], "-b HOST:PORT"),
            (["--port=80", "app:app"], "-b HOST:PORT"),
            (["--factory", "app:make"], "'app:make()'"),
        ] {
            let error = refused(&words);
            assert!(error.contains(instead), "{error}");
            assert!(!error.contains("as a value"), "{error}");
        }
    }

    #[test]
    fn help_says_which_flags_do_nothing() {
        let help = command().render_long_help().to_string();
        let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
        for (flag, mark) in [
            ("--dirty-app", "(refused)"),
            ("--spew", "(refused)"),
            ("--paste", "(refused)"),
            ("--protocol", "(nothing else here)"),
        ] {
            let (_, rest) = help.split_once(&format!("{flag} ")).expect(flag);
            let own = rest.split(" --").next().unwrap_or_default();
            assert!(own.contains(mark), "{flag}: {own}");
        }
    }

    #[test]
    fn help_and_version_are_answers_and_errors_say_where_they_come_from() {
        let asked = ArgumentsError::CommandLine(parse(["-v".to_owned()]).unwrap_err());
        assert!(asked.is_answer());
        assert_eq!(asked.exit_code(), 0);
        assert!(asked.to_string().starts_with("tonnage serve "), "{asked}");
        let error = parse_cmd_args("--nothing-like-it").unwrap_err();
        assert!(!error.is_answer());
        assert_eq!(error.exit_code(), 2);
        assert!(
            error.to_string().starts_with("in GUNICORN_CMD_ARGS"),
            "{error}"
        );
        let error = parse_cmd_args("--name 'x").unwrap_err();
        assert!(error.to_string().contains("quotation"), "{error}");
        assert_eq!(
            parse_cmd_args("-n 'my app'").unwrap().given,
            [("proc_name", text("my app"))]
        );
    }
}
