#[cfg(feature = "rt-multi-thread")]
use super::Builder;
use super::Context;
use crate::Error;

/// Where a library takes its tokio from, for its user to say.
///
/// ```
/// use interloop_tokio::context::{Context, Policy};
///
/// /// A library's function: it starts nothing of which its user does not know.
/// fn connect(policy: &Policy) -> Result<(), interloop_tokio::Error> {
///     let context = policy.context()?;
///     context.call(|| drop(tokio::spawn(async {})));
///     Ok(())
/// }
///
/// assert!(connect(&Policy::Ambient).unwrap_err().is_no_runtime());
/// assert!(connect(&Policy::Never).unwrap_err().is_never());
/// connect(&Policy::Given(Context::own(1)?))?;
/// # Ok::<_, interloop_tokio::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Policy {
    /// The one in whose context the code runs, and an error where there is none.
    Ambient,
    /// This one.
    Given(Context),
    /// One that is started for it, at each call of [`context`](Self::context).
    #[cfg(feature = "rt-multi-thread")]
    Own(Builder),
    /// None: what needs tokio fails.
    Never,
}

impl Policy {
    /// The context that this comes to.
    ///
    /// # Errors
    /// That there is none, and what to do. With [`Own`](Self::Own) those of [`Builder::start`].
    pub fn context(&self) -> Result<Context, Error> {
        match self {
            Self::Ambient => Context::current(),
            Self::Given(context) => Ok(context.clone()),
            #[cfg(feature = "rt-multi-thread")]
            Self::Own(builder) => builder.start(),
            Self::Never => Err(Error::never()),
        }
    }
}
