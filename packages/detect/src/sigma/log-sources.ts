// SPDX-License-Identifier: Apache-2.0

import { type EventClass, eventClasses, typeUidOf } from '@sealwatch/contract'
import { auditd } from './auditd.ts'
import { actor, at, type FieldTable, file, launch, network, other } from './fields.ts'

export type LogSource = {
  /** OCSF type_uids of the events it covers; none when this product does not collect them. */
  readonly types: readonly number[]
  readonly fields: FieldTable
  /** Any other field may be named, and no event has it. */
  readonly isOpen: boolean
  /** Where keywords are looked for; nowhere: its events have no text. */
  readonly text: readonly string[]
}

/**
 * Sigma's categories that we have events for (docs/formats/event.md, 8). `memory_access`, `process_signal`,
 * `process_credentials`, those of the kernel, `network_listen`, `network_socket`, `policy_denial`, `unknown_interval`, `self_protection`,
 * `file_baseline`, `host_posture` and `guard_incident` are our own.
 */
const categories: Readonly<Record<string, Pick<LogSource, 'types' | 'fields'>>> = {
  process_creation: { types: [typeUidOf('process', 'launch')], fields: launch },
  process_termination: { types: [typeUidOf('process', 'terminate')], fields: { ...actor, ExitCode: at('exit_code') } },
  process_access: {
    types: [typeUidOf('process', 'open'), typeUidOf('process', 'inject')],
    fields: {
      ...other,
      Request: at('unmapped/ptrace_request'),
      Method: at('unmapped/method'),
      TakenFile: at('unmapped/taken'),
    },
  },
  process_signal: {
    types: [typeUidOf('process', 'signal')],
    fields: { ...other, Signal: at('unmapped/signal_name'), SentBy: at('unmapped/sent_by') },
  },
  process_credentials: {
    types: [typeUidOf('process', 'setUserId')],
    fields: {
      ...actor,
      NewUserId: at('unmapped/credentials/uid'),
      NewEffectiveUserId: at('unmapped/credentials/euid'),
      NewFileUserId: at('unmapped/credentials/fsuid'),
      NewGroupId: at('unmapped/credentials/gid'),
      NewEffectiveGroupId: at('unmapped/credentials/egid'),
      CapabilitiesGained: at('unmapped/capabilities_gained/*'),
    },
  },
  kernel_module: {
    types: typesOf('kernelExtension'),
    fields: {
      ...actor,
      Action: at('activity_name'),
      ModuleName: at('driver/file/name'),
      Taints: at('unmapped/taints'),
    },
  },
  bpf_call: {
    types: [typeUidOf('kernel', 'invoke')],
    fields: {
      ...actor,
      Command: at('unmapped/bpf/command'),
      ObjectKind: at('unmapped/bpf/object'),
      ObjectName: at('kernel/name'),
      ProgramType: at('unmapped/bpf/program_type'),
      IsSensors: at('unmapped/bpf/own'),
      Result: at('status'),
    },
  },
  performance_event: {
    types: [typeUidOf('kernel', 'invoke')],
    fields: {
      ...actor,
      EventType: at('unmapped/perf/event_type'),
      TargetProcessGuid: at('unmapped/perf/process'),
      Result: at('status'),
    },
  },
  kernel_setting: {
    types: [typeUidOf('kernel', 'set')],
    fields: {
      ...actor,
      Setting: at('unmapped/sysctl/setting'),
      OldValue: at('unmapped/sysctl/before'),
      NewValue: at('unmapped/sysctl/after'),
    },
  },
  namespace_change: {
    types: [typeUidOf('kernel', 'invoke')],
    fields: { ...actor, Call: at('unmapped/namespaces/call'), Namespaces: at('unmapped/namespaces/kinds/*') },
  },
  memory_access: {
    types: [typeUidOf('memory', 'read'), typeUidOf('memory', 'write')],
    fields: { ...other, Access: at('unmapped/access'), Method: at('unmapped/method'), Size: at('size') },
  },
  network_connection: {
    types: (['open', 'fail', 'refuse', 'traffic'] as const).map((activity) => typeUidOf('network', activity)),
    fields: network,
  },
  network_listen: { types: [typeUidOf('network', 'listen')], fields: network },
  network_socket: { types: [typeUidOf('network', 'socket')], fields: network },
  executable_memory: {
    types: [typeUidOf('memory', 'allocatePage'), typeUidOf('memory', 'modifyPage'), typeUidOf('memory', 'mapView')],
    fields: { ...actor, Way: at('unmapped/executable'), MappedFile: at('unmapped/mapped') },
  },
  policy_denial: {
    types: [
      ...(['open', 'fail', 'refuse', 'traffic'] as const).map((activity) => typeUidOf('network', activity)),
      ...typesOf('file'),
      typeUidOf('process', 'launch'),
    ],
    fields: {
      ...actor,
      Policy: at('policy/uid'),
      PolicyVersion: at('policy/version'),
      PolicyRule: at('unmapped/policy_rule'),
      PolicyMode: at('unmapped/policy_mode'),
      Disposition: at('disposition'),
      LaunchedFile: at('unmapped/filename'),
      TargetFilename: at('file/path'),
      DestinationIp: at('dst_endpoint/ip'),
      DestinationPort: at('dst_endpoint/port'),
    },
  },
  unknown_interval: { types: [typeUidOf('log', 'gap')], fields: { Cause: at('unmapped/gap/cause') } },
  self_protection: {
    types: [typeUidOf('lifecycle', 'restart'), typeUidOf('lifecycle', 'harm')],
    fields: {
      Part: at('unmapped/part/name'),
      Found: at('unmapped/part/found'),
      Remedy: at('unmapped/part/remedy'),
      Detail: at('unmapped/part/detail'),
      IsOutOfMemory: at('unmapped/part/out_of_memory'),
      IsBySupervisor: at('unmapped/part/by_supervisor'),
      TracerImage: at('unmapped/part/tracer/path'),
      TracerUserId: at('unmapped/part/tracer/uid'),
    },
  },
  host_posture: {
    types: [typeUidOf('posture', 'log')],
    fields: {
      Setting: at('unmapped/posture_change/setting'),
      OldValue: at('unmapped/posture_change/before'),
      NewValue: at('unmapped/posture_change/after'),
      Effect: at('unmapped/posture_change/effect'),
    },
  },
  file_baseline: {
    types: [typeUidOf('lifecycle', 'harm')],
    fields: {
      Untold: at('unmapped/baseline/untold'),
      IsAltered: at('unmapped/baseline/is_altered'),
      Names: at('unmapped/baseline/names/*'),
      Added: at('unmapped/baseline/added'),
      Removed: at('unmapped/baseline/removed'),
      Changed: at('unmapped/baseline/changed'),
    },
  },
  guard_incident: {
    types: [typeUidOf('finding', 'create'), typeUidOf('finding', 'update')],
    fields: {
      ...actor,
      Protected: at('unmapped/guard_incident/name'),
      Way: at('unmapped/guard_incident/way'),
      Technique: at('unmapped/guard_incident/technique'),
      Severity: at('severity'),
      Activity: at('activity_name'),
      IsGraver: at('unmapped/guard_incident/graver'),
      Acts: at('unmapped/guard_incident/acts'),
      TargetImage: at('evidences/0/process/file/path'),
      TargetProcessId: at('evidences/0/process/pid'),
    },
  },
  guard_state: {
    types: [typeUidOf('finding', 'guard')],
    fields: {
      Mode: at('unmapped/guard_state/mode'),
      ModeBy: at('unmapped/guard_state/by'),
      Tier: at('unmapped/guard_state/tier'),
    },
  },
  guard_response: {
    types: [typeUidOf('finding', 'respond')],
    fields: {
      Protected: at('unmapped/guard_response/name'),
      Step: at('unmapped/guard_response/step'),
      State: at('unmapped/guard_response/state'),
      Incident: at('unmapped/guard_response/incident'),
    },
  },
  refused_call: {
    types: [typeUidOf('kernel', 'invoke')],
    fields: {
      ...actor,
      Refused: at('unmapped/refused/what'),
      Call: at('kernel/system_call'),
      Asked: at('unmapped/refused/asked/*'),
      ResultCode: at('status_code'),
    },
  },
  io_uring: {
    types: [typeUidOf('kernel', 'invoke')],
    fields: { ...actor, RingFlags: at('unmapped/ring/flags'), RingOpened: at('unmapped/ring/opened') },
  },
  file_mount: {
    types: [typeUidOf('file', 'mount'), typeUidOf('file', 'unmount')],
    fields: {
      ...actor,
      Call: at('unmapped/mount/call'),
      MountedOver: at('file/path'),
      MountSource: at('unmapped/mount/source'),
      Result: at('status'),
    },
  },
  file_access: { types: typesOf('file'), fields: file },
  file_event: {
    types: (['create', 'update', 'rename', 'link'] as const).map((activity) => typeUidOf('file', activity)),
    fields: file,
  },
  file_change: {
    types: (['create', 'update', 'delete', 'rename', 'setAttributes', 'link', 'mount'] as const).map((activity) =>
      typeUidOf('file', activity),
    ),
    fields: file,
  },
  file_rename: { types: [typeUidOf('file', 'rename')], fields: file },
  file_delete: { types: [typeUidOf('file', 'delete')], fields: file },
}

const notCollected: LogSource = { types: [], fields: {}, isOpen: true, text: [] }
/** What somebody wrote who started a program, and the files that it is about. */
const texts = ['process/cmd_line', 'actor/process/cmd_line', 'process/file/path', 'file/path']

/** A rule for logs that we do not collect is right, and costs nothing: it simply never fires. */
export function logSourceOf({ category, product, service }: LogSourceName): LogSource {
  if (product !== undefined && product !== 'linux') return notCollected
  if (service === 'auditd' && category === undefined) return auditd
  const found = service === undefined && category !== undefined ? categories[category] : undefined
  return found ? { ...found, isOpen: false, text: texts } : notCollected
}

export type LogSourceName = { readonly category?: string; readonly product?: string; readonly service?: string }

export function typesOf(name: EventClass): readonly number[] {
  return Object.values(eventClasses[name].activities).map(({ id }) => eventClasses[name].uid * 100 + id)
}
