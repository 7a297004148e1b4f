#!/usr/bin/env bash
# Test suites of others, which judge the proxy and are no part of this repository: fetched through package managers into .suites.
#
#   scripts/fetch-suites.sh postgres    PostgreSQL's own regression and isolation suites, from the Debian source package of the
#                                       server that is installed; prints their folder
set -euo pipefail
cd "$(dirname "$0")/.."

fail() { echo "fetch-suites: $*" >&2; exit 1; }

# A source package of Debian's, its archive of the original sources only: source PACKAGE VERSION FOLDER
# The machine's own lists are left alone: apt works on copies in which each archive is one of sources.
source_package() {
    local package=$1 version=$2 folder=$3 work
    work=$(mktemp -d)
    mkdir -p "$work/lists/partial" "$work/sources.d" "$folder"
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*; do
        case $file in
            *.sources) sed -E 's/^Types:.*/Types: deb-src/' "$file" >"$work/sources.d/${file##*/}" ;;
            *.list) if [ -f "$file" ]; then sed -n -E 's/^deb /deb-src /p' "$file" >"$work/sources.d/${file##*/}"; fi ;;
        esac
    done
    local apt=(apt-get -q -o Dir::Etc::sourcelist=- -o "Dir::Etc::sourceparts=$work/sources.d" -o "Dir::State::lists=$work/lists" -o APT::Sandbox::User=root)
    "${apt[@]}" update >&2 || true
    (cd "$work" && "${apt[@]}" --download-only --tar-only source "$package=$version" >&2) || fail "no source of $package $version"
    tar -xf "$work/$package"_*.orig.tar.* -C "$folder" --strip-components=1 --wildcards '*/src/test/regress/*' '*/src/test/isolation/*'
    rm -r "$work"
}

postgres() {
    local version folder headers major=15
    command -v apt-get >/dev/null || fail "the suite comes from Debian's source package; there is no apt-get here"
    version=$(dpkg-query --show --showformat '${Version}' "postgresql-$major" 2>/dev/null) || fail "postgresql-$major is not installed"
    folder=$PWD/.suites/postgres-$version
    if [ ! -f "$folder/regress.so" ]; then
        rm -rf "$folder"
        source_package "postgresql-$major" "$version" "$folder"
        # The suite's own C functions need the server's headers only, not all that the package with the headers asks for.
        headers=$(mktemp -d)
        (cd "$headers" && apt-get -q -o APT::Sandbox::User=root download "postgresql-server-dev-$major=$version" >&2 && dpkg -x ./*.deb .)
        cc -shared -fPIC -O1 -I"$headers/usr/include/postgresql/$major/server" -I"$headers/usr/include/postgresql/internal" \
            -o "$folder/regress.so" "$folder/src/test/regress/regress.c"
        rm -r "$headers"
        # The server runs as another account, and reads files of the suite.
        chmod -R a+rX "$folder"
    fi
    printf '%s\n' "$folder"
}

case ${1:-} in
    postgres) postgres ;;
    *) fail "usage: $0 postgres" ;;
esac
