//! The token that a client carries with each read: one that it was given, or one after another from
//! whoever makes them.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::{Request, Status};

/// A token, and how long it is good.
#[derive(Clone, Debug)]
pub struct Fresh {
    /// The token, a JWS in compact form.
    pub token: String,
    /// How long the token is good, from now.
    pub lifetime: Duration,
}

/// The header to send, and until when.
type AtHand = (MetadataValue<Ascii>, Instant);
type Make = dyn Fn() -> Result<Fresh, String> + Send + Sync;

/// Where tokens come from. Clones share the token at hand, as the connections of one session do.
#[derive(Clone)]
pub struct TokenSource {
    make: Arc<Make>,
    at_hand: Arc<Mutex<Option<AtHand>>>,
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a source of tokens")
    }
}

impl TokenSource {
    /// One token, for as long as the gateway takes it.
    pub fn fixed(token: &str) -> TokenSource {
        let token = token.trim().to_owned();
        let lifetime = Duration::from_secs(u64::from(u32::MAX));
        TokenSource::made(move || Ok(Fresh { token: token.clone(), lifetime }))
    }

    /// Made when there is none yet, and anew when half of its life is over.
    pub fn made(make: impl Fn() -> Result<Fresh, String> + Send + Sync + 'static) -> TokenSource {
        TokenSource { make: Arc::new(make), at_hand: Arc::default() }
    }

    /// The header to send, with the token at hand or a new one.
    fn header(&self) -> Result<MetadataValue<Ascii>, String> {
        let mut at_hand = self.at_hand.lock();
        if let Some((header, until)) = &*at_hand
            && Instant::now() < *until
        {
            return Ok(header.clone());
        }
        let Fresh { token, lifetime } = (self.make)()?;
        let header = format!("Bearer {token}").parse();
        let header: MetadataValue<Ascii> =
            header.map_err(|_| "it holds what no header can".to_owned())?;
        *at_hand = Some((header.clone(), Instant::now() + lifetime / 2));
        Ok(header)
    }
}

/// Puts the token into each request.
#[derive(Clone, Debug)]
pub struct Carry(pub(super) Option<TokenSource>);

impl Interceptor for Carry {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(source) = &self.0 {
            let header = source.header().map_err(|why| {
                Status::unauthenticated(format!("there is no token to carry: {why}"))
            })?;
            request.metadata_mut().insert("authorization", header);
        }
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

    use super::*;

    fn carried(source: &TokenSource) -> String {
        let request = Carry(Some(source.clone())).call(Request::new(())).unwrap();
        request.metadata().get("authorization").unwrap().to_str().unwrap().to_owned()
    }

    fn counting(lifetime: Duration) -> TokenSource {
        let count = AtomicU32::new(0);
        TokenSource::made(move || {
            Ok(Fresh { token: format!("t{}", count.fetch_add(1, Relaxed)), lifetime })
        })
    }

    #[test]
    fn a_token_is_carried_until_half_of_its_life_is_over() {
        let lasting = counting(Duration::from_secs(900));
        assert_eq!([carried(&lasting), carried(&lasting.clone())], ["Bearer t0", "Bearer t0"]);
        let short = counting(Duration::ZERO);
        assert_eq!([carried(&short), carried(&short)], ["Bearer t0", "Bearer t1"]);
        assert_eq!(carried(&TokenSource::fixed("a.b.c\n")), "Bearer a.b.c");
    }

    #[test]
    fn without_a_token_nothing_is_sent_in_its_place() {
        let request = Carry(None).call(Request::new(())).unwrap();
        assert!(request.metadata().is_empty());
        for none in [TokenSource::made(|| Err("gone".to_owned())), TokenSource::fixed("a\nb")] {
            assert!(Carry(Some(none)).call(Request::new(())).is_err());
        }
    }
}
