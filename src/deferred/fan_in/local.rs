//! Many deferreds of a thread into one.

use super::{flavour, tuple};

flavour::fan_in! {
    module: "local::",
    bounds: [],
    deferreds: [crate::local],
}
tuple::join! {
    module: "local::",
    bound: Sized,
    deferreds: [crate::local],
    pointer: std::rc::Rc,
}
