//! The few commands of the W3C protocol for browsers (sections 8 to 12) that the tests
//! need, spoken to Debian's chromedriver.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

/// One browser at a time: loads that are followed in one are to keep their pace.
static ALONE: Mutex<()> = Mutex::new(());

/// A browser that ends with its guard.
pub(crate) struct Browser {
    driver: Child,
    session: String,
    _profile: tempfile::TempDir,
    _alone: MutexGuard<'static, ()>,
}

impl Browser {
    /// Starts it as soon as there is no other.
    pub(crate) fn start() -> Self {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = lines
            .find_map(|line| {
                let line = line.unwrap();
                let (_, port) = line.split_once("successfully on port ")?;
                Some(port.trim_end_matches('.').to_owned())
            })
            .expect("chromedriver says its port");
        let profile = tempfile::tempdir().unwrap();
        let arguments = [
            "--headless".to_owned(),
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-quic".to_owned(),
            "--no-first-run".to_owned(),
            "--disable-background-networking".to_owned(),
            "--disable-component-update".to_owned(),
            "--disable-sync".to_owned(),
            // Surfaces need WebGL, which software must do here.
            "--enable-unsafe-swiftshader".to_owned(),
            // Whoever asks for another host fails, and the test with it.
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1".to_owned(),
            format!("--user-data-dir={}", profile.path().display()),
        ];
        let capabilities = json!({"capabilities": {"alwaysMatch": {
            // Nobody knows who has signed the certificates of tests.
            "acceptInsecureCerts": true,
            "goog:chromeOptions": {"args": arguments},
            "goog:loggingPrefs": {"browser": "ALL"},
        }}});
        let base = format!("http://127.0.0.1:{port}/session");
        let answer = post(&base, &capabilities);
        let id = answer["sessionId"].as_str().unwrap();
        Self {
            session: format!("{base}/{id}"),
            driver,
            _profile: profile,
            _alone: alone,
        }
    }

    pub(crate) fn open(&self, url: &str) {
        post(&format!("{}/url", self.session), &json!({ "url": url }));
    }

    /// What a script's `return` gives.
    pub(crate) fn run(&self, script: &str) -> Value {
        let script = json!({"script": script, "args": []});
        post(&format!("{}/execute/sync", self.session), &script)
    }

    /// Makes the window so large, in CSS pixels.
    pub(crate) fn resize(&self, width: u32, height: u32) {
        let size = json!({"width": width, "height": height});
        post(&format!("{}/window/rect", self.session), &size);
    }

    /// Moves the mouse to a place of the window, in CSS pixels.
    pub(crate) fn point_at(&self, x: f64, y: f64) {
        self.mouse(&json!([{"type": "pointerMove", "duration": 50, "x": x as i64, "y": y as i64}]));
    }

    /// Draws the mouse with its button down from one place to another.
    pub(crate) fn drag(&self, from: (f64, f64), to: (f64, f64)) {
        let moved = |(x, y): (f64, f64), duration: u32| json!({"type": "pointerMove", "duration": duration, "x": x as i64, "y": y as i64});
        self.mouse(&json!([
            moved(from, 0),
            {"type": "pointerDown", "button": 0},
            moved(to, 200),
            {"type": "pointerUp", "button": 0},
        ]));
    }

    fn mouse(&self, actions: &Value) {
        let mouse = json!({"actions": [{
            "type": "pointer", "id": "mouse",
            "parameters": {"pointerType": "mouse"}, "actions": actions,
        }]});
        post(&format!("{}/actions", self.session), &mouse);
    }

    /// Makes the page so large, in CSS pixels; also smaller than a window can be.
    pub(crate) fn emulate_screen(&self, width: u32, height: u32) {
        let screen = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false,
        });
        self.devtools("Emulation.setDeviceMetricsOverride", &screen);
    }

    /// A picture of what is seen of the page, as PNG.
    pub(crate) fn screenshot(&self) -> Vec<u8> {
        let picture = get(&format!("{}/screenshot", self.session));
        BASE64_STANDARD.decode(picture.as_str().unwrap()).unwrap()
    }

    /// Shows the page as it would be printed, or on screen again.
    pub(crate) fn emulate_print(&self, print: bool) {
        let media = if print { "print" } else { "" };
        self.devtools("Emulation.setEmulatedMedia", &json!({ "media": media }));
    }

    /// Lets the scripts of pages that are opened from now on run, or not.
    pub(crate) fn allow_scripts(&self, allow: bool) {
        let value = json!({ "value": !allow });
        self.devtools("Emulation.setScriptExecutionDisabled", &value);
    }

    fn devtools(&self, command: &str, parameters: &Value) {
        let command = json!({"cmd": command, "params": parameters});
        post(&format!("{}/goog/cdp/execute", self.session), &command);
    }

    /// What the page said on its console since the last time.
    pub(crate) fn console(&self) -> Vec<Value> {
        let log = post(
            &format!("{}/se/log", self.session),
            &json!({"type": "browser"}),
        );
        log.as_array().unwrap().clone()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = ureq::delete(&self.session).call();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

fn get(url: &str) -> Value {
    value_of(url, ureq::get(url).call())
}

fn post(url: &str, body: &Value) -> Value {
    let answer = ureq::post(url)
        .header("Content-Type", "application/json")
        .send(body.to_string());
    value_of(url, answer)
}

fn value_of(url: &str, answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Value {
    let answer = answer
        .and_then(|mut answer| answer.body_mut().read_to_string())
        .unwrap_or_else(|error| panic!("{url}: {error}"));
    let mut answer: Value = serde_json::from_str(&answer).unwrap();
    answer["value"].take()
}
