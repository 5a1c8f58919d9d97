//! One lookup of a name, the way the system does it.

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{LookupIpStrategy, ResolverConfig};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use std::future::Future;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// At least one.
    pub addresses: Vec<IpAddr>,
    /// How long the answer counts.
    pub ttl: Duration,
}

/// Why a name has no addresses now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct LookupError(pub String);

/// A way to look names up.
pub trait Lookup: Send + Sync + 'static {
    /// Looks a name up, past any cache.
    fn lookup(&self, host: &str) -> impl Future<Output = Result<Answer, LookupError>> + Send;
}

/// After this time `/etc/resolv.conf` and `/etc/hosts` are read again.
const SETTINGS_AGE: Duration = Duration::from_secs(60);

/// Asks the hosts file and the name servers of `/etc/resolv.conf`, with its search domains.
#[derive(Default)]
pub struct SystemResolver {
    current: Mutex<Option<(TokioResolver, Instant)>>,
}

impl SystemResolver {
    fn current(&self) -> Result<TokioResolver, NetError> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        match &*current {
            Some((resolver, made)) if made.elapsed() < SETTINGS_AGE => Ok(resolver.clone()),
            _ => {
                let resolver = build(None)?;
                *current = Some((resolver.clone(), Instant::now()));
                Ok(resolver)
            }
        }
    }

    /// The network may have changed, and the settings with it.
    fn forget(&self) {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Lookup for SystemResolver {
    async fn lookup(&self, host: &str) -> Result<Answer, LookupError> {
        let found = match self.current() {
            Ok(resolver) => look_up(&resolver, host).await,
            Err(error) => Err(error),
        };
        found.map_err(|error| {
            self.forget();
            LookupError(error.to_string())
        })
    }
}

/// A resolver with these settings, or else the system's. Without a readable `/etc/resolv.conf`
/// the hosts file and `localhost` still work.
fn build(config: Option<ResolverConfig>) -> Result<TokioResolver, NetError> {
    let of = |config| TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
    let mut builder = match config {
        Some(config) => of(config),
        None => TokioResolver::builder_tokio().unwrap_or_else(|error| {
            tracing::debug!(%error, "no settings for name servers");
            of(ResolverConfig::default())
        }),
    };
    let options = builder.options_mut();
    // The caller asks when an answer's time is over; a cache would only keep failures alive.
    options.cache_size = 0;
    // Where there is no route to IPv6 every second connection would fail first.
    options.ip_strategy = LookupIpStrategy::Ipv4thenIpv6;
    builder.build()
}

async fn look_up(resolver: &TokioResolver, host: &str) -> Result<Answer, NetError> {
    let found = resolver.lookup_ip(host).await?;
    let addresses: Vec<_> = found.iter().collect();
    if addresses.is_empty() {
        return Err(NetError::from("the name has no addresses"));
    }
    Ok(Answer { addresses, ttl: found.valid_until().saturating_duration_since(Instant::now()) })
}

#[cfg(test)]
mod tests;
