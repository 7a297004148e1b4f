#!/usr/bin/env bash
# Test suites of others, which judge the proxy and are no part of this repository: fetched through package managers into .suites.
#
#   scripts/fetch-suites.sh postgres    PostgreSQL's own regression and isolation suites, from the Debian source package of the
#                                       server that is installed; prints their folder
#   scripts/fetch-suites.sh drivers     the suites of psycopg2, asyncpg, SQLAlchemy and Django, from their source distributions, and
#                                       a Python with what they judge; prints their folder
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

# Versions whose source distribution holds the tests. psycopg 3 and node-postgres leave theirs out.
driver_versions="psycopg2==2.9.10 asyncpg==0.30.0 SQLAlchemy==2.0.36 Django==5.2.1"

drivers() {
    local folder=$PWD/.suites/drivers package archive name parts
    if [ ! -f "$folder/complete" ]; then
        rm -rf "$folder"
        mkdir -p "$folder"
        python3 -m venv "$folder/python" >&2
        # Source distributions are unpacked, not built; pip wants to know their metadata all the same.
        "$folder/python/bin/pip" install --quiet 'setuptools<81' wheel 'cython<3.1' pytest distro >&2
        # shellcheck disable=SC2086
        "$folder/python/bin/pip" install --quiet --prefer-binary ${driver_versions/psycopg2==/psycopg2-binary==} >&2
        for package in $driver_versions; do
            "$folder/python/bin/pip" download --quiet --no-deps --no-build-isolation --no-binary :all: -d "$folder" "$package" >&2
        done
        for archive in "$folder"/*.tar.gz; do
            name=${archive##*/} name=${name%%-*}
            # the modules themselves are those that pip installed
            case $name in
                asyncpg | psycopg2) parts=('*/tests/*') ;;
                *) parts=('*') ;;
            esac
            mkdir "$folder/$name"
            tar -xzf "$archive" -C "$folder/$name" --strip-components=1 --wildcards "${parts[@]}"
        done
        touch "$folder/complete"
    fi
    printf '%s\n' "$folder"
}

case ${1:-} in
    postgres) postgres ;;
    drivers) drivers ;;
    *) fail "usage: $0 postgres|drivers" ;;
esac
