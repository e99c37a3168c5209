//! The system packages that some tests and benchmarks need, and how to tell
//! whether they are there.

use std::env;
use std::path::PathBuf;

/// A Debian package and what needs it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Package {
    /// As `apt-get` knows it.
    pub(crate) name: &'static str,
    /// A program that it brings, or the path of a file where it has none.
    pub(crate) brings: &'static str,
    /// The cargo feature that adds its tests, where it has some.
    pub(crate) feature: Option<&'static str>,
    /// What its tests or benchmarks are about.
    pub(crate) purpose: &'static str,
}

/// Every system package.
pub(crate) const PACKAGES: [Package; 11] = [
    Package {
        name: "chromium",
        brings: "chromium",
        feature: Some("tonnage/chromium-tests"),
        purpose: "report.html in a real browser",
    },
    Package {
        name: "chromium-driver",
        brings: "chromedriver",
        feature: Some("tonnage/chromium-tests"),
        purpose: "the live page, the status page and the server's protocols in a real browser",
    },
    Package {
        name: "nginx-light",
        brings: "nginx",
        feature: Some("tonnage/nginx-tests"),
        purpose: "the load engine against a real web server",
    },
    Package {
        name: "nginx-light",
        brings: "nginx",
        feature: Some("tonnage/zoo-tests"),
        purpose: "every stack with every workload",
    },
    Package {
        name: "podman",
        brings: "podman",
        feature: Some("tonnage-limits/container-tests"),
        purpose: "limits of containers",
    },
    Package {
        name: "podman",
        brings: "podman",
        feature: Some("tonnage/container-tests"),
        purpose: "studies in containers",
    },
    Package {
        name: "runc",
        brings: "runc",
        feature: Some("tonnage-limits/container-tests"),
        purpose: "limits of containers",
    },
    Package {
        name: "runc",
        brings: "runc",
        feature: Some("tonnage/container-tests"),
        purpose: "studies in containers",
    },
    Package {
        name: "wrk",
        brings: "wrk",
        feature: Some("tonnage/wrk-tests"),
        purpose: "the load engine beside another generator",
    },
    Package {
        name: "nghttp2-client",
        brings: "h2load",
        feature: None,
        purpose: "the server's HTTP/2 with another generator (tests/test_http2.py)",
    },
    Package {
        name: "libev-dev",
        brings: "/usr/include/ev.h",
        feature: None,
        purpose: "bjoern, a server that ours is measured beside",
    },
];

/// Their names, each once.
pub(crate) fn names() -> Vec<&'static str> {
    let mut names: Vec<_> = PACKAGES.iter().map(|package| package.name).collect();
    names.dedup();
    names
}

impl Package {
    /// Whether what it brings is there: on PATH, or where Debian keeps servers.
    pub(crate) fn is_installed(self) -> bool {
        find(self.brings).is_some()
    }
}

/// Where a program is, if anywhere.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin"), PathBuf::from("/usr/bin")])
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
}
