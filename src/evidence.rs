//! Questions asked of a ledger, answered from its entries in order and from nothing else: no view,
//! no index, no SQL. Whoever asks hands in each entry of the verified scan and keeps the answer
//! only if that scan ended well. It knows no file and no key, and says numbers, not words.

pub mod exposure;
pub mod period;
