use std::{
    collections::hash_map::RandomState,
    fmt,
    hash::{BuildHasher, Hasher},
    io,
    sync::Arc,
    time::Duration,
};

use super::ClientEndpoint;
use crate::{Aborted, Deferred, Reactor, protocol::Channel};

/// How long to wait before the next attempt: longer each time, and not for quite the same time as everybody else.
///
/// After the first failure it waits for [`initial`](Self::initial), then for [`factor`](Self::factor) times as long each time, up to
/// [`max`](Self::max). From each of these a random part is taken, up to the share that [`jitter`](Self::jitter) says. So many
/// clients of a server that has come back do not all come at once.
///
/// ```
/// use std::time::Duration;
/// use interloop::protocol::endpoint::Backoff;
///
/// let policy = Backoff::new().factor(2.0).max(Duration::from_secs(5)).jitter(0.0).attempts(5);
/// let seconds = policy.delays().map(|delay| delay.as_secs());
/// assert_eq!(seconds.collect::<Vec<_>>(), [1, 2, 4, 5]);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Backoff {
    initial: Duration,
    factor: f64,
    max: Duration,
    jitter: f64,
    attempts: Option<u32>,
    seed: Option<u64>,
}

impl Backoff {
    /// One second at first, half as long again each time, a minute at most, of which up to a quarter is taken, without end.
    pub fn new() -> Self {
        Self {
            initial: Duration::from_secs(1),
            factor: 1.5,
            max: Duration::from_secs(60),
            jitter: 0.25,
            attempts: None,
            seed: None,
        }
    }

    /// The first delay.
    #[must_use = "it gives the policy back"]
    pub fn initial(mut self, initial: Duration) -> Self {
        self.initial = initial;
        self
    }

    /// How many times as long each delay is as the one before. Less than one counts as one.
    #[must_use = "it gives the policy back"]
    pub fn factor(mut self, factor: f64) -> Self {
        self.factor = factor.max(1.0);
        self
    }

    /// The longest delay.
    #[must_use = "it gives the policy back"]
    pub fn max(mut self, max: Duration) -> Self {
        self.max = max;
        self
    }

    /// Which share of a delay may be taken from it at random, from 0 to 1.
    #[must_use = "it gives the policy back"]
    pub fn jitter(mut self, jitter: f64) -> Self {
        self.jitter = jitter.clamp(0.0, 1.0);
        self
    }

    /// How many attempts there are in a row, the first included. Zero counts as one.
    #[must_use = "it gives the policy back"]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = Some(attempts.max(1));
        self
    }

    /// Has the random parts follow from a seed, so that each run is the same.
    #[must_use = "it gives the policy back"]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// The delays, one after the other, beginning anew.
    pub fn delays(&self) -> Delays {
        // A hasher of the standard library's begins with random numbers.
        let seed = self.seed.unwrap_or_else(|| RandomState::new().build_hasher().finish());
        Delays {
            policy: self.clone(),
            next: self.initial.min(self.max).as_secs_f64(),
            left: self.attempts.map(|attempts| attempts - 1),
            random: seed,
        }
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new()
    }
}

/// The delays between attempts. Made by [`Backoff::delays`].
#[derive(Clone, Debug)]
pub struct Delays {
    policy: Backoff,
    /// In seconds, with no random part taken.
    next: f64,
    left: Option<u32>,
    random: u64,
}

impl Delays {
    /// Begins with the first delay again; what is random goes on.
    pub fn restart(&mut self) {
        self.next = self.policy.initial.min(self.policy.max).as_secs_f64();
        self.left = self.policy.attempts.map(|attempts| attempts - 1);
    }

    /// At least 0 and below 1, by SplitMix64.
    fn random(&mut self) -> f64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        // As many bits as such a number has.
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

impl Iterator for Delays {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        if let Some(left) = &mut self.left {
            *left = left.checked_sub(1)?;
        }
        let share = 1.0 - self.policy.jitter * self.random();
        let delay = Duration::try_from_secs_f64(self.next * share).unwrap_or(self.policy.max);
        self.next = (self.next * self.policy.factor).min(self.policy.max.as_secs_f64());
        Some(delay)
    }
}

/// A client that tries again when it cannot connect, as often as a [`Backoff`] says.
///
/// For a connection that comes back when it is lost, there is [`ClientService`](super::ClientService).
///
/// ```
/// # async fn example(reactor: interloop::Reactor) -> std::io::Result<()> {
/// # use interloop::protocol::{Protocol, Transport};
/// # struct Echo;
/// # impl Protocol for Echo {
/// #     fn data_received(&mut self, transport: &Transport, data: &[u8]) { transport.write(data) }
/// # }
/// use interloop::protocol::endpoint::{Backoff, ClientEndpoint, Retrying, TcpClient};
///
/// let endpoint = Retrying::new(TcpClient::new("example.org", 7), Backoff::new().attempts(5));
/// let transport = endpoint.connect(&reactor, Echo).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Retrying<E> {
    endpoint: Arc<E>,
    policy: Backoff,
}

impl<E: ClientEndpoint> Retrying<E> {
    /// Tries an endpoint again.
    pub fn new(endpoint: E, policy: Backoff) -> Self {
        Self {
            endpoint: Arc::new(endpoint),
            policy,
        }
    }
}

/// Fails with the error of the last attempt.
impl<E: ClientEndpoint> ClientEndpoint for Retrying<E> {
    fn open(&self, reactor: &Reactor) -> Deferred<Box<dyn Channel>, io::Error> {
        let (endpoint, tasks) = (self.endpoint.clone(), reactor.clone());
        let mut delays = self.policy.delays();
        reactor.spawn(async move {
            loop {
                let error = match endpoint.open(&tasks).cancel_on_drop().await {
                    Ok(channel) => return Ok(channel),
                    Err(error) => error,
                };
                let Some(delay) = delays.next().filter(|_| is_passing(&error)) else {
                    return Err(error);
                };
                log::debug!("{endpoint} is tried again in {delay:?}: {error}");
                tasks.sleep(delay).await?;
            }
        })
    }
}

/// As the endpoint that is tried.
impl<E: fmt::Display> fmt::Display for Retrying<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.endpoint.fmt(f)
    }
}

/// Whether it may be another time: not when the loop has shut down.
pub(super) fn is_passing(error: &io::Error) -> bool {
    Aborted::in_io_error(error).is_none_or(|aborted| !aborted.is_shut_down())
}
