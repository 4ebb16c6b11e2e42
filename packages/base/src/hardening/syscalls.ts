// SPDX-License-Identifier: Apache-2.0

/** Numbers of a system call: x86-64 has its own (<asm/unistd_64.h>), others the generic ones (<asm-generic/unistd.h>). */
export type Numbers = { readonly x64: number; readonly arm64: number }
const both = (number: number): Numbers => ({ x64: number, arm64: number })

/** What none of our programs ever does, and who has taken one over would: refused with EPERM, for good. */
export const deniedCalls = {
  // Another process: its memory, its descriptors, its run.
  ptrace: { x64: 101, arm64: 117 },
  process_vm_readv: { x64: 310, arm64: 270 },
  process_vm_writev: { x64: 311, arm64: 271 },
  process_madvise: both(440),
  pidfd_getfd: both(438),
  kcmp: { x64: 312, arm64: 272 },
  // The kernel: its code, its faults, its log, its clock.
  init_module: { x64: 175, arm64: 105 },
  finit_module: { x64: 313, arm64: 273 },
  delete_module: { x64: 176, arm64: 106 },
  kexec_load: { x64: 246, arm64: 104 },
  kexec_file_load: { x64: 320, arm64: 294 },
  bpf: { x64: 321, arm64: 280 },
  perf_event_open: { x64: 298, arm64: 241 },
  userfaultfd: { x64: 323, arm64: 282 },
  syslog: { x64: 103, arm64: 116 },
  settimeofday: { x64: 164, arm64: 170 },
  clock_settime: { x64: 227, arm64: 112 },
  adjtimex: { x64: 159, arm64: 171 },
  clock_adjtime: { x64: 305, arm64: 266 },
  reboot: { x64: 169, arm64: 142 },
  swapon: { x64: 167, arm64: 224 },
  swapoff: { x64: 168, arm64: 225 },
  acct: { x64: 163, arm64: 89 },
  // Another way to the same files and sockets, past those who watch system calls. Node's own ring is there by then, and goes on.
  io_uring_setup: both(425),
  io_uring_register: both(427),
  open_by_handle_at: { x64: 304, arm64: 265 },
  // Keys of the kernel.
  add_key: { x64: 248, arm64: 217 },
  request_key: { x64: 249, arm64: 218 },
  keyctl: { x64: 250, arm64: 219 },
  // Another view of the machine.
  mount: { x64: 165, arm64: 40 },
  umount2: { x64: 166, arm64: 39 },
  pivot_root: { x64: 155, arm64: 41 },
  chroot: { x64: 161, arm64: 51 },
  open_tree: both(428),
  move_mount: both(429),
  fsopen: both(430),
  fsconfig: both(431),
  fsmount: both(432),
  fspick: both(433),
  mount_setattr: both(442),
  unshare: { x64: 272, arm64: 97 },
  setns: { x64: 308, arm64: 268 },
  personality: { x64: 135, arm64: 92 },
} as const satisfies Record<string, Numbers>

/** What a program never does besides that starts no other and calls nobody. */
export const callsOutward = {
  execve: { x64: 59, arm64: 221 },
  execveat: { x64: 322, arm64: 281 },
  connect: { x64: 42, arm64: 203 },
  sendto: { x64: 44, arm64: 206 },
  sendmsg: { x64: 46, arm64: 211 },
  sendmmsg: { x64: 307, arm64: 269 },
} as const satisfies Record<string, Numbers>
