//! How a C library says what came of a call.

use std::{ffi::c_int, io, marker::PhantomData};

use crate::Aborted;

/// How a C library says what came of a call: the arguments of its callback, without the user data, as a `Result`.
///
/// One is implemented for a type that is only a name, once for each kind of callback that a library has, and given to the
/// ready-made trampolines of [`once`](super::once) and [`shared`](super::shared). `Arguments` is `()`, a type, or a tuple.
///
/// What C hands over with the callback is taken over here: copied, or put into a type whose `Drop` gives it back.
/// Then it is freed also when the result comes late, and nobody sees it.
///
/// ```
/// use std::ffi::{CStr, CString, c_char, c_int};
/// use interloop::{Aborted, Deferred, callback::{Convention, once}};
/// # // Stands for the C library.
/// # unsafe extern "C" fn lib_free(name: *mut c_char) { drop(unsafe { CString::from_raw(name) }) }
///
/// /// A name that the library has allocated, and wants back.
/// struct Name(*mut c_char);
///
/// // SAFETY: nothing in it belongs to a thread.
/// unsafe impl Send for Name {}
///
/// impl Drop for Name {
///     fn drop(&mut self) {
///         // SAFETY: it came from the library, and is given back once.
///         unsafe { lib_free(self.0) }
///     }
/// }
///
/// #[derive(Debug)]
/// enum LookupError {
///     Failed(c_int),
///     Aborted(Aborted),
/// }
/// # impl From<Aborted> for LookupError { fn from(aborted: Aborted) -> Self { LookupError::Aborted(aborted) } }
///
/// /// `void (*)(void *user_data, int status, char *name)`, where 0 is success, and the name is the caller's to free.
/// enum Lookup {}
///
/// impl Convention<(c_int, *mut c_char)> for Lookup {
///     type Ok = Name;
///     type Err = LookupError;
///
///     unsafe fn result((status, name): (c_int, *mut c_char)) -> Result<Name, LookupError> {
///         match status {
///             0 => Ok(Name(name)),
///             _ => Err(LookupError::Failed(status)),
///         }
///     }
/// }
///
/// let (completer, deferred) = Deferred::<Name, LookupError>::pair();
/// let (callback, user_data) = (once::first_2::<Lookup, _, _>, completer.into_raw());
/// // What the library does later, on a thread of its own:
/// # let name = CString::new("localhost").unwrap().into_raw();
/// // SAFETY: the user data is of the convention's types, and taken once.
/// unsafe { callback(user_data, 0, name) };
/// let name = deferred.try_take().unwrap().unwrap();
/// // SAFETY: the library's names are strings of C.
/// assert_eq!(unsafe { CStr::from_ptr(name.0) }, c"localhost");
/// ```
pub trait Convention<Arguments>: 'static {
    /// The value on success.
    type Ok: Send + 'static;
    /// The failure.
    type Err: From<Aborted> + Send + 'static;

    /// Makes a result of what the callback was called with. A panic fails the deferred, and goes no further.
    ///
    /// # Safety
    /// These are the arguments with which the library called the callback, which has not returned yet; and it is called once for
    /// each such call.
    ///
    /// # Errors
    /// Whatever the library says has failed.
    unsafe fn result(arguments: Arguments) -> Result<Self::Ok, Self::Err>;
}

/// A callback that is called is success. For `void (*)(void *user_data)`.
pub struct Done<E = Aborted>(PhantomData<E>);

impl<E: From<Aborted> + Send + 'static> Convention<()> for Done<E> {
    type Ok = ();
    type Err = E;

    unsafe fn result((): ()) -> Result<(), E> {
        Ok(())
    }
}

/// A status of 0 is success, any other is an `errno`.
pub enum Errno {}

impl Convention<c_int> for Errno {
    type Ok = ();
    type Err = io::Error;

    unsafe fn result(status: c_int) -> Result<(), io::Error> {
        match status {
            0 => Ok(()),
            errno => Err(io::Error::from_raw_os_error(errno)),
        }
    }
}

/// A negative status is an `errno`, negated; any other is a result. As libuv has it on Unix.
pub enum NegativeErrno {}

impl Convention<c_int> for NegativeErrno {
    type Ok = c_int;
    type Err = io::Error;

    unsafe fn result(status: c_int) -> Result<c_int, io::Error> {
        if status < 0 {
            Err(io::Error::from_raw_os_error(status.saturating_neg()))
        } else {
            Ok(status)
        }
    }
}
