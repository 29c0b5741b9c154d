//! Builds the C library. `CFLAGS` is heeded, so that a sanitizer sees it, too.

fn main() {
    println!("cargo::rerun-if-changed=c");
    cc::Build::new()
        .files(["c/manners.c", "c/many.c"])
        .flag("-pthread")
        .warnings(true)
        .extra_warnings(true)
        .warnings_into_errors(true)
        .compile("manners");
    println!("cargo::rustc-link-lib=pthread");
}
