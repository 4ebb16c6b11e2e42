// SPDX-License-Identifier: Apache-2.0

import { type Domain, domains, type Mode, type Modes } from '../sources/observation.ts'

/** What nobody sees where BPF does not watch, in words for people; docs/fallbacks.md has the whole of it. */
const unseen: Readonly<Partial<Record<`${Domain} ${Mode}`, readonly string[]>>> = {
  'process proc_connector': [
    "reading and writing another process's memory by process_vm_readv and process_vm_writev",
    'ptrace that was refused, and all of it but ATTACH and SEIZE',
    'signals to the sensor and the agent',
    'changes of ids, capabilities, namespaces and mounts, and refused ones; modules, BPF programs, perf events and settings of the kernel',
    'image, ids and arguments of what ended before it was looked at; arguments as they were before the program changed them',
  ],
  'network none': ['connections, listeners, datagrams, raw and packet sockets'],
  'network sock_diag': [
    'who had a connection that was there for less than the time between two looks, and connects that were refused',
    'datagrams without a connection, unix and netlink sockets',
    'what ended in another network namespace than the sensor’s before it was looked at: each look takes in one more of these',
  ],
  'network polling': [
    'connections and listeners that are there for less than the time between two looks, and connects that were refused',
    'datagrams without a connection, unix and netlink sockets',
    'what ended in another network namespace than the sensor’s before it was looked at: each look takes in one more of these',
  ],
  'process polling': [
    'processes that begin and end within a quarter of a second, and how any ended',
    'ptrace, other ways into the memory of others, signals to the sensor and the agent',
    'changes of ids, capabilities, namespaces and mounts, and refused ones; modules, BPF programs, perf events and settings of the kernel',
    'arguments as they were before the program changed them',
  ],
  'file polling': ['who opened a watched file, and how', 'opens of /proc/PID/mem, refused opens'],
  'file fanotify': [
    'how a watched file was opened',
    'opens of /proc/PID/mem, refused opens, descriptors that are handed over',
    'who opened a file and ended before it was looked at',
  ],
}

/** What these modes do not see; nothing where BPF watches. */
export function blindSpotsOf(modes: Modes): string[] {
  return domains.flatMap((domain) => unseen[`${domain} ${modes[domain]}`] ?? [])
}
