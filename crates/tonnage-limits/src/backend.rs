//! Which way limits are set on this machine: asked for by name, or chosen.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use tonnage_model::{Isolation, Limits};

use crate::container::{Container, Engine};
use crate::counters::{Folders, Version};
use crate::group::PARENT;
use crate::{Group, LimitsError, Places, Remains, remove, v1, v2};

/// What a user asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Asked {
    /// The best that the machine has.
    #[default]
    Auto,
    /// No limits; counters come from `/proc`.
    None,
    /// Control groups, of either version.
    Cgroup,
    /// A container of docker or podman.
    Container,
}

/// A word that asks for no way of setting limits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no isolation (expected auto, none, cgroup or container)")]
pub struct AskedError(String);

impl Asked {
    /// Every value, as text reads it.
    pub const ALL: [Self; 4] = [Self::Auto, Self::None, Self::Cgroup, Self::Container];

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::None => "none",
            Self::Cgroup => "cgroup",
            Self::Container => "container",
        }
    }
}

impl FromStr for Asked {
    type Err = AskedError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|asked| asked.name() == text);
        found.ok_or_else(|| AskedError(text.to_owned()))
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A way to set limits that this machine has.
#[derive(Debug, Clone)]
pub struct Backend {
    way: Way,
    places: Places,
}

#[derive(Debug, Clone)]
enum Way {
    None,
    V1(v1::Bases),
    V2(v2::Base),
    Container(Engine),
}

impl Backend {
    /// Finds a way to set `needs`, the limits of which every group will have some.
    ///
    /// [`Asked::Auto`] takes version 2 where it can set them, else version 1, else an
    /// error that says what stands in the way of each. Where nothing is needed it
    /// still takes control groups for their counters, or silently nothing.
    pub fn choose(asked: Asked, needs: &Limits, places: &Places) -> Result<Self, LimitsError> {
        let way = match asked {
            Asked::None if needs.is_empty() => Way::None,
            Asked::None => return Err(LimitsError::NothingToLimitWith),
            Asked::Cgroup => choose_cgroup(needs, places)?,
            Asked::Auto => match choose_cgroup(needs, places) {
                Err(_) if needs.is_empty() => Way::None,
                chosen => chosen?,
            },
            Asked::Container => Way::Container(Engine::find(places)?),
        };
        let places = places.clone();
        Ok(Self { way, places })
    }

    /// The same in a word, for the store.
    pub fn isolation(&self) -> Isolation {
        match self.way {
            Way::None => Isolation::None,
            Way::V1(_) => Isolation::CgroupV1,
            Way::V2(_) => Isolation::CgroupV2,
            Way::Container(_) => Isolation::Container,
        }
    }

    /// The same in a line, for people.
    pub fn describe(&self) -> String {
        match &self.way {
            Way::None => "no limits, counters from /proc".to_owned(),
            Way::V1(bases) => bases.describe(),
            Way::V2(base) => base.describe(),
            Way::Container(engine) => engine.describe(),
        }
    }

    /// What the group of this name will leave when its owner is killed, to be written
    /// down before [`Self::group`] makes it.
    pub fn remains(&self, name: &str) -> Remains {
        if let Way::Container(engine) = &self.way {
            return Container::new(engine, name, &Limits::default()).remains();
        }
        Remains {
            paths: self
                .parents()
                .iter()
                .map(|parent| parent.join(name))
                .collect(),
            container: None,
        }
    }

    /// The folders in which our groups stand, one for each hierarchy.
    fn parents(&self) -> Vec<PathBuf> {
        let bases = match &self.way {
            Way::None | Way::Container(_) => Vec::new(),
            Way::V1(bases) => bases.all(),
            Way::V2(base) => vec![base.folder().to_owned()],
        };
        bases.iter().map(|base| base.join(PARENT)).collect()
    }

    /// Removes the empty groups whose owner is gone, as far as `is_gone` can tell by
    /// their names, and that are older than `age`: one that was just made may be about
    /// to be joined. What cannot be removed is left.
    pub fn sweep(&self, is_gone: impl Fn(&str) -> bool, age: Duration) {
        for parent in self.parents() {
            remove::sweep(&parent, &is_gone, age);
        }
    }

    /// Makes the group of one server and sets its limits. The name is the server's
    /// own: letters, digits, `-`, `_` and `.`, unique on the machine.
    pub fn group(&self, name: &str, limits: &Limits) -> Result<Group, LimitsError> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if name.is_empty() || name.starts_with('.') || !name.chars().all(is_plain) {
            return Err(LimitsError::Name(name.to_owned()));
        }
        let mut group = Group::new(&self.places);
        match &self.way {
            Way::None if limits.is_empty() => {}
            Way::None => return Err(LimitsError::NothingToLimitWith),
            Way::V1(bases) => bases.fill(&mut group, name, limits)?,
            Way::V2(base) => base.fill(&mut group, name, limits)?,
            Way::Container(engine) => {
                return Ok(group.with_container(Container::new(engine, name, limits)));
            }
        }
        group.open();
        Ok(group)
    }
}

/// Version 2 if it can, else version 1. Where nothing is limited, version 2 has to
/// have the main controllers, since beside version 1 it counts no memory.
fn choose_cgroup(needs: &Limits, places: &Places) -> Result<Way, LimitsError> {
    let v2 = match v2::Base::find(needs, places) {
        Ok(base) if base.counts_memory() || !needs.is_empty() => {
            base.check(needs)?;
            return Ok(Way::V2(base));
        }
        other => other,
    };
    match v1::Bases::find(needs, places) {
        Ok(bases) => {
            bases.check(needs)?;
            Ok(Way::V1(bases))
        }
        Err(v1_why) => v2.map(Way::V2).map_err(|v2_why| LimitsError::Unavailable {
            what: format!("cannot {}", what_for(needs)),
            why: format!("version 2: {v2_why}. Version 1: {v1_why}"),
            way_out: WAY_OUT.to_owned(),
        }),
    }
}

fn what_for(needs: &Limits) -> String {
    let mut what = Vec::new();
    if needs.cpus.is_some() {
        what.push("CPU time");
    }
    if needs.cpuset.is_some() {
        what.push("CPUs");
    }
    if needs.memory_bytes.is_some() {
        what.push("memory");
    }
    if what.is_empty() {
        return "use control groups".to_owned();
    }
    format!("limit {} by control groups", what.join(" and "))
}

/// What helps wherever control groups are closed to us.
const WAY_OUT: &str = "run Tonnage as root, or in a control group that is delegated to it: \
     `systemd-run --user --scope -p Delegate=yes tonnage …`; or choose isolation `container`";

/// The controllers that limits need, by their names in either version.
pub(crate) fn controllers(needs: &Limits) -> Vec<&'static str> {
    let mut controllers = Vec::new();
    if needs.cpus.is_some() {
        controllers.push("cpu");
    }
    if needs.cpuset.is_some() {
        controllers.push("cpuset");
    }
    if needs.memory_bytes.is_some() {
        controllers.push("memory");
    }
    controllers
}

impl Default for Folders {
    fn default() -> Self {
        Self::none(Version::V2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_read_and_written() {
        for asked in Asked::ALL {
            assert_eq!(asked.to_string().parse(), Ok(asked));
        }
        let error = "docker".parse::<Asked>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "`docker` is no isolation (expected auto, none, cgroup or container)"
        );
    }
}
