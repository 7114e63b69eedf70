//! Compiles the protocol, without a system `protoc`, for the feature `serve` only.

#[cfg(feature = "serve")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files = ["records.proto", "ledger.proto", "alerts.proto", "admin.proto"]
        .map(|f| format!("proto/greffier/v1/{f}"));
    println!("cargo:rerun-if-changed=proto");
    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_imports(true).include_source_info(true).open_files(files)?;
    let out = std::path::PathBuf::from(std::env::var("OUT_DIR")?).join("descriptor.bin");
    std::fs::write(out, compiler.encode_file_descriptor_set())?;
    tonic_prost_build::configure().compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}

#[cfg(not(feature = "serve"))]
fn main() {}
