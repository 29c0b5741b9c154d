#!/usr/bin/env bash
# Real libraries on every loop, in the workspace of tests/ecosystem: its tests, then the matrix, which is compared with the copy in its
# README. With --write, that copy is written anew.
#
# The servers that some of the libraries talk to are installed by apt-get where that may be, and started here for the time of the run, on
# free ports, with their data in a directory of their own. Libraries whose server is not there are skipped, which is said.
set -euo pipefail
cd "$(dirname "$0")/.."

case "${1:---check}" in
    --check | --write) mode=${1:---check} ;;
    *)
        echo "usage: ecosystem.sh [--check | --write]" >&2
        exit 2
        ;;
esac

scratch=$(mktemp -d)
chmod 755 "$scratch"
running=()
stop() {
    local pid
    for pid in "${running[@]}"; do
        kill "$pid" 2>/dev/null || true
    done
    for pid in "${running[@]}"; do
        wait "$pid" 2>/dev/null || true
    done
    rm -rf "$scratch"
}
trap stop EXIT

# Set when the packages cannot be had, which takes its time to find out.
unreachable=

# have COMMAND PACKAGE: whether there is a command, which is installed if that may be.
have() {
    command -v "$1" >/dev/null && return
    if [[ $(id -u) != 0 ]] || ! command -v apt-get >/dev/null; then
        echo "ecosystem.sh: there is no $1, and nothing may be installed here" >&2
        return 1
    fi
    if [[ -n $unreachable ]]; then
        echo "ecosystem.sh: there is no $1, and no packages can be had" >&2
        return 1
    fi
    echo "ecosystem.sh: installing $2"
    local install=(timeout 300 env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$2")
    if ! "${install[@]}" >"$scratch/apt.log" 2>&1; then
        # It succeeds without any, unless it is told not to.
        timeout 120 apt-get update -q -o APT::Update::Error-Mode=any >>"$scratch/apt.log" 2>&1 || unreachable=1
        if [[ -n $unreachable ]] || ! "${install[@]}" >>"$scratch/apt.log" 2>&1; then
            echo "ecosystem.sh: cannot install $2: $(tail -n 1 "$scratch/apt.log")" >&2
            return 1
        fi
    fi
    command -v "$1" >/dev/null
}

# free_port: one that nobody listens on.
free_port() {
    local port
    for port in $(shuf -i 20000-30000 -n 50); do
        if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            echo "$port"
            return
        fi
    done
    echo "ecosystem.sh: no port is free" >&2
    return 1
}

# started NAME LOG COMMAND...: runs a server in the background, whose output goes to a file.
started() {
    local log=$scratch/$1.log
    shift
    "$@" >"$log" 2>&1 &
    running+=($!)
}

# answers NAME COMMAND...: waits until a command succeeds, 20 seconds at most.
answers() {
    local name=$1 _
    shift
    for _ in $(seq 200); do
        if "$@" >/dev/null 2>&1; then
            return
        fi
        sleep 0.1
    done
    echo "ecosystem.sh: $name does not answer:" >&2
    tail -n 5 "$scratch/$name.log" >&2
    return 1
}

is_open() {
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

start_redis() {
    have redis-server redis-server || return 0
    local port
    port=$(free_port)
    started redis redis-server --bind 127.0.0.1 --port "$port" --save "" --appendonly no --dir "$scratch"
    answers redis is_open "$port"
    export MATRIX_REDIS=127.0.0.1:$port
}

start_nats() {
    have nats-server nats-server || return 0
    local port
    port=$(free_port)
    started nats nats-server --addr 127.0.0.1 --port "$port"
    answers nats is_open "$port"
    export MATRIX_NATS=127.0.0.1:$port
}

start_rabbitmq() {
    have rabbitmq-server rabbitmq-server || return 0
    # Debian's command becomes another user, who has no directory here.
    PATH=/usr/lib/rabbitmq/bin:$PATH
    local names=$scratch/rabbitmq port
    mkdir "$names"
    port=$(free_port)
    # By this, Erlang's programs find each other. Without it, one is started that stays.
    local erlang=(env HOME="$names" ERL_EPMD_ADDRESS=127.0.0.1 ERL_EPMD_PORT="$(free_port)")
    started epmd "${erlang[@]}" epmd
    started rabbitmq "${erlang[@]}" RABBITMQ_NODENAME=matrix@localhost RABBITMQ_NODE_IP_ADDRESS=127.0.0.1 RABBITMQ_NODE_PORT="$port" \
        RABBITMQ_DIST_PORT="$(free_port)" RABBITMQ_MNESIA_BASE="$names/data" RABBITMQ_LOG_BASE="$names" RABBITMQ_LOGS=- \
        RABBITMQ_ENABLED_PLUGINS_FILE="$names/plugins" RABBITMQ_CONF_ENV_FILE=/dev/null RABBITMQ_CONFIG_FILE="$names/none" \
        RABBITMQ_PID_FILE="$names/pid" rabbitmq-server
    answers rabbitmq is_open "$port"
    export MATRIX_AMQP=127.0.0.1:$port
}

start_postgres() {
    local bin port as=()
    # Debian has its programs apart from the others.
    PATH=$PATH:$(echo /usr/lib/postgresql/*/bin | tr ' ' ':')
    have initdb postgresql || return 0
    PATH=$PATH:$(echo /usr/lib/postgresql/*/bin | tr ' ' ':')
    bin=$(dirname "$(readlink -f "$(command -v initdb)")")
    # It refuses to be run by root.
    if [[ $(id -u) == 0 ]]; then
        id postgres >/dev/null 2>&1 || useradd --system postgres
        as=(setpriv --reuid postgres --regid "$(id -g postgres)" --clear-groups)
    fi
    mkdir "$scratch/postgres"
    if [[ $(id -u) == 0 ]]; then
        chown postgres "$scratch/postgres"
    fi
    "${as[@]}" "$bin/initdb" --pgdata "$scratch/postgres/data" --username matrix --auth trust --no-sync \
        --encoding UTF8 --locale C >"$scratch/initdb.log" 2>&1 || { cat "$scratch/initdb.log" >&2; return 1; }
    port=$(free_port)
    started postgres "${as[@]}" "$bin/postgres" -D "$scratch/postgres/data" -h 127.0.0.1 -p "$port" \
        -k "$scratch/postgres" -c fsync=off
    answers postgres "$bin/pg_isready" -q -h 127.0.0.1 -p "$port"
    export MATRIX_POSTGRES=127.0.0.1:$port/matrix
}

start_bus() {
    have dbus-daemon dbus-daemon || return 0
    started dbus dbus-daemon --session --nofork --address="unix:path=$scratch/bus"
    answers dbus test -S "$scratch/bus"
    export MATRIX_DBUS=$scratch/bus
}

start_dns() {
    have dnsmasq dnsmasq-base || return 0
    local port large="" letter
    port=$(free_port)
    # Too long for an answer by UDP.
    for letter in a b c d e; do
        large+=,$(printf "%200s" "" | tr ' ' "$letter")
    done
    started dns dnsmasq --keep-in-foreground --log-facility=- --conf-file=/dev/null --pid-file= --user="$(id -un)" --group="$(id -gn)" \
        --port="$port" --listen-address=127.0.0.1 --bind-interfaces --no-resolv --no-hosts --local=/matrix.test/ \
        --host-record=host.matrix.test,192.0.2.7 --txt-record=large.matrix.test"$large"
    answers dns is_open "$port"
    export MATRIX_DNS=127.0.0.1:$port
}

# librdkafka is built from the source that comes with its crate.
have make make
have g++ g++

start_dns
start_redis
start_postgres
start_nats
start_rabbitmq
start_bus

manifest=tests/ecosystem/Cargo.toml
cargo fmt --manifest-path "$manifest" --all --check
# A crate that is published, and here since it needs a newer Rust than the root's.
cargo clippy --locked --manifest-path "$manifest" -p interloop-zbus --all-targets -- -D warnings
RUSTDOCFLAGS="-D warnings" cargo doc --locked --manifest-path "$manifest" -p interloop-zbus --no-deps
# All packages and targets each time, so that nothing is built twice, with some features and with others.
cargo build --locked --manifest-path "$manifest" --workspace --all-targets
cargo test --locked --manifest-path "$manifest" --workspace
"${CARGO_TARGET_DIR:-tests/ecosystem/target}/debug/interloop-ecosystem-matrix" "$mode" tests/ecosystem/README.md
