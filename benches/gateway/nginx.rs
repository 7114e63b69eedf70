//! What a user would run instead: the plain service behind nginx, which does the mutual TLS, a
//! limit of requests and a log of accesses. It runs as a process of this benchmark, with a folder
//! of its own.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;
use std::{fs, thread};

use greffier::instance::Layout;

use crate::gauge::Failed;

/// Looks for the port of nginx, at most, and between two of them.
const LOOKS: u32 = 200;
const PAUSE: Duration = Duration::from_millis(25);

/// nginx before one service. Ends it when dropped.
pub(crate) struct Nginx {
    child: Child,
    folder: PathBuf,
    /// `host:port`.
    pub(crate) address: String,
    /// Its processes.
    pub(crate) pids: Vec<u32>,
}

impl Nginx {
    /// Starts it before a service without TLS; `layout` has the certificates that the gateway has
    /// too.
    pub(crate) fn start(layout: &Layout, upstream: &str) -> Result<Nginx, Failed> {
        let installed = Command::new("nginx").arg("-v").output();
        if !installed.is_ok_and(|said| said.status.success()) {
            return Err(
                "nginx is not installed: nothing measured (apt-get install nginx-light)".into()
            );
        }
        let folder = layout.root().join("nginx");
        fs::create_dir_all(folder.join("temp"))?;
        // Free a moment ago; nginx cannot say which one it took.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let workers = thread::available_parallelism()?.get();
        fs::write(folder.join("nginx.conf"), configuration(layout, upstream, &address, workers))?;
        let mut child = command(&folder).spawn()?;
        for _ in 0..LOOKS {
            if let Some(ended) = child.try_wait()? {
                return Err(format!("nginx did not start: {ended}").into());
            }
            if TcpStream::connect(&address).is_ok() {
                let pids = pids(child.id())?;
                return Ok(Nginx { child, folder, address, pids });
            }
            thread::sleep(PAUSE);
        }
        // Its workers would outlive a kill.
        let _ = command(&folder).args(["-s", "stop"]).status();
        Err("nginx does not listen".into())
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = command(&self.folder).args(["-s", "stop"]).status();
        let _ = self.child.wait();
    }
}

fn command(folder: &Path) -> Command {
    let mut nginx = Command::new("nginx");
    nginx.arg("-p").arg(folder).arg("-c").arg(folder.join("nginx.conf"));
    nginx.arg("-e").arg(folder.join("error.log"));
    nginx
}

/// The process that was started, and its workers.
fn pids(master: u32) -> Result<Vec<u32>, Failed> {
    let children = fs::read_to_string(format!("/proc/{master}/task/{master}/children"))?;
    let children = children.split_ascii_whitespace().map(str::parse);
    Ok([Ok(master)].into_iter().chain(children).collect::<Result<_, _>>()?)
}

/// As one would set it up for gRPC with client certificates; the limit is one that nothing reaches.
/// Each call in flight has a connection to the service, for nginx lays none together, and keeps it.
fn configuration(layout: &Layout, upstream: &str, address: &str, workers: usize) -> String {
    let (certificate, key, ca) = (layout.server_certificate(), layout.server_key(), layout.ca());
    let (certificate, key, ca) = (certificate.display(), key.display(), ca.display());
    format!(
        "daemon off;
worker_processes {workers};
pid nginx.pid;
events {{ worker_connections 4096; }}
http {{
  access_log access.log;
  client_body_temp_path temp/body;
  proxy_temp_path temp/proxy;
  fastcgi_temp_path temp/fastcgi;
  uwsgi_temp_path temp/uwsgi;
  scgi_temp_path temp/scgi;
  limit_req_zone $ssl_client_fingerprint zone=calls:10m rate=1000000r/s;
  upstream service {{
    server {upstream};
    keepalive 512;
    keepalive_requests 1000000000;
  }}
  server {{
    listen {address} ssl http2;
    ssl_protocols TLSv1.3;
    ssl_certificate {certificate};
    ssl_certificate_key {key};
    ssl_client_certificate {ca};
    ssl_verify_client on;
    ssl_verify_depth 2;
    http2_max_concurrent_streams 256;
    keepalive_requests 1000000000;
    location / {{
      limit_req zone=calls burst=100000 nodelay;
      grpc_pass grpc://service;
    }}
  }}
}}
"
    )
}
