# To be sourced: the features that add something to what is public, for clippy and the documentation, which then build the
# dependencies once. The others choose who encrypts, and each of them builds a C library from source.
features=interloop/macros,interloop/process
features+=,interloop-tokio/codec,interloop-tokio/tower
features+=,interloop-hyper/rustls,interloop-rustls/endpoints,interloop-rustls/platform-roots
features+=,interloop-benches/shims
