#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Packages of Debian are brought up to date, installed, installed again and removed, by their own scripts. Leaves the servers for what follows.
set -eu
apt-get() { command apt-get -o DPkg::Lock::Timeout=120 "$@"; }
apt-get -q update || cannot 'no registry of Debian answers'
dpkg-query -Wf '${Package}\n' | sort > before
ls /usr/lib/postgresql/*/bin/postgres || apt-get -qy install postgresql
apt-get -qy install nginx cron logrotate hello
apt-get -qy install --reinstall nginx cron logrotate passwd
apt-get -s upgrade
apt-cache search webserver
dpkg -V cron
dpkg -l > packages
apt-get -qy purge hello
dpkg-query -Wf '${Package}\n' | sort | comm -13 before - > "$shared/installed"
apt-get -qy autoclean
