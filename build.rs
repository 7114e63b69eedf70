//! Compiles the protocol, without a system `protoc`, and tells the program when it was built: for the
//! feature `serve` only.

#[cfg(feature = "serve")]
use std::time::SystemTime;

#[cfg(feature = "serve")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files = ["records.proto", "ledger.proto", "alerts.proto", "admin.proto"]
        .map(|f| format!("proto/greffier/v1/{f}"));
    println!("cargo:rerun-if-changed=proto");
    // https://reproducible-builds.org/docs/source-date-epoch/
    println!("cargo:rerun-if-env-changed=SOURCE_DATE_EPOCH");
    let built: u64 = match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(seconds) => seconds.parse()?,
        Err(_) => SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs(),
    };
    println!("cargo:rustc-env=GREFFIER_BUILT={built}");
    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_imports(true).include_source_info(true).open_files(files)?;
    let out = std::path::PathBuf::from(std::env::var("OUT_DIR")?).join("descriptor.bin");
    std::fs::write(out, compiler.encode_file_descriptor_set())?;
    tonic_prost_build::configure().compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}

#[cfg(not(feature = "serve"))]
fn main() {}
