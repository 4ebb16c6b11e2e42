#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What each of these scripts has: run as `work.sh SCRIPT` in a folder of its own, with shared (a folder for all), port and seconds given.
has() { command -v "$1" > /dev/null; }
cannot() {
  echo "cannot: $1"
  exit 77
}
while_time() {
  local began=$SECONDS
  "$1"
  while [ $((SECONDS - began)) -lt "$seconds" ]; do "$1"; done
}
. "$1"
