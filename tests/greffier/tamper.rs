//! Tampering, as the auditor sees it.
