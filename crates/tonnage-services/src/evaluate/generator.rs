//! Log streams as a log detector sees them, any length, the same for the same
//! seed: sshd, nginx, the kernel and applications, in English and Spanish, with
//! the quotes and newlines that real logs have; and the payloads made of them.

use rand::seq::IndexedRandom;
use rand::{Rng, RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use serde_json::{Map, Value, json};

/// When the first log is written, in seconds since 1970.
const START_S: f64 = 1_654_041_600.0;

/// Payloads one after the other, as the bodies of requests.
#[derive(Debug, Clone)]
pub struct Payloads {
    random: Pcg64Mcg,
    time_s: f64,
    count: u64,
}

impl Payloads {
    /// The stream of this seed.
    pub fn new(seed: u64) -> Self {
        Self {
            random: Pcg64Mcg::seed_from_u64(seed),
            time_s: START_S,
            count: 0,
        }
    }

    fn payload(&mut self) -> Value {
        let random = &mut self.random;
        // Logs come in bursts.
        self.time_s += if random.random_bool(0.7) {
            random.random_range(0.001..0.2)
        } else {
            random.random_range(1.0..90.0)
        };
        let time_s = (self.time_s * 1000.0).round() / 1000.0;
        let log = log(random, time_s, self.count);
        let state_s = (time_s - random.random_range(0.0..600.0)).round();
        let seen: Vec<Value> = (1..=random.random_range(0..4))
            .map(|numeration| json!(numeration.to_string()))
            .collect();
        let mut conditions = vec![condition(random, "Timed", 4)];
        // The original's payloads have one timed condition each; the other kinds
        // come in between, so that they are compared as well.
        if random.random_bool(0.1) {
            conditions.push(condition(random, "Standard", 5));
            conditions.push(condition(random, "Order", 6));
        }
        let mut context = Map::new();
        context.insert(
            "state".into(),
            json!(pick(random, &["inicio", "alerta", "bloqueo"])),
        );
        context.insert("hits".into(), json!(random.random_range(0..50)));
        context.insert(
            "hosts".into(),
            json!({ pick(random, &HOSTS): random.random_range(1..9) }),
        );
        context.insert("recent".into(), json!([pick(random, &HOSTS), "\"-\""]));
        json!({
            "payload": {
                "log": log,
                "context": context,
                "conditions": conditions,
                "trueConditions": seen,
                "logProcessingTime": time_s,
                "stateTime": state_s,
            }
        })
    }
}

impl Iterator for Payloads {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let payload = self.payload();
        self.count += 1;
        Some(payload.to_string().into_bytes())
    }
}

fn pick<'a>(random: &mut impl Rng, from: &[&'a str]) -> &'a str {
    from.choose(random).copied().unwrap_or_default()
}

const HOSTS: [&str; 6] = [
    "web-01",
    "web-02",
    "db-01",
    "bastión",
    "correo",
    "nodo-ñandú",
];
const USERS: [&str; 7] = [
    "root",
    "admin",
    "josé",
    "o'brien",
    "deploy",
    "maría.núñez",
    "\"x\"",
];
const PATHS: [&str; 6] = [
    "/",
    "/login",
    "/api/v1/items?id=7",
    "/búsqueda",
    "/a%20b",
    "/wp-login.php",
];
const AGENTS: [&str; 4] = [
    "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/115.0",
    "curl/8.4.0",
    "python-requests/2.31.0",
    "Googlebot/2.1 (+http://www.google.com/bot.html)",
];
const LEVELS: [&str; 5] = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"];

fn log(random: &mut impl Rng, time_s: f64, number: u64) -> Value {
    let (source, text) = match random.random_range(0..5) {
        0 => ("sshd", sshd(random)),
        1 => ("nginx", nginx(random)),
        2 => ("kernel", kernel(random)),
        3 => ("app", application(random)),
        _ => ("servicio", servicio(random)),
    };
    json!({
        "Text": text,
        "Level": pick(random, &LEVELS),
        "Host": pick(random, &HOSTS),
        "Source": source,
        "Pid": random.random_range(2..65_000),
        "Time": time_s,
        "Number": number,
    })
}

fn address(random: &mut impl Rng) -> String {
    let mut part = || random.random_range(1..255);
    format!("10.{}.{}.{}", part(), part(), part())
}

fn sshd(random: &mut impl Rng) -> String {
    let (user, from) = (pick(random, &USERS), address(random));
    let port = random.random_range(1024..65_535);
    match random.random_range(0..4) {
        0 => format!("Failed password for invalid user {user} from {from} port {port} ssh2"),
        1 => format!("Failed password for {user} from {from} port {port} ssh2"),
        2 => format!("Accepted publickey for {user} from {from} port {port} ssh2: ED25519"),
        _ => format!("error: maximum authentication attempts exceeded for '{user}' from {from}"),
    }
}

fn nginx(random: &mut impl Rng) -> String {
    let (from, path, agent) = (address(random), pick(random, &PATHS), pick(random, &AGENTS));
    let status = pick(
        random,
        &["200", "200", "200", "301", "404", "499", "500", "502"],
    );
    let bytes = random.random_range(0..90_000);
    let ms = random.random_range(0..4000);
    format!(
        "{from} - - \"GET {path} HTTP/1.1\" {status} {bytes} \"-\" \"{agent}\" rt={}.{:03}",
        ms / 1000,
        ms % 1000
    )
}

fn kernel(random: &mut impl Rng) -> String {
    let seconds = random.random_range(1000..999_999);
    match random.random_range(0..4) {
        0 => format!(
            "[{seconds}.001] Out of memory: Killed process 4242 (python3) total-vm:1831200kB"
        ),
        1 => format!("[{seconds}.417] TCP: request_sock_TCP: Possible SYN flooding on port 80."),
        2 => format!("[{seconds}.902] EXT4-fs warning (device sda1): \\x20 checksum\tinvalid"),
        _ => format!("[{seconds}.110] usb 1-1: new high-speed USB device number 7\r\n"),
    }
}

fn application(random: &mut impl Rng) -> String {
    let user = pick(random, &USERS);
    let ms = random.random_range(1..30_000);
    match random.random_range(0..4) {
        0 => format!(
            "Traceback (most recent call last):\n  File \"/srv/app.py\", line {ms}, in view\n    \
             raise KeyError('{user}')\nKeyError: '{user}'"
        ),
        1 => format!(
            "{{\"event\": \"slow query\", \"ms\": {ms}, \"sql\": \"SELECT * FROM t WHERE a='x'\"}}"
        ),
        2 => format!("user={user} action=login result=ok elapsed={ms}ms"),
        _ => format!("payment of 12,50 € for {user} declined: reason=\"'insufficient' funds\" 🚫"),
    }
}

fn servicio(random: &mut impl Rng) -> String {
    let (user, from) = (pick(random, &USERS), address(random));
    match random.random_range(0..4) {
        0 => format!("Conexión rechazada desde {from}: límite de sesiones alcanzado"),
        1 => format!("Autenticación fallida para el usuario «{user}»\nÚltimo intento: {from}"),
        2 => "¡ATENCIÓN! El disco está al 97 %, quedan 1.204 MB en /var".to_owned(),
        _ => format!("Sesión iniciada: {user} ({from})"),
    }
}

/// A condition of one of the kinds, with one of the texts.
fn condition(random: &mut impl Rng, kind: &str, numeration: u32) -> Value {
    let text = pick(random, &TEXTS);
    let mut condition = json!({ "numeration": numeration.to_string(), "type": kind });
    match kind {
        "Order" => condition["order"] = json!(pick(random, &["12", "23", "124", "45", "3", "21"])),
        "Timed" => {
            condition["text"] = json!(text);
            condition["timeRange"] = json!(random.random_range(10..900));
        }
        _ => condition["text"] = json!(text),
    }
    condition
}

/// What people ask of logs, with every construct of the language in some place.
const TEXTS: [&str; 12] = [
    "text = log[\"Text\"]\nresult = \"Failed password\" in text and \"invalid user\" in text\nif result:\n    context[\"hits\"] = context[\"hits\"] + 1\n    context[\"state\"] = \"alerta\"\n",
    "def words(text):\n    return [w for w in text.lower().split() if len(w) > 3]\n\nfound = words(log[\"Text\"])\nfor w in found:\n    if w.startswith(\"10.\"):\n        hosts = context[\"hosts\"]\n        hosts[w] = hosts.get(w, 0) + 1\nresult = \"failed\" in found or \"rechazada\" in found\n",
    "# Spanish messages carry accents\nresult = log.get(\"Level\") in [\"ERROR\", \"CRITICAL\"] and not log[\"Text\"].endswith(\"ssh2\")\ncontext[\"recent\"].append(log[\"Host\"])\ncontext[\"recent\"] = context[\"recent\"][-5:]\n",
    "parts = log[\"Text\"].split(\" \")\nstatus = [int(p) for p in parts if p.isdigit() and len(p) == 3]\nbad = [s for s in status if s >= 500]\ncontext[\"hits\"] += len(bad)\nresult = len(bad) > 0\n",
    "place = log[\"Text\"].find(\"rt=\")\nresult = False\nif place >= 0:\n    seconds = float(log[\"Text\"][place + 3:].split(\" \")[0])\n    context[\"slowest\"] = max(seconds, context.get(\"slowest\", 0.0))\n    result = seconds > 1.5\n",
    "lines = log[\"Text\"].replace(\"\\r\", \"\").split(\"\\n\")\nresult = len(lines) > 1\ncontext[\"lines\"] = [len(line) for line in lines]\ncontext[\"quoted\"] = log[\"Text\"].count(\"\\\"\") + log[\"Text\"].count(\"'\")\n",
    "total = 0\nfor host, count in context[\"hosts\"].items():\n    if host == log[\"Host\"]:\n        total += count\n    else:\n        total -= 1\ncontext[\"score\"] = total * 10 // 3 + total % 7\nresult = total > 0\n",
    "def level(name):\n    names = [\"DEBUG\", \"INFO\", \"WARNING\", \"ERROR\", \"CRITICAL\"]\n    for place, known in enumerate(names):\n        if known == name:\n            return place\n    return -1\n\ncontext[\"worst\"] = max([level(log[\"Level\"]), context.get(\"worst\", 0)])\nresult = context[\"worst\"] >= 3 if log[\"Pid\"] > 100 else False\n",
    "seen = {}\nfor c in log[\"Text\"].upper().split(\"E\"):\n    seen[c[:2]] = seen.get(c[:2], 0) + 1\ncontext[\"mean\"] = sum([n for n in seen.values()]) / len(seen)\nresult = \"AT\" in seen or log[\"Number\"] % 2 == 0\n",
    "pid = log[\"Pid\"]\nhalf = pid / 2 - 0.5\nresult = half > 10000.0 and log[\"Source\"] != \"kernel\"\ncontext[\"pid\"] = str(pid) + \"/\" + str(half)\ncontext[\"top\"] = sorted([pid, 1000, 42])[-1]\n",
    "known = (\"web-01\", \"web-02\", \"db-01\")\nstate = context[\"state\"]\nif log[\"Host\"] not in known:\n    context[\"state\"] = \"bloqueo\"\nelif state == \"bloqueo\":\n    context[\"state\"] = \"inicio\"\nelse:\n    pass\nresult = state != context[\"state\"]\n",
    "limits = {\"sshd\": 3, \"nginx\": 100, \"app\": 10}\nlimit = limits.get(log[\"Source\"])\nif limit == None:\n    limit = 1\ncount = context[\"hits\"]\ncontext[\"hits\"] = count + 1\nresult = count > limit and any([\"@\" in log[\"Text\"], \"/\" in log[\"Text\"], \"«\" in log[\"Text\"]])\n",
];

/// Conditions that would harm an evaluator without bounds: a name and a text each.
pub fn hostile() -> Vec<(&'static str, String)> {
    let of = |name, text: &str| (name, text.to_owned());
    vec![
        of("endless loop", "while True:\n    pass"),
        of("long loop", "for i in range(1000000000000):\n    pass"),
        of(
            "nested loops",
            "for i in range(100000):\n    for j in range(100000):\n        for k in range(100000):\n            pass",
        ),
        of("gigabyte text", "x = \"a\" * 1000000000"),
        of("gigabyte list", "x = [0] * 1000000000"),
        of(
            "doubling text",
            "x = \"ab\"\nfor i in range(40):\n    x = x + x",
        ),
        of("doubling list", "x = [1]\nfor i in range(40):\n    x += x"),
        of(
            "doubling tree",
            "x = [1]\nfor i in range(60):\n    x = [x, x]\ncontext[\"x\"] = x",
        ),
        of(
            "comparing trees",
            "x = [1]\ny = [1]\nfor i in range(60):\n    x = [x, x]\n    y = [y, y]\nresult = x == y",
        ),
        of(
            "replace",
            "x = \"a\" * 1000000\nresult = x.replace(\"a\", x) == \"\"",
        ),
        of(
            "join",
            "x = [\"a\" * 100000] * 100000\nresult = \"-\".join(x) == \"\"",
        ),
        of("large number", "x = 7\nfor i in range(100):\n    x = x * x"),
        of("infinite number", "x = 1e300 * 1e300"),
        of("import", "import os\nos.system(\"true\")"),
        of("from", "from os import system"),
        of("dunder import", "__import__(\"os\").system(\"true\")"),
        of("classes", "x = ().__class__.__bases__[0].__subclasses__()"),
        of("format", "x = \"{0.__class__}\".format(1)"),
        of("eval", "eval(\"1\")"),
        of("exec", "exec(\"1\")"),
        of("open", "open(\"/etc/passwd\")"),
        of("load", "load(\"x\", \"y\")"),
        of("print", "print(1)"),
        of("fail", "fail(\"x\")"),
        of("lambda", "f = lambda: f()\nf()"),
        of("deep recursion", "def f(n):\n    return f(n + 1)\nf(0)"),
        of(
            "mutual recursion",
            "def f(n):\n    return g(n)\ndef g(n):\n    return f(n)\nf(0)",
        ),
        of(
            "wide recursion",
            "def f(n):\n    if n > 0:\n        f(n - 1)\n        f(n - 1)\n    return n\nf(60)",
        ),
        of("cycle", "x = []\nx.append(x)\ncontext[\"x\"] = x"),
        of(
            "cyclic comparison",
            "x = []\nx.append(x)\ny = []\ny.append(y)\nresult = x == y",
        ),
        of(
            "growing while going through",
            "x = [1]\nfor a in x:\n    x.append(a)\nfor i in range(100000):\n    x += x",
        ),
        of("exception", "raise ValueError(\"x\")"),
        of("unknown name", "result = undefined"),
        of("missing key", "result = log[\"missing\"]"),
        of("division", "x = 1 // 0"),
        (
            "many brackets",
            format!("x = {}1{}", "[".repeat(1500), "]".repeat(1500)),
        ),
        (
            "many parentheses",
            format!("x = {}1{}", "(".repeat(1500), ")".repeat(1500)),
        ),
        ("many signs", format!("x = {}1", "-".repeat(4000))),
        ("many nots", format!("x = {}1", "not ".repeat(1000))),
        ("long sum", format!("x = 1{}", " + 1".repeat(1000))),
        (
            "long choice",
            format!("x = {}1", "1 if 0 else ".repeat(300)),
        ),
        ("many calls", format!("x = \"\"{}", ".strip()".repeat(450))),
        ("long text", format!("x = \"{}\"", "a".repeat(10_000))),
    ]
}
