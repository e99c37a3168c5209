//! The restaurants of Uppsala and Solna, and what they serve: the bytes of the
//! API's answers. They stay the same for as long as the service runs.

use std::collections::BTreeMap;

use axum::body::Bytes;
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
struct Restaurant {
    name: String,
    identifier: String,
    city: String,
    campus: String,
    dishes: Vec<String>,
}

/// Answers by the part of the path behind `/api/`.
pub(super) fn answers() -> serde_json::Result<BTreeMap<String, Bytes>> {
    let restaurants: Vec<Restaurant> = serde_json::from_str(include_str!("menus.json"))?;
    // When the menus were collected, which is now.
    let timestamp = jiff::Timestamp::now()
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string();
    let list: Vec<_> = restaurants
        .iter()
        .map(|restaurant| {
            json!({
                "name": restaurant.name,
                "identifier": restaurant.identifier,
                "city": restaurant.city,
                "campus": restaurant.campus,
            })
        })
        .collect();
    let list = json!({ "restaurants": list, "timestamp": timestamp });
    let mut answers = BTreeMap::from([("restaurants".to_owned(), list.to_string().into())]);
    for restaurant in restaurants {
        let dishes = restaurant.dishes.iter();
        let menu: Vec<_> = dishes.map(|dish| json!({ "dish": dish })).collect();
        let path = format!("restaurant/{}", restaurant.identifier);
        let answer = json!({
            "restaurant": {
                "title": restaurant.name,
                "identifier": restaurant.identifier,
                "city": restaurant.city,
                "campus": restaurant.campus,
                "menu": menu,
            },
            "timestamp": timestamp,
        });
        answers.insert(path, answer.to_string().into());
    }
    Ok(answers)
}
