//! Every ready-made shape, and what the macro writes.

use std::{
    ffi::{c_int, c_void},
    marker::PhantomData,
};

use interloop::{
    Aborted, Deferred,
    callback::{Convention, Done, SharedCompleter, Tokens, once, shared},
    trampoline,
};

/// The arguments themselves are the value.
struct Same<A>(PhantomData<A>);

impl<A: Send + 'static> Convention<A> for Same<A> {
    type Ok = A;
    type Err = Aborted;

    unsafe fn result(arguments: A) -> Result<A, Aborted> {
        Ok(arguments)
    }
}

fn through_once<T: Send + 'static>(fire: impl FnOnce(*mut c_void)) -> T {
    let (completer, deferred) = Deferred::<T, Aborted>::pair();
    fire(completer.into_raw());
    deferred.try_take().expect("it was fired").unwrap()
}

fn through_shared<T: Send + 'static>(fire: impl FnOnce(*mut c_void)) -> T {
    let (completer, deferred) = Deferred::<T, Aborted>::pair();
    let user_data = SharedCompleter::new(completer).into_raw();
    fire(user_data);
    // SAFETY: it is of these types, and released once.
    unsafe { shared::release::<T, Aborted>(user_data) };
    deferred.try_take().expect("it was fired").unwrap()
}

macro_rules! all_shapes_of {
    ($module:ident, $through:ident) => {
        // SAFETY: each is of the convention's types, and called once.
        unsafe {
            $through::<()>(|d| $module::done::<Done>(d));
            assert_eq!($through::<i32>(|d| $module::first::<Same<i32>, _>(d, 1)), 1);
            assert_eq!($through::<i32>(|d| $module::last::<Same<i32>, _>(1, d)), 1);
            let two = $through::<(i32, u8)>(|d| $module::first_2::<Same<(i32, u8)>, _, _>(d, 1, 2));
            assert_eq!(two, (1, 2));
            let two = $through::<(i32, u8)>(|d| $module::last_2::<Same<(i32, u8)>, _, _>(1, 2, d));
            assert_eq!(two, (1, 2));
            type Three = (i32, u8, f64);
            let three = $through::<Three>(|d| $module::first_3::<Same<Three>, _, _, _>(d, 1, 2, 3.0));
            assert_eq!(three, (1, 2, 3.0));
            let three = $through::<Three>(|d| $module::last_3::<Same<Three>, _, _, _>(1, 2, 3.0, d));
            assert_eq!(three, (1, 2, 3.0));
            type Four = (i32, u8, f64, u64);
            let four = $through::<Four>(|d| $module::first_4::<Same<Four>, _, _, _, _>(d, 1, 2, 3.0, 4));
            assert_eq!(four, (1, 2, 3.0, 4));
        }
    };
}

#[test]
fn each_shape_gives_its_arguments_in_order() {
    all_shapes_of!(once, through_once);
    all_shapes_of!(shared, through_shared);
}

static TOKENS: Tokens<i32, Aborted> = Tokens::narrow();

trampoline! {
    /// Attributes and visibility are passed on.
    pub(crate) unsafe extern "C" fn with_a_value_to_return(status: c_int, user_data: *mut c_void, limit: c_int) -> c_int {
        once(user_data) -> Result<i32, Aborted> {
            if status > limit {
                return Err(Aborted::timed_out());
            }
            let checked = status.checked_mul(2).ok_or_else(Aborted::cancelled)?;
            Ok(checked)
        }
        return status - 1;
    }

    unsafe extern "C" fn of_a_shared_completer(user_data: *mut c_void,) {
        shared(user_data) -> Result<i32, Aborted> { Ok(5) }
    }

    unsafe extern "system" fn of_a_token(id: c_int) -> bool {
        token(&TOKENS, id) -> Result<i32, Aborted> { Ok(6) }
        return true;
    }
}

#[test]
fn a_trampoline_returns_to_c_what_it_says() {
    let mut returned = 0;
    // SAFETY: it is of these types, and called once.
    let value = through_once::<i32>(|user_data| returned = unsafe { with_a_value_to_return(4, user_data, 10) });
    assert_eq!((value, returned), (8, 3));

    let (completer, deferred) = Deferred::<i32, Aborted>::pair();
    // SAFETY: as above.
    assert_eq!(unsafe { with_a_value_to_return(11, completer.into_raw(), 10) }, 10);
    assert!(deferred.try_take().unwrap().unwrap_err().is_timed_out());
}

#[test]
fn a_trampoline_fires_by_what_it_names() {
    let fired = through_shared::<i32>(|user_data| {
        // SAFETY: it is of these types.
        unsafe { of_a_shared_completer(user_data) }
    });
    assert_eq!(fired, 5);
    let (completer, deferred) = Deferred::<i32, Aborted>::pair();
    let id = TOKENS.insert(completer).try_into().unwrap();
    // SAFETY: it can be called with anything.
    assert!(unsafe { of_a_token(id) });
    assert_eq!(deferred.try_take().unwrap().unwrap(), 6);
}
