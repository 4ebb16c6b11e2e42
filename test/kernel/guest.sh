#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# In the machine, on its real root: what Debian mounts at its start, then each of the sensor's sites, and its tests. What they
# say goes to /run/results, which is the host's.

export PATH=/usr/sbin:/usr/bin:/sbin:/bin NODE_OPTIONS=--disable-warning=ExperimentalWarning
repository=$(dirname "$0")/../..
mount -t tmpfs tmpfs /run
mkdir -p /run/tmp /run/results /dev/pts /dev/shm
mount -t 9p -o trans=virtio,version=9p2000.L,msize=524288 results /run/results
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t securityfs securityfs /sys/kernel/security
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t bpf bpf /sys/fs/bpf
mount -t tracefs -o mode=0700 tracefs /sys/kernel/tracing
ln -s /proc/self/fd /dev/fd
ip link set lo up
export TMPDIR=/run/tmp

cd "$repository" || exit
mkdir -p /lib/modules
ln -s "$PWD"/.sealwatch/kernels/*/lib/modules/"$(uname -r)" /lib/modules/
# What the tests watch lies on a file system that has an identity of its own: tmpfs has none before Linux 5.13.
modprobe -a loop ext4
truncate -s 1G /run/disk
mkfs.ext4 -q /run/disk
mount -o loop /run/disk /run/tmp
chmod 1777 /run/tmp
for node in tools/runtime/node_modules/node-linux-*/bin; do export PATH="$PWD/$node:$PATH"; done
SITES=/run/results/sites.json node --test --test-reporter=tap --test-reporter-destination=/run/results/tests.tap \
  --test-reporter=spec --test-reporter-destination=/run/results/tests.txt test/kernel/sites.ts apps/sensor/*.test.ts
sync
echo o >/proc/sysrq-trigger
sleep 60
