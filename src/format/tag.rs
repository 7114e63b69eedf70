//! Pseudonyms: keyed tags of subjects, agents, cases and search keys. Without the ledger's key
//! nobody can tell whom a tag means; with it, equal persons have equal tags for one provider.

use ring::hmac;

use super::entry::Tag;

/// Makes the tags of one ledger.
#[derive(Debug, Clone)]
pub struct Tagger(hmac::Key);

impl Tagger {
    /// A tagger with the ledger's tag key.
    pub fn new(key: &[u8; 32]) -> Tagger {
        Tagger(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// Tag of the person whom record `id` of `dataset` is about, for `provider`.
    pub fn subject(&self, provider: &str, dataset: &str, id: &str) -> Tag {
        self.tag(&[provider, dataset, id])
    }

    /// Tag of the agent `id`, a person who works at `provider`.
    pub fn agent(&self, provider: &str, id: &str) -> Tag {
        self.tag(&["\u{1}agent", provider, id])
    }

    /// Tag of a case reference of `provider`.
    pub fn case(&self, provider: &str, reference: &str) -> Tag {
        self.tag(&["\u{1}case", provider, reference])
    }

    /// Tag of the value of the search key `name` of `dataset`.
    pub fn key(&self, provider: &str, dataset: &str, name: &str, value: &str) -> Tag {
        self.tag(&["\u{1}key", provider, dataset, name, value])
    }

    /// Of parts with a zero byte between them. None of them holds a zero byte itself: names are
    /// words of the policy, and the last part ends the input.
    fn tag(&self, parts: &[&str]) -> Tag {
        let mut context = hmac::Context::with_key(&self.0);
        for (i, part) in parts.iter().enumerate() {
            if i > 0 {
                context.update(&[0]);
            }
            context.update(part.as_bytes());
        }
        let mut tag = [0; 16];
        tag.copy_from_slice(&context.sign().as_ref()[..16]);
        Tag(tag)
    }
}
