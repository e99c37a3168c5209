//! Settings of the process and its files, of proxies and of what is let through.

use super::super::setting::{Fallback, Kind, Section, Setting, Standing};

const SECTION: Section = Section::ServerMechanics;

/// A switch that is off, in this section.
const fn switch(name: &'static str) -> Setting {
    Setting::new(name, SECTION, Kind::Switch, Fallback::Switch(false))
}

/// A text that nobody gave, in this section.
const fn text(name: &'static str) -> Setting {
    Setting::new(name, SECTION, Kind::Text, Fallback::Nothing)
}

pub(super) static ROWS: &[Setting] = &[
    switch("preload_app")
        .flags(&["--preload"])
        .about("Load the application before workers are forked"),
    Setting::new("sendfile", SECTION, Kind::Switch, Fallback::Nothing)
        .flags(&["--no-sendfile"])
        .turns_off()
        .standing(Standing::HonouredDifferently(
            "`sendfile = True` turns it on; gunicorn takes any value for off",
        ))
        .about("Send files through userspace; the default is SENDFILE, or on"),
    switch("reuse_port")
        .flags(&["--reuse-port"])
        .about("Set SO_REUSEPORT on the listening sockets"),
    Setting::new("chdir", SECTION, Kind::Directory, Fallback::StartDirectory)
        .flags(&["--chdir"])
        .takes("DIR")
        .about("Change to this directory before the application is loaded"),
    switch("daemon")
        .flags(&["-D", "--daemon"])
        .about("Go into the background"),
    Setting::new("raw_env", SECTION, Kind::Texts, Fallback::Texts(&[]))
        .flags(&["-e", "--env"])
        .takes("KEY=VALUE")
        .about("Set an environment variable; may be given several times"),
    text("pidfile")
        .flags(&["-p", "--pid"])
        .takes("FILE")
        .about("Write the process id to this file"),
    text("worker_tmp_dir")
        .flags(&["--worker-tmp-dir"])
        .takes("DIR")
        .standing(Standing::Accepted(
            "workers show that they live in shared memory; no file is touched",
        ))
        .about("Directory of gunicorn's heartbeat files"),
    Setting::new("user", SECTION, Kind::User, Fallback::EffectiveUser)
        .flags(&["-u", "--user"])
        .takes("USER")
        .about("Run workers as this user"),
    Setting::new("group", SECTION, Kind::Group, Fallback::EffectiveGroup)
        .flags(&["-g", "--group"])
        .takes("GROUP")
        .about("Run workers as this group"),
    Setting::new("umask", SECTION, Kind::Mode, Fallback::Whole(0))
        .flags(&["-m", "--umask"])
        .takes("INT")
        .about("Mode bits that files and unix sockets do not get; 0022 is octal"),
    switch("initgroups")
        .flags(&["--initgroups"])
        .about("Give workers all groups of their user"),
    text("tmp_upload_dir").about("Directory of request bodies that do not fit into memory"),
    Setting::new(
        "secure_scheme_headers",
        SECTION,
        Kind::Headers,
        Fallback::Headers(&[
            ("X-FORWARDED-PROTOCOL", "ssl"),
            ("X-FORWARDED-PROTO", "https"),
            ("X-FORWARDED-SSL", "on"),
        ]),
    )
    .about("Header fields by which a trusted proxy says that its client spoke TLS"),
    Setting::new(
        "forwarded_allow_ips",
        SECTION,
        Kind::Networks,
        Fallback::Text("127.0.0.1,::1"),
    )
    .flags(&["--forwarded-allow-ips"])
    .takes("STRING")
    .about("Proxies whose header fields are believed: addresses and networks, or *"),
    text("pythonpath")
        .flags(&["--pythonpath"])
        .takes("STRING")
        .about("Directories, separated by commas, that go before sys.path"),
    text("paste")
        .flags(&["--paste", "--paster"])
        .takes("STRING")
        .standing(Standing::Refused(
            "PasteDeploy files are not read; name a module in which `paste.deploy.loadapp` \
             makes the application",
        ))
        .about("Load the application from a PasteDeploy file"),
    Setting::new(
        "proxy_protocol",
        SECTION,
        Kind::ProxyProtocol,
        Fallback::Text("off"),
    )
    .flags(&["--proxy-protocol"])
    .takes("MODE")
    .about("Take what the PROXY protocol says: off, v1, v2 or auto"),
    Setting::new(
        "proxy_allow_ips",
        SECTION,
        Kind::Networks,
        Fallback::Text("127.0.0.1,::1"),
    )
    .flags(&["--proxy-allow-from"])
    .takes("STRING")
    .about("Proxies that may speak the PROXY protocol"),
    Setting::new(
        "protocol",
        SECTION,
        Kind::Choice(&["http", "uwsgi"]),
        Fallback::Text("http"),
    )
    .flags(&["--protocol"])
    .takes("STRING")
    .standing(Standing::Refused(
        "connections speak HTTP; let nginx use proxy_pass instead of uwsgi_pass",
    ))
    .about("What connections speak: http"),
    Setting::new(
        "uwsgi_allow_ips",
        SECTION,
        Kind::Networks,
        Fallback::Text("127.0.0.1,::1"),
    )
    .flags(&["--uwsgi-allow-from"])
    .takes("STRING")
    .standing(Standing::Accepted("the uwsgi protocol is not spoken"))
    .about("Proxies that may speak the uwsgi protocol"),
    Setting::new(
        "raw_paste_global_conf",
        SECTION,
        Kind::Texts,
        Fallback::Texts(&[]),
    )
    .flags(&["--paste-global"])
    .takes("KEY=VALUE")
    .standing(Standing::Accepted("PasteDeploy files are not read"))
    .about("A variable for PasteDeploy; may be given several times"),
    switch("permit_obsolete_folding")
        .flags(&["--permit-obsolete-folding"])
        .about("Take header fields that go on in the next line"),
    switch("strip_header_spaces")
        .flags(&["--strip-header-spaces"])
        .about("Take blanks between a field's name and its colon; invites smuggling"),
    switch("permit_unconventional_http_method")
        .flags(&["--permit-unconventional-http-method"])
        .about("Take methods of any length and with small letters"),
    switch("permit_unconventional_http_version")
        .flags(&["--permit-unconventional-http-version"])
        .about("Take other versions than 1.0 and 1.1"),
    switch("casefold_http_method")
        .flags(&["--casefold-http-method"])
        .about("Turn methods into capital letters"),
    Setting::new(
        "forwarder_headers",
        SECTION,
        Kind::Names,
        Fallback::Text("SCRIPT_NAME,PATH_INFO"),
    )
    .flags(&["--forwarder-headers"])
    .takes("STRING")
    .about("Header fields with an underscore that trusted proxies may set"),
    Setting::new(
        "header_map",
        SECTION,
        Kind::Choice(&["drop", "refuse", "dangerous"]),
        Fallback::Text("drop"),
    )
    .flags(&["--header-map"])
    .takes("STRING")
    .about("Header fields with an underscore: drop, refuse or dangerous"),
    Setting::new("root_path", SECTION, Kind::Text, Fallback::Text(""))
        .flags(&["--root-path"])
        .takes("STRING")
        .about("Where the ASGI application is mounted"),
];
