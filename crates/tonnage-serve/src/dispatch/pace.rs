//! How often a thread looks after others that share its CPU: each look interrupts them.

use std::time::Duration;

/// The first look after something has begun to happen.
const FIRST: Duration = Duration::from_millis(3);

/// The longest time between two looks: that much later is a response sent that waits for
/// others when, after requests that all were short, one takes long.
const LONGEST: Duration = Duration::from_millis(10);

/// The time between two looks, which grows while everything goes on by itself: 350 looks a
/// second were one percent of the time of a worker that is never idle.
#[derive(Debug)]
pub(super) struct Pace {
    otherwise: Duration,
    next: Duration,
}

impl Pace {
    /// `otherwise`: the time between two looks while nothing goes on.
    pub(super) fn new(otherwise: Duration) -> Self {
        Self {
            otherwise,
            next: FIRST,
        }
    }

    /// How long to wait until the next look; `goes_on`: there is no need for any, as far as
    /// the last one saw.
    pub(super) fn next(&mut self, goes_on: bool) -> Duration {
        if !goes_on {
            self.next = FIRST;
            return self.otherwise;
        }
        let now = self.next;
        self.next = (now * 2).min(LONGEST);
        now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_become_rare_while_all_goes_on_and_frequent_at_once_when_it_does_not() {
        let mut pace = Pace::new(Duration::from_millis(1));
        let ms = [true, true, true, true, false, true, true].map(|goes_on| {
            let tick = pace.next(goes_on);
            tick.as_millis()
        });
        assert_eq!(ms, [3, 6, 10, 10, 1, 3, 6]);
    }
}
