//! Packs the script that draws interactive charts (plotly.js, which the crate `plotly`
//! carries), so that a page grows by two megabytes instead of five.

use std::io::Write as _;
use std::path::PathBuf;

use base64::Engine as _;
use flate2::{Compression, GzBuilder};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let sources = plotly::Plot::offline_js_sources();
    // The first script is plotly.js, the second typesets formulas, which we have none of.
    let script = sources
        .split_once("<script type=\"text/javascript\">")
        .and_then(|(_, rest)| rest.split_once("</script>"))
        .map(|(script, _)| script.trim())
        .filter(|script| script.contains("* plotly.js v"))
        .expect("the crate `plotly` carries plotly.js as its first script");
    // Neither name nor time in the header: the same bytes from every build.
    let mut packed = GzBuilder::new().write(Vec::new(), Compression::best());
    packed
        .write_all(script.as_bytes())
        .expect("writing to memory does not fail");
    let packed = packed.finish().expect("writing to memory does not fail");
    let text = base64::engine::general_purpose::STANDARD.encode(packed);
    let folder = std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR");
    let file = PathBuf::from(folder).join("plotly.js.gz.base64");
    std::fs::write(&file, text).expect("OUT_DIR can be written");
}
