//! Handles: what a provider is given in place of ids. AES-SIV (RFC 5297) under a key of the
//! provider's own: the same id is always the same handle for one provider, another for the next,
//! and one that was not given does not open. A handle that turns up in a leaked file names the
//! provider for whom it was made.

use std::collections::HashMap;
use std::sync::Arc;

use aes_siv::KeyInit as _;
use aes_siv::siv::Aes128Siv;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;

use super::Word;

/// Longest handle that is looked at, in characters.
const LONGEST: usize = 512;
/// Longest id of a record, in bytes: a handle of a longer one would not open. In base64, four
/// characters are three bytes, 16 of which are the cipher's.
pub const ID_MAX: usize = LONGEST / 4 * 3 - 16;

/// The handle keys of all providers, derived once for a policy.
pub struct Handles {
    keys: HashMap<Word, Arc<HandleKey>>,
}

impl Handles {
    /// Derives the key of each provider from the master key.
    pub fn derive<'a>(master: &[u8; 32], providers: impl IntoIterator<Item = &'a Word>) -> Handles {
        let master = hmac::Key::new(hmac::HMAC_SHA256, master);
        let keys = providers.into_iter().map(|id| (id.clone(), HandleKey::derive(&master, id)));
        Handles { keys: keys.map(|(id, key)| (id, Arc::new(key))).collect() }
    }

    pub(super) fn of(&self, provider: &str) -> Option<&Arc<HandleKey>> {
        self.keys.get(provider)
    }
}

/// What a handle stands for: associated data, so that neither passes as the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HandleKind {
    /// The handle stands for one record.
    Record,
    /// The place where the next page begins.
    Page,
}

impl HandleKind {
    fn label(self) -> &'static [u8] {
        match self {
            HandleKind::Record => b"record",
            HandleKind::Page => b"page",
        }
    }
}

/// The key that the handles of one provider are made with.
pub(super) struct HandleKey([u8; 32]);

impl HandleKey {
    fn derive(master: &hmac::Key, provider: &str) -> HandleKey {
        let mut context = hmac::Context::with_key(master);
        context.update(b"greffier handles v1\0");
        context.update(provider.as_bytes());
        let mut key = [0; 32];
        key.copy_from_slice(context.sign().as_ref());
        HandleKey(key)
    }

    /// Seals a text that opens only under the same kind and the same `to`, each part of it.
    pub(super) fn seal(&self, kind: HandleKind, to: &[&str], text: &str) -> String {
        let sealed = Aes128Siv::new(&self.0.into())
            .encrypt(headers(kind, to), text.as_bytes())
            .expect("AES-SIV takes any text and many more headers than there are");
        URL_SAFE_NO_PAD.encode(sealed)
    }

    pub(super) fn open(&self, kind: HandleKind, to: &[&str], handle: &str) -> Option<String> {
        if handle.len() > LONGEST {
            return None;
        }
        let sealed = URL_SAFE_NO_PAD.decode(handle).ok()?;
        let text = Aes128Siv::new(&self.0.into()).decrypt(headers(kind, to), &sealed).ok()?;
        String::from_utf8(text).ok()
    }
}

/// Associated data: AES-SIV keeps the parts apart.
fn headers<'a>(kind: HandleKind, to: &'a [&'a str]) -> impl Iterator<Item = &'a [u8]> {
    [kind.label()].into_iter().chain(to.iter().map(|part| part.as_bytes()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(master: u8, provider: &str) -> HandleKey {
        HandleKey::derive(&hmac::Key::new(hmac::HMAC_SHA256, &[master; 32]), provider)
    }

    fn kind() -> impl Strategy<Value = HandleKind> {
        prop_oneof![Just(HandleKind::Record), Just(HandleKind::Page)]
    }

    /// The vector of RFC 5297, A.1, which has one header.
    #[test]
    fn the_cipher_is_that_of_the_rfc() {
        let bytes = |hex: &str| -> Vec<u8> {
            (0..hex.len())
                .step_by(2)
                .map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap())
                .collect()
        };
        let key: [u8; 32] =
            bytes("fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff")
                .try_into()
                .unwrap();
        let header = bytes("101112131415161718191a1b1c1d1e1f2021222324252627");
        let sealed = Aes128Siv::new(&key.into())
            .encrypt([header], &bytes("112233445566778899aabbccddee"))
            .unwrap();
        assert_eq!(sealed, bytes("85632d07c6e8f37f950acd320a2ecc9340c02b9690c4dc04daef7f6afe5c"));
    }

    #[test]
    fn handles_stay_the_same_from_one_version_to_the_next() {
        let handle = key(7, "alpha").seal(HandleKind::Record, &["cir"], "0000001");
        assert_eq!(handle, "EYdETmNCXWTlmoIpZ3nLW01iI5wEviI");
    }

    #[test]
    fn a_longer_text_than_any_handle_is_not_looked_at() {
        for (length, opens) in [(ID_MAX, true), (ID_MAX + 1, false)] {
            let handle = key(7, "alpha").seal(HandleKind::Record, &["cir"], &"1".repeat(length));
            assert_eq!(
                key(7, "alpha").open(HandleKind::Record, &["cir"], &handle).is_some(),
                opens
            );
        }
    }

    proptest! {
        #[test]
        fn a_handle_opens_for_its_own_provider(
            provider in "[a-z0-9-]{1,64}", dataset in "[a-z_]{1,20}", id in "\\PC{0,64}",
            kind in kind(),
        ) {
            let handle = key(1, &provider).seal(kind, &[&dataset], &id);
            prop_assert_eq!(&handle, &key(1, &provider).seal(kind, &[&dataset], &id));
            prop_assert_eq!(key(1, &provider).open(kind, &[&dataset], &handle), Some(id));
        }

        #[test]
        fn a_handle_of_one_provider_never_opens_for_another(
            one in "[a-z0-9-]{1,64}", other in "[a-z0-9-]{1,64}", id in "[0-9]{0,12}",
            kind in kind(),
        ) {
            prop_assume!(one != other);
            let handle = key(1, &one).seal(kind, &["cir"], &id);
            prop_assert_eq!(key(1, &other).open(kind, &["cir"], &handle), None);
            prop_assert_ne!(handle, key(1, &other).seal(kind, &["cir"], &id));
        }

        #[test]
        fn a_handle_opens_only_under_its_master_kind_and_dataset(id in "[0-9]{0,12}") {
            let handle = key(1, "alpha").seal(HandleKind::Record, &["cir"], &id);
            prop_assert_eq!(key(2, "alpha").open(HandleKind::Record, &["cir"], &handle), None);
            prop_assert_eq!(key(1, "alpha").open(HandleKind::Page, &["cir"], &handle), None);
            prop_assert_eq!(key(1, "alpha").open(HandleKind::Record, &["visa"], &handle), None);
        }

        #[test]
        fn a_page_opens_only_to_the_very_parts_that_it_was_sealed_to(
            to in prop::collection::vec("[a-z]{0,4}", 1..7), at in any::<prop::sample::Index>(),
            other in "[a-z]{0,4}",
        ) {
            fn parts(to: &[String]) -> Vec<&str> {
                to.iter().map(String::as_str).collect()
            }
            let token = key(1, "alpha").seal(HandleKind::Page, &parts(&to), "0001");
            let opens = |to: &[&str]| key(1, "alpha").open(HandleKind::Page, to, &token).is_some();
            let mut changed = to.clone();
            changed[at.index(to.len())] = other;
            prop_assume!(changed != to);
            prop_assert!(opens(&parts(&to)));
            prop_assert!(!opens(&parts(&changed)));
            // Nor may letters go from one part to the next.
            prop_assert_eq!(opens(&[&to.concat()]), to.len() == 1);
        }

        #[test]
        fn a_changed_handle_does_not_open(
            id in "[0-9]{0,12}", at in any::<prop::sample::Index>(), to in "[A-Za-z0-9_-]",
        ) {
            let handle = key(1, "alpha").seal(HandleKind::Record, &["cir"], &id);
            let at = at.index(handle.len());
            let mut changed = handle.clone();
            changed.replace_range(at..=at, &to);
            prop_assume!(changed != handle);
            prop_assert_eq!(key(1, "alpha").open(HandleKind::Record, &["cir"], &changed), None);
        }

        #[test]
        fn garbage_does_not_open(text in any::<String>()) {
            prop_assert_eq!(key(1, "alpha").open(HandleKind::Record, &["cir"], &text), None);
        }
    }
}
