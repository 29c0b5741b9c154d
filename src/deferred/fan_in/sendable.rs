//! Many deferreds that go from thread to thread into one.

use super::{flavour, tuple};

flavour::fan_in! {
    module: "",
    bounds: [Send +],
    deferreds: [crate],
}
tuple::join! {
    module: "",
    bound: Send,
    deferreds: [crate],
    pointer: std::sync::Arc,
}
