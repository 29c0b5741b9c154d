//! The attributes of [`interloop`](https://docs.rs/interloop), which exports them as `interloop::test` and
//! `interloop::main` with its feature `macros`, and says there what they do.

#![forbid(unsafe_code)]

mod arguments;
mod entry;
mod function;
mod on_loops;

use proc_macro::TokenStream;

/// What this expands to is no part of the interface: it changes with `interloop`.
#[proc_macro_attribute]
pub fn test(arguments: TokenStream, item: TokenStream) -> TokenStream {
    answer(on_loops::expand(arguments.into(), item.into()))
}

/// What this expands to is no part of the interface: it changes with `interloop`.
#[proc_macro_attribute]
pub fn main(arguments: TokenStream, item: TokenStream) -> TokenStream {
    answer(entry::expand(arguments.into(), item.into()))
}

fn answer(expanded: syn::Result<proc_macro2::TokenStream>) -> TokenStream {
    expanded.unwrap_or_else(|error| error.to_compile_error()).into()
}
