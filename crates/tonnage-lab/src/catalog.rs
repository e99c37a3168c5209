//! What travels in the binary, so that an installed Tonnage needs no checkout:
//! stacks, apps, workloads, studies and published figures. Stacks of the user's
//! own are found by `stacks`.

use std::fs;
use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};
use tonnage_model::{
    App, PublishedFigure, Study, Workload, Workloads, did_you_mean, locate, parse_published,
    parse_toml,
};

use crate::unpack::unpack;
use crate::{FoundStack, LabError};

pub(crate) static STACKS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../stacks");
static APPS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../apps");
static STUDIES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../studies");

/// The data files that Tonnage ships.
#[derive(Debug, Clone, Copy, Default)]
pub struct Catalog;

impl Catalog {
    /// The locked requirements of the installer itself.
    pub(crate) fn installer_lock() -> Result<&'static str, LabError> {
        embedded_in(&STACKS, "uv.lock")
    }

    /// Names of all apps' folders, sorted.
    pub fn app_names(self) -> Vec<&'static str> {
        folders_with(&APPS, "app.toml")
    }

    /// A framework's apps by the name of their folder.
    pub fn app(self, name: &str) -> Result<App, LabError> {
        known("app", name, &self.app_names())?;
        let file = format!("apps/{name}/app.toml");
        let text = embedded_in(&APPS, &format!("{name}/app.toml"))?;
        Ok(App::parse(&file, text)?)
    }

    /// All workloads.
    pub fn workloads(self) -> Result<Workloads, LabError> {
        let file = "apps/workloads.toml";
        let text = embedded_in(&APPS, "workloads.toml")?;
        let workloads: Workloads = parse_toml(file, text)?;
        for workload in workloads.values() {
            check_workload(workload).map_err(|(needle, message)| {
                LabError::File(locate(file, text, &needle, message))
            })?;
        }
        Ok(workloads)
    }

    /// A workload by name.
    pub fn workload(self, name: &str) -> Result<Workload, LabError> {
        let mut workloads = self.workloads()?;
        let names: Vec<&str> = workloads.keys().map(String::as_str).collect();
        known("workload", name, &names)?;
        workloads
            .remove(name)
            .ok_or_else(|| LabError::missing_data(name))
    }

    /// The import path of the app with which a stack serves a workload, and the
    /// workload.
    pub fn app_target(
        self,
        found: &FoundStack,
        workload: &str,
    ) -> Result<(String, Workload), LabError> {
        let asked = self.workload(workload)?;
        let served = self.served(found)?;
        let target = served.iter().find(|(name, _)| name == workload);
        if let Some((_, target)) = target {
            return Ok((target.clone(), asked));
        }
        let served: Vec<&str> = served.iter().map(|(name, _)| name.as_str()).collect();
        Err(LabError::NotServed {
            stack: found.name.clone(),
            workload: workload.to_owned(),
            hint: did_you_mean(workload, &served),
        })
    }

    /// What a stack serves: each workload that its app implements and that can be
    /// asked over what it speaks, with the import path of the app.
    pub fn served(self, found: &FoundStack) -> Result<Vec<(String, String)>, LabError> {
        let workloads = self.workloads()?;
        let is_asked = |name: &String| {
            let workload = workloads.get(name);
            workload.is_some_and(|workload| workload.is_asked_over(found.stack.protocol))
        };
        let targets = self.app(&found.stack.app)?.targets.into_iter();
        Ok(targets.filter(|(name, _)| is_asked(name)).collect())
    }

    /// Names of all studies, sorted.
    pub fn study_names(self) -> Vec<&'static str> {
        let mut names: Vec<_> = STUDIES
            .files()
            .filter_map(|file| file.path().to_str()?.strip_suffix(".toml"))
            .collect();
        names.sort_unstable();
        names
    }

    /// Name and text of a study: one that ships, or a file of the user's.
    pub fn study_text(self, name_or_file: &str) -> Result<(String, String), LabError> {
        let path = Path::new(name_or_file);
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
            || name_or_file.contains('/')
        {
            let text = fs::read_to_string(path).map_err(|error| {
                LabError::Usage(format!("cannot read the study {name_or_file}: {error}"))
            })?;
            let name = path.file_stem().unwrap_or(path.as_os_str());
            return Ok((name.to_string_lossy().into_owned(), text));
        }
        known("study", name_or_file, &self.study_names())?;
        let text = embedded_in(&STUDIES, &format!("{name_or_file}.toml"))?;
        Ok((name_or_file.to_owned(), text.to_owned()))
    }

    /// A study that ships, by name.
    pub fn study(self, name: &str) -> Result<Study, LabError> {
        let (_, text) = self.study_text(name)?;
        Ok(Study::parse(&format!("studies/{name}.toml"), &text)?)
    }

    /// Every figure that was published about the studies.
    pub fn published(self) -> Result<Vec<PublishedFigure>, LabError> {
        let text = embedded_in(&STUDIES, "published-figures.csv")?;
        parse_published(text).map_err(|error| LabError::Usage(error.to_string()))
    }

    /// Unpacks all apps below `cache`, as they lie beside each other here, and
    /// gives their folder.
    pub(crate) fn unpack_apps(cache: &Path) -> Result<PathBuf, LabError> {
        unpack(&APPS, "apps", cache)
    }

    /// A file of the apps' folder, such as `data/echo.json`.
    pub(crate) fn app_file(path: &str) -> Result<&'static [u8], LabError> {
        let file = APPS.get_file(path).map(include_dir::File::contents);
        file.ok_or_else(|| LabError::missing_data(&format!("apps/{path}")))
    }
}

/// What is wrong with a workload, if anything is: a text near the place, and why.
fn check_workload(workload: &Workload) -> Result<(), (String, String)> {
    for check in &workload.verify {
        let regex = check.body.as_deref().map(check_regex).transpose()?;
        let has_group = |name: &String| {
            let groups = regex
                .iter()
                .flat_map(|regex| regex.capture_names().flatten());
            groups.into_iter().any(|group| group == name)
        };
        if let Some(missing) = check.positive.iter().find(|name| !has_group(name)) {
            return Err((missing.clone(), format!("`body` has no group `{missing}`")));
        }
        if let Some(file) = &check.send_file
            && Catalog::app_file(file).is_err()
        {
            return Err((file.clone(), format!("there is no file apps/{file}")));
        }
        if check.send.is_some() && check.send_file.is_some() {
            let message = "`send` and `send_file` exclude each other".to_owned();
            return Err((check.path.clone(), message));
        }
    }
    if let Some(text) = workload.grpc.as_ref().and_then(|grpc| grpc.text.as_deref()) {
        check_regex(text)?;
    }
    Ok(())
}

fn check_regex(text: &str) -> Result<regex::Regex, (String, String)> {
    regex::Regex::new(text).map_err(|error| (text.to_owned(), error.to_string()))
}

/// The first 16 hexadecimal digits of a hash: enough to tell a few hundred
/// versions apart.
pub(crate) fn short_hex(hash: &[u8]) -> String {
    hex(&hash[..hash.len().min(8)])
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

/// Names of the folders in which `file` lies, sorted.
pub(crate) fn folders_with(dir: &'static Dir<'static>, file: &str) -> Vec<&'static str> {
    let mut names: Vec<_> = dir
        .dirs()
        .filter(|folder| folder.get_file(folder.path().join(file)).is_some())
        .filter_map(|folder| folder.path().file_name()?.to_str())
        .collect();
    names.sort_unstable();
    names
}

fn known(kind: &'static str, name: &str, names: &[&str]) -> Result<(), LabError> {
    if names.contains(&name) {
        return Ok(());
    }
    Err(LabError::Unknown {
        kind,
        name: name.to_owned(),
        hint: did_you_mean(name, names),
    })
}

pub(crate) fn embedded_in(
    dir: &'static Dir<'static>,
    path: &str,
) -> Result<&'static str, LabError> {
    dir.get_file(path)
        .and_then(include_dir::File::contents_utf8)
        .ok_or_else(|| LabError::missing_data(path))
}

#[cfg(test)]
mod tests;
