//! Proofs that must not be forged, used twice or skipped: each misuse beside a use that compiles,
//! so that a case cannot pass for the wrong reason.

#[test]
fn proofs_cannot_be_forged_used_twice_or_skipped() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/compile/pass/*.rs");
    cases.compile_fail("tests/compile/fail/*.rs");
}
