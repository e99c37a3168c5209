//! How many workers and threads a server is started with.

use tonnage_model::{InFlight, WorkerRule};

use crate::{FoundStack, LabError};

/// Worker processes, and threads of each; `None` where the stack has no choice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Size {
    /// Worker processes.
    pub workers: Option<u32>,
    /// Threads of each worker.
    pub threads: Option<u32>,
}

impl Size {
    /// What a stack is started with on `cpus` CPUs: what is asked for, else what it
    /// says itself. Fails where something is asked for that it does not take.
    pub fn choose(
        found: &FoundStack,
        workers: Option<WorkerRule>,
        threads: Option<u32>,
        cpus: usize,
    ) -> Result<Self, LabError> {
        let stack = &found.stack;
        let refused = |what: &str| {
            LabError::Usage(format!(
                "the stack `{}` takes no number of {what}",
                found.name
            ))
        };
        if workers.is_some() && stack.workers.is_none() {
            return Err(refused("workers"));
        }
        if threads.is_some() && stack.threads.is_none() {
            return Err(refused("threads"));
        }
        Ok(Self {
            workers: workers.or(stack.workers).map(|rule| rule.workers(cpus)),
            threads: threads.or(stack.threads),
        })
    }

    /// The size with which a stack works on `in_flight` requests at once, or on as
    /// many as come: as many workers as it has by itself on `cpus` CPUs, or fewer
    /// where that does not divide, and threads to match; workers alone where it has
    /// no threads. Fails where its capacity is another whatever its size.
    pub fn for_in_flight(
        found: &FoundStack,
        in_flight: u32,
        cpus: usize,
    ) -> Result<Self, LabError> {
        let own = Self::choose(found, None, None, cpus)?;
        let capacity = found.stack.capacity.as_ref();
        let reaches = |size: Self| {
            let capacity = capacity?;
            let reached = capacity.in_flight(size.workers, size.threads);
            matches!(reached, InFlight::AtMost(n) if n == u64::from(in_flight)).then_some(size)
        };
        if capacity.is_some_and(|c| c.in_flight(own.workers, own.threads) == InFlight::Unbounded) {
            return Ok(own);
        }
        let most_workers = own.workers.unwrap_or(1);
        let split = (1..=most_workers).rev().filter_map(|workers| {
            let threads = in_flight
                .is_multiple_of(workers)
                .then(|| in_flight / workers)?;
            reaches(Self {
                workers: own.workers.map(|_| workers),
                threads: own.threads.map(|_| threads),
            })
        });
        let workers_alone = || {
            reaches(Self {
                workers: own.workers.map(|_| in_flight),
                threads: own.threads,
            })
        };
        split
            .into_iter()
            .next()
            .or_else(workers_alone)
            .ok_or_else(|| {
                LabError::Usage(format!(
                    "the stack `{}` cannot be made to work on just {in_flight} requests at once",
                    found.name
                ))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stacks;
    use crate::settings::for_tests;

    fn size(stack: &str, in_flight: u32, cpus: usize) -> Result<(u32, u32), String> {
        let home = tempfile::tempdir().unwrap();
        let found = Stacks::new(&for_tests(home.path())).find(stack).unwrap();
        let size = Size::for_in_flight(&found, in_flight, cpus);
        size.map(|size| (size.workers.unwrap_or(1), size.threads.unwrap_or(1)))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn stacks_get_the_same_capacity_each_in_its_way() {
        assert_eq!(size("gunicorn-sync", 8, 2), Ok((8, 1)));
        // 2n+1 = 5 workers do not divide eight requests, four do.
        assert_eq!(size("gunicorn-gthread", 8, 2), Ok((4, 2)));
        assert_eq!(size("gunicorn-gthread", 7, 2), Ok((1, 7)));
        assert_eq!(size("waitress", 8, 2), Ok((1, 8)));
        // It takes as many as come.
        assert_eq!(size("native", 8, 2), Ok((1, 2)));
    }

    #[test]
    fn a_stack_that_cannot_have_it_says_so() {
        let error = size("flask-dev", 8, 2).unwrap_err();
        assert!(
            error.contains("cannot be made to work on just 8 requests"),
            "{error}"
        );
    }
}
