/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* All programs in one object: they share their maps, and one file is easier to ship and to compare. */
#include "guard.bpf.c"
#include "prevent.bpf.c"
#include "process.bpf.c"
#include "file.bpf.c"
#include "memory.bpf.c"
#include "signal.bpf.c"
#include "credentials.bpf.c"
#include "kernel.bpf.c"
#include "namespaces.bpf.c"
#include "network.bpf.c"
#include "policy.bpf.c"
#include "reach.bpf.c"
#include "executable.bpf.c"
#include "entry_32.bpf.c"
#include "uring.bpf.c"
#include "passed.bpf.c"
#include "mount.bpf.c"

char LICENSE[] SEC("license") = "Dual BSD/GPL";
