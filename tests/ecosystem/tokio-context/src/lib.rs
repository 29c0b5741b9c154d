//! What the tests and the measurement share.
