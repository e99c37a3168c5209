//! Where a value comes from. Later sources win over earlier ones: the default, the
//! environment, the configuration file, `GUNICORN_CMD_ARGS`, the command line.

use std::fmt;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Nobody gave it.
    Default,
    /// An environment variable that gunicorn makes a default of.
    Environment(&'static str),
    /// The configuration file of this name.
    ConfigFile(String),
    /// The environment variable `GUNICORN_CMD_ARGS`.
    CmdArgs,
    /// The command line.
    CommandLine,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("the default"),
            Self::Environment(variable) => write!(f, "the environment variable {variable}"),
            Self::ConfigFile(location) => write!(f, "the configuration file {location}"),
            Self::CmdArgs => f.write_str("GUNICORN_CMD_ARGS"),
            Self::CommandLine => f.write_str("the command line"),
        }
    }
}

/// The environment variables that gunicorn reads. This crate reads none itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// `WEB_CONCURRENCY`: the default of `workers`.
    pub web_concurrency: Option<String>,
    /// `PORT`: the default of `bind` is this port on all IPv4 addresses.
    pub port: Option<String>,
    /// `FORWARDED_ALLOW_IPS`: the default of `forwarded_allow_ips`.
    pub forwarded_allow_ips: Option<String>,
    /// `SENDFILE`: the default of `sendfile`; `y`, `1`, `yes` and `true` are yes.
    pub sendfile: Option<String>,
    /// `GUNICORN_CMD_ARGS`: flags as on the command line.
    pub gunicorn_cmd_args: Option<String>,
}

impl Environment {
    /// The environment variables that are read, in the order of the fields.
    pub const NAMES: [&'static str; 5] = [
        "WEB_CONCURRENCY",
        "PORT",
        "FORWARDED_ALLOW_IPS",
        "SENDFILE",
        "GUNICORN_CMD_ARGS",
    ];

    /// What `look_up` finds for each of [`Environment::NAMES`].
    pub fn from_lookup(look_up: impl Fn(&str) -> Option<String>) -> Self {
        let [
            web_concurrency,
            port,
            forwarded_allow_ips,
            sendfile,
            gunicorn_cmd_args,
        ] = Self::NAMES.map(look_up);
        Self {
            web_concurrency,
            port,
            forwarded_allow_ips,
            sendfile,
            gunicorn_cmd_args,
        }
    }
}
