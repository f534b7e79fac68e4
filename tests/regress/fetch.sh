#!/bin/bash
# Fetches PostgreSQL's own regression suite for the installed server and builds its library: fetch.sh FOLDER
# Afterwards FOLDER holds sql/ data/ expected/ parallel_schedule and lib/ (regress.so, autoinc.so, refint.so).
set -euo pipefail
folder=$(mkdir -p "$1" && cd "$1" && pwd)
bin=$(ls -d /usr/lib/postgresql/*/bin | sort -t/ -k5 -n | tail -1)
major=$(echo "$bin" | cut -d/ -f5)
[ ! -e "$folder/lib/regress.so" ] || exit 0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
# Source packages are asked for in a list of our own: the machine's stays as it is.
. /etc/os-release
case "$ID" in
ubuntu)
    for suite in "$VERSION_CODENAME" "$VERSION_CODENAME-updates" "$VERSION_CODENAME-security"; do
        echo "deb-src http://archive.ubuntu.com/ubuntu $suite main universe"
    done ;;
*)
    echo "deb-src http://deb.debian.org/debian $VERSION_CODENAME main"
    echo "deb-src http://deb.debian.org/debian $VERSION_CODENAME-updates main"
    echo "deb-src http://deb.debian.org/debian-security $VERSION_CODENAME-security main" ;;
esac > sources.list
mkdir -p lists/partial
apt() { apt-get -qq -o Acquire::Retries=3 -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=/dev/null -o Dir::State::Lists="$work/lists" "$@"; }
apt update
# The installed version's source, or an older one of the same major version: the direct run is the oracle anyway.
versions=$(apt-cache -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=/dev/null -o Dir::State::Lists="$work/lists" \
    showsrc "postgresql-$major" | sed -n 's/^Version: //p' | sort -Vru)
for version in $versions; do
    apt --download-only source "postgresql-$major=$version" 2>/dev/null && break
done
tar xf postgresql-"$major"_*.orig.tar.* --wildcards --strip-components=3 '*/src/test/regress/*'
# The headers without the compiler suite that the package depends on.
run() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
apt-cache show "postgresql-server-dev-$major" >/dev/null 2>&1 || run apt-get update -qq
apt-get -qq download "postgresql-server-dev-$major" 2>/dev/null
dpkg -x postgresql-server-dev-"$major"_*.deb dev
mkdir regress/lib
cc -O1 -fPIC -shared -I "dev/usr/include/postgresql/$major/server" -I dev/usr/include/postgresql/internal -o regress/lib/regress.so regress/regress.c
cp "$(dirname "$bin")"/lib/{autoinc,refint}.so regress/lib/
chmod -R a+rX regress
rm -rf "$folder" && mv regress "$folder"
