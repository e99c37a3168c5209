//! Files over loopback: a worker without threads of an application, turned by hand.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use super::*;
use crate::dispatch::testing::{PATIENCE, settings, sockets, until};
use crate::io::{Events, Io, IoSettings};

/// A folder with files, a worker that serves it, and one client.
struct Site {
    io: Io,
    events: Events,
    client: TcpStream,
    folder: tempfile::TempDir,
}

/// What a client reads.
struct Response {
    head: String,
    body: Vec<u8>,
}

impl Response {
    fn status(&self) -> &str {
        &self.head[9..12]
    }

    fn field(&self, name: &str) -> Option<&str> {
        let mut lines = self
            .head
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(": "));
        let found = lines.find(|(field, _)| field.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value)
    }
}

impl Site {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.txt"), "0123456789").unwrap();
        let text = format!("/static={}", folder.path().display());
        let mount = Mount::parse(&text, "/".as_ref()).unwrap();
        let files = StaticFiles::new(vec![mount], Some(60), None);
        let settings = IoSettings {
            static_files: Some(Arc::new(files)),
            ..settings()
        };
        let (io, address) = sockets(settings);
        let client = TcpStream::connect(address).unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        Self {
            io,
            events: Events::default(),
            client,
            folder,
        }
    }

    fn write(&self, name: &str, content: &[u8]) {
        std::fs::write(self.folder.path().join(name), content).unwrap();
    }

    fn turn(&mut self) {
        self.io.poller().wait(&mut self.events, 0);
        self.io.process(&self.events, crate::dispatch::now_ns());
        assert!(self.io.next(crate::dispatch::now_ns()).is_none());
    }

    /// Reads until the peer's bytes are enough.
    fn read_until(&mut self, bytes: &mut Vec<u8>, is_enough: impl Fn(&[u8]) -> bool) {
        self.client.set_nonblocking(true).unwrap();
        until(|| {
            self.turn();
            let mut room = [0; 8192];
            if let Ok(length) = self.client.read(&mut room) {
                assert!(length > 0, "closed after {} bytes", bytes.len());
                bytes.extend_from_slice(&room[..length]);
            }
            is_enough(bytes).then_some(())
        });
        self.client.set_nonblocking(false).unwrap();
    }

    fn response(&mut self, bodiless: bool) -> Response {
        let mut bytes = Vec::new();
        let end = |bytes: &[u8]| bytes.windows(4).position(|four| four == b"\r\n\r\n");
        self.read_until(&mut bytes, |bytes| end(bytes).is_some());
        let end = end(&bytes).unwrap() + 4;
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let mut response = Response {
            head,
            body: bytes.split_off(end),
        };
        let length = response
            .field("content-length")
            .unwrap_or("0")
            .parse()
            .unwrap();
        let length = if bodiless { 0 } else { length };
        let mut body = std::mem::take(&mut response.body);
        self.read_until(&mut body, |body| body.len() >= length);
        assert_eq!(body.len(), length);
        Response { body, ..response }
    }

    fn ask(&mut self, method: &str, target: &str, fields: &str) -> Response {
        let request = format!("{method} {target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        self.client.write_all(request.as_bytes()).unwrap();
        self.response(method == "HEAD")
    }

    fn get(&mut self, name: &str, fields: &str) -> Response {
        self.ask("GET", &format!("/static/{name}"), fields)
    }
}

#[test]
fn a_file_comes_with_what_caches_need() {
    let mut site = Site::new();
    let response = site.get("a.txt", "");
    assert_eq!(
        (response.status(), response.body.as_slice()),
        ("200", &b"0123456789"[..])
    );
    assert_eq!(
        response.field("content-type"),
        Some("text/plain; charset=utf-8")
    );
    assert_eq!(response.field("cache-control"), Some("max-age=60"));
    assert_eq!(response.field("accept-ranges"), Some("bytes"));
    let head = site.ask("HEAD", "/static/a.txt", "");
    let dated = |response: &Response| {
        let lines = response
            .head
            .lines()
            .filter(|line| !line.starts_with("Date"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(dated(&head), dated(&response));
    site.write("empty.css", b"");
    assert_eq!(site.get("empty.css", "").field("content-length"), Some("0"));
}

#[test]
fn long_files_arrive_whole_one_after_the_other() {
    let mut site = Site::new();
    let content: Vec<u8> = (0..6_000_000_u32).map(|at| (at % 251) as u8).collect();
    site.write("long.bin", &content);
    for _ in 0..2 {
        assert!(site.get("long.bin", "").body == content);
    }
    let part = site.get("long.bin", "Range: bytes=5000000-\r\n");
    assert_eq!(part.status(), "206");
    assert!(part.body == content[5_000_000..]);
}

#[test]
fn only_files_are_found_and_only_read() {
    let mut site = Site::new();
    std::fs::create_dir(site.folder.path().join("deep")).unwrap();
    site.write(".env", b"secret");
    site.write("deep/b c.txt", b"deep");
    let outside = tempfile::NamedTempFile::new().unwrap();
    let link = site.folder.path().join("link");
    std::os::unix::fs::symlink(outside.path(), link).unwrap();
    for name in [
        "",
        "none",
        "deep",
        "deep/",
        ".env",
        "%2eenv",
        "../a.txt",
        "..%2fa.txt",
        "%2e%2e/a.txt",
        "deep/../a.txt",
        "/a.txt",
        "./a.txt",
        "a.txt/",
        "a.txt%00",
        "a.txt/b",
        "link",
    ] {
        assert_eq!(site.get(name, "").status(), "404", "{name}");
    }
    assert_eq!(site.ask("GET", "/static", "").status(), "404");
    assert_eq!(site.get("deep/b%20c.txt?v=1", "").body, b"deep");
    assert_eq!(site.get("deep%2Fb%20c.txt", "").body, b"deep");
    for method in ["POST", "DELETE", "OPTIONS"] {
        let response = site.ask(method, "/static/a.txt", "Content-Length: 0\r\n");
        assert_eq!(
            (response.status(), response.field("allow")),
            ("405", Some("GET, HEAD"))
        );
    }
}

#[test]
fn a_client_that_has_it_is_told_so() {
    let mut site = Site::new();
    let first = site.get("a.txt", "");
    let tag = first.field("etag").unwrap().to_owned();
    let modified = first.field("last-modified").unwrap().to_owned();
    for (fields, status) in [
        (format!("If-None-Match: {tag}\r\n"), "304"),
        (format!("If-None-Match: \"x\", W/{tag}\r\n"), "304"),
        ("If-None-Match: *\r\n".to_owned(), "304"),
        ("If-None-Match: \"x\"\r\n".to_owned(), "200"),
        (format!("If-Modified-Since: {modified}\r\n"), "304"),
        (
            "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n".to_owned(),
            "200",
        ),
        ("If-Modified-Since: today\r\n".to_owned(), "200"),
        // The tag decides alone.
        (
            format!("If-None-Match: \"x\"\r\nIf-Modified-Since: {modified}\r\n"),
            "200",
        ),
        (format!("If-Match: {tag}\r\n"), "200"),
        ("If-Match: \"x\"\r\n".to_owned(), "412"),
        (format!("If-Match: W/{tag}\r\n"), "412"),
        (
            "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n".to_owned(),
            "412",
        ),
        (format!("If-Unmodified-Since: {modified}\r\n"), "200"),
    ] {
        assert_eq!(site.get("a.txt", &fields).status(), status, "{fields}");
    }
    let unchanged = site.get("a.txt", &format!("If-None-Match: {tag}\r\n"));
    assert_eq!(unchanged.field("etag"), Some(tag.as_str()));
    assert_eq!(unchanged.field("content-length"), None);
    site.write("a.txt", b"another content");
    assert_ne!(site.get("a.txt", "").field("etag"), Some(tag.as_str()));
}

#[test]
fn part_of_a_file_is_sent_where_it_is_still_the_same() {
    let mut site = Site::new();
    let first = site.get("a.txt", "");
    let tag = first.field("etag").unwrap().to_owned();
    let modified = first.field("last-modified").unwrap().to_owned();
    let part = site.get("a.txt", "Range: bytes=2-4\r\n");
    assert_eq!((part.status(), part.body.as_slice()), ("206", &b"234"[..]));
    assert_eq!(part.field("content-range"), Some("bytes 2-4/10"));
    let none = site.get("a.txt", "Range: bytes=10-\r\n");
    assert_eq!(none.status(), "416");
    assert_eq!(none.field("content-range"), Some("bytes */10"));
    for (condition, status) in [
        (tag.clone(), "206"),
        (modified, "206"),
        (format!("W/{tag}"), "200"),
        ("\"x\"".to_owned(), "200"),
        ("Sun, 06 Nov 1994 08:49:37 GMT".to_owned(), "200"),
    ] {
        let fields = format!("Range: bytes=2-4\r\nIf-Range: {condition}\r\n");
        assert_eq!(site.get("a.txt", &fields).status(), status, "{condition}");
    }
    let head = site.ask("HEAD", "/static/a.txt", "Range: bytes=2-4\r\n");
    assert_eq!(
        (head.status(), head.field("content-length")),
        ("200", Some("10"))
    );
}

#[test]
fn a_variant_is_sent_to_whoever_can_read_it() {
    let mut site = Site::new();
    site.write("a.txt.gz", b"gzipped");
    site.write("a.txt.br", b"brotli");
    for (accepted, body, coding) in [
        ("", "0123456789", None),
        ("identity", "0123456789", None),
        ("gzip, deflate, br, zstd", "brotli", Some("br")),
        ("gzip", "gzipped", Some("gzip")),
        ("br;q=0.1, gzip", "gzipped", Some("gzip")),
        ("zstd", "0123456789", None),
        ("gzip;q=0, br;q=0", "0123456789", None),
    ] {
        let fields = match accepted {
            "" => String::new(),
            accepted => format!("Accept-Encoding: {accepted}\r\n"),
        };
        let response = site.get("a.txt", &fields);
        assert_eq!(response.body, body.as_bytes(), "{accepted}");
        assert_eq!(response.field("content-encoding"), coding, "{accepted}");
        assert_eq!(
            response.field("content-type"),
            Some("text/plain; charset=utf-8")
        );
        assert_eq!(response.field("vary"), Some("Accept-Encoding"));
        // Another tag for each.
        let tag = response.field("etag").unwrap().to_owned();
        let again = site.get("a.txt", &format!("{fields}If-None-Match: {tag}\r\n"));
        assert_eq!(again.status(), "304", "{accepted}");
    }
}

#[test]
fn requests_may_come_before_their_predecessors_are_answered() {
    let mut site = Site::new();
    let one = "GET /static/a.txt HTTP/1.1\r\nHost: a\r\n\r\n";
    site.client.write_all(one.repeat(100).as_bytes()).unwrap();
    let mut bytes = Vec::new();
    let count = |bytes: &[u8]| bytes.windows(10).filter(|ten| ten == b"0123456789").count();
    site.read_until(&mut bytes, |bytes| count(bytes) == 100);
}

#[test]
fn mounts_are_read_and_the_longest_prefix_counts() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("deep")).unwrap();
    let parse = |text: &str| Mount::parse(text, folder.path());
    let deep = parse("/static/deep=deep").unwrap();
    assert_eq!(deep.folder(), folder.path().join("deep"));
    assert_eq!(parse(&deep.to_string()), Ok(deep.clone()));
    let files = StaticFiles::new(vec![parse("/static=.").unwrap(), deep], None, None);
    assert_eq!(files.mounts[0].prefix(), "/static/deep");
    for (path, has) in [
        ("/static", true),
        ("/static/a", true),
        ("/static/deeper", true),
        ("/statics", false),
        ("/", false),
        ("static/a", false),
        ("/other/static/a", false),
    ] {
        assert_eq!(files.has(path.as_bytes()), has, "{path}");
    }
    for wrong in [
        "static=.",
        "/=.",
        "/static/=.",
        "/a//b=.",
        "/static",
        "/static=none",
        "/%73=.",
        "/a?b=.",
    ] {
        assert!(parse(wrong).is_err(), "{wrong}");
    }
}
