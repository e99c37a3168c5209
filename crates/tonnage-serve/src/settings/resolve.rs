//! From layers of given values to [`Settings`]: what only shows when all are known, that
//! is settings that contradict each other, and what is to be said of those that are not
//! honoured.

use super::cpus::Cpus;
use super::error::{SettingsError, SettingsErrors};
use super::http2;
use super::normalise::fallback;
use super::notice::{Judgement, Level, Notice, judge, meant_setting, notice};
use super::raw::RawValue;
use super::resolved::{Entry, Layer, Resolved};
use super::source::Source;
use super::tls::{self, TlsSettings};
use super::typed::is_gunicorns_logger;
use super::values::{
    ApplicationSettings, CompressSettings, FileSettings, HttpSettings, ListenSettings,
    LoggingSettings, MetricsSettings, ProcessSettings, ProxySettings, Settings, WebSocketSettings,
};
use super::worker_class::{Interface, WorkerClass, worker_class};
use crate::access_log::AccessFormat;
use crate::listen::Address;
use crate::status::StatsdOptions;
use std::cell::LazyCell;
use std::path::Path;

impl Settings {
    /// The settings that these layers come to, later ones over earlier ones. `directory`
    /// is where the server was started; relative paths begin there.
    pub fn resolve(layers: &[Layer], directory: &Path) -> Result<Self, SettingsErrors> {
        let mut errors = Vec::new();
        let mut resolved = Resolved::new(layers, directory, &mut errors);
        let mut notices = Vec::new();
        for entry in &resolved.entries {
            match judge_entry(entry, directory) {
                Judgement::Honoured => {}
                Judgement::Notice(level, text) => notices.push(notice(entry, level, text)),
                Judgement::Refused(advice) => errors.push(refused(entry, advice)),
            }
        }
        judge_variables(&resolved, &mut notices, &mut errors);
        let interface = interface(&resolved, &mut errors);
        resolved.follow_worker_class(interface);
        let cpus = LazyCell::new(Cpus::of_this_process);
        let automatic = resolved.settle_automatic(|| cpus.usable());
        let raw_env = raw_env(&resolved, &mut errors);
        check_together(&resolved, &mut errors);
        let app = resolved.text("wsgi_app").unwrap_or_default();
        if app.is_empty() {
            errors.push(SettingsError::NoApplication);
        }
        if !errors.is_empty() {
            return Err(SettingsErrors(errors));
        }
        Ok(Self {
            listen: ListenSettings::new(&resolved),
            tls: TlsSettings::new(&resolved),
            processes: ProcessSettings::new(&resolved, &app, raw_env),
            application: ApplicationSettings::new(
                &resolved,
                interface,
                automatic.contains(&"threads"),
            ),
            auto_workers: automatic.contains(&"workers").then(|| *cpus),
            http: HttpSettings::new(&resolved),
            websockets: WebSocketSettings::new(&resolved),
            proxies: ProxySettings::new(&resolved),
            compress: CompressSettings::new(&resolved),
            files: FileSettings::new(&resolved),
            logging: LoggingSettings::new(&resolved),
            metrics: MetricsSettings::new(&resolved),
            check_config: resolved.switch("check_config"),
            print_config: resolved.switch("print_config"),
            app,
            notices,
            resolved,
        })
    }

    /// What users should know of the settings they gave.
    pub fn notices(&self) -> &[Notice] {
        &self.notices
    }

    /// Every setting in the order of the table, for whoever shows them by gunicorn's
    /// names.
    pub fn entries(&self) -> &[Entry] {
        &self.resolved.entries
    }

    /// Where the value of this setting was given; none for what is no setting.
    pub fn origin(&self, name: &str) -> Option<&Source> {
        self.entries()
            .iter()
            .find(|entry| entry.setting.name == name)
            .map(|entry| &entry.source)
    }
}

fn refused(entry: &Entry, advice: String) -> SettingsError {
    SettingsError::Refused {
        name: entry.setting.name.to_owned(),
        origin: entry.source.clone(),
        value: entry.value.repr(),
        advice,
    }
}

/// What is given as it would be anyway has nothing to be said of.
fn judge_entry(entry: &Entry, directory: &Path) -> Judgement {
    if entry.source == Source::Default || entry.value == fallback(entry.setting, directory) {
        return Judgement::Honoured;
    }
    let text = entry.value.text().unwrap_or_default();
    let number = match entry.value {
        RawValue::Whole(number) => number,
        _ => 0,
    };
    let matters = match entry.setting.name {
        // `interface` looks at it.
        "worker_class" => match worker_class(text) {
            WorkerClass::Serves(_) | WorkerClass::Greenlets => false,
            WorkerClass::Refused(advice) => return Judgement::Refused(advice.to_owned()),
        },
        "logger_class" => !is_gunicorns_logger(text),
        "sendfile" => entry.value == RawValue::Switch(true),
        "limit_request_line" | "limit_request_field_size" => number == 0,
        "limit_request_fields" => number == 0 || number > 100,
        "default_proc_name" => false,
        // Empty texts and nothing are what they are where nothing was said.
        _ => !matches!(&entry.value, RawValue::Nothing) && !is_empty_text(&entry.value),
    };
    if matters {
        judge(entry.setting)
    } else {
        Judgement::Honoured
    }
}

fn is_empty_text(value: &RawValue) -> bool {
    value.text().is_some_and(str::is_empty)
}

/// Variables of the configuration file that are no settings: whoever asks whether the
/// configuration is right wants to hear of a slip as an error.
fn judge_variables(
    resolved: &Resolved,
    notices: &mut Vec<Notice>,
    errors: &mut Vec<SettingsError>,
) {
    let is_asked = resolved.switch("check_config") || resolved.switch("print_config");
    for (name, origin) in &resolved.variables {
        let Some(nearest) = meant_setting(name, |setting| resolved.is_given(setting)) else {
            continue;
        };
        let hint = format!("did you mean `{nearest}`?");
        if is_asked {
            errors.push(SettingsError::Unknown {
                name: name.clone(),
                origin: origin.clone(),
                hint: format!("; {hint} A variable of your own may have any other name"),
            });
        } else {
            notices.push(Notice {
                name: name.clone(),
                origin: origin.clone(),
                level: Level::Misspelt,
                text: hint,
            });
        }
    }
}

/// What single values do not show.
fn check_together(resolved: &Resolved, errors: &mut Vec<SettingsError>) {
    let mut refuse = |name: &str, expected: String| {
        errors.push(SettingsError::Invalid {
            name: name.to_owned(),
            origin: resolved.entry(name).source.clone(),
            value: resolved.entry(name).value.repr(),
            expected,
        });
    };
    let check = resolved.text("reload_check").unwrap_or_default();
    if !check.is_empty()
        && !["/", "http://", "https://"]
            .iter()
            .any(|start| check.starts_with(start))
    {
        refuse(
            "reload_check",
            "a path that begins with /, or a URL".to_owned(),
        );
    }
    let addresses = resolved.texts("bind");
    if addresses.is_empty() {
        refuse("bind", "one address at least".to_owned());
    }
    for address in addresses {
        if let Err(error) = address.parse::<Address>() {
            refuse(
                "bind",
                format!("HOST:PORT, unix:PATH or fd://NUMBER; {error}"),
            );
        }
    }
    if let Some(address) = resolved.text("status_bind")
        && let Err(error) = address.parse::<Address>()
    {
        refuse("status_bind", format!("HOST:PORT or unix:PATH; {error}"));
    }
    if let Some(address) = resolved.text("statsd_host")
        && let Err(error) = StatsdOptions::parse_address(&address)
    {
        refuse("statsd_host", format!("HOST:PORT or unix://PATH; {error}"));
    }
    for (name, expected) in tls::check(resolved)
        .into_iter()
        .chain(http2::check(resolved))
    {
        refuse(name, expected.to_owned());
    }
    // A logger of the user's own may understand more than ours.
    let writes_lines =
        resolved.text("accesslog").is_some() && is_gunicorns_logger(resolved.word("logger_class"));
    if writes_lines && let Err(error) = AccessFormat::parse(resolved.word("access_log_format")) {
        refuse("access_log_format", format!("a format: {error}"));
    }
}

/// The interface that `interface` and the worker class ask for.
fn interface(resolved: &Resolved, errors: &mut Vec<SettingsError>) -> Interface {
    let asked = match resolved.word("interface") {
        "wsgi" => Interface::Wsgi,
        "asgi" => Interface::Asgi,
        _ => Interface::Auto,
    };
    let class = resolved.word("worker_class");
    let served = match worker_class(class) {
        WorkerClass::Serves(interface) if resolved.is_given("worker_class") => interface,
        WorkerClass::Greenlets => Interface::Wsgi,
        // Nobody asked, or there is an error already.
        _ => Interface::Auto,
    };
    match (asked, served) {
        (asked, Interface::Auto) => asked,
        (Interface::Auto, served) => served,
        (asked, served) => {
            if asked != served {
                errors.push(SettingsError::Conflict(format!(
                    "`interface` from {} is {}, but `worker_class` from {} is {class}; give one of them",
                    resolved.entry("interface").source,
                    asked.name(),
                    resolved.entry("worker_class").source,
                )));
            }
            asked
        }
    }
}

fn raw_env(resolved: &Resolved, errors: &mut Vec<SettingsError>) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    for text in resolved.texts("raw_env") {
        match text.split_once('=') {
            Some((name, value)) if !name.is_empty() => {
                pairs.push((name.to_owned(), value.to_owned()));
            }
            _ => errors.push(SettingsError::Invalid {
                name: "raw_env".to_owned(),
                origin: resolved.entry("raw_env").source.clone(),
                value: RawValue::Text(text).repr(),
                expected: "texts of the form KEY=VALUE".to_owned(),
            }),
        }
    }
    pairs
}
