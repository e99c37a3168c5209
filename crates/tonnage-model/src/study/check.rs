//! What a study must be beyond its form: names that exist, numbers in range.

use std::collections::BTreeMap;

use toml::Spanned;

use super::{PublishedRows, Request, Searches, Study};
use crate::{Cell, FileError, Template, did_you_mean};

/// A mistake: its place in bytes, and what is wrong.
type Mistake = (usize, String);

/// The layouts of other generators that a study may print.
const SUMMARIES: [&str; 6] = ["tonnage", "wrk", "hey", "plow", "ab", "k6"];

/// More blocks than anybody waits for.
const MAX_BLOCKS: u32 = 1000;

impl Study {
    pub(super) fn check(&self, file: &str, text: &str) -> Result<(), FileError> {
        let at = |offset: usize, message: String| FileError::at(file, text, offset, message);
        let table = |name: &str| {
            let place = text.find(&format!("[{name}]"));
            place
                .or_else(|| text.find(&format!("[[{name}]]")))
                .unwrap_or(0)
        };
        let in_table = |name: &'static str| move |message: String| (table(name), message);
        self.check_names()
            .and_then(|()| self.check_requests().map_err(in_table("request")))
            .and_then(|()| self.check_parameters().map_err(in_table("parameters")))
            .and_then(|()| self.check_served().map_err(in_table("factors")))
            .and_then(|()| self.check_experiment().map_err(in_table("experiment")))
            .and_then(|()| self.check_clients().map_err(in_table("ladder")))
            .and_then(|()| self.search.check(&self.cell_factors()))
            .and_then(|()| self.check_pause().map_err(in_table("pause")))
            .map_err(|(offset, message)| at(offset, message))?;
        self.check_quick(file, text)
    }

    /// What a cell of this study may be told by: factors and parameters.
    fn cell_factors(&self) -> Vec<&str> {
        let parameters = self.parameters.keys().map(String::as_str);
        Cell::FACTORS.into_iter().chain(parameters).collect()
    }

    /// Every placeholder, figure and factor that the study names, with its place.
    fn check_names(&self) -> Result<(), Mistake> {
        let parameters: Vec<&str> = self.parameters.keys().map(String::as_str).collect();
        let factors = self.cell_factors();
        let trial: Vec<&str> = [&Self::FIGURES[..], &factors].concat();
        for request in self.all_requests() {
            check_template(&request.path, &parameters)?;
            if !request.path.get_ref().to_string().starts_with('/') {
                let message = "a request path begins with /".to_owned();
                return Err((request.path.span().start, message));
            }
            if let Some(grpc) = &request.grpc {
                check_template(&grpc.send, &parameters)?;
            }
        }
        if let Some(step) = &self.console.step {
            check_template(step, &trial)?;
        }
        for column in &self.console.csv {
            check_name(&column.figure, "figure", &Self::FIGURES)?;
        }
        for summary in &self.console.summaries {
            check_name(summary, "layout", &SUMMARIES)?;
        }
        if let Some(figure) = &self.show.figure {
            check_name(figure, "figure", &Self::FIGURES)?;
        }
        if let Some(grid) = &self.show.grid {
            check_name(&grid.x, "factor", &factors)?;
            check_name(&grid.y, "factor", &factors)?;
        }
        if let Some(rule) = &self.show.hypothesis {
            let parsed = rule.get_ref().parse::<crate::WorkerRule>();
            parsed.map_err(|error| (rule.span().start, error.to_string()))?;
        }
        self.published
            .iter()
            .try_for_each(|rows| rows.check(&trial, &factors))
    }

    fn all_requests(&self) -> impl Iterator<Item = &Request> {
        self.request.iter().chain(self.requests.values())
    }

    fn check_requests(&self) -> Result<(), String> {
        let workloads = &self.factors.workload.0;
        if let Some(name) = workloads
            .iter()
            .find(|name| self.request_for(name).is_none())
        {
            return Err(format!(
                "nothing says what is sent to `{name}`: there is neither [request] nor [requests.{name}]"
            ));
        }
        let twice =
            |request: &Request| request.body_file.is_some() && request.bodies_file.is_some();
        if self.all_requests().any(twice) {
            return Err("`body_file` and `bodies_file` exclude each other".to_owned());
        }
        Ok(())
    }

    fn check_parameters(&self) -> Result<(), String> {
        let taken = |name: &&String| {
            let others = [&Cell::FACTORS[..], &Self::SETTINGS, &Self::FIGURES];
            others.iter().any(|names| names.contains(&name.as_str()))
        };
        match self.parameters.keys().find(taken) {
            Some(name) => Err(format!(
                "the parameter `{name}` has the name of a factor or figure"
            )),
            None => Ok(()),
        }
    }

    fn check_served(&self) -> Result<(), String> {
        let factors = &self.factors;
        let has_configurations = !self.configurations.is_empty();
        let sized = factors.workers.is_some() || factors.threads.is_some();
        if has_configurations && (factors.stack.is_some() || sized) {
            return Err(
                "`stack`, `workers` and `threads` are each [[configuration]]'s own, where there are any"
                    .to_owned(),
            );
        }
        if !has_configurations && factors.stack.is_none() {
            return Err(
                "nothing says what is served: there is neither `stack` nor a [[configuration]]"
                    .to_owned(),
            );
        }
        if factors.in_flight.is_some() && sized {
            return Err("`in_flight` chooses workers and threads; leave them out".to_owned());
        }
        let mut names: Vec<&str> = self
            .configurations
            .iter()
            .map(|c| c.name.as_str())
            .collect();
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(format!("two configurations have the name `{}`", pair[0])),
            None => Ok(()),
        }
    }

    fn check_experiment(&self) -> Result<(), String> {
        if (1..=MAX_BLOCKS).contains(&self.experiment.blocks) {
            return Ok(());
        }
        Err(format!("there are 1 to {MAX_BLOCKS} blocks"))
    }

    fn check_clients(&self) -> Result<(), String> {
        let own = |configuration: &super::Configuration| configuration.clients.is_some();
        let all_own = !self.configurations.is_empty() && self.configurations.iter().all(own);
        match &self.ladder {
            None if self.factors.clients.is_none() && !all_own => Err(
                "nothing says how many clients there are: there is neither `clients` nor a [ladder]"
                    .to_owned(),
            ),
            Some(_) if self.factors.clients.is_some() => {
                Err("`clients` and a [ladder] exclude each other".to_owned())
            }
            Some(ladder) => ladder.check(),
            None => Ok(()),
        }
    }

    fn check_pause(&self) -> Result<(), String> {
        if (0.0..=1.0).contains(&self.pause.time_wait_share) {
            return Ok(());
        }
        Err("`time_wait_share` is a share, from 0 to 1".to_owned())
    }

    /// The quick form must be one that can be made.
    fn check_quick(&self, file: &str, text: &str) -> Result<(), FileError> {
        let mut study = self.clone();
        for set in &self.quick.set {
            study
                .set(set.get_ref())
                .map_err(|error| FileError::at(file, text, set.span().start, error.to_string()))?;
        }
        Ok(())
    }
}

impl PublishedRows {
    fn check(&self, trial: &[&str], factors: &[&str]) -> Result<(), Mistake> {
        let place = self.row.span().start;
        check_template(&self.row, trial)?;
        let unknown = |name: &str, kind: &str, known: &[&str]| {
            (
                place,
                format!("there is no {kind} `{name}`: {}", did_you_mean(name, known)),
            )
        };
        let figures = &Study::FIGURES;
        match self
            .metrics
            .keys()
            .find(|name| !figures.contains(&name.as_str()))
        {
            Some(name) => Err(unknown(name, "figure", figures)),
            None => {
                check_only(&self.only, factors).map_err(|name| unknown(&name, "factor", factors))
            }
        }
    }
}

impl Searches {
    fn check(&self, factors: &[&str]) -> Result<(), Mistake> {
        let unknown = |place: usize| {
            move |name: String| {
                (
                    place,
                    format!(
                        "there is no factor `{name}`: {}",
                        did_you_mean(&name, factors)
                    ),
                )
            }
        };
        if let Some(search) = &self.memory {
            let (place, search) = (search.span().start, search.get_ref());
            check_only(&search.only, factors).map_err(unknown(place))?;
            if search.from >= search.to || !is_share(search.within) {
                return Err((
                    place,
                    "a search goes from less to more, and `within` is a share".to_owned(),
                ));
            }
        }
        if let Some(search) = &self.rate {
            let (place, search) = (search.span().start, search.get_ref());
            check_only(&search.only, factors).map_err(unknown(place))?;
            let upside_down = search
                .from
                .zip(search.to)
                .is_some_and(|(from, to)| from >= to);
            if upside_down || !is_share(search.within) {
                return Err((
                    place,
                    "a search goes from less to more, and `within` is a share".to_owned(),
                ));
            }
        }
        Ok(())
    }
}

fn is_share(within: f64) -> bool {
    (0.001..1.0).contains(&within)
}

/// The first name that is not known.
fn check_only(only: &BTreeMap<String, String>, known: &[&str]) -> Result<(), String> {
    match only.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(name.clone()),
        None => Ok(()),
    }
}

fn check_template(template: &Spanned<Template>, known: &[&str]) -> Result<(), Mistake> {
    let checked = template.get_ref().check(known);
    checked.map_err(|error| (template.span().start, error.to_string()))
}

fn check_name(name: &Spanned<String>, kind: &str, known: &[&str]) -> Result<(), Mistake> {
    let text = name.get_ref();
    if known.contains(&text.as_str()) {
        return Ok(());
    }
    let hint = did_you_mean(text, known);
    Err((
        name.span().start,
        format!("there is no {kind} `{text}`: {hint}"),
    ))
}
