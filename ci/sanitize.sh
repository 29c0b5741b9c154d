#!/usr/bin/env bash
# Runs the tests of the deferred and of callbacks under AddressSanitizer, which finds leaks too, and under ThreadSanitizer; with `miri`, under
# Miri, which takes some minutes more.
#
#     ci/sanitize.sh [--if-possible] [address|thread|miri]...
#
# Needs the nightly toolchain with its sources (`rust-src`), which it installs; with --if-possible it only says so if it
# cannot.
set -euo pipefail
cd "$(dirname "$0")/.."

cannot() {
    echo "sanitize.sh: $1" >&2
    exit "$2"
}

missing=1
if [ "${1:-}" = --if-possible ]; then
    missing=0
    shift
fi
[ $# -gt 0 ] || set -- address thread

target=$(rustc -vV | sed -n 's/^host: //p')
case $target in
    x86_64-unknown-linux-gnu | aarch64-unknown-linux-gnu) ;;
    *) cannot "the sanitizers do not run on $target" "$missing" ;;
esac
command -v rustup >/dev/null || cannot "there is no rustup to get the nightly toolchain" "$missing"
rustup run nightly rustc --version >/dev/null 2>&1 || rustup toolchain install nightly --profile minimal ||
    cannot "the nightly toolchain cannot be installed" "$missing"
rustup component add --toolchain nightly rust-src ||
    cannot "the sources of the nightly toolchain cannot be installed" "$missing"

tests=()
for file in tests/{deferred,cancel,pause,fan_in,coroutine,shared,sync,local,memory,calls,local_reactor,callback}.rs; do
    tests+=(--test "$(basename "$file" .rs)")
done

for sanitizer in "$@"; do
    echo "== $sanitizer"
    case $sanitizer in
        miri)
            rustup component add --toolchain nightly miri
            # Chains of a million links are for the machine itself, and so are the timers of real loops, which Miri does not know.
            MIRIFLAGS=-Zmiri-disable-isolation cargo +nightly miri test --locked --target-dir target/miri \
                "${tests[@]}" -- --skip million --skip memory --skip limits
            ;;
        address | thread)
            # The standard library is built with it, since its atomics would be invisible otherwise.
            RUSTFLAGS="-Zsanitizer=$sanitizer" RUSTDOCFLAGS="-Zsanitizer=$sanitizer" \
                cargo +nightly test --locked -Zbuild-std --target "$target" --target-dir "target/$sanitizer" \
                "${tests[@]}" --test callback_stream --test callback_entry
            ;;
        *) cannot "no such sanitizer: $sanitizer" 2 ;;
    esac
done
