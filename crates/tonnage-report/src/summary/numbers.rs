//! Numbers as wrk, Go and k6 write them, and moments of a few values.

/// Mean, standard deviation (of a sample), smallest, largest, and the share within
/// one deviation of the mean, 0 to 1.
pub(super) struct Moments {
    pub(super) mean: f64,
    pub(super) stdev: f64,
    pub(super) min: f64,
    pub(super) max: f64,
    pub(super) within: f64,
}

/// `None` where there are no values.
pub(super) fn moments(values: &[f64]) -> Option<Moments> {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let stdev = (squares / (count - 1.0).max(1.0)).sqrt();
    let near = values.iter().filter(|v| (**v - mean).abs() <= stdev);
    Some(Moments {
        mean,
        stdev,
        min: values.iter().copied().reduce(f64::min)?,
        max: values.iter().copied().reduce(f64::max)?,
        within: near.count() as f64 / count,
    })
}

/// Units of wrk: each is `scale` times the one before. It goes over to the next at
/// 85 % of it.
struct Units {
    scale: f64,
    names: &'static [&'static str],
}

fn with_unit(mut amount: f64, units: &Units, decimals: usize) -> String {
    let mut unit = 0;
    while unit + 1 < units.names.len() && amount >= units.scale * 0.85 {
        amount /= units.scale;
        unit += 1;
    }
    format!("{amount:.decimals$}{}", units.names[unit])
}

/// Microseconds as wrk writes them: `635.91us`, `12.92ms`, `1.02s`.
pub(super) fn wrk_time(us: f64) -> String {
    if us >= 1e6 {
        return wrk_seconds(us / 1e6, 2);
    }
    let units = Units {
        scale: 1000.0,
        names: &["us", "ms"],
    };
    with_unit(us, &units, 2)
}

/// Seconds as wrk writes them: `30s`, `2m`.
pub(super) fn wrk_seconds(seconds: f64, decimals: usize) -> String {
    let units = Units {
        scale: 60.0,
        names: &["s", "m"],
    };
    with_unit(seconds, &units, decimals)
}

/// Bytes as wrk writes them, without their `B`: `17.76G`.
pub(super) fn wrk_binary(bytes: f64) -> String {
    let units = Units {
        scale: 1024.0,
        names: &["", "K", "M", "G", "T"],
    };
    with_unit(bytes, &units, 2)
}

/// A plain number as wrk writes it: `56.20k`.
pub(super) fn wrk_metric(number: f64) -> String {
    let units = Units {
        scale: 1000.0,
        names: &["", "k", "M", "G", "T"],
    };
    with_unit(number, &units, 2)
}

/// As few decimals as the number needs, at most `decimals`.
pub(super) fn trimmed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// Microseconds as Go writes durations, down to a microsecond: `176µs`,
/// `1.839ms`, `8.6s`, `1m30s`.
pub(super) fn go_duration(us: f64) -> String {
    let us = us.max(0.0).trunc();
    if us == 0.0 {
        "0s".to_owned()
    } else if us < 1e3 {
        format!("{us:.0}µs")
    } else if us < 1e6 {
        format!("{}ms", trimmed(us / 1e3, 3))
    } else {
        let minutes = (us / 60e6).floor();
        let seconds = trimmed((us - minutes * 60e6) / 1e6, 6);
        if minutes < 1.0 {
            format!("{seconds}s")
        } else if minutes < 60.0 {
            format!("{minutes:.0}m{seconds}s")
        } else {
            format!(
                "{:.0}h{:.0}m{seconds}s",
                (minutes / 60.0).floor(),
                minutes % 60.0
            )
        }
    }
}

/// Microseconds as k6 writes durations: two decimals, cut, not rounded.
pub(super) fn k6_duration(us: f64) -> String {
    let cut = |value: f64| trimmed((value * 100.0).trunc() / 100.0, 2);
    if us == 0.0 {
        "0s".to_owned()
    } else if us < 1.0 {
        format!("{:.0}ns", (us * 1e3).trunc())
    } else if us < 1e3 {
        format!("{}µs", cut(us))
    } else if us < 1e6 {
        format!("{}ms", cut(us / 1e3))
    } else if us < 60e6 {
        format!("{}s", cut(us / 1e6))
    } else {
        let minutes = (us / 60e6).trunc();
        let seconds = ((us - minutes * 60e6) / 1e6).trunc();
        if minutes < 60.0 {
            format!("{minutes:.0}m{seconds:.0}s")
        } else {
            format!(
                "{:.0}h{:.0}m{seconds:.0}s",
                (minutes / 60.0).trunc(),
                minutes % 60.0
            )
        }
    }
}

/// Bytes as k6 writes them, in decimal units: `519 kB`, `4.9 kB`.
pub(super) fn k6_bytes(bytes: f64) -> String {
    const UNITS: [&str; 6] = ["B", "kB", "MB", "GB", "TB", "PB"];
    if bytes < 10.0 {
        return format!("{} B", trimmed(bytes, 6));
    }
    let unit = ((bytes.ln() / 1000f64.ln()).floor() as usize).min(UNITS.len() - 1);
    let value = (bytes / 1000f64.powi(unit as i32) * 10.0 + 0.5).floor() / 10.0;
    let decimals = usize::from(value < 10.0);
    format!("{value:.decimals$} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_look_as_in_the_originals() {
        assert_eq!(wrk_time(635.91), "635.91us");
        assert_eq!(wrk_time(890.0), "0.89ms");
        assert_eq!(wrk_time(900_000.0), "900.00ms");
        assert_eq!(wrk_time(30_000_000.0), "30.00s");
        assert_eq!(wrk_seconds(30.0, 0), "30s");
        assert_eq!(wrk_seconds(3600.0, 0), "60m");
        assert_eq!(wrk_metric(980.0), "0.98k");
        assert_eq!(wrk_metric(70.26), "70.26");
        assert_eq!(wrk_binary(775_577.6), "757.40K");
        assert_eq!(go_duration(32.7), "32µs");
        assert_eq!(go_duration(1_839.0), "1.839ms");
        assert_eq!(go_duration(8_600_000.0), "8.6s");
        assert_eq!(go_duration(90_000_000.0), "1m30s");
        assert_eq!(go_duration(3_661_000_000.0), "1h1m1s");
        assert_eq!(go_duration(0.3), "0s");
        assert_eq!(k6_duration(140_369.9), "140.36ms");
        assert_eq!(k6_duration(7.0), "7µs");
        assert_eq!(k6_duration(119_999_000.0), "1m59s");
        assert_eq!(k6_bytes(519_000.0), "519 kB");
        assert_eq!(k6_bytes(4_900.0), "4.9 kB");
        assert_eq!(k6_bytes(718.0), "718 B");
        assert_eq!(trimmed(100.0, 0), "100");
    }

    #[test]
    fn moments_of_a_few_values() {
        let moments = moments(&[1.0, 2.0, 3.0]).unwrap();
        assert!((moments.mean - 2.0).abs() < 1e-12 && (moments.stdev - 1.0).abs() < 1e-12);
        assert!((moments.within - 1.0).abs() < 1e-12);
        assert!(super::moments(&[]).is_none());
    }
}
