//! The offline tools stand alone: no runtime, no network, no protocol in what an auditor builds.

use std::process::Command;

#[test]
fn the_lean_build_has_no_runtime_and_no_network() {
    let mut tree = Command::new(env!("CARGO"));
    tree.args(["tree", "--no-default-features", "--edges", "normal,build", "--prefix", "none"]);
    let output = tree.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).unwrap();
    let crates: Vec<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(crates.contains(&"rusqlite") && crates.contains(&"ring"));
    let unwanted = [
        "tokio",
        "tonic",
        "prost",
        "hyper",
        "rustls",
        "rcgen",
        "governor",
        "config",
        "tracing",
        "http",
        "h2",
        "protox",
        "toml_edit",
        "aes-siv",
        "x509-parser",
        "prometheus-client",
    ];
    for name in unwanted {
        assert!(!crates.contains(&name), "{name} is in the lean build");
    }
}
