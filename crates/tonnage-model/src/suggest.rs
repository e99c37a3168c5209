//! "Did you mean": the nearest known name to one that is not known.

/// The candidate nearest to `name`, if it is near enough to be a slip of the
/// fingers (Damerau–Levenshtein distance at most a third of the longer name's
/// length, but at least one) or one is the beginning of the other.
pub fn suggest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = name.to_lowercase();
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let distance = strsim::damerau_levenshtein(&lower, &candidate.to_lowercase());
            let longer = lower.chars().count().max(candidate.chars().count());
            let begins = lower.len() >= 3 && candidate.to_lowercase().starts_with(&lower);
            (begins || distance <= (longer / 3).max(1)).then_some((distance, candidate))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The end of an error message about an unknown name: a suggestion where there
/// is one, and the known names.
pub fn did_you_mean(name: &str, known: &[&str]) -> String {
    let list = known.join(", ");
    match suggest(name, known.iter().copied()) {
        Some(nearest) => format!("did you mean `{nearest}`? (known: {list})"),
        None => format!("known: {list}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_a_stranger_is_not() {
        let known = ["flask-bench", "server-zoo", "relay-cache"];
        assert_eq!(suggest("flask-bnech", known), Some("flask-bench"));
        assert_eq!(suggest("flaskbench", known), Some("flask-bench"));
        assert_eq!(suggest("flask", known), Some("flask-bench"));
        assert_eq!(suggest("kubernetes", known), None);
        assert_eq!(suggest("", known), None);
    }

    #[test]
    fn the_message_always_lists_what_there_is() {
        assert_eq!(
            did_you_mean("iteration", &["duration", "iterations"]),
            "did you mean `iterations`? (known: duration, iterations)"
        );
        assert_eq!(did_you_mean("zzz", &["duration"]), "known: duration");
    }
}
