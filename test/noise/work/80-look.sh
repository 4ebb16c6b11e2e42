#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# An administrator looks at how the machine does.
set -u
again() {
  ps auxwwf | head -50
  top -b -n 1 | head -20
  lsof -i -n -P
  lsof -p $$
  uptime; free -m; df -h; who; date
  ls -la /etc /var/log
  tail -n 20 /var/log/dpkg.log
  grep -r listen /etc/nginx
  du -sh /var/log
  find /var/log -name '*.gz'
  pgrep -a node
  pstree -ap
  ss -tlnp
  dmesg | tail -5
  runuser -u www-data -- id
  for pid in /proc/[0-9]*; do cat $pid/stat $pid/status $pid/cgroup; done > /dev/null
  sleep 5
}
while_time again
