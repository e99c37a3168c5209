//! What a server may use, and how that is enforced: the limits of its cell, CPUs
//! of its own, and the backend that was chosen for the run.

use std::time::Duration;

use tonnage_limits::{Asked, Backend, Places};
use tonnage_model::{CpuSet, Isolation, Limits};

use crate::process::ProcessId;
use crate::{FoundStack, LabError, Settings};

/// An empty group whose owner is not seen is removed after this long: its owner may be
/// in another PID namespace, and be about to fill it.
const FORGOTTEN_AFTER: Duration = Duration::from_mins(1);

/// The bounds of one server.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// How limits are set and counters read.
    pub backend: Backend,
    /// What its processes may use together.
    pub limits: Limits,
    /// The CPUs that they are pinned to, so that the generator has others.
    pub cpus: Option<CpuSet>,
    /// The CPUs of the upstream, which is no part of what is measured: the generator's.
    pub upstream_cpus: Option<CpuSet>,
}

impl Bounds {
    /// Bounds for `limits`, by the backend that suits them or is asked for. Fails
    /// where a limit cannot be set.
    pub fn choose(settings: &Settings, asked: Asked, limits: Limits) -> Result<Self, LabError> {
        let mut places = Places::of_machine(settings.search_path.clone())?;
        if let Some(image) = &settings.container_base {
            places = places.with_base_image(image);
        }
        let backend = Backend::choose(asked, &limits, &places)?;
        // A lease that was deleted with its home tells nobody of its group.
        let is_gone = |name: &str| ProcessId::of_mark(name).is_some_and(|id| !id.is_alive());
        backend.sweep(is_gone, FORGOTTEN_AFTER);
        Ok(Self {
            backend,
            limits,
            cpus: None,
            upstream_cpus: None,
        })
    }

    /// No bounds at all, and counters from `/proc`.
    pub fn none(settings: &Settings) -> Result<Self, LabError> {
        Self::choose(settings, Asked::None, Limits::default())
    }

    /// Refuses a stack that these bounds cannot hold.
    pub(crate) fn check_stack(&self, found: &FoundStack) -> Result<(), LabError> {
        if found.stack.front.is_none() || !self.is_container() {
            return Ok(());
        }
        Err(LabError::Usage(format!(
            "the stack `{}` is two servers, and a container holds one; use --isolation cgroup",
            found.name
        )))
    }

    /// Whether the server runs in a container.
    pub(crate) fn is_container(&self) -> bool {
        self.backend.isolation() == Isolation::Container
    }

    /// The limits as they are to be set: where a server runs in a container, nothing
    /// but the container can keep it on its CPUs.
    pub(crate) fn limits_in_place(&self) -> Limits {
        let own = self.limits.cpuset.clone();
        let pinned = self.cpus.clone().filter(|_| self.is_container());
        Limits {
            cpuset: own.or(pinned),
            ..self.limits.clone()
        }
    }
}
