//! Which values are taken, in which form, and which are not.

use super::*;
use crate::settings::table;

fn check(name: &str, raw: &RawValue) -> Checked {
    let setting = table::all().find(|setting| setting.name == name);
    normalise(setting.unwrap(), raw, Path::new("/usr"))
}

fn given(name: &str, text: &str) -> Checked {
    check(name, &RawValue::Text(text.into()))
}

fn word(text: &str) -> RawValue {
    RawValue::Text(text.into())
}

fn number(number: i64) -> RawValue {
    RawValue::Whole(number)
}

fn list(texts: &[&str]) -> RawValue {
    RawValue::texts(texts)
}

/// Whatever a setting is without anybody's help must be something that it may be.
#[test]
fn every_default_is_a_value_of_its_kind() {
    for setting in table::all() {
        let default = fallback(setting, Path::new("/usr"));
        if matches!(setting.kind, Kind::Hook(_)) {
            continue;
        }
        let checked = normalise(setting, &default, Path::new("/usr"));
        assert_eq!(checked.as_ref(), Ok(&default), "{}", setting.name);
    }
}

#[test]
fn whole_numbers_are_pythons() {
    assert_eq!(
        given("workers", " Auto "),
        Ok(RawValue::Text("auto".to_owned()))
    );
    assert_eq!(given("workers", "4"), Ok(number(4)));
    assert_eq!(given("workers", " +0x1_0 "), Ok(number(16)));
    assert_eq!(given("workers", "010"), Ok(number(10)));
    assert_eq!(check("workers", &RawValue::Switch(true)), Ok(number(1)));
    for wrong in ["", "four", "-1", "1.5", "0x", "1__0", "_1", "+-1", "513"] {
        let error = given("workers", wrong).unwrap_err();
        assert_eq!(error, "a whole number from 0 to 512, or auto", "{wrong}");
    }
    assert!(check("workers", &RawValue::Fraction(4.0)).is_err());
    assert!(check("workers", &RawValue::Nothing).is_err());
    assert!(given("http2_max_frame_size", "16383").is_err());
}

#[test]
fn a_mode_that_begins_with_zero_is_octal() {
    assert_eq!(given("umask", "0022"), Ok(number(0o22)));
    assert_eq!(given("umask", "0o22"), Ok(number(0o22)));
    assert_eq!(given("umask", "0x12"), Ok(number(0o22)));
    assert_eq!(given("umask", "18"), Ok(number(0o22)));
    assert_eq!(given("umask", "0"), Ok(number(0)));
    assert!(given("umask", "08").unwrap_err().contains("octal"));
}

#[test]
fn switches_are_yes_or_no_and_nothing_else() {
    assert_eq!(given("reload", " TRUE"), Ok(RawValue::Switch(true)));
    assert_eq!(check("reload", &RawValue::Nothing), Ok(RawValue::Nothing));
    assert!(given("reload", "yes").is_err());
    assert!(check("reload", &RawValue::Whole(1)).is_err());
}

#[test]
fn lists_are_lists_or_one_text() {
    assert_eq!(given("bind", " :80 "), Ok(list(&[":80"])));
    assert_eq!(
        check("bind", &RawValue::texts(["a", " b"])),
        Ok(list(&["a", "b"]))
    );
    assert_eq!(check("bind", &RawValue::Nothing), Ok(list(&[])));
    assert!(check("bind", &RawValue::Whole(80)).is_err());
    assert!(check("bind", &RawValue::List(vec![RawValue::Whole(80)])).is_err());
    assert_eq!(given("forwarder_headers", "A, B,,"), Ok(list(&["A", "B"])));
    assert_eq!(given("http_protocols", "H2, h1"), Ok(list(&["h2", "h1"])));
    for wrong in ["h3", "h1,h1", "h1,h2,h1"] {
        assert!(given("http_protocols", wrong).is_err(), "{wrong}");
    }
}

#[test]
fn words_are_chosen_in_any_case_and_others_are_named() {
    assert_eq!(given("header_map", "Refuse"), Ok(word("refuse")));
    assert_eq!(given("loglevel", "WARN"), Ok(word("warning")));
    assert!(given("loglevel", "trace").is_err());
    assert_eq!(check("asgi_loop", &RawValue::Nothing), Ok(word("auto")));
    assert_eq!(
        given("interface", "rsgi").unwrap_err(),
        "one of auto, wsgi, asgi"
    );
    let cleartext = |yes| check("http2_cleartext", &RawValue::Switch(yes));
    assert_eq!(cleartext(true), Ok(word("prior-knowledge")));
    assert_eq!(cleartext(false), Ok(word("off")));
    assert_eq!(
        check("proxy_protocol", &RawValue::Switch(true)),
        Ok(word("auto"))
    );
    assert_eq!(given("proxy_protocol", "none"), Ok(word("off")));
    assert!(given("proxy_protocol", "v3").is_err());
}

#[test]
fn seconds_may_have_a_fraction() {
    assert_eq!(given("queue_timeout", "2.5"), Ok(RawValue::Fraction(2.5)));
    assert_eq!(
        check("queue_timeout", &RawValue::Whole(3)),
        Ok(RawValue::Fraction(3.0))
    );
    for wrong in ["-1", "nan", "inf", "soon"] {
        assert!(given("queue_timeout", wrong).is_err(), "{wrong}");
    }
}

#[test]
fn paths_start_where_the_server_was_started_and_exist() {
    assert_eq!(given("chdir", "bin/../lib/."), Ok(word("/usr/lib")));
    assert_eq!(given("chdir", "/"), Ok(word("/")));
    assert!(given("chdir", "no-such-directory").is_err());
    assert_eq!(given("reload_extra_files", "lib"), Ok(list(&["lib"])));
    assert_eq!(
        given("reload_extra_files", "no/*.html"),
        Ok(list(&["no/*.html"]))
    );
    assert!(
        given("reload_extra_files", "no.html")
            .unwrap_err()
            .contains("no.html")
    );
}

#[test]
fn users_are_numbers_or_names() {
    assert_eq!(given("user", "33"), Ok(number(33)));
    assert_eq!(given("user", "www-data"), Ok(word("www-data")));
    assert!(check("group", &RawValue::Whole(-1)).is_err());
    assert!(given("group", "99999999999").is_err());
    assert_eq!(
        check("user", &RawValue::Nothing),
        Ok(number(i64::from(rustix::process::geteuid().as_raw())))
    );
}

#[test]
fn python_objects_are_taken_where_they_belong() {
    let object = || RawValue::Object("app.Logger".into());
    assert_eq!(check("post_fork", &object()), Ok(object()));
    assert_eq!(check("logger_class", &object()), Ok(word("app.Logger")));
    assert_eq!(check("logconfig_dict", &object()), Ok(object()));
    assert!(check("logconfig_dict", &RawValue::Nothing).is_err());
    assert!(check("post_fork", &RawValue::Whole(1)).is_err());
    assert!(check("pidfile", &object()).is_err());
    assert!(
        check(
            "secure_scheme_headers",
            &RawValue::Map(vec![("A".into(), object())])
        )
        .is_err()
    );
}
