#!/usr/bin/env bash
# Installs what is missing on this machine, and says so; does nothing when all is there.
#
#   scripts/ensure-deps.sh build     PostgreSQL (server, client, contrib), a C compiler, libclang (for the SQL parser's bindings)
#   scripts/ensure-deps.sh bench     PgBouncer, HAProxy and strace, for the side-by-side run
#   scripts/ensure-deps.sh drivers   Python, Node.js and Ruby with the drivers and migration tools that tests use, in .venv,
#                                    tests/drivers/node_modules and the system's own Ruby
set -euo pipefail
cd "$(dirname "$0")/.."

oldest=15

say() { printf 'ensure-deps: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }
has() { command -v "$1" >/dev/null 2>&1; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif has sudo; then sudo "$@"
    else fail "this needs root, and there is no sudo: $*"
    fi
}

manager=
for candidate in apt-get dnf brew; do
    if has "$candidate"; then manager=$candidate; break; fi
done

updated=
# install apt-packages dnf-packages brew-packages
install() {
    case $manager in
        apt-get)
            say "apt-get install $1"
            if [ -z "$updated" ]; then as_root apt-get update -q >&2; updated=1; fi
            # shellcheck disable=SC2086
            as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $1 >&2 ;;
        dnf)
            say "dnf install $2"
            # shellcheck disable=SC2086
            as_root dnf install -y $2 >&2 ;;
        brew)
            [ -n "$3" ] || return 0
            say "brew install $3"
            # shellcheck disable=SC2086
            brew install $3 >&2 ;;
        *) fail "no apt-get, dnf or brew here; please install by hand: $1" ;;
    esac
}

# The folders that `edition` itself looks in (cli/src/server/installation.rs).
postgres_folders() {
    local postgres
    [ -n "${EDITION_PGBIN:-}" ] && echo "$EDITION_PGBIN"
    if postgres=$(command -v postgres 2>/dev/null); then dirname "$(readlink -f "$postgres" 2>/dev/null || echo "$postgres")"; fi
    if has pg_config; then pg_config --bindir; fi
    ls -d /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /opt/homebrew/opt/postgresql*/bin /usr/local/opt/postgresql*/bin \
        /Library/PostgreSQL/*/bin /opt/PostgreSQL/*/bin 2>/dev/null || true
}

# A server that is new enough, with initdb, pgbench and the client programs.
has_postgres() {
    local folder version
    while read -r folder; do
        [ -x "$folder/postgres" ] && [ -x "$folder/initdb" ] && [ -x "$folder/pgbench" ] || continue
        [ -x "$folder/psql" ] && [ -x "$folder/pg_dump" ] || continue
        version=$("$folder/postgres" --version | sed -E 's/.*\(PostgreSQL\) ([0-9]+).*/\1/')
        if [ "$version" -ge "$oldest" ]; then return 0; fi
    done < <(postgres_folders)
    return 1
}

# The library that bindgen loads. LLVM's libclang-cpp, which other packages bring along, is another one.
has_libclang() {
    local folder
    [ -n "${LIBCLANG_PATH:-}" ] && return 0
    for folder in '/usr/lib/llvm-*/lib' '/usr/lib/*' /usr/lib64 '/usr/lib64/llvm*/lib' '/opt/homebrew/opt/llvm*/lib' \
        '/usr/local/opt/llvm*/lib' /Library/Developer/CommandLineTools/usr/lib \
        /Applications/Xcode.app/Contents/Developer/Toolchains/XcodeDefault.xctoolchain/usr/lib; do
        if compgen -G "$folder/libclang.so*" >/dev/null || compgen -G "$folder/libclang-[0-9]*.so*" >/dev/null ||
            compgen -G "$folder/libclang.dylib" >/dev/null; then return 0; fi
    done
    return 1
}

build_dependencies() {
    has cargo || fail "no cargo here; Rust comes from https://rustup.rs"
    has cc || install "gcc libc6-dev" "gcc glibc-devel" ""
    has cc || fail "no C compiler; on macOS run: xcode-select --install"
    has_libclang || install "libclang-dev" "clang-devel" "llvm"
    if ! has_postgres; then
        install "postgresql postgresql-contrib" "postgresql-server postgresql postgresql-contrib" "postgresql@17"
    fi
    if ! has_postgres && [ "$manager" = apt-get ]; then
        say "this distribution's PostgreSQL is older than $oldest; adding the PostgreSQL project's own repository"
        install "postgresql-common ca-certificates" "" ""
        as_root /usr/share/postgresql-common/pgdg/apt.postgresql.org.sh -y >&2
        install "postgresql-17" "" ""
    fi
    has_postgres || fail "no PostgreSQL $oldest or newer after all; install one, or set EDITION_PGBIN to its bin folder"
}

driver_dependencies() {
    has python3 || install "python3" "python3" "python3"
    if ! .venv/bin/python -c 'import psycopg, asyncpg, django, alembic' 2>/dev/null; then
        say "installing Python drivers and migration tools into .venv"
        if ! python3 -m venv .venv >/dev/null 2>&1; then
            install "python3-venv" "python3" "python3"
            python3 -m venv .venv
        fi
        .venv/bin/pip install --quiet --requirement tests/drivers/requirements.txt
    fi
    has node && has npm || install "nodejs npm" "nodejs npm" "node"
    if ! (cd tests/drivers && node -e 'require("pg"); require("pg-copy-streams"); require("knex")') 2>/dev/null; then
        say "installing the Node.js driver and Knex into tests/drivers/node_modules"
        npm ci --prefix tests/drivers --no-audit --no-fund --silent
    fi
    if ! ruby -e 'require "active_record"; require "pg"' 2>/dev/null; then
        install "ruby ruby-activerecord ruby-pg" "ruby rubygem-activerecord rubygem-pg" "ruby"
    fi
}

bench_dependencies() {
    local program
    for program in pgbouncer haproxy strace; do
        PATH=$PATH:/usr/sbin has "$program" || install "$program" "$program" "${program#strace}"
    done
}

case ${1:-build} in
    build) build_dependencies ;;
    drivers) driver_dependencies ;;
    bench) bench_dependencies ;;
    *) fail "usage: $0 build|drivers|bench" ;;
esac
