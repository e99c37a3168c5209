//! How a figure beside its bound is printed.

/// Whether a multiple is as small as demanded; says so.
pub(super) fn at_most(what: &str, times: f64, most: f64) -> bool {
    let holds = times <= most;
    let verdict = if holds { "as demanded" } else { "TOO MUCH" };
    println!("{what}: {times:.3} times, at most {most:.2}: {verdict}");
    holds
}
