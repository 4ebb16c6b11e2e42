// SPDX-License-Identifier: Apache-2.0
// `node scan-child.ts DIR KIND`: works with keys in memory of that kind, and says in JSON how often each key stands in
// what this process can read of itself, in use and after they were evicted.

import { randomBytes } from 'node:crypto'
import { getRawPointer } from 'node:ffi'
import { closeSync, openSync, readFileSync, readSync } from 'node:fs'
import process from 'node:process'
import { systemClock, systemDisk } from '@sealwatch/base'
import { kmsMasterKey, openSealing } from '../src/sealing/index.ts'
import type { MemoryKind } from '../src/sealing/locked-memory.ts'

const [dir = '', kind = ''] = process.argv.slice(2)
const mask = 0x5a
const chunkBytes = 1 << 20
const keyBytes = 32

// What was drawn, in order; masked, so that the list itself is not found.
const drawn: Buffer[] = []
const sealing = await openSealing({
  dir,
  kmsKeyId: '',
  kms: kmsMasterKey({ clock: systemClock }),
  cache: { ttlMs: 600_000, keysMax: 64 },
  clock: systemClock,
  disk: systemDisk,
  memory: kind as MemoryKind,
  random: (length) => {
    const bytes = randomBytes(length)
    if (length === keyBytes) drawn.push(Buffer.from(bytes.map((byte) => byte ^ mask)))
    return bytes
  },
})
const at = { tenant: 'default', purpose: 'evidence', place: 'place' } as const
const person = [{ place: 'place', values: [{ subject: 'name:alice', plain: Buffer.from('alice') }] }]
for (let i = 0; i < 100; i += 1) {
  await sealing.open(at, await sealing.seal(at, Buffer.from('x')))
  const [sealed] = await sealing.sealPersonal('default', person)
  await sealing.openPersonal('default', 'place', sealed as Uint8Array)
}
// The master key, the tenant's, a salt to wrap it with and one to seal with, the key of labels, a salt, the person's.
const keys = [drawn[0], drawn[1], drawn[4], drawn[6]] as Buffer[]
// What the scan itself brings into memory, and passes over. V8 would move small buffers, and leave copies behind.
const needles = keys.map(() => Buffer.from(new ArrayBuffer(keyBytes)))
const chunk = Buffer.from(new ArrayBuffer(chunkBytes + keyBytes))
const ours = [...needles, chunk].map((own) => [getRawPointer(own), getRawPointer(own) + BigInt(own.length)] as const)
const inUse = counts()
sealing.evict()
console.log(JSON.stringify({ inUse, evicted: counts() }))

function counts(): number[] {
  const memory = openSync('/proc/self/mem', 'r')
  for (const [k, masked] of keys.entries())
    for (const [i, byte] of masked.entries()) (needles[k] as Buffer)[i] = byte ^ mask
  const found = keys.map(() => 0)
  for (const line of readFileSync('/proc/self/maps', 'utf8').split('\n')) {
    const [, from = '', to = ''] = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line) ?? []
    if (from === '') continue
    for (let start = BigInt(`0x${from}`); start < BigInt(`0x${to}`); start += BigInt(chunkBytes)) {
      const length = Math.min(chunk.length, Number(BigInt(`0x${to}`) - start))
      const part = chunk.subarray(0, readUnlessSecret(memory, length, start))
      for (const [k, needle] of needles.entries())
        for (let hit = part.indexOf(needle); hit >= 0 && hit < chunkBytes; hit = part.indexOf(needle, hit + 1))
          if (!isOurs(start + BigInt(hit))) found[k] = (found[k] ?? 0) + 1
    }
  }
  closeSync(memory)
  for (const own of [...needles, chunk]) own.fill(0)
  return found
}

function isOurs(address: bigint): boolean {
  return ours.some(([from, to]) => address >= from && address < to)
}

function readUnlessSecret(memory: number, length: number, from: bigint): number {
  try {
    return readSync(memory, chunk, 0, length, from)
  } catch {
    return 0
  }
}
