//! Both sides of the same requests: where their time went in the servers that tell it, and
//! how long they took for their clients.

use tonnage_analysis::{Analysis, CellView};
use tonnage_model::{ServerSide, format_micros};

use crate::figure::{NOT_AVAILABLE, grouped};
use crate::table::{Field, Table};

/// A time of which a mean is taken over all blocks.
type Read = fn(&ServerSide) -> Option<f64>;

/// The parts of the service time, in the order in which a request meets them, and their sum.
const TIMES: [(&str, Read); 5] = [
    ("queue wait", |side| side.queue_wait_us),
    ("GIL wait", |side| side.gil_wait_us),
    ("application", |side| side.application_us),
    ("write", |side| side.write_us),
    ("at the server", |side| side.service_us),
];

/// What the servers of each cell say of themselves, beside what their clients saw; nothing
/// where none was asked.
pub(crate) fn server_sides(analysis: &Analysis<'_>) -> Option<Table> {
    let mut columns = vec!["<cell"];
    columns.extend(TIMES.map(|(name, _)| name));
    columns.extend(["at the client", "?between", "?turned away"]);
    let mut table = Table::new("", &columns);
    for view in &analysis.cells {
        if let Some(row) = row(view) {
            table.push(row, !view.counts);
        }
    }
    table.notes.push("Means over all blocks together. At the server: from a complete request to the end of the application’s work on it, and the writing of its response; at the client: from the first byte sent to the last received. What lies between is the network, the kernel, and what either side did before and after.".to_owned());
    (!table.rows.is_empty()).then_some(table)
}

fn row(view: &CellView<'_>) -> Option<Vec<Field>> {
    let sides: Vec<&ServerSide> = view
        .loads()
        .filter_map(|load| load.server.as_ref())
        .collect();
    if sides.is_empty() {
        return None;
    }
    let at_the_client_us = view.service_times().mean_us();
    let at_the_server_us = mean_us(&sides, |side| side.service_us);
    let between_us = at_the_client_us
        .zip(at_the_server_us)
        .map(|(client_us, server_us)| client_us - server_us);
    let field = |us: Option<f64>| {
        let text = us.map(format_micros);
        Field::or(text, NOT_AVAILABLE, "no request was answered")
    };
    let mut row = vec![Field::new(view.name())];
    row.extend(TIMES.map(|(_, read)| field(mean_us(&sides, read))));
    row.extend([field(at_the_client_us), field(between_us)]);
    let turned_away = sides.iter().map(|side| side.turned_away).sum();
    row.push(Field::new(grouped(turned_away)));
    Some(row)
}

/// The mean over the requests of all blocks, in µs.
fn mean_us(sides: &[&ServerSide], read: Read) -> Option<f64> {
    let known = sides
        .iter()
        .filter_map(|side| Some((read(side)?, side.requests as f64)));
    let (sum_us, requests) = known.fold((0.0, 0.0), |(sum_us, requests), (us, of)| {
        (sum_us + us * of, requests + of)
    });
    (requests > 0.0).then(|| sum_us / requests)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Document, fixture};

    fn side(requests: u64, application_us: f64) -> ServerSide {
        ServerSide {
            responses: requests + 1,
            requests,
            turned_away: 1,
            service_us: Some(application_us + 350.0),
            queue_wait_us: Some(200.0),
            gil_wait_us: Some(100.0),
            application_us: Some(application_us),
            write_us: Some(50.0),
        }
    }

    fn table(document: &Document) -> Option<String> {
        let analysis = document.analysis();
        server_sides(&analysis).map(|table| table.text(120))
    }

    #[test]
    fn servers_that_tell_nothing_have_no_table() {
        assert_eq!(table(&fixture::published()), None);
    }

    #[test]
    fn the_blocks_of_a_cell_count_by_their_requests() {
        let sides = [side(100, 1000.0), side(300, 2000.0)];
        let sides: Vec<&ServerSide> = sides.iter().collect();
        assert_eq!(mean_us(&sides, |side| side.application_us), Some(1750.0));
        assert_eq!(
            mean_us(&[&ServerSide::default()], |side| side.write_us),
            None
        );
    }

    #[test]
    fn both_sides_stand_beside_each_other() {
        let mut document = fixture::single();
        let load = document.trials[0].load.as_mut().unwrap();
        load.server = Some(side(100, 4000.0));
        insta::assert_snapshot!(table(&document).unwrap(), @r"
        cell            queue wait   GIL wait   application     write   at the server   at the client   between   turned away
        ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
        gunicorn-sync       200 µs     100 µs       4.00 ms   50.0 µs         4.35 ms         5.30 ms    946 µs             1
        Means over all blocks together. At the server: from a complete request to the end of the application’s work on it, and
        the writing of its response; at the client: from the first byte sent to the last received. What lies between is the
        network, the kernel, and what either side did before and after.
        ");
    }
}
