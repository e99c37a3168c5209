//! The load engine against a real web server: every framing that nginx has.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are test code, though not all of it stands in tests"
)]

#[path = "../common/mod.rs"]
mod common;

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command};

use common::{Home, text, wait_until};

/// A running nginx; stopped when dropped.
struct Nginx {
    child: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Nginx {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let root = folder.path().display().to_string();
        std::fs::write(folder.path().join("large.txt"), "0123456789".repeat(50_000)).unwrap();
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {root}/{name};\n"))
            .concat();
        let configuration = format!(
            "daemon off; pid {root}/pid; error_log {root}/error.log; worker_processes 1;
             events {{}}
             http {{ access_log off; {temporary}
               server {{ listen 127.0.0.1:{port}; root {root}; ssi_types text/plain; default_type text/plain;
                 location = /fixed {{ return 200 'fixed'; }}
                 location = /none {{ return 204; }}
                 location = /unchanged {{ return 304; }}
                 location = /broken {{ return 500 'broken'; }}
                 location = /once {{ keepalive_timeout 0; return 200 'once'; }}
                 location = /large.txt {{ }}
                 location = /chunked {{ ssi on; try_files /large.txt =404; }}
               }} }}"
        );
        let file = folder.path().join("nginx.conf");
        std::fs::write(&file, configuration).unwrap();
        let program = if std::path::Path::new("/usr/sbin/nginx").exists() {
            "/usr/sbin/nginx"
        } else {
            "nginx"
        };
        let child = Command::new(program)
            .arg("-p")
            .arg(folder.path())
            .arg("-c")
            .arg(&file)
            .spawn()
            .unwrap();
        wait_until("nginx listens", || {
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        Self {
            child,
            port,
            _folder: folder,
        }
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // SIGTERM: nginx takes its worker along.
        let _ = Command::new("kill")
            .arg(self.child.id().to_string())
            .status();
        let _ = self.child.wait();
    }
}

/// Loads one path with 200 requests and gives the report.
fn load(nginx: &Nginx, path: &str, extra: &[&str]) -> serde_json::Value {
    let url = format!("http://127.0.0.1:{}{path}", nginx.port);
    let arguments = [
        &["load", "-n", "200", "-c", "5", "--json", "-"],
        extra,
        &[&url],
    ]
    .concat();
    let output = Home::new().tonnage(&arguments);
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{path}: {error}: {}", text(&output.stderr)))
}

#[test]
fn every_framing_is_understood() {
    let nginx = Nginx::start();
    for (path, status) in [
        ("/fixed", "200"),
        ("/none", "204"),
        ("/unchanged", "304"),
        ("/large.txt", "200"),
        ("/chunked", "200"),
    ] {
        let report = load(&nginx, path, &[]);
        assert_eq!(
            report["counts"]["succeeded"], 200,
            "{path}: {}",
            report["failures"]
        );
        assert_eq!(report["statuses"][status], 200, "{path}");
        assert_eq!(
            report["counts"]["connections_opened"], 5,
            "{path} keeps its connections"
        );
    }
    let large = load(&nginx, "/chunked", &[])["counts"]["bytes_received"]
        .as_u64()
        .unwrap();
    assert!(large > 200 * 500_000, "{large}");
}

#[test]
fn connections_end_when_either_side_wants_it() {
    let nginx = Nginx::start();
    for (path, extra) in [("/once", &[][..]), ("/fixed", &["--no-keepalive"])] {
        let report = load(&nginx, path, extra);
        assert_eq!(
            report["counts"]["succeeded"], 200,
            "{path}: {}",
            report["failures"]
        );
        assert_eq!(report["counts"]["connections_opened"], 200, "{path}");
    }
}

#[test]
fn head_and_errors_are_what_they_are() {
    let nginx = Nginx::start();
    let report = load(&nginx, "/large.txt", &["-m", "HEAD"]);
    assert_eq!(report["counts"]["succeeded"], 200, "{}", report["failures"]);
    assert!(report["counts"]["bytes_received"].as_u64().unwrap() < 200 * 1_000);
    let report = load(&nginx, "/broken", &[]);
    assert_eq!(report["counts"]["failed"], 200);
    assert_eq!(report["statuses"]["500"], 200);
}
