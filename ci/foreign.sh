#!/usr/bin/env bash
# Runs the C library of bad manners (tests/manners), on every loop, under AddressSanitizer, which finds leaks too, under ThreadSanitizer,
# and under valgrind. The C code is built with the sanitizer as well, where the C compiler can.
#
#     ci/foreign.sh [--if-possible] [address|thread|valgrind]...
#
# The sanitizers need the nightly toolchain with its sources (`rust-src`), which it installs; valgrind has to be there. With
# --if-possible it says what is missing, and goes on with the rest.
set -euo pipefail
cd "$(dirname "$0")/.."

if_possible=
if [ "${1:-}" = --if-possible ]; then
    if_possible=1
    shift
fi
[ $# -gt 0 ] || set -- address thread valgrind

# cannot WHAT WHY: says so, and fails unless only what is possible was asked for.
cannot() {
    echo "foreign.sh: $1 is SKIPPED: $2" >&2
    [ -n "$if_possible" ] || exit 1
}

target=$(rustc -vV | sed -n 's/^host: //p')

# Says why the sanitizers cannot run here, if they cannot.
no_nightly() {
    case $target in
        x86_64-unknown-linux-gnu | aarch64-unknown-linux-gnu) ;;
        *) echo "the sanitizers do not run on $target" && return ;;
    esac
    command -v rustup >/dev/null || { echo "there is no rustup to get the nightly toolchain" && return; }
    rustup run nightly rustc --version >/dev/null 2>&1 ||
        rustup toolchain install nightly --profile minimal >/dev/null ||
        { echo "the nightly toolchain cannot be installed" && return; }
    rustup component add --toolchain nightly rust-src >/dev/null 2>&1 ||
        echo "the sources of the nightly toolchain cannot be installed"
}

# The flags that build the C code with a sanitizer, if the compiler has it. The runtime is the Rust compiler's, which is that of
# LLVM; the code that GCC writes calls the same functions.
c_flags() {
    if echo 'int main(void) { return 0; }' | "${CC:-cc}" "-fsanitize=$1" -x c -c -o /dev/null - 2>/dev/null; then
        echo "-g -fsanitize=$1"
    else
        echo "foreign.sh: ${CC:-cc} has no -fsanitize=$1: the C code is NOT instrumented, only the Rust code" >&2
    fi
}

# What these say of tokio itself is suppressed, by name, and explained there: tests/manners/*.supp.
for tool in "$@"; do
    echo "== $tool"
    case $tool in
        address | thread)
            reason=$(no_nightly)
            if [ -n "$reason" ]; then
                cannot "$tool" "$reason"
                continue
            fi
            # The directory and the flags are those of ci/sanitize.sh, so that what both need is built once. The standard library
            # is built with the sanitizer, since its atomics would be invisible otherwise.
            LSAN_OPTIONS="suppressions=$PWD/tests/manners/lsan.supp:print_suppressions=0" \
                TSAN_OPTIONS="suppressions=$PWD/tests/manners/tsan.supp" \
                CFLAGS=$(c_flags "$tool") RUSTFLAGS="-Zsanitizer=$tool" RUSTDOCFLAGS="-Zsanitizer=$tool" \
                cargo +nightly test --locked -Zbuild-std --target "$target" --target-dir "target/$tool" \
                -p interloop-manners --tests
            ;;
        valgrind)
            if ! command -v valgrind >/dev/null; then
                cannot valgrind "it is not installed"
                continue
            fi
            # The runner of the host's tests, by the name that cargo looks for.
            runner=CARGO_TARGET_$(echo "$target" | tr 'a-z-' 'A-Z_')_RUNNER
            memcheck="valgrind --quiet --error-exitcode=9 --leak-check=full --show-leak-kinds=definite"
            memcheck+=" --errors-for-leak-kinds=definite --suppressions=$PWD/tests/manners/valgrind.supp"
            env "$runner=$memcheck" cargo test --locked --workspace --test reports --test suite -- --test-threads=2
            ;;
        *)
            echo "foreign.sh: no such tool: $tool" >&2
            exit 2
            ;;
    esac
done
