//! The `tonnage` program: everything is in the library, so that tests and the
//! Python wheel run the very same code.

fn main() -> std::process::ExitCode {
    tonnage::run(std::env::args_os()).code().into()
}
