//! What every stack is asked beyond its verification: seeded questions for each
//! workload, the same for all, so that their answers can be compared.

use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use serde_json::{Map, Value};
use tonnage_services::evaluate::Payloads;

/// The seed of all questions.
const SEED: u64 = 20_261_125;

/// A request in words of its own, so that it can be asked over HTTP and gRPC.
#[derive(Debug, Clone)]
pub(crate) enum Question {
    Get(String),
    Post(&'static str, Vec<u8>),
    /// `cpu_bound` with so many rounds.
    CpuBound(u32),
    /// `io_bound` with a delay in whole seconds, which is all that gRPC knows.
    IoBound(u32),
    /// Whether it is there.
    Index,
}

/// What is asked of a workload.
pub(crate) fn of(workload: &str) -> Vec<Question> {
    let random = &mut Pcg64Mcg::seed_from_u64(SEED);
    let get = |path: &str| Question::Get(path.to_owned());
    match workload {
        "hello" => ["/", "/json", "/", "/js", "/json/", "/?a=b"]
            .map(get)
            .into(),
        "echo" => echo(random),
        "loop" => {
            let mut questions: Vec<_> = (0..10)
                .map(|_| {
                    let (it1, it2) = (random.random_range(0..3000), random.random_range(0..5));
                    get(&format!("/?it1={it1}&it2={it2}"))
                })
                .collect();
            let wrong = [
                "/",
                "/?it1=1_0&it2=1",
                "/?it1=%D9%A3&it2=1",
                "/?it1=1&it1=x&it2=1",
                "/?it1=1",
                "/?it1=1&it2=-1",
                "/?it1=1.5&it2=1",
                "/?it1=2000000&it2=2000000",
            ];
            questions.extend(wrong.map(get));
            questions
        }
        "matmul" => {
            let mut questions = vec![Question::Index];
            questions.extend((0..10).map(|_| Question::CpuBound(random.random_range(1..40))));
            questions
        }
        "fanout" => vec![Question::Index, Question::IoBound(1)],
        "relay" => relay(random),
        "evaluate" => evaluate(),
        other => panic!("nothing is known of the workload {other}"),
    }
}

/// Those that only HTTP can be asked.
pub(crate) fn over_http_only(workload: &str) -> Vec<Question> {
    let paths: &[&str] = match workload {
        "matmul" => &[
            "/cpu_bound?num=0",
            "/cpu_bound?num=-1",
            "/cpu_bound?num=1e3",
            "/cpu_bound?num=100001",
            "/cpu_bound",
        ],
        "fanout" => &[
            "/io_bound?delay=0",
            "/io_bound?delay=0.05",
            "/io_bound?delay=61",
            "/io_bound?delay=nan",
            "/io_bound?delay=soon",
        ],
        _ => &[],
    };
    paths
        .iter()
        .map(|path| Question::Get((*path).to_owned()))
        .collect()
}

fn echo(random: &mut Pcg64Mcg) -> Vec<Question> {
    let mut questions = Vec::new();
    for _ in 0..40 {
        let body = value(random, 3).to_string().into_bytes();
        questions.push(Question::Post("/uploader", body.clone()));
        questions.push(Question::Post("/uploader?format=json", body));
    }
    let texts = [
        "",
        " 1 ",
        "1e400",
        "-0",
        "-0.0",
        "1E5",
        "0.1e-6",
        "123456789012345678901234567890",
        "[1,]",
        "{\"a\":1,\"a\":2}",
        "NaN",
        "\"\\ud800\"",
        "\"\\u0041\\n\"",
        "01",
        "[[[[[[[[]]]]]]]]",
    ];
    questions.extend(texts.map(|text| Question::Post("/uploader", text.into())));
    questions.push(Question::Post("/uploader", vec![0xff, 0xfe, b'1', 0]));
    questions
}

/// Any JSON value, at most so deep.
fn value(random: &mut Pcg64Mcg, depth: u32) -> Value {
    match random.random_range(0..if depth == 0 { 6 } else { 8 }) {
        0 => Value::Null,
        1 => Value::Bool(random.random()),
        2 => Value::from(random.random::<i64>() >> random.random_range(0..64)),
        3 => loop {
            // Any bits that are a number; some of them in the range that people use.
            let number = if random.random() {
                f64::from_bits(random.random())
            } else {
                f64::from(random.random::<i32>()) / 1000.0
            };
            if let Some(number) = serde_json::Number::from_f64(number) {
                break Value::Number(number);
            }
        },
        4 | 5 => Value::String(text(random)),
        6 => (0..random.random_range(0..4))
            .map(|_| value(random, depth - 1))
            .collect(),
        _ => {
            let entries =
                (0..random.random_range(0..4)).map(|_| (text(random), value(random, depth - 1)));
            Value::Object(entries.collect::<Map<_, _>>())
        }
    }
}

/// A text of characters that Python quotes, escapes, or lets stand.
fn text(random: &mut Pcg64Mcg) -> String {
    const SPECIAL: [char; 20] = [
        '\'', '"', '\\', '\n', '\r', '\t', '\0', '\u{7f}', '\u{80}', '\u{a0}', '\u{ad}', 'ñ', 'Å',
        '\u{300}', '\u{200b}', '\u{2028}', '\u{3000}', '\u{e000}', '\u{feff}', '🚫',
    ];
    (0..random.random_range(0..12))
        .map(|_| match random.random_range(0..4) {
            0 | 1 => char::from(random.random_range(b' '..=b'~')),
            2 => SPECIAL.choose(random).copied().unwrap_or('x'),
            // Ideographs that every supported Python knows.
            _ => char::from_u32(random.random_range(0x4e00..0x9f00)).unwrap_or('x'),
        })
        .collect()
}

fn relay(random: &mut Pcg64Mcg) -> Vec<Question> {
    let known = ["bikupan", "rudbeck", "hubben", "elma", "dufva", "jons"];
    let mut paths: Vec<String> = (0..12)
        .filter_map(|_| known.choose(random))
        .map(|name| format!("/restaurant/{name}"))
        .collect();
    let others = [
        "/restaurants",
        "/restaurants?city=Solna",
        "/restaurant/",
        "/restaurant/nobody",
        "/r%C3%A4ksm%C3%B6rg%C3%A5s",
    ];
    paths.extend(others.map(str::to_owned));
    paths.into_iter().map(Question::Get).collect()
}

fn evaluate() -> Vec<Question> {
    let post = |body: Vec<u8>| Question::Post("/eval", body);
    let mut questions: Vec<_> = Payloads::new(SEED).take(12).map(post).collect();
    for text in [
        "import os",
        "x = \"a\" * 1000000000",
        "def f(n):\n    return f(n + 1)\nf(0)",
        "result = log[\"no\"]",
    ] {
        let payload = serde_json::json!({"payload": {
            "log": {"Text": "it's \"quoted\"\nand broken"}, "context": {}, "trueConditions": [],
            "logProcessingTime": 2, "stateTime": 1,
            "conditions": [{"type": "Standard", "numeration": "9", "text": text}],
        }});
        questions.push(post(payload.to_string().into_bytes()));
    }
    questions
        .extend(["", "{}", "{\"payload\": 3}", "{\"payload\": NaN}"].map(|body| post(body.into())));
    questions
}
