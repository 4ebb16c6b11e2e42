// SPDX-License-Identifier: Apache-2.0
// Which of our events Falco's event types are, and what each has for Falco's fields (docs/formats/falco.md).

import { type Activity, type EventClass, typeUidOf } from '@sealwatch/contract'
import { actorFields, argumentFields } from './actor-fields.ts'
import {
  type Fields,
  keptFlags,
  modeFlags,
  namespaceFlags,
  openedFile,
  opensWith,
  outcome,
  socket,
  socketDomain,
} from './object-fields.ts'
import { always, at, changed, never, plain, type Source, told, toldFrom } from './source.ts'

/** Events that tell alike. */
export type Kind = {
  /** `metadata.event_code`. */
  readonly code: string
  /** OCSF type_uids. */
  readonly types: readonly number[]
  /** A member that they have with this value, or with any. */
  readonly where: { readonly path: string; readonly value?: string } | undefined
  readonly fields: Fields
  /** Falco has a descriptor there: a field of it that we have not is not supplied, else it never has a value. */
  readonly hasDescriptor: boolean
}

/** Undefined: the events of this kind cannot say, and Falco's might. */
export function sourceOf({ fields, hasDescriptor }: Kind, field: string): Source | undefined {
  if (Object.hasOwn(fields, field)) return fields[field]
  return field.startsWith('fd.') && !hasDescriptor ? never : undefined
}

type Row = {
  readonly code: string
  readonly types: readonly number[]
  readonly where?: Kind['where']
  readonly call: Source
  readonly fields?: Fields
}

/** Of a descriptor, of an event's number: there is one, above all that rules compare it with. */
const someNumber = always(String(Number.MAX_SAFE_INTEGER))
/** Rules use the number of an event to say never and always. The direction means nothing since Falco 0.42. */
const everyEvent: Fields = { ...actorFields, 'evt.num': someNumber, 'evt.dir': always('<') }

const kindOf = ({ code, types, where, call, fields = {} }: Row): Kind => ({
  code,
  types,
  where,
  fields: { ...everyEvent, ...outcome, ...fields, 'evt.type': call },
  hasDescriptor: 'fd.name' in fields,
})

const typesOf = <C extends EventClass>(eventClass: C, ...activities: readonly Activity<C>[]) =>
  activities.map((activity) => typeUidOf(eventClass, activity))

/** The call that the event names, else the usual one. */
const callAt = (path: string, usual: string, ...others: readonly string[]): Source => {
  const oneOf = [usual, ...others]
  return told([path], ([call]) => (call && oneOf.includes(call.text) ? [call] : [plain(usual)]), { oneOf })
}

const openCall = callAt('unmapped/syscall', 'openat', 'open', 'openat2', 'creat', 'open_by_handle_at')
const openFile: Fields = { ...openedFile, 'fd.num': someNumber, 'evt.rawres': someNumber }
const openModes: Fields = {
  'evt.is_open_read': opensWith('read', 'read_write'),
  'evt.is_open_write': opensWith('write', 'read_write'),
}
/** Nothing came of it, so that nobody knows what it would have been. */
const refusedFile: Fields = {
  ...openedFile,
  'fd.num': always('-1'),
  'fd.type': always('file'),
  'fd.typechar': always('f'),
}

/** What was written was opened to be written: the change stands for that open. */
const writtenFile: Fields = {
  ...openFile,
  'evt.is_open_write': always('true'),
  'evt.is_open_read': always('false'),
}
const path = at('file/path')
/** As unlinkat and its like name it, and as the older calls do. */
const removed: Fields = { 'evt.arg.name': path, 'evt.arg.path': path, 'fs.path.name': path }
const renamed: Fields = {
  'evt.arg.oldpath': path,
  'evt.arg.newpath': at('file_result/path'),
  'fs.path.source': path,
  'fs.path.target': at('file_result/path'),
}
/** A file that is watched itself got one more name; of what came into a watched folder nobody knows what it is. */
const linkedFrom = told(
  ['file/path', 'unmapped/watched'],
  ([name, watched]) => (name && name.text === watched?.text ? [name] : []),
  { isPartial: true },
)
const attributesCall = told(
  ['file/xattributes/mode', 'file_result/xattributes/mode', 'file/owner/uid', 'file_result/owner/uid'],
  ([mode, newMode, owner, newOwner]) => {
    if (mode && newMode && mode.text !== newMode.text) return changed(newMode, 'fchmodat')
    return owner && newOwner && owner.text !== newOwner.text ? changed(newOwner, 'fchownat') : []
  },
  { oneOf: ['fchmodat', 'fchownat', undefined] },
)
const changedAttributes: Fields = {
  'evt.arg.filename': path,
  'evt.arg.path': path,
  'evt.arg.mode': modeFlags,
  'fs.path.name': path,
}

/** An open that made a file tells it itself. */
const createCall = toldFrom('file/type_id', (id) => (id === '2' ? 'mkdirat' : id === '7' ? 'symlinkat' : 'mknodat'), {
  oneOf: ['mkdirat', 'symlinkat', 'mknodat', undefined],
})
const created: Fields = { 'evt.arg.path': path, 'evt.arg.linkpath': path, 'fs.path.name': path }

const changes: readonly Omit<Row, 'code'>[] = (
  [
    ['create', 'create', createCall, created],
    ['write', 'update', openCall, writtenFile],
    ['truncate', 'update', openCall, { ...writtenFile, 'evt.arg.flags': { ...always('O_TRUNC'), isPartial: true } }],
    ['rename', 'rename', always('renameat2'), renamed],
    ['link', 'link', always('linkat'), { 'evt.arg.oldpath': linkedFrom, 'fs.path.source': linkedFrom }],
    ['remove', 'delete', always('unlinkat'), removed],
    ['attributes', 'setAttributes', attributesCall, changedAttributes],
  ] as const
).map(([value, activity, call, fields]) => ({
  types: typesOf('file', activity),
  where: { path: 'unmapped/change', value },
  call,
  fields,
}))

/** Told of datagrams without a connection, when they go where none went before. */
const datagram: Fields = { ...socket, 'fd.connected': always('false'), 'fd.name_changed': always('true') }
const targetPid = at('process/pid')
const invoked = typesOf('kernel', 'invoke')
const rows: readonly Row[] = [
  {
    code: 'exec',
    types: typesOf('process', 'launch'),
    call: always('execve'),
    fields: {
      ...argumentFields('process/name', 'process/cmd_line'),
      'proc.is_exe_from_memfd': at('process/file/xattributes/memfd'),
      'evt.arg.filename': at('unmapped/filename'),
    },
  },
  { code: 'exit', types: typesOf('process', 'terminate'), call: always('procexit') },
  {
    code: 'file_open',
    types: typesOf('file', 'create', 'read', 'update', 'open'),
    call: openCall,
    fields: { ...openFile, ...openModes, 'evt.arg.flags': keptFlags },
  },
  { code: 'refused', types: typesOf('file', 'open'), call: openCall, fields: refusedFile },
  {
    code: 'file_denied',
    types: typesOf('file', 'read', 'update', 'open'),
    call: openCall,
    fields: { ...refusedFile, ...openModes },
  },
  ...changes.map((row) => ({ code: 'file_change', ...row })),
  {
    code: 'mount',
    types: typesOf('file', 'mount'),
    call: callAt('unmapped/mount/call', 'mount', 'move_mount'),
    fields: { 'evt.arg.dev': at('unmapped/mount/source'), 'evt.arg.dir': path, 'fs.path.name': path },
  },
  {
    code: 'mount',
    types: typesOf('file', 'unmount'),
    call: always('umount2'),
    fields: { 'evt.arg.name': path, 'fs.path.name': path },
  },
  { code: 'vm_read', types: typesOf('memory', 'read'), call: always('process_vm_readv') },
  { code: 'vm_write', types: typesOf('memory', 'write'), call: always('process_vm_writev') },
  {
    code: 'ptrace',
    types: typesOf('process', 'open', 'inject'),
    call: always('ptrace'),
    fields: { 'evt.arg.request': at('unmapped/ptrace_request'), 'evt.arg.pid': targetPid },
  },
  {
    code: 'signal',
    types: typesOf('process', 'signal'),
    call: callAt('unmapped/sent_by', 'kill', 'tgkill'),
    fields: { 'evt.arg.sig': at('unmapped/signal_name'), 'evt.arg.pid': targetPid },
  },
  { code: 'module', types: typesOf('kernelExtension', 'load'), call: always('finit_module') },
  { code: 'module', types: typesOf('kernelExtension', 'unload'), call: always('delete_module') },
  { code: 'bpf', types: invoked, call: always('bpf'), fields: { 'evt.arg.cmd': at('unmapped/bpf/command') } },
  {
    code: 'namespaces',
    types: invoked,
    call: callAt('unmapped/namespaces/call', 'clone', 'unshare', 'setns'),
    fields: { 'evt.arg.flags': namespaceFlags },
  },
  { code: 'uring', types: invoked, where: { path: 'unmapped/ring/flags' }, call: always('io_uring_setup') },
  {
    code: 'connect',
    types: typesOf('network', 'open', 'fail', 'refuse'),
    call: always('connect'),
    fields: socket,
  },
  { code: 'accept', types: typesOf('network', 'open'), call: always('accept4'), fields: socket },
  { code: 'bind', types: typesOf('network', 'bind'), call: always('bind'), fields: socket },
  { code: 'listen', types: typesOf('network', 'listen'), call: always('listen'), fields: socket },
  { code: 'datagram', types: typesOf('network', 'traffic'), call: always('sendto'), fields: datagram },
  {
    code: 'socket',
    types: typesOf('network', 'socket'),
    call: always('socket'),
    fields: { ...socket, 'evt.arg.domain': socketDomain },
  },
  { code: 'denied', types: typesOf('network', 'fail'), call: always('connect'), fields: socket },
  { code: 'denied', types: typesOf('network', 'traffic'), call: always('sendto'), fields: datagram },
]

export const kinds: readonly Kind[] = rows.map(kindOf)
