//! The simulated restaurant API and its controls.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::json;
use tonnage_services::{ServiceError, Settings, Trouble};

use crate::client::{get, post, start, start_with};

#[test]
fn the_api_lists_restaurants_and_their_menus() {
    let service = start("restaurants");
    let list = get(&service, "/api/restaurants").json();
    let list = list["restaurants"].as_array().unwrap();
    for city in ["Uppsala", "Solna"] {
        assert!(list.iter().any(|restaurant| restaurant["city"] == city));
    }
    for restaurant in list {
        let id = restaurant["identifier"].as_str().unwrap();
        let found = get(&service, &format!("/api/restaurant/{id}")).json();
        assert_eq!(found["restaurant"]["title"], restaurant["name"]);
        assert!(
            found["restaurant"]["menu"][0]["dish"].is_string(),
            "{found}"
        );
    }
    let of = |id: &str| {
        list.iter()
            .find(|restaurant| restaurant["identifier"] == id)
    };
    assert_eq!(of("bikupan").unwrap()["name"], "Restaurang Bikupan");
    assert!(of("dufva").is_some());
    get(&service, "/api/restaurant/nowhere").is_error(404, "no such restaurant");
    get(&service, "/api/x").is_error(404, "no such restaurant");
    let calls = get(&service, "/control/calls").json();
    assert_eq!(calls["calls"], list.len() + 3);
    assert_eq!(calls["by_path"]["/api/restaurant/dufva"], 1);
}

#[test]
fn trouble_can_be_switched_and_taken_back() {
    let service = start("restaurants");
    let control = |changes: serde_json::Value| {
        let answer = post(&service, "/control", changes.to_string().as_bytes());
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.json(), get(&service, "/control").json());
    };
    let ask = || get(&service, "/api/restaurants");
    control(json!({ "status": 503 }));
    ask().is_error(503, "told to fail");
    control(json!({ "status": null, "garbage": true }));
    let garbage = ask();
    assert!(
        garbage.status == 200 && garbage.body.starts_with("<html>"),
        "{garbage:?}"
    );
    control(json!({ "garbage": false, "rate_limit_per_s": 1 }));
    // However slow this machine is, two of so many are asked within a second.
    let limited = (0..1000).map(|_| ask()).find(|answer| answer.status != 200);
    limited.unwrap().is_error(429, "too many requests");
    control(json!({ "down": true, "rate_limit_per_s": null }));
    let mut connection = TcpStream::connect(service.address()).unwrap();
    connection
        .write_all(b"GET /api/restaurants HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    let mut answer = Vec::new();
    // Closed or reset, but not a word.
    let _ = connection.read_to_end(&mut answer);
    assert_eq!(answer, b"");
    post(&service, "/control", b"{\"delay\": 1}").is_error(400, "did you mean `delay_ms`?");
    post(&service, "/control", b"[]").is_error(400, "no JSON object");
    let reset = post(&service, "/control/reset", b"");
    assert_eq!(reset.json(), json!({ "calls": 0, "by_path": {} }));
    assert_eq!(ask().status, 200);
    assert_eq!(get(&service, "/control/calls").json()["calls"], 1);
}

#[test]
fn trouble_from_the_start_is_what_a_reset_returns_to() {
    let trouble = Trouble {
        status: Some(500),
        ..Trouble::default()
    };
    let settings = Settings {
        trouble,
        ..Settings::default()
    };
    let service = start_with("restaurants", &settings);
    post(&service, "/control", b"{\"status\": null}");
    assert_eq!(get(&service, "/api/restaurants").status, 200);
    post(&service, "/control/reset", b"");
    assert_eq!(get(&service, "/api/restaurants").status, 500);
}

#[test]
fn trouble_that_cannot_be_is_refused() {
    let settings = Settings {
        trouble: Trouble {
            status: Some(99),
            ..Trouble::default()
        },
        ..Settings::default()
    };
    let error = tonnage_services::serve(tonnage_services::Service::Restaurants, &settings);
    assert!(matches!(error, Err(ServiceError::Setting(_))));
}

#[test]
fn paths_that_are_counted_are_bounded() {
    let service = start("restaurants");
    for n in 0..1005 {
        get(&service, &format!("/api/{n}"));
    }
    let calls = get(&service, "/control/calls").json();
    assert_eq!(
        (&calls["calls"], &calls["by_path"]["other"]),
        (&1005.into(), &5.into())
    );
}
