//! Completers behind integers.

use std::{
    fmt, mem,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{Misfire, StaleToken, Token, contain};
use crate::{Aborted, Completer, Deferred};

/// A table of completers, each behind an integer that a C library carries in place of a pointer.
///
/// A pointer that a library calls twice, or after it was freed, is undefined behaviour. A [`Token`] is a number, and the table
/// knows what has become of it: a second, late or invented one is an error that says so, and gives the result back.
///
/// It can be a `static`, so that a callback finds it, or be reached through one of the library's own objects. Dropping it fails
/// what waits with [`Aborted::dropped`].
///
/// ```
/// use interloop::{Aborted, Deferred, callback::{Misfire, Tokens}};
///
/// static REQUESTS: Tokens<u8, Aborted> = Tokens::new();
///
/// let (completer, deferred) = Deferred::pair();
/// let id = u64::from(REQUESTS.insert(completer)); // goes to C, and comes back
/// REQUESTS.fire(id.into(), Ok(7)).unwrap();
/// assert_eq!(deferred.try_take().unwrap().unwrap(), 7);
///
/// let again = REQUESTS.fire(id.into(), Ok(8)).unwrap_err();
/// assert_eq!(again.why(), Misfire::Fired);
/// assert_eq!(again.into_result().unwrap(), 8);
/// ```
///
/// # Cost
///
/// Two locks a call, held for a few instructions each, and no allocation once the table has grown to the most that waited at
/// once. No callback, waker or destructor runs while it is locked, so all of them may use it.
pub struct Tokens<T: 'static, E: From<Aborted> + 'static = Aborted> {
    table: Mutex<Table<T, E>>,
    layout: Layout,
}

/// How a token is made of the number of its place, and the number of times that this was given out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// 32 bits of place below 31 of generation. A place whose generations are used up is not used again.
    Wide,
    /// 20 bits of place below 11 of generation, and what a larger place has more above. Generations begin again.
    Narrow,
}

/// The end of the list of free places.
const NONE: u32 = u32::MAX;

struct Table<T: 'static, E: From<Aborted> + 'static> {
    places: Vec<Place<T, E>>,
    /// The free places, as a list.
    first_free: u32,
    last_free: u32,
    live: usize,
}

struct Place<T: 'static, E: From<Aborted> + 'static> {
    /// That of the token which waits here, or which did last.
    generation: u32,
    content: Content<T, E>,
}

enum Content<T: 'static, E: From<Aborted> + 'static> {
    Waiting(Completer<T, E>),
    /// A token was made, and its completer comes at once.
    Reserved,
    Free {
        next: u32,
        /// What became of the last one.
        fate: Misfire,
    },
}

impl<T: 'static, E: From<Aborted> + 'static> Tokens<T, E> {
    /// An empty table, whose tokens take 63 bits. No token is ever given out twice.
    pub const fn new() -> Self {
        Self::with_layout(Layout::Wide)
    }

    /// An empty table, whose tokens fit into a `u32` and a C `int` while no more than 2²⁰ wait at once.
    ///
    /// There are fewer of them, so they come again: one that fires late is told from the present one of the same place
    /// for 2,047 uses of that place. Places are used in turn, so that takes as many times more calls as the table has places.
    pub const fn narrow() -> Self {
        Self::with_layout(Layout::Narrow)
    }

    const fn with_layout(layout: Layout) -> Self {
        Self {
            table: Mutex::new(Table {
                places: Vec::new(),
                first_free: NONE,
                last_free: NONE,
                live: 0,
            }),
            layout,
        }
    }

    /// Keeps a completer, behind a new token.
    pub fn insert(&self, completer: Completer<T, E>) -> Token {
        let (place, generation) = self.lock().insert(Content::Waiting(completer), self.layout);
        self.layout.token(place, generation)
    }

    /// Fires the deferred of a token. Its callbacks run inside of this, on this thread; the token is worth nothing from
    /// then on.
    ///
    /// # Errors
    /// Gives the result back if nobody waits for it, and says why: the token has fired before, was cancelled or taken, or is
    /// none of this table's; or its deferred was cancelled or dropped.
    #[inline]
    #[track_caller]
    pub fn fire(&self, token: Token, result: Result<T, E>) -> Result<(), StaleToken<T, E>> {
        match self.end(token, Misfire::Fired) {
            Ok(completer) => completer
                .try_settle(result)
                .map_err(|result| StaleToken::new(token, Misfire::Unwanted, result)),
            Err(why) => Err(StaleToken::new(token, why, result)),
        }
    }

    /// As [`fire`](Self::fire), from inside of a C callback: no panic comes out, neither of `body` (which fails
    /// the deferred with [`Aborted::panicked`]) nor of what runs when it fires. [`trampoline!`](crate::trampoline) calls this.
    ///
    /// `body` is called in any case, as it may have to free what C gave it. What it gives for a stale token is dropped, and
    /// reported unless it [is late](Misfire::is_late).
    #[inline]
    #[track_caller]
    pub fn fire_contained(&self, token: Token, body: impl FnOnce() -> Result<T, E>)
    where
        T: Send,
        E: Send,
    {
        match self.end(token, Misfire::Fired) {
            Ok(completer) => contain::settle(completer, body),
            Err(why) => contain::refuse(body, why),
        }
    }

    /// Takes a completer out, e.g. when the call that was to make use of its token has failed. `None` if the token is stale.
    pub fn take(&self, token: Token) -> Option<Completer<T, E>> {
        self.end(token, Misfire::Taken).ok()
    }

    /// Fails the deferred of a token with [`Aborted::cancelled`], and says whether it was still waiting. A callback that comes
    /// later is a stale one.
    pub fn cancel(&self, token: Token) -> bool {
        let completer = self.end(token, Misfire::Cancelled);
        completer
            .map(|completer| completer.fail(E::from(Aborted::cancelled())))
            .is_ok()
    }

    /// How many tokens wait.
    pub fn len(&self) -> usize {
        self.lock().live
    }

    /// Whether no token waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes the completer of a token, whose end this is.
    #[inline]
    fn end(&self, token: Token, fate: Misfire) -> Result<Completer<T, E>, Misfire> {
        let (place, generation) = self.layout.split(token).ok_or(Misfire::Unknown)?;
        self.lock().end(place, generation, fate, self.layout)
    }

    fn lock(&self) -> MutexGuard<'_, Table<T, E>> {
        // Nothing that can panic runs under this lock, but for want of memory.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Send + 'static, E: From<Aborted> + Send + 'static> Tokens<T, E> {
    /// Makes a deferred, with its completer behind a new token, and with a function that is called when the deferred is
    /// cancelled: to tell the library.
    ///
    /// The token is stale by then, so the library may call back from inside of its own function for
    /// cancelling, later, or not at all. It runs as any [canceller](Deferred::with_canceller) does.
    ///
    /// ```
    /// use interloop::{Aborted, callback::Tokens};
    ///
    /// static REQUESTS: Tokens<u8, Aborted> = Tokens::new();
    ///
    /// let (token, deferred) = REQUESTS.with_canceller(|token| {
    ///     // The library's `cancel(u64::from(token))`, which calls back at once:
    ///     assert!(REQUESTS.fire(token, Ok(0)).is_err());
    /// });
    /// deferred.cancel();
    /// assert!(deferred.try_take().unwrap().unwrap_err().is_cancelled());
    /// assert!(REQUESTS.take(token).is_none());
    /// ```
    #[track_caller]
    pub fn with_canceller(&'static self, mut canceller: impl FnMut(Token) + Send + 'static) -> (Token, Deferred<T, E>) {
        let (place, generation) = self.lock().insert(Content::Reserved, self.layout);
        let token = self.layout.token(place, generation);
        let (completer, deferred) = Deferred::with_canceller(move |_cancellation| {
            let completer = self.end(token, Misfire::Cancelled);
            // A callback may have been faster, and is about to fire.
            if completer.is_ok() {
                canceller(token);
            }
            drop(completer);
        });
        self.lock().places[place as usize].content = Content::Waiting(completer);
        (token, deferred)
    }
}

impl<T: 'static, E: From<Aborted> + 'static> Table<T, E> {
    fn insert(&mut self, content: Content<T, E>, layout: Layout) -> (u32, u32) {
        self.live += 1;
        let place = self.first_free;
        if let Some(free) = self.places.get_mut(place as usize) {
            if let Content::Free { next, .. } = mem::replace(&mut free.content, content) {
                self.first_free = next;
            }
            free.generation = match layout {
                Layout::Narrow if free.generation == NARROW_GENERATIONS => 1,
                _ => free.generation + 1,
            };
            return (place, free.generation);
        }
        let place = u32::try_from(self.places.len()).expect("memory ends before the places of a table");
        self.places.push(Place { generation: 1, content });
        (place, 1)
    }

    #[inline]
    fn end(&mut self, place: u32, generation: u32, fate: Misfire, layout: Layout) -> Result<Completer<T, E>, Misfire> {
        let found = self.places.get_mut(place as usize).ok_or(Misfire::Unknown)?;
        if found.generation != generation {
            return Err(match layout {
                Layout::Wide if generation > found.generation => Misfire::Unknown,
                _ => Misfire::Ended,
            });
        }
        match mem::replace(&mut found.content, Content::Free { next: NONE, fate }) {
            Content::Waiting(completer) => {
                self.live -= 1;
                self.free(place, generation, layout);
                Ok(completer)
            }
            Content::Reserved => {
                found.content = Content::Reserved;
                Err(Misfire::Unknown)
            }
            Content::Free { next, fate } => {
                found.content = Content::Free { next, fate };
                Err(fate)
            }
        }
    }

    /// Puts a place that has become free on the list: a wide one in front, as its memory is at hand, a narrow one at the
    /// end, so that its tokens come again as late as can be.
    #[inline]
    fn free(&mut self, place: u32, generation: u32, layout: Layout) {
        match layout {
            Layout::Wide if generation == WIDE_GENERATIONS => {}
            Layout::Wide => self.link(place, self.first_free),
            Layout::Narrow if self.first_free == NONE => {
                self.first_free = place;
                self.last_free = place;
            }
            Layout::Narrow => {
                let last = mem::replace(&mut self.last_free, place);
                if let Content::Free { next, .. } = &mut self.places[last as usize].content {
                    *next = place;
                }
            }
        }
    }

    /// Puts a place in front of another.
    fn link(&mut self, place: u32, before: u32) {
        if let Content::Free { next, .. } = &mut self.places[place as usize].content {
            *next = before;
        }
        self.first_free = place;
    }
}

const WIDE_GENERATIONS: u32 = u32::MAX >> 1;
const NARROW_PLACES: u32 = 20;
const NARROW_GENERATIONS: u32 = (1 << 11) - 1;

impl Layout {
    #[inline]
    fn token(self, place: u32, generation: u32) -> Token {
        let (place, generation) = (u64::from(place), u64::from(generation));
        Token::from(match self {
            Layout::Wide => generation << 32 | place,
            Layout::Narrow => {
                let low = place & ((1 << NARROW_PLACES) - 1);
                (place >> NARROW_PLACES) << 31 | generation << NARROW_PLACES | low
            }
        })
    }

    /// The place and the generation. `None` if no token looks like this.
    #[inline]
    fn split(self, token: Token) -> Option<(u32, u32)> {
        let bits = u64::from(token);
        let (place, generation) = match self {
            Layout::Wide => (bits & u64::from(u32::MAX), bits >> 32),
            Layout::Narrow => {
                let low = bits & ((1 << NARROW_PLACES) - 1);
                (
                    bits >> 31 << NARROW_PLACES | low,
                    bits >> NARROW_PLACES & u64::from(NARROW_GENERATIONS),
                )
            }
        };
        let place = u32::try_from(place).ok()?;
        (generation != 0).then_some((place, generation as u32))
    }
}

impl<T: 'static, E: From<Aborted> + 'static> Default for Tokens<T, E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: 'static, E: From<Aborted> + 'static> fmt::Debug for Tokens<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens")
            .field("live", &self.len())
            .finish_non_exhaustive()
    }
}
