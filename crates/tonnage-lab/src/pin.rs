//! Who runs on which CPUs: where there are enough, the generator gets some of its
//! own, so that what it uses is not taken from the server.

use rustix::thread::{sched_getaffinity, sched_setaffinity};
use tonnage_model::{CpuSet, Limits};

use crate::process::affinity;

/// From so many CPUs on, an unlimited server can spare some for the generator and
/// still has more than one.
const ENOUGH_CPUS: usize = 4;

/// The generator's share of them.
const GENERATOR_SHARE: usize = 4;

/// CPUs of the generator and of the server, without a common one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Apart {
    pub(crate) generator: CpuSet,
    /// `None` where the server's own `cpuset` says.
    pub(crate) server: Option<CpuSet>,
}

/// The CPUs that this process may run on, in order.
pub(crate) fn allowed_cpus() -> Vec<u32> {
    let Ok(mask) = sched_getaffinity(None) else {
        return Vec::new();
    };
    let cpus = 0..rustix::thread::CpuSet::MAX_CPU;
    cpus.filter(|cpu| mask.is_set(*cpu))
        .map(|cpu| cpu as u32)
        .collect()
}

/// CPUs of their own for both, where `allowed` are enough for what the server may
/// use; `None` where they have to share, or are to (`pin` is the study's; CPUs that a
/// server is limited to by number leave the others anyway).
pub(crate) fn apart(allowed: &[u32], limits: &Limits, pin: bool) -> Option<Apart> {
    if let Some(own) = &limits.cpuset {
        let others = allowed.iter().filter(|cpu| !own.cpus().contains(cpu));
        let generator = CpuSet::new(others.copied().collect())?;
        return Some(Apart {
            generator,
            server: None,
        });
    }
    if !pin {
        return None;
    }
    let count = allowed.len();
    let generous = (count / GENERATOR_SHARE).max(1);
    let for_generator = match limits.cpus {
        // A quota of 1.5 CPUs needs two of them.
        Some(quota) => {
            let needed = quota.cpus().ceil() as usize;
            generous.min(count.checked_sub(needed)?)
        }
        None if count >= ENOUGH_CPUS => generous,
        None => 0,
    };
    let (server, generator) = allowed.split_at(count - for_generator);
    Some(Apart {
        generator: CpuSet::new(generator.to_vec())?,
        server: Some(CpuSet::new(server.to_vec())?),
    })
}

/// How many CPUs a server can keep busy: those that it may run on, and no more than
/// its quota buys.
pub(crate) fn server_cpus(allowed: &[u32], limits: &Limits, pin: bool) -> usize {
    let pinned = apart(allowed, limits, pin).and_then(|apart| apart.server);
    let cpuset = limits.cpuset.as_ref().or(pinned.as_ref());
    let all = cpuset.map_or(allowed.len(), |set| set.cpus().len());
    let bought = limits
        .cpus
        .map_or(all, |quota| quota.cpus().ceil() as usize);
    all.min(bought).max(1)
}

/// Keeps the calling thread, and those that it starts, on these CPUs.
pub(crate) fn keep_on(cpus: &CpuSet) -> rustix::io::Result<()> {
    sched_setaffinity(None, &affinity(cpus))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(cpus: Option<&str>, cpuset: Option<&str>) -> Limits {
        Limits {
            cpus: cpus.map(|cpus| cpus.parse().unwrap()),
            cpuset: cpuset.map(|set| set.parse().unwrap()),
            ..Limits::default()
        }
    }

    /// `generator | server`, or `shared`.
    fn split(count: u32, limits: &Limits) -> String {
        let allowed: Vec<u32> = (0..count).collect();
        apart(&allowed, limits, true).map_or_else(
            || "shared".to_owned(),
            |apart| {
                let server = apart
                    .server
                    .map_or_else(|| "own".to_owned(), |set| set.to_string());
                format!("{} | {server}", apart.generator)
            },
        )
    }

    #[test]
    fn two_cpus_are_shared_unless_a_quota_leaves_one() {
        assert_eq!(split(2, &limits(None, None)), "shared");
        assert_eq!(split(2, &limits(Some("0.2"), None)), "1 | 0");
        assert_eq!(split(2, &limits(Some("1"), None)), "1 | 0");
        assert_eq!(split(2, &limits(Some("1.5"), None)), "shared");
        assert_eq!(split(2, &limits(Some("4"), None)), "shared");
        assert_eq!(split(1, &limits(Some("0.2"), None)), "shared");
    }

    #[test]
    fn many_cpus_are_split() {
        assert_eq!(split(4, &limits(None, None)), "3 | 0-2");
        assert_eq!(split(16, &limits(None, None)), "12-15 | 0-11");
        assert_eq!(split(16, &limits(Some("14"), None)), "14-15 | 0-13");
        assert_eq!(split(4, &limits(None, Some("0-1"))), "2-3 | own");
        assert_eq!(split(2, &limits(None, Some("0-1"))), "shared");
    }

    #[test]
    fn a_server_counts_the_cpus_that_it_can_use() {
        let allowed = [0, 1, 2, 3];
        assert_eq!(server_cpus(&allowed, &limits(None, None), true), 3);
        assert_eq!(server_cpus(&allowed, &limits(Some("0.2"), None), true), 1);
        assert_eq!(server_cpus(&allowed, &limits(Some("1.5"), None), true), 2);
        assert_eq!(server_cpus(&allowed, &limits(None, Some("1-2")), true), 2);
        assert_eq!(server_cpus(&allowed[..2], &limits(None, None), true), 2);
    }

    #[test]
    fn a_study_may_want_them_to_share() {
        let allowed: Vec<u32> = (0..8).collect();
        assert_eq!(apart(&allowed, &limits(None, None), false), None);
        assert_eq!(server_cpus(&allowed, &limits(None, None), false), 8);
        assert!(apart(&allowed, &limits(None, Some("0-1")), false).is_some());
    }

    #[test]
    fn a_thread_stays_where_it_is_kept() {
        let first = allowed_cpus()[0];
        let kept = std::thread::spawn(move || {
            keep_on(&CpuSet::new(vec![first]).unwrap()).unwrap();
            allowed_cpus()
        });
        assert_eq!(kept.join().unwrap(), [first]);
    }
}
