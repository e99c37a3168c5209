//! Lists the dishes of a restaurant by way of a relay, native or Python; without a
//! name, or with one that the relay does not know, all restaurants of Uppsala and
//! Solna.
//!
//! ```text
//! tonnage service restaurants --port 4000
//! tonnage service relay --upstream http://127.0.0.1:4000
//! cargo run -p tonnage-services --example restaurant-menu -- "Restaurang Bikupan"
//! ```

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it is a program")]

use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use tonnage_model::ExitStatus;

const USAGE: &str = "usage: restaurant-menu [NAME] [--url URL]

Lists the dishes of the restaurant NAME; without a NAME, or with one that is not
known, all restaurants. URL is the relay's, http://127.0.0.1:8000 by default.";

/// Longer than a relay waits for its upstream.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The largest answer that is read, in bytes.
const MAX_ANSWER: u64 = 8 * 1024 * 1024;

#[derive(Deserialize)]
struct Restaurants {
    restaurants: Vec<Restaurant>,
}

#[derive(Deserialize)]
struct Restaurant {
    name: String,
    identifier: String,
    city: String,
}

#[derive(Deserialize)]
struct Details {
    restaurant: Menu,
}

#[derive(Deserialize)]
struct Menu {
    title: String,
    menu: Vec<Dish>,
}

#[derive(Deserialize)]
struct Dish {
    dish: String,
}

#[derive(Deserialize)]
struct Failure {
    error: Reason,
}

#[derive(Deserialize)]
struct Reason {
    code: u16,
    message: String,
}

/// What was typed.
struct Arguments {
    name: Option<String>,
    url: String,
}

fn main() -> ExitCode {
    let typed: Vec<String> = std::env::args().skip(1).collect();
    if typed.iter().any(|word| word == "-h" || word == "--help") {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    let (text, status) = match arguments(typed) {
        Err(mistake) => (format!("{mistake}\n{USAGE}"), ExitStatus::Usage),
        Ok(arguments) => match answer(&arguments) {
            Ok(text) => {
                print!("{text}");
                return ExitCode::SUCCESS;
            }
            Err(problem) => (problem, ExitStatus::TargetFailed),
        },
    };
    eprintln!("restaurant-menu: {text}");
    status.code().into()
}

fn arguments(typed: Vec<String>) -> Result<Arguments, String> {
    let mut arguments = Arguments {
        name: None,
        url: "http://127.0.0.1:8000".to_owned(),
    };
    let mut words = typed.into_iter();
    while let Some(word) = words.next() {
        if word == "--url" {
            arguments.url = words.next().ok_or("--url needs a URL")?;
        } else if word.starts_with("--") {
            return Err(format!("there is no {word}"));
        } else if arguments.name.replace(word).is_some() {
            return Err("one name is enough; quote it if there are spaces in it".to_owned());
        }
    }
    Ok(arguments)
}

/// What is to be printed.
fn answer(arguments: &Arguments) -> Result<String, String> {
    let url = &arguments.url;
    let Restaurants { restaurants } = ask(url, "restaurants")?;
    let Some(name) = &arguments.name else {
        return Ok(listed(&restaurants));
    };
    let wanted = name.to_lowercase();
    let found = restaurants.iter().find(|restaurant| {
        restaurant.name.to_lowercase() == wanted || restaurant.identifier == wanted
    });
    let Some(found) = found else {
        let list = listed(&restaurants);
        return Ok(format!(
            "There is no restaurant \"{name}\". There are:\n{list}"
        ));
    };
    let path = format!("restaurant/{}", found.identifier);
    let Details { restaurant } = ask(url, &path)?;
    let mut text = format!("{}:\n", restaurant.title);
    for Dish { dish } in &restaurant.menu {
        let _ = writeln!(text, "  {dish}");
    }
    Ok(text)
}

fn listed(restaurants: &[Restaurant]) -> String {
    let mut text = String::new();
    for Restaurant { name, city, .. } in restaurants {
        let _ = writeln!(text, "  {name} ({city})");
    }
    text
}

fn ask<T: DeserializeOwned>(base: &str, path: &str) -> Result<T, String> {
    let url = format!("{}/{path}", base.trim_end_matches('/'));
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .proxy(None)
        .timeout_global(Some(TIMEOUT))
        .build()
        .into();
    let called = agent.get(&url).call();
    let mut response = called.map_err(|error| {
        format!("no relay answers at {base}: {error} (choose another with --url)")
    })?;
    let body = response
        .body_mut()
        .with_config()
        .limit(MAX_ANSWER)
        .read_to_vec();
    let body = body.map_err(|error| format!("{url} broke off: {error}"))?;
    if let Ok(Failure { error }) = serde_json::from_slice(&body) {
        return Err(format!(
            "{url} answers with error {}: {}",
            error.code, error.message
        ));
    }
    if response.status() != 200 {
        return Err(format!("{url} answers with status {}", response.status()));
    }
    serde_json::from_slice(&body)
        .map_err(|error| format!("{url} is no relay of restaurants: {error}"))
}
