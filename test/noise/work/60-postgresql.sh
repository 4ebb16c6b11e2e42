#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# PostgreSQL under load: it keeps its log by a command, is dumped, restored and cleaned.
set -eu
bin=$(ls -d /usr/lib/postgresql/*/bin 2> /dev/null | tail -1)
[ -x "$bin/postgres" ] || cannot 'PostgreSQL is not installed'
chown postgres . && mkdir kept && chown postgres kept
as() { runuser -u postgres -- env PGHOST="$PWD" PGPORT="$port" "$@"; }
as "$bin/initdb" -D data
printf '%s\n' "port = $port" "listen_addresses = '127.0.0.1'" "unix_socket_directories = '$PWD'" 'archive_mode = on' \
  "archive_command = 'test ! -f $PWD/kept/%f && cp %p $PWD/kept/%f'" >> data/postgresql.conf
as "$bin/pg_ctl" -D data -l log -w start
as "$bin/createdb" shop
as pgbench -q -i -s 5 shop
again() {
  as pgbench -c 4 -j 2 -T 5 shop
  as psql -qc "copy pgbench_tellers to stdout" shop | wc -l
  as psql -qc 'select pg_switch_wal()' shop
  as pg_dump -Fc -f shop.dump shop
  as "$bin/dropdb" --if-exists other
  as "$bin/createdb" other
  as pg_restore -d other shop.dump
  as vacuumdb -q -a
}
while_time again
as "$bin/pg_ctl" -D data -m fast stop
