#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Two people share a bare repository with a hook.
set -eu
git init -q --bare -b main bare.git
printf '#!/bin/sh\nwhile read -r old new ref; do git log --oneline -1 "$new" >> pushed; done\n' > bare.git/hooks/post-receive
chmod +x bare.git/hooks/post-receive
for who in alice bob; do
  git clone -q bare.git $who
  git -C $who config user.name $who
  git -C $who config user.email $who@example.org
done
git -C alice commit -q --allow-empty -m first
git -C alice push -q origin HEAD:main
git -C bob pull -q origin main
again() {
  for who in alice bob; do
    git -C $who pull -q --rebase origin main
    git -C $who switch -q -C topic
    date +%N > $who/file.$RANDOM
    git -C $who add .
    git -C $who commit -q -m change
    git -C $who switch -q main
    git -C $who merge -q --no-ff -m merged topic
    git -C $who push -q origin main
  done
  git -C bob log -p | wc -l
  git -C bob archive main | tar -x -C "$(mktemp -d -p .)"
  git -C bob gc -q
  git -C bare.git fsck
}
while_time again
