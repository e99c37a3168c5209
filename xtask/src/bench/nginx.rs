//! The static server of the benchmarks: one nginx worker on a core of its own that
//! answers over HTTP/1.1, HTTP/2 without TLS, and as much gRPC as a file can.

use std::fs;
use std::path::Path;

use anyhow::Context;

use super::process::{SERVER_CPU, Server, pinned};
use crate::packages::find;

/// HTTP/1.1.
pub(super) const HTTP1_PORT: u16 = 18_099;

/// HTTP/2 with prior knowledge.
pub(super) const HTTP2_PORT: u16 = 18_098;

/// Starts it in a folder of its own.
pub(super) fn start(folder: &Path) -> anyhow::Result<Server> {
    let nginx = find("nginx").context("nginx is gone")?;
    let configuration = folder.join("nginx.conf");
    fs::write(&configuration, text(folder))?;
    // A gRPC answer: not compressed, four bytes of length, no message bytes.
    fs::create_dir_all(folder.join("www/MyApp"))?;
    fs::write(folder.join("www/MyApp/index"), [0; 5])?;
    let mut command = pinned(SERVER_CPU, &nginx);
    command.arg("-p").arg(folder).arg("-c").arg(&configuration);
    Server::start(&mut command, HTTP1_PORT)
}

fn text(folder: &Path) -> String {
    let folder = folder.display();
    format!(
        "daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    open_file_cache max=16;
    http2_max_concurrent_streams 1024;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{HTTP1_PORT};
        listen 127.0.0.1:{HTTP2_PORT} http2;
        location / {{ return 200 'hello from a static server'; }}
        location /MyApp/ {{
            root {folder}/www;
            default_type application/grpc;
            # A file answers no POST, unless the refusal is turned into it.
            error_page 405 =200 $uri;
            add_trailer grpc-status 0 always;
        }}
    }}
}}
"
    )
}
