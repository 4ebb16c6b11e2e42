// SPDX-License-Identifier: Apache-2.0
// How each way is gone. What is written into the decoy is what was there, or goes into a page that nothing has used.

import { openSync, readdirSync, readFileSync, readlinkSync, readSync, writeSync } from 'node:fs'
import process from 'node:process'
import { systemClock } from '@sealwatch/base'
import type { Libc } from '@sealwatch/base/libc'
import { type AttackOrder, nothingCame } from './protocol.ts'
import type { AttackName } from './ways.ts'

type Of = AttackOrder & { readonly libc: Libc }
type Attack = {
  /** Before its first call. */
  prepare?(): void
  /** `read`: all bytes of the decoy's memory that it has by now. */
  act(read: (bytes: number) => void): void
}

// System calls by number: <asm/unistd_64.h>, <asm-generic/unistd.h>.
const numbers = {
  x64: {
    ptrace: 101,
    wait4: 61,
    readv: 310,
    writev: 311,
    prlimit: 302,
    perf: 298,
    socket: 41,
    connect: 42,
    bind: 49,
    listen: 50,
    accept: 43,
    sendmsg: 46,
    recvmsg: 47,
  },
  arm64: {
    ptrace: 117,
    wait4: 260,
    readv: 270,
    writev: 271,
    prlimit: 261,
    perf: 241,
    socket: 198,
    connect: 203,
    bind: 200,
    listen: 201,
    accept: 202,
    sendmsg: 211,
    recvmsg: 212,
  },
} as const
const calls = numbers[process.arch === 'arm64' ? 'arm64' : 'x64']
const [pidfdOpen, pidfdGetfd] = [434, 438]

const ptrace = { PEEKDATA: 2, CONT: 7, ATTACH: 16, SEIZE: 0x4206, INTERRUPT: 0x4207 } as const
const __WALL = 0x4000_0000
const RLIMIT_CORE = 4
const chunkBytes = 64 * 1024
const wordsRead = 64
/** Of an attacker whom nobody ends. */
const readsMs = 3_000

const bytesOf = (...words: readonly bigint[]) => new Uint8Array(BigUint64Array.from(words).buffer)

type Region = { readonly from: bigint; readonly bytes: number }

function regionOf(pid: number, name: string): Region {
  const row = readFileSync(`/proc/${pid}/maps`, 'latin1')
    .split('\n')
    .find((line) => line.endsWith(name))
  const [, from = '0', to = '0'] = /^([0-9a-f]+)-([0-9a-f]+) /.exec(row ?? '') ?? []
  return { from: BigInt(`0x${from}`), bytes: Number(BigInt(`0x${to}`) - BigInt(`0x${from}`)) }
}

/** Reads a region again and again, a piece at a time. */
function readOn(
  { from, bytes }: Region,
  piece: (from: bigint, bytes: number) => number,
  read: (bytes: number) => void,
) {
  const untilNs = systemClock.monotonicNs() + BigInt(readsMs) * 1_000_000n
  for (let [at, sum] = [0, 0]; systemClock.monotonicNs() < untilNs; at = (at + chunkBytes) % Math.max(1, bytes)) {
    sum += piece(from + BigInt(at), Math.min(chunkBytes, bytes - at))
    read(sum)
  }
}

/** The lowest page of its stack: what is there is used last. */
const scratch = (pid: number) => regionOf(pid, '[stack]').from
const heap = (pid: number) => regionOf(pid, '[heap]')

function traces({ libc, target }: Of, hold: () => void, read: (bytes: number) => void): void {
  const word = bytesOf(0n)
  const from = heap(target).from
  hold()
  libc.syscall('wait4', calls.wait4, target, libc.pointerTo(word), __WALL, 0)
  for (let i = 0; i < wordsRead; i += 1) {
    libc.syscall('PTRACE_PEEKDATA', calls.ptrace, ptrace.PEEKDATA, target, from + BigInt(8 * i), libc.pointerTo(word))
    read(8 * (i + 1))
  }
  libc.syscall('PTRACE_CONT', calls.ptrace, ptrace.CONT, target, 0, 0)
}

/** process_vm_readv and process_vm_writev. */
function copy({ libc, target }: Of, call: 'readv' | 'writev', local: Uint8Array<ArrayBuffer>, from: bigint): number {
  const [here, there] = [bytesOf(libc.pointerTo(local), BigInt(local.length)), bytesOf(from, BigInt(local.length))]
  return libc.syscall(`process_vm_${call}`, calls[call], target, libc.pointerTo(here), 1, libc.pointerTo(there), 1, 0)
}

function readsByCall(of: Of, read: (bytes: number) => void): void {
  const buffer = new Uint8Array(chunkBytes)
  readOn(heap(of.target), (from, bytes) => copy(of, 'readv', buffer.subarray(0, bytes), from), read)
}

function readsFile(file: number, target: number, read: (bytes: number) => void): void {
  const buffer = new Uint8Array(chunkBytes)
  readOn(heap(target), (from, bytes) => readSync(file, buffer, 0, bytes, from), read)
}

// struct sockaddr_un, struct msghdr with one byte and one descriptor: unix(7), cmsg(3).
const [AF_UNIX, SOCK_STREAM, SOL_SOCKET, SCM_RIGHTS] = [1, 1, 1, 1]
const addressOf = (path: string) => new Uint8Array(Buffer.concat([Buffer.from([AF_UNIX, 0]), Buffer.from(`${path}\0`)]))
function messageFor(libc: Libc, fd: number) {
  const control = new Uint8Array(24)
  new BigUint64Array(control.buffer)[0] = 20n
  new Int32Array(control.buffer).set([SOL_SOCKET, SCM_RIGHTS, fd], 2)
  const byte = new Uint8Array(1)
  const vector = bytesOf(libc.pointerTo(byte), 1n)
  const header = bytesOf(0n, 0n, libc.pointerTo(vector), 1n, libc.pointerTo(control), 24n, 0n)
  return { header, control, kept: [byte, vector] }
}

function passes(of: Of): Attack {
  const { libc, target, socket, part } = of
  const own = libc.syscall('socket', calls.socket, AF_UNIX, SOCK_STREAM, 0)
  const address = addressOf(socket)
  const named = (call: 'connect' | 'bind') =>
    void libc.syscall(call, calls[call], own, libc.pointerTo(address), address.length)
  // Who opens it is ended within milliseconds: it has those to hand it on.
  const message = messageFor(libc, -1)
  const sends: Attack = {
    prepare: () => named('connect'),
    act: () => {
      new Int32Array(message.control.buffer)[4] = openSync(`/proc/${target}/mem`, 'r')
      libc.syscall('sendmsg', calls.sendmsg, own, libc.pointerTo(message.header), 0)
    },
  }
  const receives: Attack = {
    prepare: () => {
      named('bind')
      libc.syscall('listen', calls.listen, own, 1)
    },
    act: (read) => {
      const connection = libc.syscall('accept', calls.accept, own, 0, 0)
      const { header, control } = messageFor(libc, -1)
      if (libc.syscall('recvmsg', calls.recvmsg, connection, libc.pointerTo(header), 0) === 0)
        throw new Error(nothingCame)
      readsFile(new Int32Array(control.buffer)[4] as number, target, read)
    },
  }
  return part === 'first' ? sends : receives
}

export const attacks: Readonly<Record<AttackName, (of: Of) => Attack>> = {
  ptrace_attach: (of) => ({
    act: (read) =>
      traces(of, () => void of.libc.syscall('PTRACE_ATTACH', calls.ptrace, ptrace.ATTACH, of.target, 0, 0), read),
  }),
  ptrace_seize: (of) => ({
    act: (read) =>
      traces(
        of,
        () => {
          of.libc.syscall('PTRACE_SEIZE', calls.ptrace, ptrace.SEIZE, of.target, 0, 0)
          of.libc.syscall('PTRACE_INTERRUPT', calls.ptrace, ptrace.INTERRUPT, of.target, 0, 0)
        },
        read,
      ),
  }),
  proc_mem_read: ({ target }) => ({
    act: (read) => readsFile(openSync(`/proc/${target}/mem`, 'r'), target, read),
  }),
  proc_mem_write: ({ target }) => ({
    act: (read) => {
      const from = scratch(target)
      const file = openSync(`/proc/${target}/task/${target}/mem`, 'r+')
      const word = new Uint8Array(8)
      read(readSync(file, word, 0, word.length, from))
      writeSync(file, word, 0, word.length, Number(from))
    },
  }),
  vm_read: (of) => ({ act: (read) => readsByCall(of, read) }),
  vm_write: (of) => ({
    act: () => {
      const word = new Uint8Array(8)
      const from = scratch(of.target)
      copy(of, 'writev', word, from)
    },
  }),
  fd_taken: ({ libc, target }) => ({
    act: () => {
      const fds = readdirSync(`/proc/${target}/fd`)
      const socket = fds.find((fd) => readlinkSync(`/proc/${target}/fd/${fd}`).startsWith('socket:'))
      const pidfd = libc.syscall('pidfd_open', pidfdOpen, target, 0)
      libc.syscall('pidfd_getfd', pidfdGetfd, pidfd, Number(socket ?? 0), 0)
    },
  }),
  memory_descriptor_passed: passes,
  core_limit_raised: ({ libc, target }) => ({
    act: () => {
      const unlimited = bytesOf(2n ** 64n - 1n, 2n ** 64n - 1n)
      libc.syscall('prlimit64', calls.prlimit, target, RLIMIT_CORE, libc.pointerTo(unlimited), 0)
    },
  }),
  inspector_signal: ({ target }) => ({ act: () => void process.kill(target, 'SIGUSR1') }),
  perf: ({ libc, target }) => ({
    act: () => {
      // struct perf_event_attr: a software event, the clock of its task.
      const attributes = new Uint8Array(112)
      new Uint32Array(attributes.buffer).set([1, attributes.length, 1])
      libc.syscall(
        'perf_event_open',
        calls.perf,
        libc.pointerTo(attributes),
        target,
        -1n & 0xffff_ffff_ffff_ffffn,
        -1n & 0xffff_ffff_ffff_ffffn,
        0,
      )
    },
  }),
  stopped: (of) => ({
    act: (read) => {
      process.kill(of.target, 'SIGSTOP')
      readsByCall(of, read)
    },
  }),
}
