//! The cases, by topic. Each is a function that is given its subject.

pub mod block_on;
pub mod blocking;
pub mod calls;
pub mod cancel;
pub mod context;
pub mod descriptor;
pub mod descriptor_kinds;
pub mod interval;
pub mod orphans;
pub mod process;
pub mod shutdown;
pub mod signal;
pub mod source;
pub mod stranded;
pub mod tasks;
pub mod tcp;
pub mod time;
pub mod traffic;
pub mod udp;
pub mod udp_options;
pub mod unix;
pub mod unix_datagram;
pub mod unix_traffic;
pub mod waiting;
