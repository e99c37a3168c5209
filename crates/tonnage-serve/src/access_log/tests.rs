//! What an access log promises, line by line and file by file.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::Read as _;
use std::sync::mpsc;
use std::time::{Duration, UNIX_EPOCH};

use proptest::prelude::*;

use super::{
    AccessFormat, AccessLog, AccessLookup, AccessRecord, BadAccessFormat, Destination, LogDate,
    TimeZone, Trouble,
};

/// Long enough for any machine, short enough to end a test that hangs.
const DEADLINE: Duration = Duration::from_secs(30);

/// Names in lower case and their values: `name` of the request, `o:name` of the
/// response, `e:name` of the environment.
struct Named<'a>(&'a [(&'a str, &'a str)]);

impl Named<'_> {
    fn find(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        let mut entries = self.0.iter().rev();
        let found = entries.find(|(known, _)| *known == name)?;
        Some(Cow::Borrowed(found.1.as_bytes()))
    }
}

impl AccessLookup for Named<'_> {
    fn request_field(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        self.find(name)
    }

    fn response_field(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        self.find(&format!("o:{name}"))
    }

    fn variable(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        self.find(&format!("e:{name}"))
    }
}

fn record() -> AccessRecord<'static> {
    AccessRecord {
        remote_address: b"203.0.113.7",
        method: b"GET",
        target: b"/a%20b?x=1",
        path: b"/a b",
        query: b"x=1",
        protocol: b"HTTP/1.1",
        status: 200,
        sent_bytes: 13,
        took: Duration::from_micros(2_034_567),
        process: 42,
    }
}

fn line(format: &str, record: &AccessRecord<'_>, named: &[(&str, &str)]) -> String {
    let format = AccessFormat::parse(format).unwrap();
    let mut line = Vec::new();
    format.render(record, &Named(named), b"[the date]", &mut line);
    String::from_utf8(line).unwrap()
}

#[test]
fn the_default_is_apaches_combined_format() {
    let mut text = Vec::new();
    let named = Named(&[("referer", "http://a/"), ("user-agent", "wrk")]);
    AccessFormat::default().render(&record(), &named, b"[the date]", &mut text);
    assert_eq!(
        String::from_utf8(text).unwrap(),
        "203.0.113.7 - - [the date] \"GET /a%20b?x=1 HTTP/1.1\" 200 13 \"http://a/\" \"wrk\""
    );
}

#[test]
fn json_has_what_is_known_and_nothing_breaks_out_of_it() {
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let named = [("user-agent", "a\"b\\\n"), ("traceparent", trace)];
    insta::assert_snapshot!(
        line("json", &record(), &named),
        @r#"{"time":"[the date]","remote_address":"203.0.113.7","method":"GET","path":"/a b","query":"x=1","protocol":"HTTP/1.1","status":200,"body_bytes":13,"duration_s":2.034567,"user_agent":"a\"b\\\n","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"00f067aa0ba902b7","pid":42}"#
    );
    let bare = AccessRecord {
        remote_address: b"",
        query: b"",
        path: b"/\xe9\xff",
        ..record()
    };
    let line = line("json", &bare, &[]);
    let read: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(read["path"], "/\u{e9}\u{ff}");
    assert!(read.get("query").is_none() && read.get("trace_id").is_none());
}

#[test]
fn lines_can_be_found_by_their_trace() {
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let format = "%(trace_id)s %(span_id)s";
    let found = line(format, &record(), &[("traceparent", trace)]);
    assert_eq!(found, "4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba902b7");
    assert_eq!(line(format, &record(), &[("traceparent", "00-x")]), "- -");
}

#[test]
fn dates_of_json_are_those_of_rfc_3339() {
    let mut date = LogDate::rfc3339(TimeZone::UTC);
    let moment = UNIX_EPOCH + Duration::from_millis(1_795_000_000_007);
    assert_eq!(date.at(moment), b"2026-11-18T11:06:40.007+00:00");
    let later = date.at(moment + Duration::from_millis(870));
    assert_eq!(later, b"2026-11-18T11:06:40.877+00:00");
}

#[test]
fn every_atom_is_what_gunicorn_makes_of_it() {
    let named = [
        ("x-id", "old"),
        ("x-id", "seven"),
        ("o:server", "tonnage"),
        ("e:wsgi.url_scheme", "http"),
        ("authorization", "Basic YW5uYTpzZWNyZXQ="),
    ];
    for (format, expected) in [
        ("%(h)s|%(l)s|%(u)s", "203.0.113.7|-|anna"),
        ("%(t)s", "[the date]"),
        (
            "%(r)s|%(m)s|%(U)s|%(q)s|%(H)s",
            "GET /a%20b?x=1 HTTP/1.1|GET|/a b|x=1|HTTP/1.1",
        ),
        ("%(s)s %(b)s %(B)s", "200 13 13"),
        ("%(f)s %(a)s", "- -"),
        ("%(T)s %(M)s %(D)s %(L)s", "2 2034 2034567 2.034567"),
        ("%(p)s", "<42>"),
        ("%({X-Id}i)s %({x-id}I)s %({other}i)s", "seven seven -"),
        ("%({Server}o)s", "tonnage"),
        ("%({wsgi.url_scheme}e)s", "http"),
        ("%(z)s %({x-id)s %({x-id}z)s %()s", "- - - -"),
        ("100 %% of %(m)s", "100 % of GET"),
        ("", ""),
    ] {
        assert_eq!(line(format, &record(), &named), expected, "{format}");
    }
}

#[test]
fn columns_are_laid_out_as_python_does() {
    for (format, expected) in [
        ("[%(m)6s]", "[   GET]"),
        ("[%(m)-6s]", "[GET   ]"),
        ("[%(m).2s]", "[GE]"),
        ("[%(m)4.1s]", "[   G]"),
        ("[%(m)06s]", "[   GET]"),
        ("[%(D)010d]", "[0002034567]"),
        ("[%(D)-10d]", "[2034567   ]"),
        ("[%(B)5i]", "[   13]"),
        ("[%(s)d]", "[200]"),
        ("[%(m)ls]", "[GET]"),
    ] {
        assert_eq!(line(format, &record(), &[]), expected, "{format}");
    }
    // Columns count characters, not bytes.
    let umlauts = AccessRecord {
        path: &[0xe4, 0xf6, 0xfc],
        ..record()
    };
    assert_eq!(line("[%(U)5s]", &umlauts, &[]), "[  äöü]");
    assert_eq!(line("[%(U).1s]", &umlauts, &[]), "[ä]");
}

#[test]
fn a_format_that_python_would_stumble_over_is_an_error() {
    let name = |name: &str| name.to_owned();
    for (format, expected) in [
        ("%s", BadAccessFormat::NoAtom { at: 0 }),
        ("ä%", BadAccessFormat::NoAtom { at: 2 }),
        ("a %(h", BadAccessFormat::Unclosed { at: 4 }),
        ("%(h)", BadAccessFormat::NoConversion { name: name("h") }),
        ("%(h)-5.", BadAccessFormat::NoConversion { name: name("h") }),
        (
            "%(h)d",
            BadAccessFormat::NotANumber {
                name: name("h"),
                conversion: 'd',
            },
        ),
        (
            "%(b)d",
            BadAccessFormat::NotANumber {
                name: name("b"),
                conversion: 'd',
            },
        ),
        (
            "%(h)é",
            BadAccessFormat::UnknownConversion {
                name: name("h"),
                conversion: 'é',
            },
        ),
        ("%(h)4097s", BadAccessFormat::TooWide { name: name("h") }),
        (
            "%(h).99999999999999999999s",
            BadAccessFormat::TooWide { name: name("h") },
        ),
    ] {
        assert_eq!(AccessFormat::parse(format), Err(expected), "{format}");
    }
}

#[test]
fn what_a_client_sends_stays_in_its_place() {
    let named = [("user-agent", "a\"b\\c"), ("referer", "x\ny\u{1b}[31m\r")];
    assert_eq!(
        line("\"%(a)s\" \"%(f)s\"", &record(), &named),
        r#""a\"b\c" "x\x0ay\x1b[31m\x0d""#
    );
    let path = AccessRecord {
        path: &[b'/', 0x85, 0xe9, 0x7f],
        ..record()
    };
    assert_eq!(line("%(U)s", &path, &[]), "/\\x85é\\x7f");
    let nobody = AccessRecord {
        remote_address: b"",
        ..record()
    };
    assert_eq!(line("%(h)s", &nobody, &[]), "-");
}

#[test]
fn only_basic_authorization_names_a_user() {
    for (value, expected) in [
        ("Basic YW5uYTpzZWNyZXQ=", "anna"),
        ("bAsIc   YW5uYTpzZWNyZXQ= ", "anna"),
        ("Basic YW5uYQ==", "anna"),
        // "a\"b:c"
        ("Basic YSJiOmM=", "a\\\"b"),
        // "é:x" in UTF-8
        ("Basic w6k6eA==", "é"),
        ("Basic OnNlY3JldA==", "-"),
        ("Basic ????", "-"),
        // 0xff is no UTF-8.
        ("Basic /zp4", "-"),
        ("Basic", "-"),
        ("Bearer YW5uYTpzZWNyZXQ=", "-"),
        ("", "-"),
    ] {
        let named = [("authorization", value)];
        assert_eq!(line("%(u)s", &record(), &named), expected, "{value}");
    }
}

#[test]
fn a_date_is_local_and_made_anew_each_second() {
    let moment = |seconds: u64| UNIX_EPOCH + Duration::from_millis(seconds * 1000 + 999);
    let mut utc = LogDate::new(TimeZone::UTC);
    assert_eq!(utc.at(moment(0)), b"[01/Jan/1970:00:00:00 +0000]");
    assert_eq!(
        utc.at(moment(1_795_638_185)),
        b"[25/Nov/2026:20:23:05 +0000]"
    );
    assert_eq!(
        utc.at(moment(1_795_638_186)),
        b"[25/Nov/2026:20:23:06 +0000]"
    );
    let offset = jiff::tz::offset(-5);
    let mut west = LogDate::new(TimeZone::fixed(offset));
    assert_eq!(
        west.at(moment(1_795_638_185)),
        b"[25/Nov/2026:15:23:05 -0500]"
    );
    let mut ancient = LogDate::new(TimeZone::UTC);
    let before = UNIX_EPOCH - Duration::from_secs(1);
    assert_eq!(ancient.at(before), b"[31/Dec/1969:23:59:59 +0000]");
}

#[test]
fn a_format_says_what_must_be_looked_up() {
    let plain = AccessFormat::default();
    assert!(!plain.wants_response_fields());
    let other = AccessFormat::parse("%({a}e)s %({b}o)s").unwrap();
    assert!(other.wants_response_fields());
}

fn start(destination: Destination) -> (AccessLog, mpsc::Receiver<Trouble>) {
    let (sender, troubles) = mpsc::channel();
    let format = AccessFormat::parse("%(m)s %(D)s").unwrap();
    let log = AccessLog::start(format, destination, TimeZone::UTC, move |trouble| {
        let _ = sender.send(trouble);
    })
    .unwrap();
    (log, troubles)
}

fn numbered(number: u64) -> AccessRecord<'static> {
    AccessRecord {
        took: Duration::from_micros(number),
        ..record()
    }
}

#[test]
fn lines_of_many_threads_arrive_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    let (log, troubles) = start(Destination::open(path.clone()).unwrap());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for number in 0..5_000 {
                    log.log(&numbered(number), &Named(&[]));
                }
            });
        }
    });
    assert!(log.flush(DEADLINE));
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text.lines().count(), 20_000);
    for number in [0, 4_999] {
        let wanted = format!("GET {number}");
        assert_eq!(text.lines().filter(|line| *line == wanted).count(), 4);
    }
    assert!(troubles.try_recv().is_err());
}

#[test]
fn a_line_is_written_without_being_asked_for() {
    let (mut reader, writer) = std::io::pipe().unwrap();
    let (log, _troubles) = start(Destination::opened(File::from(owned(writer)), None));
    log.log(&numbered(7), &Named(&[]));
    let mut line = [0; 6];
    reader.read_exact(&mut line).unwrap();
    assert_eq!(&line, b"GET 7\n");
}

#[test]
fn a_file_that_was_moved_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    let old = folder.path().join("access.log.1");
    let (log, troubles) = start(Destination::open(path.clone()).unwrap());
    log.log(&numbered(1), &Named(&[]));
    fs::rename(&path, &old).unwrap();
    log.reopen();
    assert!(log.flush(DEADLINE));
    log.log(&numbered(2), &Named(&[]));
    drop(log);
    assert_eq!(fs::read_to_string(&old).unwrap(), "GET 1\n");
    assert_eq!(fs::read_to_string(&path).unwrap(), "GET 2\n");
    assert!(troubles.try_recv().is_err());
}

#[test]
fn a_file_that_cannot_be_made_anew_stays_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let (inside, aside) = (folder.path().join("logs"), folder.path().join("aside"));
    fs::create_dir(&inside).unwrap();
    let (log, troubles) = start(Destination::open(inside.join("access.log")).unwrap());
    fs::rename(&inside, &aside).unwrap();
    log.reopen();
    assert!(matches!(
        troubles.recv_timeout(DEADLINE),
        Ok(Trouble::Reopen(_))
    ));
    log.log(&numbered(3), &Named(&[]));
    drop(log);
    let text = fs::read_to_string(aside.join("access.log")).unwrap();
    assert_eq!(text, "GET 3\n");
}

/// A reader that stalls costs lines, not memory or time; how many is told.
#[test]
fn a_stalled_destination_costs_lines_that_are_counted() {
    let (mut reader, writer) = std::io::pipe().unwrap();
    let (log, troubles) = start(Destination::opened(File::from(owned(writer)), None));
    // More than the pipe, the batch in the writer's hands and memory hold.
    let lines = 1_200_000;
    for number in 0..lines {
        log.log(&numbered(number), &Named(&[]));
    }
    let counting = std::thread::spawn(move || {
        let mut text = Vec::new();
        reader.read_to_end(&mut text).unwrap();
        memchr::memchr_iter(b'\n', &text).count() as u64
    });
    assert!(log.flush(DEADLINE));
    let lost = troubles.try_iter().map(|trouble| match trouble {
        Trouble::Lost { lines, cause: None } => lines,
        other => panic!("{other}"),
    });
    let lost: u64 = lost.sum();
    drop(log);
    assert!(lost > 0);
    assert_eq!(counting.join().unwrap() + lost, lines);
}

#[test]
fn a_destination_that_is_full_is_told_of() {
    let full = fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let (log, troubles) = start(Destination::opened(full, None));
    log.log(&numbered(1), &Named(&[]));
    log.log(&numbered(2), &Named(&[]));
    drop(log);
    let trouble = troubles.recv_timeout(DEADLINE).unwrap();
    let text = trouble.to_string();
    assert!(
        text.starts_with("access log: 2 lines lost: No space left"),
        "{text}"
    );
}

fn owned(writer: std::io::PipeWriter) -> std::os::fd::OwnedFd {
    writer.into()
}

proptest! {
    #[test]
    fn no_format_makes_it_panic(format in "[%()a-z{}.0-9 \\-sdäi]{0,40}") {
        if let Ok(format) = AccessFormat::parse(&format) {
            let mut line = Vec::new();
            format.render(&record(), &Named(&[]), b"[]", &mut line);
            prop_assert!(std::str::from_utf8(&line).is_ok());
        }
    }

    #[test]
    fn no_bytes_break_a_line(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let record = AccessRecord { path: &bytes, ..record() };
        let line = line("\"%(U)s\"", &record, &[]);
        let inside = &line[1..line.len() - 1];
        prop_assert!(!inside.chars().any(char::is_control));
        prop_assert!(!inside.replace("\\\"", "").contains('"'));
    }
}
