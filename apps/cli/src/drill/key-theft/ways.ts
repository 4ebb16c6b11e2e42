// SPDX-License-Identifier: Apache-2.0

/** One way to the memory of the decoy, and how its attacker calls itself: nobody is known by his name. */
export type AttackWay = {
  /** In the guard's words (docs/formats/event.md, 7.6). */
  readonly way: string
  readonly does: string
  readonly calls: string
}

/** In the order in which the drill goes them. */
export const attackWays = [
  { way: 'ptrace_attach', does: 'ptrace attach', calls: 'logrotate' },
  { way: 'ptrace_seize', does: 'ptrace seize', calls: 'cron' },
  { way: 'proc_mem_read', does: 'read /proc/PID/mem', calls: 'rsyslogd' },
  { way: 'proc_mem_write', does: 'write /proc/PID/task/TID/mem', calls: 'kworker/u8:3' },
  { way: 'vm_read', does: 'process_vm_readv', calls: 'node_exporter' },
  { way: 'vm_write', does: 'process_vm_writev', calls: 'dhclient' },
  { way: 'fd_taken', does: 'pidfd_getfd', calls: 'sshd' },
  { way: 'memory_descriptor_passed', does: 'hand its memory to another process', calls: 'dbus-daemon' },
  { way: 'core_limit_raised', does: 'raise its core dump limit', calls: 'agetty' },
  { way: 'inspector_signal', does: 'SIGUSR1 for the V8 inspector', calls: 'systemd-udevd' },
  { way: 'perf', does: 'perf_event_open', calls: 'irqbalance' },
  { way: 'stopped', does: 'SIGSTOP, then read', calls: 'unattended-upgr' },
] as const satisfies readonly AttackWay[]

export type AttackName = (typeof attackWays)[number]['way']
