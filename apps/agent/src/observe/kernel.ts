// SPDX-License-Identifier: Apache-2.0
// What changes the kernel, or looks into it (docs/formats/event.md, 3.15 and 3.22).

import { capabilities, classify, fileTypes, type KernelEvent, type ModuleEvent, severities } from '@sealwatch/contract'
import type { Common, Of } from './observe.ts'
import { describe, outcomeOf, seen } from './said.ts'

export function moduleChanged({ name, loaded, taints }: Of<'module'>, common: Common): ModuleEvent {
  return {
    ...common,
    ...classify('kernelExtension', loaded ? 'load' : 'unload'),
    ...severities.medium,
    message: `${describe(common.actor.process)} ${loaded ? 'loaded' : 'unloaded'} the kernel module ${name}`,
    driver: { file: { name, ...fileTypes.unknown } },
    unmapped: { ...seen(common, 0), ...(loaded && { taints: `0x${taints.toString(16)}` }) },
  }
}

/** <linux/bpf.h>, by number; of the commands that are told. */
const bpfCommands: Readonly<Record<number, string>> = {
  5: 'BPF_PROG_LOAD',
  6: 'BPF_OBJ_PIN',
  7: 'BPF_OBJ_GET',
  8: 'BPF_PROG_ATTACH',
  9: 'BPF_PROG_DETACH',
  13: 'BPF_PROG_GET_FD_BY_ID',
  14: 'BPF_MAP_GET_FD_BY_ID',
  17: 'BPF_RAW_TRACEPOINT_OPEN',
  28: 'BPF_LINK_CREATE',
  29: 'BPF_LINK_UPDATE',
  30: 'BPF_LINK_GET_FD_BY_ID',
  34: 'BPF_LINK_DETACH',
}

/** The same, of types of programs. */
const programTypes = [
  ...['unspec', 'socket_filter', 'kprobe', 'sched_cls', 'sched_act', 'tracepoint', 'xdp', 'perf_event', 'cgroup_skb'],
  ...['cgroup_sock', 'lwt_in', 'lwt_out', 'lwt_xmit', 'sock_ops', 'sk_skb', 'cgroup_device', 'sk_msg'],
  ...['raw_tracepoint', 'cgroup_sock_addr', 'lwt_seg6local', 'lirc_mode2', 'sk_reuseport', 'flow_dissector'],
  ...['cgroup_sysctl', 'raw_tracepoint_writable', 'cgroup_sockopt', 'tracing', 'struct_ops', 'ext', 'lsm'],
  ...['sk_lookup', 'syscall', 'netfilter'],
] as const

export function bpfCalled(observation: Of<'bpf'>, common: Common): KernelEvent {
  const { command, object, type, id, name, own, result } = observation
  const { verb, outcome } = outcomeOf(result)
  const called = bpfCommands[command] ?? `BPF_${command}`
  const kind = object === 'map' || object === null ? null : (programTypes[type] ?? `type ${type}`)
  const what = object === null ? '' : ` on the ${kind === null ? '' : `${kind} `}${object} ${name || id}`
  return {
    ...common,
    ...classify('kernel', 'invoke'),
    ...severities[own ? 'high' : 'low'],
    ...outcome,
    message: `${describe(common.actor.process)} ${verb} ${called}${what}${own ? ', which is the sensor’s' : ''}`,
    kernel: systemCall('bpf', name),
    unmapped: {
      ...seen(common, 0),
      bpf: {
        command: called,
        own,
        ...(object !== null && { object, id }),
        ...(kind !== null && { program_type: kind }),
        ...(object === 'map' && { map_type: type }),
      },
    },
  }
}

/** enum perf_type_id; what is beyond has its number from /sys/bus/event_source, and kprobes are among that. */
const perfTypes = ['hardware', 'software', 'tracepoint', 'hw_cache', 'raw', 'breakpoint'] as const

export function perfOpened({ type, target, result }: Of<'perf'>, common: Common): KernelEvent {
  const { verb, outcome } = outcomeOf(result)
  const name = perfTypes[type] ?? `type ${type}`
  const scope = target.pid === 0 ? 'a whole CPU' : `${target.comm} (pid ${target.pid})`
  return {
    ...common,
    ...classify('kernel', 'invoke'),
    ...severities.low,
    ...outcome,
    message: `${describe(common.actor.process)} ${verb} perf_event_open for ${name} events of ${scope}`,
    kernel: systemCall('perf_event_open', name),
    unmapped: {
      ...seen(common, 0),
      perf: { event_type: name, ...(target.pid > 0 && { process: `${target.pid}:${target.startNs}` }) },
    },
  }
}

export function settingChanged({ name, before, after }: Of<'sysctl'>, common: Common): KernelEvent {
  return {
    ...common,
    ...classify('kernel', 'set'),
    ...severities.low,
    message: `${describe(common.actor.process)} set ${name} from ${before} to ${after}`,
    kernel: { name, path: `/proc/sys/${name}`, type_id: 99, type: 'Sysctl' },
    unmapped: { ...seen(common, 0), sysctl: { setting: name, before, after } },
  }
}

export function namespacesChanged({ call, childPid, entered }: Of<'namespaces'>, common: Common): KernelEvent {
  const kinds = Object.keys(entered)
  const who = childPid === null ? '' : `, as pid ${childPid},`
  return {
    ...common,
    ...classify('kernel', 'invoke'),
    ...severities.low,
    message: `${describe(common.actor.process)} is${who} in other namespaces by ${call}: ${kinds.join(', ')}`,
    kernel: systemCall(call, call),
    unmapped: {
      ...seen(common, 0),
      namespaces: { call, kinds, ids: entered, ...(childPid !== null && { child_pid: childPid }) },
    },
  }
}

/** `flags` as <linux/io_uring.h> has them. */
export function ringUsed({ flags, path }: Of<'uring'>, common: Common): KernelEvent {
  const did = path === null ? 'set up an io_uring' : `opened ${path} by an io_uring, where nobody can look at it`
  return {
    ...common,
    ...classify('kernel', 'invoke'),
    ...severities.low,
    message: `${describe(common.actor.process)} ${did}`,
    kernel: systemCall(path === null ? 'io_uring_setup' : 'io_uring_enter', path ?? ''),
    unmapped: {
      ...seen(common, path === null ? 0 : capabilities.objectPath),
      ring: path === null ? { flags: `0x${flags.toString(16)}` } : { opened: path },
    },
  }
}

export function systemCall(system_call: string, name: string) {
  return { name: name || system_call, type_id: 2, type: 'System Call', system_call }
}
