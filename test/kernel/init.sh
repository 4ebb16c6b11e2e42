#!/busybox sh
# SPDX-License-Identifier: Apache-2.0
# The first program in the machine. Its root is the host's, read-only, with a layer over it that is forgotten at the end.

fail() {
  /busybox echo "init: $*"
  /busybox poweroff -f
}

/busybox mkdir -p /proc /sys /dev /host /layer /root
/busybox mount -t proc proc /proc
/busybox mount -t sysfs sysfs /sys
/busybox mount -t devtmpfs devtmpfs /dev
while read -r module; do /busybox insmod "/modules/$module" || fail "insmod $module"; done </modules/order
/busybox mount -t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose,msize=524288 host /host || fail 'no root'
/busybox mount -t tmpfs tmpfs /layer
/busybox mkdir /layer/upper /layer/work
/busybox mount -t overlay -o lowerdir=/host,upperdir=/layer/upper,workdir=/layer/work overlay /root || fail 'no layer'
for place in proc sys dev; do /busybox mount --move /$place /root/$place; done
for word in $(/busybox cat /root/proc/cmdline); do
  case $word in sealwatch.guest=*) guest=${word#*=} ;; esac
done
exec /busybox switch_root /root /bin/sh "$guest"
