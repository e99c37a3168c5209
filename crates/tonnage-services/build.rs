//! Turns the gRPC services' interface, which the Python servers share, into Rust.
//! The compiler of protobuf is a library: nobody has to install `protoc`.

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

use prost::Message as _;

/// Where the interface is, from this crate's folder.
const FOLDER: &str = "../../apps/grpc";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={FOLDER}/myapp.proto");
    let interface = protox::compile(["myapp.proto"], [FOLDER])?;
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    // What server reflection hands out.
    fs::write(out.join("myapp.bin"), interface.encode_to_vec())?;
    tonic_prost_build::configure()
        .build_client(false)
        .build_transport(false)
        .compile_fds(interface)?;
    Ok(())
}
