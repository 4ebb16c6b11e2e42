// SPDX-License-Identifier: Apache-2.0

IMPORTS
const version = 1
const magic = 'sealwtch'
const eraBytes = 16
const refBytes = 32
const commBytes = 16
const countsBytes = 24
const reportBytes = 32 + countsBytes * sites.length
const helloBytes = 56 + countsBytes * sites.length
const eventBytes = 144
const unset = 0xffff_ffff

const reading = 'reading a frame of the sensor'

/** One body, without its length prefix. Throws a FRAME_ error for anything that frame.md does not allow. */
export function decodeFrame(body: Uint8Array): SensorMessage {
  const bytes = asBuffer(body)
  if (bytes[0] === 1) return decodeHello(bytes)
  if (bytes[0] === 2) return decodeReport(bytes)
  return decodeEvent(bytes)
}

function decodeHello(bytes: Buffer): SensorHello {
  require(bytes.length >= helloBytes, 'FRAME_SIZE', bytes.length)
  const tail = 32 + countsBytes * sites.length
  const isOurs = bytes.latin1Slice(tail, tail + 8) === magic && bytes.readUInt16LE(4) === version
  require(isOurs, 'FRAME_HELLO', `${bytes.latin1Slice(tail, tail + 8)} version ${bytes.readUInt16LE(4)}`)
  require(bytes[1] === sites.length, 'FRAME_COUNT', bytes[1])
  const fresh = bytes.readUInt8(2)
  const attached = bytes.readUInt16LE(6)
  require(fresh <= 1 && attached >> sites.length === 0 && bytes[3] === 0, 'FRAME_VALUE', { fresh, attached })
  requireZero(bytes, helloBytes - 5, helloBytes)
  const texts = takeTexts(bytes, helloBytes, [...bytes.subarray(tail + 8, tail + 10 + sites.length)])
  const [sensorVersion, kernel, ...reasons] = texts.map(showText)
  return {
    kind: 'hello',
    timeNs: bytes.readBigUInt64LE(8),
    era: bytes.hexSlice(16, 16 + eraBytes),
    sensorVersion: sensorVersion ?? '',
    kernel: kernel ?? '',
    fresh: fresh === 1,
    attached: bySite((i) => ({ ok: (attached >> i) % 2 === 1, reason: reasons[i] ?? '' })),
    counts: readCounts(bytes),
  }
}

function decodeReport(bytes: Buffer): SensorReport {
  require(bytes.length === reportBytes, 'FRAME_SIZE', bytes.length)
  require(bytes[1] === sites.length, 'FRAME_COUNT', bytes[1])
  requireZero(bytes, 2, 8)
  const era = bytes.hexSlice(16, 16 + eraBytes)
  return { kind: 'report', timeNs: bytes.readBigUInt64LE(8), era, counts: readCounts(bytes) }
}

function readCounts(bytes: Buffer): SensorCounts {
  const at = (i: number, column: number) => bytes.readBigUInt64LE(32 + i * countsBytes + column * 8)
  return bySite((i) => ({ produced: at(i, 0), dropped: at(i, 1), sent: at(i, 2) }))
}

function bySite<T>(value: (index: number) => T): { readonly [S in Site]: T } {
  return Object.fromEntries(sites.map((site, i) => [site, value(i)])) as { [S in Site]: T }
}

type Texts = { readonly exe: Buffer; readonly path: Buffer; readonly filename: Buffer; readonly argv: Buffer }
type Common = Pick<Observation, 'timeNs' | 'actor' | 'truncated'>
type KindRow = {
  readonly sites: readonly Site[]
  readonly texts: readonly (keyof Texts)[]
  readonly fileFlags: boolean
  readonly decode: (bytes: Buffer, site: Site, common: Common, texts: Texts) => Observation
}

const openSites: readonly Site[] = ['open', 'openat', 'openat2', 'creat']
const object = 96

const kinds: Readonly<Record<number, KindRow>> = {
  3: { sites: ['exec'], texts: ['path', 'filename', 'argv'], fileFlags: true, decode: decodeExec },
  4: { sites: ['exit'], texts: ['exe'], fileFlags: false, decode: decodeExit },
  5: { sites: openSites, texts: ['exe', 'path'], fileFlags: true, decode: decodeFileOpen },
  6: { sites: openSites, texts: ['exe'], fileFlags: false, decode: decodeMemOpen },
  7: { sites: ['ptrace'], texts: ['exe'], fileFlags: false, decode: decodePtrace },
  8: { sites: ['process_vm_readv'], texts: ['exe'], fileFlags: false, decode: decodeVm('vm_read') },
  9: { sites: ['process_vm_writev'], texts: ['exe'], fileFlags: false, decode: decodeVm('vm_write') },
}

const flag = { truncated: 1, unlinked: 2, memfd: 4 } as const

function decodeEvent(bytes: Buffer): Observation & { readonly site: Site } {
  const row = kinds[bytes[0] ?? 0]
  if (row === undefined) throw frameError('FRAME_KIND', { attempted: reading, received: bytes[0] })
  require(bytes.length >= eventBytes, 'FRAME_SIZE', bytes.length)
  const site = sites[bytes.readUInt8(1)]
  if (site === undefined || !row.sites.includes(site)) {
    throw frameError('FRAME_SITE', { attempted: reading, received: { kind: bytes[0], site: bytes[1] } })
  }
  const flags = bytes.readUInt8(2)
  require(flags <= (row.fileFlags ? 7 : flag.truncated), 'FRAME_VALUE', { flags })
  requireZero(bytes, 76, 80)
  const ancestorCount = bytes.readUInt8(3)
  require(ancestorCount <= frameLimits.ancestorsMax, 'FRAME_COUNT', ancestorCount)

  const lengths = [68, 70, 72, 74].map((at) => bytes.readUInt16LE(at))
  const [exe = empty, path = empty, filename = empty, argv = empty] = takeTexts(
    bytes,
    eventBytes + ancestorCount * refBytes,
    lengths,
  )
  const texts: Texts = { exe, path, filename, argv }
  for (const [name, text] of Object.entries(texts)) {
    const isAllowed = text.length === 0 || row.texts.includes(name as keyof Texts)
    require(isAllowed && text.length <= frameLimits.textBytesMax, 'FRAME_TEXT', { name, bytes: text.length })
  }
  const actor = readTask(bytes, texts, ancestorCount)
  const common = { timeNs: bytes.readBigUInt64LE(8), actor, truncated: (flags & flag.truncated) !== 0 }
  return { ...row.decode(bytes, site, common, texts), site }
}

function decodeExec(bytes: Buffer, _site: Site, common: Common, texts: Texts): Observation {
  const file = readFile(bytes, texts)
  require(bytes.readUInt32LE(object + 28) === 0, 'FRAME_VALUE', 'open flags in an exec')
  const actor = { ...common.actor, exe: file.path }
  return { ...common, kind: 'exec', actor, file, filename: showText(texts.filename), argv: splitArgv(texts.argv) }
}

function decodeExit(bytes: Buffer, _site: Site, common: Common): Observation {
  const exitCode = bytes.readUInt32LE(object)
  const signal = bytes.readUInt32LE(object + 4)
  require(exitCode <= 255 && signal <= 127, 'FRAME_VALUE', { exitCode, signal })
  requireZero(bytes, object + 8, eventBytes)
  return { ...common, kind: 'exit', exitCode, signal }
}

function decodeFileOpen(bytes: Buffer, site: Site, common: Common, texts: Texts): Observation {
  const flags = bytes.readUInt32LE(object + 28)
  return { ...common, kind: 'file_open', syscall: site as OpenSyscall, file: readFile(bytes, texts), flags }
}

function decodeMemOpen(bytes: Buffer, site: Site, common: Common): Observation {
  const { target, result, request: flags } = readTarget(bytes)
  require(result === 0, 'FRAME_VALUE', { result })
  return { ...common, kind: 'mem_open', syscall: site as OpenSyscall, target, flags }
}

function decodePtrace(bytes: Buffer, _site: Site, common: Common): Observation {
  return { ...common, kind: 'ptrace', ...readTarget(bytes) }
}

function decodeVm(kind: 'vm_read' | 'vm_write') {
  return (bytes: Buffer, _site: Site, common: Common): Observation => {
    const { target, result, request } = readTarget(bytes)
    require(request === 0, 'FRAME_VALUE', { request })
    return { ...common, kind, target, bytes: Math.max(result, 0), result }
  }
}

function readTask(bytes: Buffer, texts: Texts, ancestorCount: number): Task {
  const [tid, ppid, uid, euid, gid, login, session, pidNs, mntNs] = readNumbers(bytes, 32)
  return {
    pid: bytes.readUInt32LE(4),
    startNs: bytes.readBigUInt64LE(16),
    comm: readComm(bytes, 80),
    tid,
    ppid,
    uid,
    euid,
    gid,
    loginUid: login === unset ? null : login,
    sessionId: session === unset ? null : session,
    pidNs,
    mntNs,
    cgroupId: bytes.readBigUInt64LE(24),
    exe: texts.exe.length === 0 ? null : showText(texts.exe),
    ancestors: Array.from({ length: ancestorCount }, (_, i) => readRef(bytes, eventBytes + i * refBytes)),
  }
}

type Nine = [number, number, number, number, number, number, number, number, number]
const readNumbers = (bytes: Buffer, at: number) =>
  Array.from({ length: 9 }, (_, i) => bytes.readUInt32LE(at + i * 4)) as Nine

function readRef(bytes: Buffer, at: number): TaskRef {
  requireZero(bytes, at + 12, at + 16)
  return { pid: bytes.readUInt32LE(at + 8), startNs: bytes.readBigUInt64LE(at), comm: readComm(bytes, at + 16) }
}

function readTarget(bytes: Buffer): { target: TaskRef; result: number; request: number } {
  requireZero(bytes, eventBytes - 4, eventBytes)
  const result = Number(bytes.readBigInt64LE(object + refBytes))
  require(Number.isSafeInteger(result), 'FRAME_VALUE', { result })
  return { target: readRef(bytes, object), result, request: bytes.readUInt32LE(object + refBytes + 8) }
}

function readFile(bytes: Buffer, texts: Texts): FileRef {
  requireZero(bytes, object + 32, eventBytes)
  const flags = bytes.readUInt8(2)
  return {
    path: showText(texts.path),
    dev: bytes.readUInt32LE(object + 8),
    ino: bytes.readBigUInt64LE(object),
    mode: bytes.readUInt32LE(object + 12),
    nlink: bytes.readUInt32LE(object + 16),
    uid: bytes.readUInt32LE(object + 20),
    fsMagic: bytes.readUInt32LE(object + 24),
    unlinked: (flags & flag.unlinked) !== 0,
    memfd: (flags & flag.memfd) !== 0,
  }
}

const empty = Buffer.alloc(0)

/** The texts that end a body; together they must reach its last byte exactly. */
function takeTexts(bytes: Buffer, from: number, lengths: readonly number[]): Buffer[] {
  const total = lengths.reduce((sum, length) => sum + length, from)
  require(total === bytes.length, 'FRAME_SIZE', { expected: total, bytes: bytes.length })
  let at = from
  return lengths.map((length) => bytes.subarray(at, (at += length)))
}

function requireZero(bytes: Buffer, from: number, to: number): void {
  for (let at = from; at < to; at++) require(bytes[at] === 0, 'FRAME_VALUE', `reserved byte ${at} is ${bytes[at]}`)
}

function require(holds: boolean, code: keyof typeof frameErrors, received: unknown): asserts holds {
  if (!holds) throw frameError(code, { attempted: reading, received })
}

const asBuffer = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
