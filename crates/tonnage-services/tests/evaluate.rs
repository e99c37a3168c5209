//! `evaluate` in Rust and in Python's three modes: the same answers, to the byte,
//! for payloads of a seed, for conditions that would do harm, and for texts that
//! are broken at random.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use serde_json::{Value, json};
use tonnage_services::evaluate::{Engine, Payloads, hostile};

const SEED: u64 = 20_220_601;

fn apps() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../apps/common")
}

/// What Python answers to each body.
fn python(mode: &str, bodies: &[Vec<u8>]) -> Vec<String> {
    let mut child = Command::new("python3")
        .arg(apps().join("evaluator.py"))
        .env("EVALUATE_MODE", mode)
        // Without `site`, which only costs time here: ten thousand interpreters
        // start in this test. The benchmark spawns plain ones.
        .env("EVALUATE_SPAWN_FLAGS", "-I -S")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 is on PATH");
    let mut input = child.stdin.take().expect("piped");
    let lines = bodies.join(&b'\n');
    let writer = thread::spawn(move || {
        input.write_all(&lines).expect("Python reads");
        input.write_all(b"\n").expect("Python reads");
    });
    let output = child.wait_with_output().expect("Python ends");
    writer.join().expect("all is written");
    assert!(
        output.status.success(),
        "{mode} ended with {}",
        output.status
    );
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.lines().map(str::to_owned).collect()
}

fn native(engine: &Engine, body: &[u8]) -> String {
    String::from_utf8(engine.answer(body).expect("a payload")).expect("UTF-8")
}

#[track_caller]
fn assert_agree(mode: &str, bodies: &[Vec<u8>], native: &[String]) {
    let answers = python(mode, bodies);
    assert_eq!(answers.len(), bodies.len(), "{mode}");
    for ((body, theirs), ours) in bodies.iter().zip(&answers).zip(native) {
        assert_eq!(theirs, ours, "{mode}: {}", String::from_utf8_lossy(body));
    }
}

#[test]
fn four_engines_agree_on_ten_thousand_payloads() {
    let bodies: Vec<Vec<u8>> = Payloads::new(SEED).take(10_000).collect();
    let engine = Engine::new();
    let ours: Vec<String> = bodies.iter().map(|body| native(&engine, body)).collect();
    let errors = ours
        .iter()
        .filter(|answer| answer.starts_with("{\"error"))
        .count();
    assert_eq!(errors, 0, "payloads of the generator are all well");
    let changed = ours
        .iter()
        .filter(|answer| answer.contains("\"4\""))
        .count();
    assert!((1000..9000).contains(&changed), "{changed} conditions hold");
    assert_agree("inprocess", &bodies, &ours);
    assert_agree("pool", &bodies, &ours);
    // Interpreters start on as many cores as there are.
    let cores = thread::available_parallelism().map_or(2, usize::from);
    let share = bodies.len().div_ceil(cores);
    thread::scope(|scope| {
        for (bodies, ours) in bodies.chunks(share).zip(ours.chunks(share)) {
            scope.spawn(move || assert_agree("spawn", bodies, ours));
        }
    });
}

#[test]
fn payloads_are_as_large_as_the_originals() {
    let mut sizes: Vec<usize> = Payloads::new(SEED)
        .take(1000)
        .map(|body| body.len())
        .collect();
    sizes.sort_unstable();
    assert!((600..1100).contains(&sizes[500]), "median {}", sizes[500]);
    assert!(sizes[999] < 2500, "largest {}", sizes[999]);
    let again: Vec<Vec<u8>> = Payloads::new(SEED).take(10).collect();
    assert_eq!(again, Payloads::new(SEED).take(10).collect::<Vec<_>>());
    assert_ne!(again, Payloads::new(SEED + 1).take(10).collect::<Vec<_>>());
    let text = String::from_utf8(again.concat()).expect("UTF-8");
    assert!(text.contains("trueConditions"));
    let many: Vec<u8> = Payloads::new(SEED).take(200).collect::<Vec<_>>().concat();
    let many = String::from_utf8(many).expect("UTF-8");
    for odd in ["\\n", "\\\"", "'", "ñ", "🚫", "\\t", "\\r"] {
        assert!(many.contains(odd), "{odd}");
    }
}

fn body(text: &str) -> Vec<u8> {
    let log = json!({ "Text": "say \"hi\"\nit's ñ\\", "n": 3, "f": 2.5, "list": [1, "a", null] });
    let body = json!({ "payload": {
        "log": log,
        "context": { "hits": 1, "names": ["x"] },
        "conditions": [{ "numeration": 7, "type": "Standard", "text": text }],
        "trueConditions": ["1"],
    }});
    body.to_string().into_bytes()
}

const GOOD: &str = "result = '\"hi\"' in log['Text']\ncontext['hits'] += 1";

#[test]
fn harm_is_an_error_and_the_next_request_is_served() {
    let mut bodies = Vec::new();
    for (_, text) in hostile() {
        bodies.extend([body(&text), body(GOOD)]);
    }
    let engine = Engine::new();
    let ours: Vec<String> = bodies.iter().map(|body| native(&engine, body)).collect();
    for (pair, (name, _)) in ours.chunks(2).zip(hostile()) {
        let answer: Value = serde_json::from_str(&pair[0]).expect("JSON");
        assert!(answer["error"].is_string(), "{name}: {answer}");
        assert_eq!(answer["condition"], 7, "{name}");
        let next = r#"{"trueConditions":["1",7],"context":{"hits":2,"names":["x"]}}"#;
        assert_eq!(pair[1], next, "after {name}");
    }
    for mode in ["inprocess", "pool", "spawn"] {
        assert_agree(mode, &bodies, &ours);
    }
}

/// Programs that use all of the language, to be broken.
const WHOLE: [&str; 6] = [
    "def f(n, m=2):\n    if n <= 0:\n        return m\n    return f(n - 1, m) + 1\nresult = f(3) == 5 and not False\ncontext['f'] = f(2, 0)\n",
    "total = 0\nfor k, v in {'a': 1, 'b': 2.5}.items():\n    if v > 1 or k == 'z':\n        total += v * 2\n    elif k in ['a']:\n        continue\n    else:\n        break\ncontext['total'] = total / 3 - 1\nresult = total != 5\n",
    "text = log['Text'].lower().strip()\nparts = text.split()\ncontext['parts'] = [p.upper() + '!' for p in parts if len(p) > 2]\ncontext['where'] = text.find('hi') + text.count('i')\nresult = text.startswith('say') and not text.endswith('x')\n",
    "a, b = 7, -2\nx = [a // b, a % b, a * b, abs(b), min(a, b), max([a, b])]\nx.append(sum(x))\nx.extend(sorted([3, 1, 2]))\nx[0] -= 1\ncontext['x'] = x[1:-1]\nresult = x.pop() == 3 and x.index(1) >= 0\n",
    "d = {k: len(k) for k in ['one', 'three']}\nd.update({'two': 3})\nd.setdefault('four', None)\ncontext['d'] = d\ncontext['n'] = d.get('nine', str(1.5) + str(None) + str(True))\nresult = d.pop('one') == 3 if 'one' in d else 'two' not in d\n",
    "n = int('12') + int(log['f']) + float('1e2')\ncontext['n'] = n\ncontext['r'] = range(2, 5)\ncontext['e'] = enumerate(['a', 'b'])\nresult = any([n > 1, False]) and all([1, 'x', [0]]) and bool(n) and list(log) != log['list']\n",
];

const PIECES: [&str; 44] = [
    "0",
    "1",
    "-1",
    "2.5",
    "9223372036854775807",
    "1e3",
    "'a'",
    "\"\"",
    "None",
    "True",
    "[]",
    "{}",
    "()",
    "log",
    "context",
    "result",
    "x",
    "len",
    "f",
    "n",
    "[1, [2]]",
    "{'a': 1}",
    "+",
    "-",
    "*",
    "/",
    "//",
    "%",
    "==",
    "<",
    "in",
    "not",
    "and",
    "or",
    "if",
    "else",
    "for",
    "(",
    ")",
    "[",
    "]",
    ":",
    ",",
    "=",
];

/// A program with a few tokens taken away, doubled, swapped or replaced.
fn broken(random: &mut Pcg64Mcg) -> String {
    let whole = WHOLE.choose(random).expect("some");
    let mut tokens: Vec<String> = Vec::new();
    for char in whole.chars() {
        let word = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
        match tokens.last_mut() {
            Some(last) if word(char) && last.chars().all(word) => last.push(char),
            _ => tokens.push(char.to_string()),
        }
    }
    for _ in 0..random.random_range(1..4) {
        let (a, b) = (
            random.random_range(0..tokens.len()),
            random.random_range(0..tokens.len()),
        );
        match random.random_range(0..4) {
            0 => {
                tokens.remove(a);
            }
            1 => tokens.insert(a, tokens[b].clone()),
            2 => tokens.swap(a, b),
            _ => tokens[a] = PIECES.choose(random).expect("some").to_string(),
        }
    }
    tokens.concat()
}

#[test]
fn broken_texts_are_read_alike() {
    let mut random = Pcg64Mcg::seed_from_u64(SEED);
    let mut texts: Vec<String> = WHOLE.map(str::to_owned).to_vec();
    texts.extend((0..6000).map(|_| broken(&mut random)));
    let bodies: Vec<Vec<u8>> = texts.iter().map(|text| body(text)).collect();
    let engine = Engine::new();
    let (mut held, mut differ) = (0, Vec::new());
    for ((text, body), theirs) in texts.iter().zip(&bodies).zip(python("inprocess", &bodies)) {
        let ours = native(&engine, body);
        let both_fail = ours.starts_with("{\"error") && theirs.starts_with("{\"error");
        held += usize::from(!both_fail);
        if ours != theirs && !both_fail {
            differ.push(format!("{text}\n  Starlark {ours}\n  Python   {theirs}"));
        }
    }
    assert!(
        differ.is_empty(),
        "{} differ:\n{}",
        differ.len(),
        differ.join("\n")
    );
    assert!(held > 500, "only {held} texts ran to their end");
}

#[test]
fn payloads_that_are_none_get_the_same_error() {
    let standard = json!({ "numeration": 1, "type": "Standard", "text": "result = True" });
    let whole = json!({
        "log": {}, "context": {}, "conditions": [standard], "trueConditions": [],
        "logProcessingTime": 10, "stateTime": 0,
    });
    let with = |name: &str, value: Value| {
        let mut payload = whole.clone();
        payload[name] = value;
        payload
    };
    let condition = |condition: Value| with("conditions", json!([condition]));
    let deep = (0..70).fold(json!(1), |inner, _| json!([inner]));
    let payloads = [
        whole.clone(),
        json!([1]),
        json!({}),
        with("log", json!([])),
        with("context", json!(null)),
        with("context", json!({ "a": deep })),
        with("conditions", json!({})),
        with("conditions", json!(vec![1; 101])),
        with("trueConditions", json!("1")),
        with("trueConditions", json!([1.5])),
        with("trueConditions", json!([true])),
        with("trueConditions", json!([""])),
        condition(json!(1)),
        condition(json!({ "type": "Standard", "text": "" })),
        condition(json!({ "numeration": 1, "type": "Other", "text": "" })),
        condition(json!({ "numeration": 1, "type": "Standard", "text": 1 })),
        condition(json!({ "numeration": 1, "type": "Order", "text": "" })),
        condition(json!({ "numeration": 1, "type": "Timed", "text": "" })),
        condition(
            json!({ "numeration": 1, "type": "Timed", "text": "result = 1", "timeRange": 10 }),
        ),
        condition(
            json!({ "numeration": 1, "type": "Timed", "text": "result = 1", "timeRange": 9.5 }),
        ),
        condition(json!({ "numeration": 1, "type": "Order", "order": "" })),
    ];
    let bodies = payloads.map(|payload| json!({ "payload": payload }).to_string().into_bytes());
    let mut bodies = bodies.to_vec();
    // What `json!` cannot say.
    for value in [
        "1e999",
        "9223372036854775808",
        "\"\\ud800\"",
        "{\"a\":1,\"a\":2}",
        "-0",
        "1.0",
        "1E2",
    ] {
        let body = format!(
            "{{\"payload\":{{\"log\":{{}},\"context\":{{\"v\":{value}}},\"conditions\":[],\"trueConditions\":[]}}}}"
        );
        bodies.push(body.into_bytes());
    }
    let engine = Engine::new();
    let ours: Vec<String> = bodies.iter().map(|body| native(&engine, body)).collect();
    assert_agree("inprocess", &bodies, &ours);
    for body in ["", "[", "{}", "[1]", "1"] {
        assert!(engine.answer(body.as_bytes()).is_err(), "{body}");
    }
}

/// The bounds behind the budget: interpreters that are killed and replaced, that
/// outlive a fork but not their parent.
#[test]
fn interpreters_are_bounded_and_end() {
    let test = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interpreters.py");
    let output = Command::new("python3")
        .arg(test)
        .env("PYTHONPATH", apps())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .expect("python3 is on PATH");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}
