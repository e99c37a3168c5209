//! Stacks, wherever they are: those that ship, folders of the user's below the
//! home's `stacks/`, and any folder named by its path. Reading them is the model's
//! business, starting them that of `server`.

use std::fs;
use std::path::{Path, PathBuf};

use include_dir::Dir;
use tonnage_model::{Stack, did_you_mean};

use crate::catalog::{STACKS, embedded_in, folders_with};
use crate::{LabError, Settings, unpack};

/// The file that makes a folder a stack.
const STACK_FILE: &str = "stack.toml";

/// Every stack that can be named.
#[derive(Debug, Clone)]
pub struct Stacks {
    own: PathBuf,
    cache: PathBuf,
}

/// A stack that was found and read.
#[derive(Debug, Clone)]
pub struct FoundStack {
    /// As it was named.
    pub name: String,
    /// What its `stack.toml` says.
    pub stack: Stack,
    files: Files,
}

/// Where a stack's own files are.
#[derive(Debug, Clone)]
enum Files {
    Shipped {
        dir: &'static Dir<'static>,
        cache: PathBuf,
    },
    Folder(PathBuf),
}

impl Stacks {
    /// The stacks of this home.
    pub fn new(settings: &Settings) -> Self {
        Self {
            own: settings.stacks(),
            cache: settings.cache.clone(),
        }
    }

    /// Names of the stacks that ship, sorted.
    pub fn shipped() -> Vec<&'static str> {
        folders_with(&STACKS, STACK_FILE)
    }

    /// Names of all stacks that ship or are in the home, sorted.
    pub fn names(&self) -> Vec<String> {
        let own = fs::read_dir(&self.own).into_iter().flatten().flatten();
        let own = own
            .filter(|entry| entry.path().join(STACK_FILE).is_file())
            .filter_map(|entry| entry.file_name().into_string().ok());
        let mut names: Vec<String> = own.collect();
        names.extend(Self::shipped().into_iter().map(str::to_owned));
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The stack of that name, or in that folder where the name is a path.
    pub fn find(&self, name: &str) -> Result<FoundStack, LabError> {
        if name.contains('/') {
            return Self::read(name, Path::new(name));
        }
        let own = self.own.join(name);
        let is_own = own.join(STACK_FILE).is_file();
        let shipped = Self::shipped().contains(&name);
        match (shipped, is_own) {
            (true, false) => self.read_shipped(name),
            (false, true) => Self::read(name, &own),
            (true, true) => Err(LabError::Usage(format!(
                "there are two stacks `{name}`: one that ships, and {}; rename that folder",
                own.display()
            ))),
            (false, false) => {
                let names = self.names();
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                Err(LabError::Unknown {
                    kind: "stack",
                    name: name.to_owned(),
                    hint: did_you_mean(name, &names),
                })
            }
        }
    }

    fn read_shipped(&self, name: &str) -> Result<FoundStack, LabError> {
        let dir = STACKS
            .get_dir(name)
            .ok_or_else(|| LabError::missing_data(name))?;
        let text = embedded_in(&STACKS, &format!("{name}/{STACK_FILE}"))?;
        Ok(FoundStack {
            name: name.to_owned(),
            stack: Stack::parse(&format!("stacks/{name}/{STACK_FILE}"), text)?,
            files: Files::Shipped {
                dir,
                cache: self.cache.clone(),
            },
        })
    }

    fn read(name: &str, folder: &Path) -> Result<FoundStack, LabError> {
        let file = folder.join(STACK_FILE);
        let unreadable = |error: std::io::Error| {
            LabError::Usage(format!("cannot read the stack {}: {error}", file.display()))
        };
        let text = fs::read_to_string(&file).map_err(unreadable)?;
        Ok(FoundStack {
            name: name.to_owned(),
            stack: Stack::parse(&file.to_string_lossy(), &text)?,
            files: Files::Folder(folder.canonicalize().map_err(unreadable)?),
        })
    }
}

impl FoundStack {
    /// Its locked requirements, where it has some: a file in its own folder, or
    /// one of those that ship.
    pub fn lock(&self) -> Result<Option<String>, LabError> {
        let Some(lock) = &self.stack.lock else {
            return Ok(None);
        };
        let own = self.own_text(lock)?;
        let text = match own {
            Some(text) => text,
            None => STACKS
                .get_file(lock)
                .and_then(include_dir::File::contents_utf8)
                .map(str::to_owned)
                .ok_or_else(|| self.no_file(lock))?,
        };
        Ok(Some(text))
    }

    /// The text of one of its files.
    pub(crate) fn text(&self, file: &str) -> Result<String, LabError> {
        self.own_text(file)?.ok_or_else(|| self.no_file(file))
    }

    fn own_text(&self, file: &str) -> Result<Option<String>, LabError> {
        match &self.files {
            Files::Shipped { dir, .. } => {
                let text = dir.get_file(dir.path().join(file));
                let text = text.and_then(include_dir::File::contents_utf8);
                Ok(text.map(str::to_owned))
            }
            Files::Folder(folder) => {
                let path = folder.join(file);
                match fs::read_to_string(&path) {
                    Ok(text) => Ok(Some(text)),
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
                    Err(error) => Err(LabError::io(&path)(error)),
                }
            }
        }
    }

    fn no_file(&self, file: &str) -> LabError {
        LabError::Usage(format!(
            "the stack `{}` names the file {file}, which is neither in its folder nor shipped",
            self.name
        ))
    }

    /// The folder with its own files.
    pub(crate) fn folder(&self) -> Result<PathBuf, LabError> {
        match &self.files {
            Files::Shipped { dir, cache } => {
                unpack::unpack(dir, &format!("stack-{}", self.name), cache)
            }
            Files::Folder(folder) => Ok(folder.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::for_tests;

    const SMALL: &str = "title = \"Mine\"\napp = \"flask\"\ncommand = [\"{tonnage}\"]\n\
        stop_signal = \"TERM\"\nstop_timeout = \"1s\"\nready_timeout = \"1s\"\n";

    fn stacks(home: &Path) -> Stacks {
        Stacks::new(&for_tests(home))
    }

    fn add(folder: &Path, text: &str) {
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join(STACK_FILE), text).unwrap();
    }

    #[test]
    fn folders_in_the_home_are_stacks_by_name_and_any_folder_by_its_path() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("stacks/mine");
        add(&folder, SMALL);
        let stacks = stacks(home.path());
        assert!(stacks.names().contains(&"mine".to_owned()));
        assert_eq!(stacks.find("mine").unwrap().stack.title, "Mine");
        let path = format!("{}/", folder.display());
        let found = stacks.find(&path).unwrap();
        assert_eq!((found.stack.title.as_str(), found.name), ("Mine", path));
    }

    #[test]
    fn a_slip_gets_a_suggestion_and_a_missing_folder_its_name() {
        let home = tempfile::tempdir().unwrap();
        let error = |name: &str| stacks(home.path()).find(name).unwrap_err().to_string();
        let slip = error("gunicorn-snyc");
        assert!(slip.contains("did you mean `gunicorn-sync`?"), "{slip}");
        let nowhere = error("./nowhere");
        assert!(
            nowhere.contains("cannot read the stack ./nowhere/stack.toml"),
            "{nowhere}"
        );
    }

    #[test]
    fn mistakes_and_doubles_are_told() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("stacks");
        add(&folder.join("mine"), &SMALL.replace("app =", "ap ="));
        add(&folder.join("gunicorn-sync"), SMALL);
        let error = |name: &str| stacks(home.path()).find(name).unwrap_err().to_string();
        let slip = error("mine");
        assert!(
            slip.contains("stacks/mine/stack.toml:2:1: unknown field `ap`"),
            "{slip}"
        );
        assert!(error("gunicorn-sync").contains("rename that folder"));
    }

    #[test]
    fn a_lock_may_be_its_own_or_one_that_ships() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("stacks/mine");
        let lock = |lock: &str| {
            add(&folder, &format!("lock = \"{lock}\"\n{SMALL}"));
            stacks(home.path()).find("mine").unwrap().lock()
        };
        assert!(lock("uv.lock").unwrap().unwrap().contains("uv=="));
        fs::write(folder.join("uv.lock"), "mine").unwrap();
        assert_eq!(lock("uv.lock").unwrap().unwrap(), "mine");
        let error = lock("nowhere.lock").unwrap_err().to_string();
        assert!(error.contains("names the file nowhere.lock"), "{error}");
    }
}
