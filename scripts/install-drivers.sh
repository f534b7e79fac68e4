#!/bin/bash
# Installs the drivers of the matrix that come as Debian packages, and what the others are built with, if they are missing.
set -euo pipefail
run() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
export DEBIAN_FRONTEND=noninteractive
missing=()
for package in default-jdk-headless libpostgresql-jdbc-java golang-go golang-github-jackc-pgx-v4-dev golang-github-lib-pq-dev \
    libpq-dev ruby ruby-pg php-cli php-pgsql libdbd-pg-perl; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
if [ "${#missing[@]}" -gt 0 ]; then
    run apt-get update -qq
    run apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi
