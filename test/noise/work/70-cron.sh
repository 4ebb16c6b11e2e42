#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# cron runs jobs of a user and those of the day; logs are rotated.
set -eu
has crontab || cannot 'cron is not installed'
crontab -u www-data -l && cannot 'www-data has jobs of its own'
printf '%s\n' '* * * * * cd / && find /var/tmp -maxdepth 1 | sort | wc -l' '* * * * * /usr/bin/perl -e 1; test -x /usr/bin/git && git --version' |
  crontab -u www-data -
pgrep -x cron || {
  cron -f &
  trap "kill $!" EXIT
}
# That of apt waits up to half an hour.
for job in /etc/cron.daily/*; do timeout 15 "$job" || true; done
has logrotate && logrotate -f -s "$PWD/state" /etc/logrotate.conf
sleep 70
crontab -u www-data -r
