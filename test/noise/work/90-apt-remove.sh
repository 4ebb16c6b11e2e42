#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What was installed for this is removed.
set -eu
[ -s "$shared/installed" ] || cannot 'nothing was installed for it'
xargs apt-get -o DPkg::Lock::Timeout=120 -qy purge < "$shared/installed"
