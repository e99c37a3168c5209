//! One row: every server in turn, several times, and what the figures say of ours.

use std::collections::BTreeMap;

use anyhow::Context;

use super::super::median;
use super::super::sample::Sample;
use super::measure::{call_in_a_loop, one};
use super::places::Places;
use super::rivals::Server;
use super::rows::{Demand, Row};

/// A generator that is busier than this is the limit of what is measured.
///
/// Where it is so beside both of two servers, their rates are the generator's own and say
/// nothing of either. They are then compared by what such a rate costs: the server's CPU
/// time for each request, since that is what would fill its core next. If it is so beside
/// one only, their rates stand: the other did limit, and is the slower one. The rule is
/// the same for all rows and all servers, and was made before the figures it judges.
const LIMIT: f64 = 0.95;

/// The figures of one row.
pub(super) struct Table {
    row: &'static Row,
    samples: BTreeMap<Server, Vec<Sample>>,
    /// Calls per second of the loop.
    looped: Vec<f64>,
    /// Rivals that are not installed.
    absent: Vec<&'static str>,
}

/// How many times as fast as another ours is.
struct Ratio {
    /// Of the medians.
    ratio: f64,
    /// Of the repeats, each with the one beside it.
    lowest: f64,
    highest: f64,
    /// Nothing, or what is compared in place of rates.
    note: &'static str,
}

impl Table {
    /// Each server once, then each again: what the machine does meanwhile meets all.
    pub(super) fn measure(
        row: &'static Row,
        places: &Places,
        repeats: u32,
        seconds: u32,
    ) -> anyhow::Result<Self> {
        let absent = row.rivals.iter().filter(|rival| !places.has(**rival));
        let mut table = Self {
            row,
            samples: BTreeMap::new(),
            looped: Vec::new(),
            absent: absent.map(|rival| rival.name()).collect(),
        };
        println!("\n{} ({})", row.title, row.name);
        for _ in 0..repeats {
            let servers = row.rivals.iter().copied().chain([Server::Tonnage]);
            for server in servers.filter(|server| places.has(*server)) {
                let sample = one(row, server, places, seconds).with_context(|| {
                    let (name, words) = (server.name(), Places::words_of(server));
                    let target = row.setup.target;
                    format!("{name} serving {target} (see {})", words.display())
                })?;
                table.samples.entry(server).or_default().push(sample);
            }
            if let Some(kind) = row.looped {
                let calls_per_second = call_in_a_loop(row, kind, places, seconds)?;
                table.looped.push(calls_per_second);
            }
        }
        Ok(table)
    }

    pub(super) fn print(&self) {
        println!(
            "{:>18} {:>10} {:>15} {:>10} {:>9} {:>22}",
            "server",
            "requests/s",
            "of the repeats",
            "CPU µs",
            "generator",
            "ours is so many times"
        );
        let mut servers: Vec<Server> = self.samples.keys().copied().collect();
        servers.sort_by(|a, b| self.rate(*a).total_cmp(&self.rate(*b)));
        for server in servers {
            let rates = self.all(server, |sample| sample.requests_per_second);
            let (lowest, highest) = range(rates.iter().copied());
            println!(
                "{:>18} {:>10.0} {:>15} {:>10.1} {:>7.0} % {:>22}",
                server.name(),
                median(&rates),
                format!("{lowest:.0}–{highest:.0}"),
                median(&self.all(server, |sample| sample.server_us)),
                self.busy(server) * 100.0,
                self.to(server).text(),
            );
        }
        if !self.looped.is_empty() {
            let (lowest, highest) = range(self.looped.iter().copied());
            println!(
                "{:>18} {:>10.0} {:>15} {:>10.1} {:>9} {:>22}",
                "called in a loop",
                median(&self.looped),
                format!("{lowest:.0}–{highest:.0}"),
                1e6 / median(&self.looped),
                "",
                self.to_loop().text()
            );
        }
        for demand in self.row.demands {
            println!("{}", self.judge(*demand).0);
        }
    }

    /// What was demanded and is not so.
    pub(super) fn failures(&self) -> impl Iterator<Item = String> {
        let judged = self.row.demands.iter().map(|demand| self.judge(*demand));
        judged.filter(|(_, holds)| !holds).map(|(text, _)| text)
    }

    fn judge(&self, demand: Demand) -> (String, bool) {
        let (what, ratio, least) = match demand {
            Demand::Best(least) => {
                let (best, ratio) = self.to_best();
                let mut what = format!("the best ({best})");
                if !self.absent.is_empty() {
                    what = format!("{what} without {}", self.absent.join(" and "));
                }
                (what, ratio, least)
            }
            Demand::Of(server, least) => (server.name().to_owned(), self.to(server), least),
            Demand::Loop(least) => ("the loop".to_owned(), self.to_loop(), least),
        };
        // Not a number where the rival is not installed: nothing is shown, nothing holds.
        let holds = ratio.ratio >= least;
        let verdict = if holds { "as demanded" } else { "TOO LITTLE" };
        let (row, text) = (self.row.name, ratio.text());
        let text = format!("{row}: {text} times {what}, at least {least:.2}: {verdict}");
        (text, holds)
    }

    /// Ours beside another server, by rates or by cost.
    fn to(&self, server: Server) -> Ratio {
        let both = [Server::Tonnage, server];
        if both.iter().all(|server| self.busy(*server) > LIMIT) {
            // Turned round: what costs less is faster.
            let cost = |sample: &Sample| 1.0 / sample.server_us;
            let (ours, theirs) = (self.all(Server::Tonnage, cost), self.all(server, cost));
            Ratio::of(&ours, &theirs, " by CPU")
        } else {
            let [ours, theirs] = both.map(|server| self.rates(server));
            Ratio::of(&ours, &theirs, "")
        }
    }

    /// The loop has no generator: rates, even where ours is held up by one.
    fn to_loop(&self) -> Ratio {
        Ratio::of(&self.rates(Server::Tonnage), &self.looped, "")
    }

    /// The rival beside which ours is least.
    fn to_best(&self) -> (&'static str, Ratio) {
        let rivals = self.row.rivals.iter();
        let present = rivals.filter(|server| self.samples.contains_key(server));
        present
            .map(|server| (server.name(), self.to(*server)))
            .min_by(|a, b| a.1.ratio.total_cmp(&b.1.ratio))
            .unwrap_or_else(|| ("nobody", Ratio::of(&[], &[], "")))
    }

    fn all(&self, server: Server, figure: impl Fn(&Sample) -> f64) -> Vec<f64> {
        let samples = self.samples.get(&server).into_iter().flatten();
        samples.map(figure).collect()
    }

    fn rates(&self, server: Server) -> Vec<f64> {
        self.all(server, |sample| sample.requests_per_second)
    }

    fn rate(&self, server: Server) -> f64 {
        median(&self.rates(server))
    }

    fn busy(&self, server: Server) -> f64 {
        median(&self.all(server, |sample| sample.generator_busy))
    }
}

impl Ratio {
    fn of(ours: &[f64], theirs: &[f64], note: &'static str) -> Self {
        let pairs = ours.iter().zip(theirs);
        let (lowest, highest) = range(pairs.map(|(ours, theirs)| ours / theirs));
        Self {
            ratio: median(ours) / median(theirs),
            lowest,
            highest,
            note,
        }
    }

    fn text(&self) -> String {
        let Self {
            ratio,
            lowest,
            highest,
            note,
        } = self;
        format!("{ratio:.2} ({lowest:.2}–{highest:.2}){note}")
    }
}

fn range(figures: impl Iterator<Item = f64>) -> (f64, f64) {
    figures.fold((f64::INFINITY, 0.0), |(lowest, highest), figure| {
        (figure.min(lowest), figure.max(highest))
    })
}

#[cfg(test)]
mod tests {
    use super::super::rows::ROWS;
    use super::*;

    /// Of each: server, requests per second, CPU, generator.
    fn table(figures: &[(Server, f64, f64, f64)]) -> Table {
        let samples = figures.iter().map(|(server, rate, server_us, busy)| {
            let sample = Sample {
                requests_per_second: *rate,
                server_us: *server_us,
                generator_busy: *busy,
            };
            (*server, vec![sample])
        });
        Table {
            row: &ROWS[0],
            samples: samples.collect(),
            looped: Vec::new(),
            absent: Vec::new(),
        }
    }

    #[test]
    fn what_the_generator_limits_beside_both_is_compared_by_cost() {
        let full = table(&[
            (Server::Tonnage, 99.0, 4.0, 0.99),
            (Server::Uwsgi, 100.0, 5.0, 0.96),
        ]);
        let ratio = full.to(Server::Uwsgi);
        assert!((ratio.ratio - 1.25).abs() < 1e-9 && ratio.note == " by CPU");
        let of_one = table(&[
            (Server::Tonnage, 99.0, 4.0, 0.99),
            (Server::Uwsgi, 100.0, 5.0, 0.95),
        ]);
        let ratio = of_one.to(Server::Uwsgi);
        assert!((ratio.ratio - 0.99).abs() < 1e-9 && ratio.note.is_empty());
    }

    #[test]
    fn the_best_is_whom_ours_leads_least_and_a_miss_is_a_failure() {
        let table = table(&[
            (Server::Tonnage, 100.0, 10.0, 0.5),
            (Server::Bjoern, 101.0, 10.0, 0.5),
            (Server::Uwsgi, 50.0, 20.0, 0.5),
        ]);
        assert_eq!(table.to_best().0, "bjoern");
        assert_eq!(table.failures().count(), 1);
    }

    #[test]
    fn nobody_to_compare_with_holds_nothing() {
        let table = table(&[(Server::Tonnage, 100.0, 10.0, 0.5)]);
        assert!(!table.judge(Demand::Best(1.0)).1);
        assert!(!table.judge(Demand::Of(Server::Uvicorn, 1.0)).1);
    }
}
