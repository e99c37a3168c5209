//! A server's whole process tree, found in three ways at once: by descent, by
//! session, and by a mark in the environment that children inherit. A daemon
//! that leaves its session and its parent still carries the mark.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::process::{ProcessId, ProcessInfo};

/// The environment variable that marks every process of a server.
pub(crate) const MARK_VARIABLE: &str = "TONNAGE_SERVER";

/// How often a stop looks whether the processes are gone.
const POLL: Duration = Duration::from_millis(10);

/// How long processes may take to vanish after SIGKILL; longer means that the
/// kernel is stuck, and nobody can help.
const KILL_TIMEOUT: Duration = Duration::from_secs(10);

/// The processes of one server.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(crate) struct Tree {
    /// The value of [`MARK_VARIABLE`]; unique.
    pub(crate) mark: String,
    /// The processes that were started, each of which leads a session of its own.
    pub(crate) roots: Vec<ProcessId>,
}

impl Tree {
    /// A tree in which nothing was started yet.
    pub(crate) fn new(mark: String) -> Self {
        Self {
            mark,
            roots: Vec::new(),
        }
    }

    /// Every living process of the tree.
    pub(crate) fn members(&self) -> Vec<ProcessInfo> {
        let all = ProcessInfo::all();
        let assignment = format!("{MARK_VARIABLE}={}", self.mark);
        // A session goes by its leader's number, which may be another process's
        // by now: it counts only while just that leader is there, if only as a
        // zombie. Without it, the mark is what is left to go by.
        let is_there = |root: &&ProcessId| all.iter().any(|info| info.id == **root);
        let leaders = self.roots.iter().filter(is_there);
        let sessions: HashSet<u32> = leaders.map(|root| root.pid).collect();
        let mut pids: HashSet<u32> = all
            .iter()
            .filter(|info| {
                sessions.contains(&info.session)
                    || self.roots.contains(&info.id)
                    || info.has_variable(&assignment)
            })
            .map(|info| info.id.pid)
            .collect();
        loop {
            let before = pids.len();
            pids.extend(
                all.iter()
                    .filter(|info| pids.contains(&info.parent))
                    .map(|info| info.id.pid)
                    .collect::<Vec<_>>(),
            );
            if pids.len() == before {
                break;
            }
        }
        all.into_iter()
            .filter(|info| pids.contains(&info.id.pid) && !info.is_zombie)
            .collect()
    }

    /// Asks processes to stop, each by its signal, waits up to `timeout` for the
    /// whole tree, then kills what is left. Gives the number of processes that had
    /// to be killed.
    pub(crate) fn stop(
        &self,
        signals: impl IntoIterator<Item = (ProcessId, Signal)>,
        timeout: Duration,
    ) -> usize {
        for (root, signal) in signals {
            root.signal(signal);
        }
        let deadline = Instant::now() + timeout;
        while Instant::now() < deadline {
            if self.members().is_empty() {
                return 0;
            }
            std::thread::sleep(POLL);
        }
        self.kill()
    }

    /// Kills every process of the tree, and looks again until none is left,
    /// since one may have been born meanwhile.
    pub(crate) fn kill(&self) -> usize {
        let deadline = Instant::now() + KILL_TIMEOUT;
        let mut killed = HashSet::new();
        loop {
            let members = self.members();
            if members.is_empty() || Instant::now() > deadline {
                return killed.len();
            }
            for member in members {
                member.id.signal(Signal::KILL);
                killed.insert(member.id);
            }
            std::thread::sleep(POLL);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    /// A shell in this test's session, with the mark and two children, one of
    /// which leaves both its parent and its session.
    fn marked(mark: &str, script: &str) -> std::process::Child {
        Command::new("sh")
            .args(["-c", script])
            .env(MARK_VARIABLE, mark)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap()
    }

    fn wait_for_line(child: &mut std::process::Child) {
        use std::io::{BufRead, BufReader};
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        assert_eq!(line, "ready\n");
    }

    #[test]
    fn even_a_daemon_that_ignores_signals_is_found_and_killed() {
        let mark = format!("tree-test-{}", std::process::id());
        let script = "trap '' TERM; (setsid sleep 1000 >/dev/null &); sleep 1000 >/dev/null & echo ready; wait; sleep 1000";
        let mut child = marked(&mark, script);
        wait_for_line(&mut child);
        let tree = Tree {
            mark,
            roots: ProcessId::of(child.id()).into_iter().collect(),
        };
        // The daemon may still be `setsid`: while one program replaces another, a
        // process has no environment to be known by.
        let deadline = Instant::now() + KILL_TIMEOUT;
        let sleeping = || {
            let members = tree.members();
            members
                .iter()
                .filter(|member| member.name == "sleep")
                .count()
        };
        while sleeping() < 2 {
            assert!(Instant::now() < deadline, "{:?}", tree.members());
            std::thread::sleep(POLL);
        }
        assert!(tree.stop([(tree.roots[0], Signal::TERM)], Duration::from_millis(50)) >= 3);
        child.wait().unwrap();
        assert!(tree.members().is_empty());
    }

    #[test]
    fn a_session_whose_number_was_given_out_again_is_not_ours() {
        let mut stranger = crate::process::spawn_in_session(
            Command::new("sleep").arg("1000"),
            Signal::TERM,
            crate::process::Confinement::default(),
        )
        .unwrap();
        let mut root = ProcessId::of(stranger.id()).unwrap();
        root.start_ticks -= 1;
        let tree = Tree {
            mark: "nobody-has-this-mark".to_owned(),
            roots: vec![root],
        };
        assert_eq!(tree.kill(), 0);
        assert!(stranger.try_wait().unwrap().is_none(), "the stranger lives");
        stranger.kill().unwrap();
        stranger.wait().unwrap();
    }

    #[test]
    fn a_foreign_process_is_no_member() {
        let tree = Tree::new("nobody-has-this-mark".to_owned());
        assert!(tree.members().is_empty());
    }
}
