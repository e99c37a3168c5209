//! Rebuilds the crate when a data file comes or goes: `include_dir!` notices
//! changed files, but not new ones.

fn main() {
    for folder in ["stacks", "apps", "studies"] {
        println!("cargo::rerun-if-changed=../../{folder}");
    }
}
