//! The macro for callbacks of any signature.

/// Writes the C function of a callback, of whatever signature, whose body gives the result of a deferred.
///
/// ```
/// use std::ffi::{c_int, c_void};
/// use interloop::{Aborted, Deferred};
///
/// # #[derive(Debug)]
/// enum TransferError {
///     Stalled,
///     Aborted(Aborted),
/// }
/// # impl From<Aborted> for TransferError { fn from(aborted: Aborted) -> Self { TransferError::Aborted(aborted) } }
///
/// /// The library's `struct transfer`, whose `user_data` the callback finds for itself.
/// #[repr(C)]
/// struct Transfer {
///     length: c_int,
///     user_data: *mut c_void,
/// }
///
/// interloop::trampoline! {
///     /// `int (*)(struct transfer *, int stalled)`
///     unsafe extern "C" fn transferred(transfer: *mut Transfer, stalled: c_int) -> c_int {
///         // SAFETY: the library calls with a transfer of its own.
///         once(unsafe { (*transfer).user_data }) -> Result<usize, TransferError> {
///             if stalled != 0 {
///                 return Err(TransferError::Stalled);
///             }
///             // SAFETY: as above.
///             let length = unsafe { (*transfer).length };
///             Ok(usize::try_from(length).expect("a length is not negative"))
///         }
///         return 0;
///     }
/// }
///
/// let (completer, deferred) = Deferred::<usize, TransferError>::pair();
/// let mut transfer = Transfer { length: 7, user_data: completer.into_raw() };
/// // What the library does later:
/// // SAFETY: the user data is of these types, and taken once.
/// assert_eq!(unsafe { transferred(&mut transfer, 0) }, 0);
/// assert_eq!(deferred.try_take().unwrap().unwrap(), 7);
/// ```
///
/// In the function stands what fires, which says whose the user data is:
///
/// | | the user data | see |
/// |---|---|---|
/// | `once(user_data)` | from [`Completer::into_raw`](crate::Completer::into_raw): the callback is called once, or never | [`callback::once`](crate::callback::once) |
/// | `shared(user_data)` | from [`SharedCompleter::into_raw`](crate::callback::SharedCompleter::into_raw): something else releases it | [`callback::shared`](crate::callback::shared) |
/// | `token(table, token)` | a [`Token`](crate::callback::Token) of that table: however often the callback is called | [`callback::Tokens`](crate::callback::Tokens) |
///
/// In the parentheses is an expression, of the function's arguments; then the type of the result, then the body, which may use the arguments, `?` and `return`.
/// A panic of the body fails the deferred with [`Aborted::panicked`](crate::Aborted::panicked), and none crosses into C. What
/// the C function returns stands behind it, if it returns anything: an expression that does not panic.
///
/// With a token the function is called with anything, and nothing that `unsafe` guards can go wrong in it:
///
/// ```
/// use std::ffi::{c_int, c_uint};
/// use interloop::{Aborted, Deferred, callback::Tokens};
///
/// static REQUESTS: Tokens<c_int, Aborted> = Tokens::narrow();
///
/// interloop::trampoline! {
///     /// `void (*)(unsigned request_id, int answer)`
///     unsafe extern "C" fn answered(request_id: c_uint, answer: c_int) {
///         token(&REQUESTS, request_id) -> Result<c_int, Aborted> { Ok(answer) }
///     }
/// }
///
/// let (completer, deferred) = Deferred::pair();
/// let request_id = c_uint::try_from(REQUESTS.insert(completer)).unwrap();
/// // SAFETY: it can be called with anything.
/// unsafe { answered(request_id, 7) };
/// assert_eq!(deferred.try_take().unwrap().unwrap(), 7);
/// ```
///
/// # Safety
/// The function is `unsafe` to call. Its caller, the library, promises what [`once::fire`](crate::callback::once::fire),
/// [`shared::fire`](crate::callback::shared::fire) or the body asks for.
#[macro_export]
macro_rules! trampoline {
    ($(
        $(#[$attribute:meta])*
        $visibility:vis unsafe extern $abi:literal fn $name:ident($($argument:ident: $Argument:ty),* $(,)?) $(-> $Return:ty)? {
            $whose:ident($($user_data:tt)+) -> $Result:ty $body:block
            $(return $value:expr;)?
        }
    )+) => {$(
        $(#[$attribute])*
        $visibility unsafe extern $abi fn $name($($argument: $Argument),*) $(-> $Return)? {
            $crate::__fire!($whose($($user_data)+) -> $Result $body);
            $($value)?
        }
    )+};
}

/// What [`trampoline!`](crate::trampoline) writes to fire.
#[doc(hidden)]
#[macro_export]
macro_rules! __fire {
    (once($user_data:expr) -> $Result:ty $body:block) => {{
        let user_data = $user_data;
        let body = || -> $Result { $body };
        // SAFETY: promised by the caller of the function.
        unsafe { $crate::callback::once::fire(user_data, body) }
    }};
    (shared($user_data:expr) -> $Result:ty $body:block) => {{
        let user_data = $user_data;
        let body = || -> $Result { $body };
        // SAFETY: promised by the caller of the function.
        unsafe { $crate::callback::shared::fire(user_data, body) }
    }};
    (token($table:expr, $token:expr $(,)?) -> $Result:ty $body:block) => {
        $crate::callback::Tokens::fire_contained($table, $crate::callback::Token::from($token), || -> $Result { $body })
    };
    ($whose:ident($($user_data:tt)+) -> $Result:ty $body:block) => {
        ::core::compile_error!("a trampoline fires by `once(user_data)`, `shared(user_data)` or `token(table, token)`")
    };
}
