//! What a setting is: its name, where it may be given, what values it takes, what it is
//! when nobody gives it, and whether this server does what it says. The rows themselves
//! are in `table/`, checking values is `normalise.rs`.

/// The groups of gunicorn's documentation, and one for the settings it does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// Where the configuration and the application are.
    ConfigFile,
    /// What is listened on.
    ServerSocket,
    /// Workers, threads and their time limits.
    WorkerProcesses,
    /// Limits on what a client may send.
    Security,
    /// For development.
    Debugging,
    /// Process, files, proxies and protocol.
    ServerMechanics,
    /// Logs and metrics.
    Logging,
    /// The name of the process.
    ProcessNaming,
    /// Functions of the configuration file that are called.
    ServerHooks,
    /// TLS.
    Ssl,
    /// HTTP/2.
    Http2,
    /// gunicorn's second pool of workers.
    DirtyArbiters,
    /// Hooks of that pool.
    DirtyArbiterHooks,
    /// gunicorn's control socket.
    Control,
    /// What only Tonnage has.
    Own,
}

impl Section {
    /// Every section, in the order of the documentation.
    pub const ALL: [Self; 15] = [
        Self::ConfigFile,
        Self::ServerSocket,
        Self::WorkerProcesses,
        Self::Security,
        Self::Debugging,
        Self::ServerMechanics,
        Self::Logging,
        Self::ProcessNaming,
        Self::ServerHooks,
        Self::Ssl,
        Self::Http2,
        Self::DirtyArbiters,
        Self::DirtyArbiterHooks,
        Self::Control,
        Self::Own,
    ];

    /// gunicorn's name of the section.
    pub const fn title(self) -> &'static str {
        match self {
            Self::ConfigFile => "Config File",
            Self::ServerSocket => "Server Socket",
            Self::WorkerProcesses => "Worker Processes",
            Self::Security => "Security",
            Self::Debugging => "Debugging",
            Self::ServerMechanics => "Server Mechanics",
            Self::Logging => "Logging",
            Self::ProcessNaming => "Process Naming",
            Self::ServerHooks => "Server Hooks",
            Self::Ssl => "SSL",
            Self::Http2 => "HTTP/2",
            Self::DirtyArbiters => "Dirty Arbiters",
            Self::DirtyArbiterHooks => "Dirty Arbiter Hooks",
            Self::Control => "Control",
            Self::Own => "Tonnage",
        }
    }
}

/// What values a setting takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text, or nothing.
    Text,
    /// A list of texts; one text stands for a list of one.
    Texts,
    /// Texts separated by commas.
    Names,
    /// Yes or no.
    Switch,
    /// A whole number within bounds that are both allowed.
    Whole {
        /// The least value.
        least: u64,
        /// The greatest value.
        most: u64,
    },
    /// The same, or `auto`: what the machine, or the load, asks for.
    Automatic {
        /// The least value.
        least: u64,
        /// The greatest value.
        most: u64,
        /// What `auto` starts with; none is as many as CPUs may be used.
        auto: Option<u64>,
    },
    /// A mode as of files: a whole number, octal where it begins with a zero.
    Mode,
    /// Seconds, zero or more, a fraction too.
    Seconds,
    /// One of these words, small or capital letters.
    Choice(&'static [&'static str]),
    /// Addresses and networks separated by commas; `*` is everybody.
    Networks,
    /// A dictionary of field names and values.
    Headers,
    /// A dictionary that Python alone looks into.
    Dictionary,
    /// The import path of a Python class, or the class itself.
    Class,
    /// A Python function with one of these numbers of positional parameters.
    Hook(&'static [u8]),
    /// The name or number of a user.
    User,
    /// The name or number of a group.
    Group,
    /// A directory that exists.
    Directory,
    /// Files that exist, or patterns.
    Files,
    /// Prefixes of paths, each with a folder that exists.
    Mounts,
    /// `off`, `v1`, `v2` or `auto`; the flag alone is `auto`.
    ProxyProtocol,
    /// `h1` and `h2` in the order of preference.
    HttpProtocols,
    /// Whatever it is: nobody reads it.
    Anything,
}

/// What a setting is when nobody gives it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fallback {
    /// Nothing: Python's `None`.
    Nothing,
    /// Yes or no.
    Switch(bool),
    /// A whole number.
    Whole(u64),
    /// Seconds.
    Seconds(f64),
    /// A text.
    Text(&'static str),
    /// A list of texts.
    Texts(&'static [&'static str]),
    /// A dictionary of texts.
    Headers(&'static [(&'static str, &'static str)]),
    /// The directory that the server was started in.
    StartDirectory,
    /// The effective user of the process.
    EffectiveUser,
    /// The effective group of the process.
    EffectiveGroup,
}

/// Whether this server does what a setting says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// As gunicorn does.
    Honoured,
    /// In its spirit; the text says what differs.
    HonouredDifferently(&'static str),
    /// Taken without effect, because there is nothing here that it would act on.
    Accepted(&'static str),
    /// Not in this version.
    Later {
        /// What is missing.
        what: &'static str,
        /// Whether serving without it is still what the user wants. It is not where a
        /// server would speak another protocol than the one asked for.
        starts: bool,
    },
    /// An error, with advice.
    Refused(&'static str),
}

/// One row of the table of settings.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Its name in a configuration file.
    pub name: &'static str,
    /// Its group.
    pub section: Section,
    /// Flags with their dashes, the first long one first among its kind; none where it
    /// can be given in a file only.
    pub flags: &'static [&'static str],
    /// What stands for its value in `--help`.
    pub placeholder: &'static str,
    /// What values it takes.
    pub kind: Kind,
    /// What it is when nobody gives it.
    pub fallback: Fallback,
    /// Whether it does something here.
    pub standing: Standing,
    /// One line for `--help`.
    pub about: &'static str,
    /// Whether the flag turns a switch off.
    pub turns_off: bool,
}

impl Setting {
    pub(super) const fn new(
        name: &'static str,
        section: Section,
        kind: Kind,
        fallback: Fallback,
    ) -> Self {
        Self {
            name,
            section,
            flags: &[],
            placeholder: "VALUE",
            kind,
            fallback,
            standing: Standing::Honoured,
            about: "",
            turns_off: false,
        }
    }

    /// A function of the configuration file; gunicorn calls one that does nothing where
    /// it is not given.
    pub(super) const fn hook(
        name: &'static str,
        section: Section,
        parameters: &'static [u8],
        about: &'static str,
    ) -> Self {
        Self::new(name, section, Kind::Hook(parameters), Fallback::Nothing).about(about)
    }

    pub(super) const fn flags(mut self, flags: &'static [&'static str]) -> Self {
        self.flags = flags;
        self
    }

    pub(super) const fn takes(mut self, placeholder: &'static str) -> Self {
        self.placeholder = placeholder;
        self
    }

    pub(super) const fn about(mut self, about: &'static str) -> Self {
        self.about = about;
        self
    }

    pub(super) const fn standing(mut self, standing: Standing) -> Self {
        self.standing = standing;
        self
    }

    pub(super) const fn turns_off(mut self) -> Self {
        self.turns_off = true;
        self
    }
}

/// The most threads that a worker may be given.
pub(super) const MOST_THREADS: u64 = 4096;

/// Any whole number from zero on.
pub(super) const WHOLE: Kind = Kind::Whole {
    least: 0,
    most: i64::MAX as u64,
};
