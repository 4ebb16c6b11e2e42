// SPDX-License-Identifier: Apache-2.0

import { eventClasses } from '@sealwatch/contract'

/** What the probe can do, the sensor site that must see it (empty: any), and as what it must come back. */
export type Act = {
  readonly name: string
  readonly site: string
  readonly did: string
  readonly classUid: number
  /** It needs a watched file to act on. */
  readonly onFile: boolean
  /** It is done to the sensor. */
  readonly onSensor?: boolean
}

const { process, file, memory, kernel, network } = eventClasses

const act = (name: string, { uid }: { uid: number }, did: string, site = name): Act => ({
  name,
  site,
  did,
  classUid: uid,
  onFile: uid === file.uid,
})

export const acts: readonly Act[] = [
  act('exec', process, 'started a program'),
  act('exit', process, 'ended a program'),
  act('open', file, 'opened a watched file by open'),
  act('openat', file, 'opened a watched file by openat'),
  act('openat2', file, 'opened a watched file by openat2'),
  act('creat', file, 'wrote a watched file by creat'),
  act('ptrace', process, 'attached to a process'),
  act('process_vm_readv', memory, 'read the memory of a process'),
  act('process_vm_writev', memory, 'wrote to the memory of a process'),
  // By openat and openat2: a site that is blind is red in its own row.
  act('mem', memory, 'opened /proc/PID/mem', ''),
  // Told by the end of the child: its arguments are known from the fork alone.
  act('fork', process, 'made a process', 'exit'),
  act('task_rename', process, 'took another name'),
  { ...act('signal_generate', process, 'sent a harmless signal to the sensor'), onSensor: true },
  act('credentials', process, 'changed its group'),
  // None for the site module: a module to load is not to be had.
  act('bpf', kernel, 'loaded a BPF program'),
  act('perf_event_open', kernel, 'counted the events of a CPU'),
  act('sysctl', kernel, 'set a sysctl to what it was'),
  act('namespaces', kernel, 'left its namespace'),
  act('connect', network, 'connected to loopback'),
  act('accept', network, 'took a connection on loopback'),
  act('bind', network, 'took a port of loopback'),
  act('listen', network, 'listened on loopback'),
  act('datagram', network, 'sent a datagram to loopback'),
  act('socket', network, "opened a socket to the kernel's audit"),
  act('reach', process, 'set the limits of a process'),
  act('executable', memory, 'made memory executable'),
  act('file_change', file, 'set the mode of a watched file'),
  act('entry_32', file, 'opened a watched file by the 32-bit entry'),
  act('open_by_handle_at', file, 'opened a watched file by its handle'),
  act('io_uring', file, 'opened a watched file by io_uring'),
  act('passed', file, 'was given a descriptor of a watched file'),
  act('refused', kernel, 'asked to be somebody else'),
  { ...act('mount', file, 'mounted nothing'), onFile: false },
]
