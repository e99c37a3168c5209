//! What a study must be beyond its form: names that exist, numbers in range.

use toml::Spanned;

use super::Study;
use crate::{FileError, Template, did_you_mean};

impl Study {
    pub(super) fn check(&self, file: &str, text: &str) -> Result<(), FileError> {
        let at = |offset: usize, message: String| FileError::at(file, text, offset, message);
        let table = |name: &str| text.find(&format!("[{name}]")).unwrap_or(0);
        self.check_names()
            .map_err(|(offset, message)| at(offset, message))?;
        if let Some(message) = self.unknown_published_figure() {
            return Err(at(table("published"), message));
        }
        let taken = |name: &&String| name_is_taken(name);
        if let Some(name) = self.parameters.keys().find(taken) {
            let message = format!("the parameter `{name}` has the name of a factor or figure");
            return Err(at(table("parameters"), message));
        }
        self.ladder
            .check()
            .map_err(|message| at(table("ladder"), message))?;
        if !(0.0..=1.0).contains(&self.pause.time_wait_share) {
            let message = "`time_wait_share` is a share, from 0 to 1".to_owned();
            return Err(at(table("pause"), message));
        }
        if !self.request.path.get_ref().to_string().starts_with('/') {
            let message = "a request path begins with /".to_owned();
            return Err(at(self.request.path.span().start, message));
        }
        Ok(())
    }

    /// Every placeholder and figure that the study names, each with its place.
    fn check_names(&self) -> Result<(), (usize, String)> {
        let parameters: Vec<&str> = self.parameters.keys().map(String::as_str).collect();
        let trial: Vec<&str> = [&Self::FIGURES[..], &parameters].concat();
        check_template(&self.request.path, &parameters)?;
        check_template(&self.console.step, &trial)?;
        if let Some(published) = &self.published {
            check_template(&published.row, &trial)?;
        }
        for column in &self.console.csv {
            if let Some(message) = unknown_figure(column.figure.get_ref()) {
                return Err((column.figure.span().start, message));
            }
        }
        Ok(())
    }

    fn unknown_published_figure(&self) -> Option<String> {
        let published = self.published.as_ref()?;
        published
            .metrics
            .keys()
            .find_map(|figure| unknown_figure(figure))
    }
}

fn check_template(template: &Spanned<Template>, known: &[&str]) -> Result<(), (usize, String)> {
    let checked = template.get_ref().check(known);
    checked.map_err(|error| (template.span().start, error.to_string()))
}

fn unknown_figure(figure: &str) -> Option<String> {
    let unknown = !Study::FIGURES.contains(&figure);
    unknown.then(|| {
        let hint = did_you_mean(figure, &Study::FIGURES);
        format!("there is no figure `{figure}`: {hint}")
    })
}

fn name_is_taken(name: &str) -> bool {
    Study::FACTORS.contains(&name) || Study::FIGURES.contains(&name)
}
