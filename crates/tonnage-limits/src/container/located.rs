//! A container's own control group, found by its first process, and whether the
//! engine set the limits there that it was asked for.

use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

use tonnage_model::{CpuSet, Limits};

use super::Container;
use crate::counters::{Folders, Version};
use crate::group::whole_pages;
use crate::places::read;
use crate::{LimitsError, Places};

/// How often the engine is asked whether the container runs; each time costs it a
/// process of its own.
const POLL: Duration = Duration::from_millis(50);

/// Waits for the container's first process and finds the group that it is in.
pub(crate) fn locate(
    container: &Container,
    places: &Places,
    timeout: Duration,
) -> Result<Folders, LimitsError> {
    let deadline = Instant::now() + timeout;
    let Container { engine, name, .. } = container;
    loop {
        let answer = engine.run(&["inspect", "--format", "{{.State.Pid}}", name]);
        let pid: u32 = match &answer {
            Ok(text) => text.trim().parse().unwrap_or(0),
            Err(_) => 0,
        };
        if pid > 0 {
            return folders(pid, places).ok_or_else(|| LimitsError::Unavailable {
                what: format!("cannot count what container {name} uses"),
                why: format!("its process {pid} is in no control group that can be seen here"),
                way_out: "use an engine on this very machine, not in a virtual one".to_owned(),
            });
        }
        if Instant::now() > deadline {
            answer?;
            return Err(LimitsError::Unavailable {
                what: format!("cannot find container {name}"),
                why: "it has no process".to_owned(),
                way_out: "look at what the server printed".to_owned(),
            });
        }
        sleep(POLL);
    }
}

fn folders(pid: u32, places: &Places) -> Option<Folders> {
    let pid = pid.to_string();
    let unified = places
        .unified()
        .and_then(|mount| places.folder_of(&pid, mount));
    if let Some(folder) = unified.as_ref().filter(|f| f.join("memory.max").is_file()) {
        return Some(Folders::all_in(folder));
    }
    let v1 = |controller: &str| places.folder_of(&pid, places.v1(controller)?);
    let folders = Folders {
        version: Version::V1,
        cpu: v1("cpu"),
        cpuacct: v1("cpuacct"),
        cpuset: v1("cpuset"),
        memory: v1("memory"),
        pids: v1("pids"),
        unified,
    };
    let has_any = folders.memory.is_some() || folders.cpuacct.is_some();
    has_any.then_some(folders)
}

/// An engine that may not set a limit often says no more than a warning.
pub(crate) fn verify(folders: &Folders, limits: &Limits) -> Result<(), LimitsError> {
    if let Some(quota) = limits.cpus {
        let wanted = quota.quota_us(limits.cpu_period()) as f64;
        let wanted = wanted / limits.cpu_period().as_micros() as f64;
        let (file, holds) = match folders.version {
            Version::V1 => {
                let file = file(folders.cpu.as_ref(), "cpu.cfs_quota_us");
                let period = read(&file.with_file_name("cpu.cfs_period_us"))?;
                let holds = format!("{} {period}", read(&file)?);
                (file, holds)
            }
            Version::V2 => {
                let file = file(folders.cpu.as_ref(), "cpu.max");
                let holds = read(&file)?;
                (file, holds)
            }
        };
        // Systemd rounds a share to hundredths.
        let is_close = share(&holds).is_some_and(|share| (share / wanted - 1.0).abs() < 0.05);
        check(is_close, file, format!("{wanted} CPUs"), holds)?;
    }
    if let Some(cpus) = &limits.cpuset {
        let file = file(folders.cpuset.as_ref(), "cpuset.cpus");
        let holds = read(&file)?;
        let is_so = holds.parse::<CpuSet>().as_ref() == Ok(cpus);
        check(is_so, file, cpus.to_string(), holds)?;
    }
    if let Some(bytes) = limits.memory_bytes {
        let name = match folders.version {
            Version::V1 => "memory.limit_in_bytes",
            Version::V2 => "memory.max",
        };
        let file = file(folders.memory.as_ref(), name);
        let (holds, wanted) = (read(&file)?, whole_pages(bytes).to_string());
        check(holds == wanted, file, wanted, holds)?;
    }
    Ok(())
}

/// A controller that is not there has no file, which reading then says.
fn file(folder: Option<&PathBuf>, name: &str) -> PathBuf {
    folder.map_or_else(|| PathBuf::from(name), |folder| folder.join(name))
}

/// Quota by period, from `5000 25000`.
fn share(text: &str) -> Option<f64> {
    let (quota, period) = text.split_once(' ')?;
    Some(quota.parse::<f64>().ok()? / period.parse::<f64>().ok()?)
}

fn check(is_so: bool, file: PathBuf, wanted: String, holds: String) -> Result<(), LimitsError> {
    if is_so {
        return Ok(());
    }
    Err(LimitsError::NotTaken {
        file,
        wanted,
        holds,
    })
}

#[cfg(test)]
mod tests {
    use tonnage_model::CpuQuota;

    use super::*;
    use crate::fake::{FakeMachine, put};

    #[test]
    fn a_limit_that_the_engine_left_out_is_found() {
        let machine = FakeMachine::new("/box", "cpuset cpu memory pids");
        machine.put_proc("/box", "rw");
        let folder = machine.folder("/box");
        let limits = Limits {
            cpus: CpuQuota::new(0.2),
            cpuset: Some("1".parse().unwrap()),
            memory_bytes: Some(50_000_000),
            ..Limits::default()
        };
        let folders = Folders::all_in(&folder);
        put(&folder, "cpu.max", "20000 100000");
        put(&folder, "cpuset.cpus", "1");
        put(&folder, "memory.max", "49999872");
        verify(&folders, &limits).unwrap();
        for (name, left_out) in [
            ("cpu.max", "max 100000"),
            ("cpuset.cpus", ""),
            ("memory.max", "max"),
        ] {
            let right = read(&folder.join(name)).unwrap();
            put(&folder, name, left_out);
            let error = verify(&folders, &limits).unwrap_err();
            assert!(error.to_string().contains(name), "{error}");
            put(&folder, name, &right);
        }
    }
}
