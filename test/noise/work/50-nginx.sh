#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# nginx serves files and passes requests on, is told to read its settings anew, and changes its log.
set -eu
has nginx || cannot 'nginx is not installed'
chmod 755 .
head -c 100000 /dev/zero > file
cat > nginx.conf << END
user www-data;
worker_processes 2;
pid $PWD/nginx.pid;
error_log $PWD/error.log;
events {}
http {
  access_log $PWD/access.log;
  server { listen 127.0.0.1:$port; root $PWD; location /pass/ { proxy_pass http://127.0.0.1:$port/; } }
}
END
nginx -t -c "$PWD/nginx.conf"
nginx -c "$PWD/nginx.conf" -g 'daemon off;' &
server=$!
again() {
  for path in file missing pass/file; do
    node -e 'Promise.all(Array.from({ length: 200 }, async () => (await fetch(process.argv[1])).arrayBuffer())).catch(() => {})' "http://127.0.0.1:$port/$path"
    curl -s "http://127.0.0.1:$port/$path" | wc -c
  done
  nginx -c "$PWD/nginx.conf" -s reload
  mv access.log access.log.1
  nginx -c "$PWD/nginx.conf" -s reopen
}
sleep 1
while_time again
kill -QUIT $server
wait $server
