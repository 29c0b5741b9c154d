//! The sockets that libcurl has a loop wait for.
//!
//! libcurl owns its sockets and closes them when it likes. It tells of each, in its callback, from when on it is to be watched and how
//! long; the latter right before it closes it. So a number that is closed and given to another socket within one call is two sockets
//! here, too.

#[cfg_attr(any(target_os = "linux", target_os = "android"), path = "epoll.rs")]
#[cfg_attr(not(any(target_os = "linux", target_os = "android")), path = "each.rs")]
mod system;

pub(crate) use self::system::Sockets;
