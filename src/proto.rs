//! The generated code of `proto/greffier/v1`, and its descriptors for reflection.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::allow_attributes_without_reason,
    clippy::missing_errors_doc,
    reason = "generated; the proto files say it"
)]

tonic::include_proto!("greffier.v1");

/// The encoded `FileDescriptorSet` of the protocol, for reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptor.bin"));
