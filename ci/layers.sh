#!/usr/bin/env bash
# The core depends on no runtime, an adapter on the core and one runtime, the adapter of rustls on neither, those of libcurl and zbus on the core,
# the example's library on the core alone.
set -euo pipefail
cd "$(dirname "$0")/.."

# Of the workspace whose crates are meant.
manifest=Cargo.toml

# dependencies CRATE: the names of all crates that it is built from.
dependencies() {
    cargo tree --locked --manifest-path "$manifest" -p "$1" -e normal --prefix none --format '{p}' | cut -d' ' -f1 | sort -u
}

# forbid CRATE PATTERN: fails if a dependency matches.
forbid() {
    local found
    found=$(dependencies "$1" | grep -Ex "$2" || true)
    if [ -n "$found" ]; then
        echo "$1 must not depend on:" $found >&2
        exit 1
    fi
    echo "$1: depends on none of $2"
}

runtimes='tokio|async-std|smol|async-io|async-executor|async-global-executor|futures-executor|blocking|polling|mio'
forbid interloop "$runtimes"
forbid interloop-example-digest "$runtimes"
forbid interloop-conformance "$runtimes"
forbid interloop-macros "$runtimes|interloop"
forbid interloop-tokio 'async-std|smol|async-io|async-executor|futures-executor'
forbid interloop-async-io 'tokio|async-std|smol|async-executor|futures-executor'
forbid interloop-smol 'tokio|async-std|futures-executor'
forbid interloop-async-std 'tokio|smol|futures-executor'
forbid interloop-futures 'tokio|async-std|smol|async-executor'
forbid interloop-rustls "$runtimes|interloop"
forbid interloop-curl "$runtimes"
forbid interloop 'curl|curl-sys|libz-sys'
# hyper uses channels and traits of the crate tokio, and its client compiles tokio's network.
forbid interloop-hyper 'async-std|smol|async-io|async-executor|async-global-executor|futures-executor|blocking|polling|interloop-(tokio|smol|futures|async-.*)'
# quinn uses channels of the crate tokio.
forbid interloop-quinn 'async-std|smol|async-io|async-executor|async-global-executor|futures-executor|blocking|polling|mio|interloop-(tokio|smol|futures|async-.*)'
forbid interloop-hickory "$runtimes|interloop-(tokio|smol|futures|async-.*)"
# lapin's runtime traits, and tower's services: both of the library's small crates alone.
forbid interloop-async-rs "$runtimes|interloop-(tokio|smol|futures|async-io|async-std)"
forbid interloop-tower "$runtimes|tower|interloop-(tokio|smol|futures|async-.*)"

manifest=tests/ecosystem/Cargo.toml
# What zbus takes of zruntime, its own runtime, is locks and channels, and a pool that is not used.
forbid interloop-zbus "$runtimes|interloop-(tokio|smol|futures|async-.*)"
