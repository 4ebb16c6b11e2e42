// SPDX-License-Identifier: Apache-2.0
// Falco's fields about what is acted on: files and sockets. falco.org/docs/reference/rules/supported-fields

import { isIP } from 'node:net'
import { constants } from 'node:os'
import { at, changed, partOf, plain, type Source, told, toldFrom, toldOfAll, type Value } from './source.ts'

export type Fields = Readonly<Record<string, Source>>

const directoryOf = (path: string) => path.slice(0, Math.max(1, path.lastIndexOf('/')))
const nameOf = (path: string) => path.slice(path.lastIndexOf('/') + 1)

/** By OCSF's type_id of a file; a device is a file to Falco. */
const fileKinds: Readonly<Record<string, readonly [string, string]>> = {
  '2': ['directory', 'd'],
  '5': ['unix', 'u'],
  '6': ['pipe', 'p'],
}
const fileKind = (which: 0 | 1) => toldFrom('file/type_id', (id) => (fileKinds[id] ?? ['file', 'f'])[which])

/** Of a file that was opened, or was to be. */
export const openedFile: Fields = {
  'fd.name': at('file/path'),
  'fd.directory': partOf('file/path', directoryOf),
  'fd.filename': partOf('file/path', nameOf),
  'fd.type': fileKind(0),
  'fd.typechar': fileKind(1),
  'fs.path.name': at('file/path'),
}

export const opensWith = (...modes: readonly string[]) =>
  toldFrom('unmapped/access', (access) => (access === 'unknown' ? undefined : String(modes.includes(access))))

/** <asm-generic/fcntl.h> */
const openFlags: readonly (readonly [string, number])[] = [
  ['O_WRONLY', 0o1],
  ['O_RDWR', 0o2],
  ['O_CREAT', 0o100],
  ['O_APPEND', 0o2000],
]
/** The kernel keeps neither O_TRUNC nor O_EXCL of an open file. */
export const keptFlags = toldFrom(
  'access_mask',
  (mask) => openFlags.flatMap(([name, bit]) => ((Number(mask) & bit) === 0 ? [] : [name])).join('|') || 'O_RDONLY',
  { isPartial: true },
)

const modeBits: readonly (readonly [string, number])[] = [
  ['S_ISUID', 0o4000],
  ['S_ISGID', 0o2000],
  ['S_ISVTX', 0o1000],
  ...['USR', 'GRP', 'OTH'].flatMap((who, index) =>
    ['R', 'W', 'X'].map((what, bit) => [`S_I${what}${who}`, 0o400 >> (3 * index + bit)] as const),
  ),
]
export const modeFlags = toldFrom('file_result/xattributes/mode', (mode) =>
  modeBits.flatMap(([name, bit]) => ((Number.parseInt(mode, 8) & bit) === 0 ? [] : [name])).join('|'),
)

const errnoOf = (name: string): string | undefined => {
  const number = (constants.errno as Readonly<Record<string, number>>)[name]
  return number === undefined ? undefined : String(-number)
}
/** What came out of a call: `SUCCESS` or the errno's name, as a number 0 or the errno below zero. */
export const outcome: Fields = {
  'evt.res': told(['status_code'], ([code = plain('SUCCESS')]) => [code]),
  'evt.rawres': told(['status_code'], ([code]) => (code ? changed(code, errnoOf(code.text)) : [plain('0')])),
  'evt.failed': told(['status_id'], ([status = plain('')]) => changed(status, String(status.text === '2'))),
}

const [client, server] = ['src_endpoint', 'dst_endpoint']
const both = (member: string): Source =>
  toldOfAll([`${client}/${member}`, `${server}/${member}`], ([one, other]) => [...one, ...other])
/** `unmapped.initiated`: this side is the client. */
const side = (isOwn: boolean, member: string): Source =>
  told(['unmapped/initiated', `${client}/${member}`, `${server}/${member}`], ([initiated, from, to]) => {
    const found = (initiated?.text === 'true') === isOwn ? from : to
    return initiated && found ? [found] : []
  })
const addresses = (suffix: 'ip' | 'net'): Fields => ({
  [`fd.${suffix}`]: both('ip'),
  [`fd.c${suffix}`]: at(`${client}/ip`),
  [`fd.s${suffix}`]: at(`${server}/ip`),
  [`fd.l${suffix}`]: side(true, 'ip'),
  [`fd.r${suffix}`]: side(false, 'ip'),
})

const socketKind = (ipv4: string, ipv6: string, unix: string) =>
  told([`${server}/ip`, 'unmapped/socket_family'], ([ip, family]) => {
    if (ip !== undefined) return changed(ip, isIP(ip.text) === 4 ? ipv4 : ipv6)
    return family?.text === 'unix' ? changed(family, unix) : []
  })
const shown = (ip: Value, port: Value | undefined) => `${ip.text}:${port?.text ?? 0}`

/** Of a socket: who begins is the client. */
export const socket: Fields = {
  ...addresses('ip'),
  ...addresses('net'),
  'fd.port': both('port'),
  'fd.cport': at(`${client}/port`),
  'fd.sport': at(`${server}/port`),
  'fd.lport': side(true, 'port'),
  'fd.rport': side(false, 'port'),
  'fd.l4proto': at('connection_info/protocol_name'),
  'fd.is_server': toldFrom('unmapped/initiated', (initiated) => String(initiated !== 'true')),
  'fd.type': socketKind('ipv4', 'ipv6', 'unix'),
  'fd.typechar': socketKind('4', '6', 'u'),
  'fd.name': told(
    [`${client}/ip`, `${client}/port`, `${server}/ip`, `${server}/port`, `${server}/name`],
    ([from, fromPort, to, toPort, name]) => {
      if (to === undefined) return name === undefined ? [] : [name]
      return changed(to, from === undefined ? shown(to, toPort) : `${shown(from, fromPort)}->${shown(to, toPort)}`)
    },
  ),
}

const families: Readonly<Record<string, string>> = {
  ipv4: 'AF_INET',
  ipv6: 'AF_INET6',
  unix: 'AF_UNIX',
  netlink: 'AF_NETLINK',
  packet: 'AF_PACKET',
}
export const socketDomain = toldFrom('unmapped/socket_family', (family) => families[family])

const cloneFlags: Readonly<Record<string, string>> = {
  cgroup: 'CLONE_NEWCGROUP',
  ipc: 'CLONE_NEWIPC',
  mnt: 'CLONE_NEWNS',
  net: 'CLONE_NEWNET',
  pid: 'CLONE_NEWPID',
  time: 'CLONE_NEWTIME',
  user: 'CLONE_NEWUSER',
  uts: 'CLONE_NEWUTS',
}
/** Of the flags of a call those for the namespaces that are others now. */
export const namespaceFlags = toldOfAll(
  ['unmapped/namespaces/kinds/*'],
  ([kinds]) => kinds.flatMap((kind) => changed(kind, cloneFlags[kind.text])),
  { isPartial: true },
)
