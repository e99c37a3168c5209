//! What can be run: the stacks, apps, workloads and studies that travel in the
//! binary, so that an installed Tonnage needs no checkout.

use std::fs;
use std::path::{Path, PathBuf};

use include_dir::{Dir, DirEntry, include_dir};
use sha2::{Digest, Sha256};
use tonnage_model::{
    App, FileError, PublishedFigure, Stack, Study, Template, Workload, Workloads, did_you_mean,
    parse_published, parse_toml,
};

use crate::LabError;

static STACKS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../stacks");
static APPS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../apps");
static STUDIES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../studies");

/// The data files that Tonnage ships.
#[derive(Debug, Clone, Copy, Default)]
pub struct Catalog;

impl Catalog {
    /// Names of all stacks, sorted.
    pub fn stack_names(self) -> Vec<&'static str> {
        folder_names(&STACKS)
    }

    /// A stack by name.
    pub fn stack(self, name: &str) -> Result<Stack, LabError> {
        let names = self.stack_names();
        known("stack", name, &names)?;
        let file = format!("stacks/{name}/stack.toml");
        let text = embedded(&STACKS, &format!("{name}/stack.toml"))?;
        let stack: Stack = parse_toml(&file, text)?;
        let templates = stack
            .command
            .iter()
            .chain(&stack.directories)
            .chain(stack.environment.values());
        check_templates(&file, text, templates, &Stack::PLACEHOLDERS)?;
        Ok(stack)
    }

    /// The locked requirements of a stack.
    pub fn stack_lock(self, name: &str, stack: &Stack) -> Result<&'static str, LabError> {
        embedded(&STACKS, &format!("{name}/{}", stack.lock))
    }

    /// The locked requirements of the installer itself.
    pub(crate) fn installer_lock() -> Result<&'static str, LabError> {
        embedded(&STACKS, "uv.lock")
    }

    /// Names of all apps' folders, sorted.
    pub fn app_names(self) -> Vec<&'static str> {
        folder_names(&APPS)
    }

    /// A framework's apps by the name of their folder.
    pub fn app(self, name: &str) -> Result<App, LabError> {
        known("app", name, &self.app_names())?;
        let file = format!("apps/{name}/app.toml");
        let text = embedded(&APPS, &format!("{name}/app.toml"))?;
        let app: App = parse_toml(&file, text)?;
        check_templates(&file, text, app.environment.values(), &App::PLACEHOLDERS)?;
        Ok(app)
    }

    /// All workloads.
    pub fn workloads(self) -> Result<Workloads, LabError> {
        let file = "apps/workloads.toml";
        let text = embedded(&APPS, "workloads.toml")?;
        let workloads: Workloads = parse_toml(file, text)?;
        for check in workloads.values().flat_map(|workload| &workload.verify) {
            let regex = regex::Regex::new(&check.body)
                .map_err(|error| locate(file, text, &check.body, &error.to_string()))?;
            let group_exists =
                |name: &&String| !regex.capture_names().flatten().any(|group| group == *name);
            if let Some(missing) = check.positive.iter().find(group_exists) {
                return Err(locate(
                    file,
                    text,
                    missing,
                    &format!("`body` has no group `{missing}`"),
                ));
            }
        }
        Ok(workloads)
    }

    /// A workload by name.
    pub fn workload(self, name: &str) -> Result<Workload, LabError> {
        let mut workloads = self.workloads()?;
        let names: Vec<&str> = workloads.keys().map(String::as_str).collect();
        known("workload", name, &names)?;
        workloads.remove(name).ok_or_else(|| missing(name))
    }

    /// The import path of the app with which a stack serves a workload.
    pub fn app_target(
        self,
        stack_name: &str,
        stack: &Stack,
        workload: &str,
    ) -> Result<String, LabError> {
        self.workload(workload)?;
        let app = self.app(&stack.app)?;
        app.targets.get(workload).cloned().ok_or_else(|| {
            let served: Vec<&str> = app.targets.keys().map(String::as_str).collect();
            LabError::NotServed {
                stack: stack_name.to_owned(),
                workload: workload.to_owned(),
                hint: did_you_mean(workload, &served),
            }
        })
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
        let text = embedded(&STUDIES, &format!("{name_or_file}.toml"))?;
        Ok((name_or_file.to_owned(), text.to_owned()))
    }

    /// A study that ships, by name.
    pub fn study(self, name: &str) -> Result<Study, LabError> {
        let (_, text) = self.study_text(name)?;
        Ok(Study::parse(&format!("studies/{name}.toml"), &text)?)
    }

    /// Every figure that was published about the studies.
    pub fn published(self) -> Result<Vec<PublishedFigure>, LabError> {
        let text = embedded(&STUDIES, "published-figures.csv")?;
        parse_published(text).map_err(|error| LabError::Usage(error.to_string()))
    }

    /// Unpacks a framework's apps below `cache` and gives their folder. Its name
    /// holds a hash of the content, so that no version disturbs another.
    pub(crate) fn unpack_app(name: &str, cache: &Path) -> Result<PathBuf, LabError> {
        let folder = APPS.get_dir(name).ok_or_else(|| missing(name))?;
        let files: Vec<_> = folder
            .files()
            .filter(|file| !is_bytecode(file.path()))
            .collect();
        let mut hash = Sha256::new();
        for file in &files {
            hash.update(file.path().to_string_lossy().as_bytes());
            hash.update([0]);
            hash.update(file.contents());
        }
        let target = cache
            .join("apps")
            .join(format!("{name}-{}", short_hex(&hash.finalize())));
        fs::create_dir_all(&target).map_err(LabError::io(&target))?;
        for file in files {
            let path = target.join(file.path().file_name().unwrap_or_default());
            if fs::read(&path).is_ok_and(|existing| existing == file.contents()) {
                continue;
            }
            // Renamed into place: another run may be starting a server from here.
            let new = path.with_extension(format!("new-{}", std::process::id()));
            fs::write(&new, file.contents()).map_err(LabError::io(&new))?;
            fs::rename(&new, &path).map_err(LabError::io(&path))?;
        }
        Ok(target)
    }
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

fn is_bytecode(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "pyc")
}

fn folder_names(dir: &'static Dir<'static>) -> Vec<&'static str> {
    let mut names: Vec<_> = dir
        .entries()
        .iter()
        .filter_map(DirEntry::as_dir)
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

fn embedded(dir: &'static Dir<'static>, path: &str) -> Result<&'static str, LabError> {
    dir.get_file(path)
        .and_then(include_dir::File::contents_utf8)
        .ok_or_else(|| missing(path))
}

fn missing(path: &str) -> LabError {
    LabError::Usage(format!("the data file {path} is missing from this build"))
}

fn locate(file: &str, text: &str, needle: &str, message: &str) -> LabError {
    let offset = text.find(needle).unwrap_or(0);
    FileError::at(file, text, offset, message).into()
}

fn check_templates<'a>(
    file: &str,
    text: &str,
    mut templates: impl Iterator<Item = &'a Template>,
    known: &[&str],
) -> Result<(), LabError> {
    templates.try_for_each(|template| {
        template
            .check(known)
            .map_err(|error| locate(file, text, &template.to_string(), &error.to_string()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_that_ships_can_be_read_and_refers_to_what_exists() {
        let catalog = Catalog;
        let workloads = catalog.workloads().unwrap();
        for name in catalog.stack_names() {
            let stack = catalog.stack(name).unwrap();
            let lock = catalog.stack_lock(name, &stack).unwrap();
            assert!(
                lock.contains("--hash=sha256:"),
                "{name}: the lock has no hashes"
            );
            assert!(!lock.contains("://"), "{name}: the lock names a host");
        }
        for name in catalog.app_names() {
            for workload in catalog.app(name).unwrap().targets.keys() {
                assert!(workloads.contains_key(workload), "{name}: {workload}");
            }
        }
        let published = catalog.published().unwrap();
        assert!(!catalog.study_names().is_empty());
        for name in catalog.study_names() {
            let study = catalog.study(name).unwrap();
            for cell in study.cells() {
                let stack = catalog.stack(&cell.stack).unwrap();
                catalog
                    .app_target(&cell.stack, &stack, &cell.workload)
                    .unwrap();
            }
            if let Some(rows) = &study.published {
                assert!(
                    published.iter().any(|figure| figure.seed == rows.seed),
                    "{name}"
                );
            }
        }
    }

    #[test]
    fn a_slip_gets_a_suggestion() {
        let error = Catalog.stack("gunicorn-snyc").unwrap_err().to_string();
        assert!(error.contains("did you mean `gunicorn-sync`?"), "{error}");
        let error = Catalog.study_text("flask-bnech").unwrap_err().to_string();
        assert!(error.contains("did you mean `flask-bench`?"), "{error}");
    }

    #[test]
    fn apps_are_unpacked_once_and_mended() {
        let cache = tempfile::tempdir().unwrap();
        let folder = Catalog::unpack_app("flask", cache.path()).unwrap();
        let file = folder.join("loop.py");
        let original = fs::read_to_string(&file).unwrap();
        fs::write(&file, "spoiled").unwrap();
        assert_eq!(Catalog::unpack_app("flask", cache.path()).unwrap(), folder);
        assert_eq!(fs::read_to_string(&file).unwrap(), original);
    }
}
