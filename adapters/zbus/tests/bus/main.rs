//! Connections to a real bus, on every loop. Where there is no `dbus-daemon`, these tests say so and do nothing.

mod calls;
mod leftovers;
mod places;
mod tools;
