//! What must hold for every input: of the tree against another implementation of RFC 6962, of
//! bodies, notes, keys, receipts and times against bytes from anywhere.

mod bodies;
mod notes;
mod times;
mod tree;

#[cfg(feature = "serve")]
pub(crate) use tree::Leaves;
