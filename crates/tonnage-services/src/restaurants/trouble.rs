//! What the simulated service does wrong on request.

use std::time::Duration;

use axum::http::StatusCode;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

/// The longest delay: less than what any request may take here.
pub(crate) const MAX_DELAY: Duration = Duration::from_secs(100);

/// What the simulated restaurant service does wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trouble {
    /// How long it waits before each answer, at most 100 s.
    pub delay: Duration,
    /// Answers per second; what is beyond gets status 429.
    pub rate_limit_per_s: Option<u32>,
    /// The status, from 200 to 599, that it answers everything with.
    pub status: Option<u16>,
    /// Whether it answers with what is no JSON.
    pub garbage: bool,
    /// Whether it closes connections without an answer.
    pub down: bool,
    /// Whether it closes them in the middle of an answer.
    pub cut: bool,
}

impl Trouble {
    /// Whether it can be done.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.delay > MAX_DELAY {
            return Err(format!(
                "the delay must be at most {} s",
                MAX_DELAY.as_secs()
            ));
        }
        if self.rate_limit_per_s == Some(0) {
            return Err("the rate limit must be at least 1 per second".to_owned());
        }
        match self.status {
            // Below 200 no answer ends.
            Some(..200 | 600..) => Err("the status must be from 200 to 599".to_owned()),
            _ => Ok(()),
        }
    }

    /// This trouble with what `changes` say of it; null takes one back.
    pub(super) fn changed(&self, changes: &Map<String, Value>) -> Result<Self, String> {
        let mut trouble = self.clone();
        for (name, value) in changes {
            let number = || match value {
                Value::Null => Ok(None),
                value => value
                    .as_u64()
                    .map(Some)
                    .ok_or(format!("{name} must be a whole number")),
            };
            let switch = || match value {
                Value::Null => Ok(false),
                value => value
                    .as_bool()
                    .ok_or(format!("{name} must be true or false")),
            };
            let too_large = |_| format!("{name} is too large");
            match name.as_str() {
                "delay_ms" => trouble.delay = Duration::from_millis(number()?.unwrap_or(0)),
                "rate_limit_per_s" => {
                    let limit = number()?.map(u32::try_from).transpose();
                    trouble.rate_limit_per_s = limit.map_err(too_large)?;
                }
                "status" => {
                    let status = number()?.map(u16::try_from).transpose();
                    trouble.status = status.map_err(too_large)?;
                }
                "garbage" => trouble.garbage = switch()?,
                "down" => trouble.down = switch()?,
                "cut" => trouble.cut = switch()?,
                _ => {
                    let known = [
                        "delay_ms",
                        "rate_limit_per_s",
                        "status",
                        "garbage",
                        "down",
                        "cut",
                    ];
                    let hint = tonnage_model::did_you_mean(name, &known);
                    return Err(format!("there is no `{name}` to control: {hint}"));
                }
            }
        }
        trouble.check()?;
        Ok(trouble)
    }

    pub(super) fn as_json(&self) -> Value {
        json!({
            "delay_ms": self.delay.as_millis() as u64,
            "rate_limit_per_s": self.rate_limit_per_s,
            "status": self.status,
            "garbage": self.garbage,
            "down": self.down,
            "cut": self.cut,
        })
    }

    /// The status that everything is answered with, if there is one.
    pub(super) fn fixed_status(&self) -> Option<StatusCode> {
        self.status.and_then(|code| StatusCode::from_u16(code).ok())
    }
}

/// What is left of the rate: a bucket that fills with the limit each second, and
/// holds as much.
#[derive(Debug)]
pub(super) struct Allowance {
    left: f64,
    at: Instant,
}

impl Allowance {
    /// A full one.
    pub(super) fn new(limit_per_s: Option<u32>) -> Self {
        Self {
            left: f64::from(limit_per_s.unwrap_or(0)),
            at: Instant::now(),
        }
    }

    /// Whether one more call is within the limit.
    pub(super) fn take(&mut self, limit_per_s: u32) -> bool {
        let now = Instant::now();
        let limit = f64::from(limit_per_s);
        let filled = self.left + (now - self.at).as_secs_f64() * limit;
        (self.left, self.at) = (filled.min(limit), now);
        let granted = self.left >= 1.0;
        if granted {
            self.left -= 1.0;
        }
        granted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_allowance_is_a_second_s_worth_and_fills_up_again() {
        let mut allowance = Allowance::new(Some(4));
        let mut taken = || (0..10).filter(|_| allowance.take(4)).count();
        assert_eq!((taken(), taken()), (4, 0));
        tokio::time::advance(Duration::from_millis(500)).await;
        assert_eq!(taken(), 2);
        tokio::time::advance(Duration::from_mins(1)).await;
        assert_eq!(taken(), 4);
    }

    #[test]
    fn changes_are_made_all_or_not_at_all() {
        let changed = |changes: Value| {
            let before = Trouble {
                garbage: true,
                status: Some(500),
                ..Trouble::default()
            };
            before.changed(changes.as_object().unwrap())
        };
        let after = changed(json!({ "delay_ms": 20, "status": null, "down": true })).unwrap();
        assert_eq!(
            after.as_json(),
            json!({
                "delay_ms": 20, "rate_limit_per_s": null, "status": null, "garbage": true, "down": true,
                "cut": false,
            })
        );
        for (wrong, expected) in [
            (json!({ "delay": 1 }), "did you mean `delay_ms`?"),
            (json!({ "delay_ms": -1 }), "delay_ms must be a whole number"),
            (json!({ "delay_ms": 100_001 }), "at most 100 s"),
            (json!({ "rate_limit_per_s": 0 }), "at least 1 per second"),
            (
                json!({ "rate_limit_per_s": 1e3 as u64 * 1_000_000_000 }),
                "too large",
            ),
            (json!({ "status": 100 }), "from 200 to 599"),
            (json!({ "garbage": 1 }), "true or false"),
        ] {
            let error = changed(wrong.clone()).unwrap_err();
            assert!(error.contains(expected), "{wrong}: {error}");
        }
    }
}
