#!/usr/bin/env bash
# Test suites of others, which judge the proxy and are no part of this repository: fetched through package managers into .suites.
#
#   scripts/fetch-suites.sh postgres    PostgreSQL's own regression and isolation suites, from the Debian source package of the
#                                       server that is installed; prints their folder
#   scripts/fetch-suites.sh drivers     the suites of psycopg2, asyncpg, SQLAlchemy and Django, from their source distributions, and
#                                       a Python with what they judge; those of psycopg 3 and node-postgres, whose packages hold no
#                                       tests, from their repositories, or from copies: PSYCOPG_GIT=… NODE_POSTGRES_GIT=…; prints their folder
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

# A folder of a repository as it was at a tag, in the present folder: from_git REPOSITORY TAG FOLDER
from_git() {
    local clone
    clone=$(mktemp -d)
    git clone --quiet --bare --depth 1 --branch "$2" "$1" "$clone" >&2 && git -C "$clone" archive "$2" "$3" | tar -x || return 1
    rm -r "$clone"
}

# The drivers themselves come from their packages, of the version that the tests are of.
psycopg() (
    mkdir -p psycopg && cd psycopg
    from_git "${PSYCOPG_GIT:-https://github.com/psycopg/psycopg}" 3.3.4 tests &&
        ../python/bin/pip install --quiet 'psycopg[binary]==3.3.4' pytest anyio dnspython pproxy mypy >&2
)

node_postgres() (
    mkdir -p node-postgres && cd node-postgres
    from_git "${NODE_POSTGRES_GIT:-https://github.com/brianc/node-postgres}" pg@8.23.0 packages/pg/test &&
        npm install --no-audit --no-fund --silent --prefix . pg@8.23.0 async@2.6.4 bluebird@3.7.2 co@4.6.0 pg-copy-streams@0.3.0 >&2 &&
        mv packages/pg/test node_modules/pg/
)

# Versions whose source distribution holds the tests.
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
    cd "$folder"
    if [ ! -d psycopg ]; then psycopg || { rm -rf psycopg; echo "fetch-suites: no tests of psycopg 3; PSYCOPG_GIT=… names a copy of its repository" >&2; }; fi
    if [ ! -d node-postgres ]; then
        node_postgres || { rm -rf node-postgres; echo "fetch-suites: no tests of node-postgres; NODE_POSTGRES_GIT=… names a copy of its repository" >&2; }
    fi
    printf '%s\n' "$folder"
}

case ${1:-} in
    postgres) postgres ;;
    drivers) drivers ;;
    *) fail "usage: $0 postgres|drivers" ;;
esac
