//! Time limits of tower's services, in virtual time and on every loop, with tower's own builder, and with axum over HTTP.

mod http;
mod limits;
