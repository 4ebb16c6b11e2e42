// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock, systemDisk } from '@sealwatch/base'
import { personalPointers } from '@sealwatch/contract'
import { type Ed25519Signer, generateSigner } from '@sealwatch/keys'
import {
  type Chain,
  createNoteSigner,
  type Draft,
  type KeyRecord,
  type Ledger,
  type NoteSigner,
  openChain,
  openLedger,
} from '@sealwatch/ledger'

/** On the disk that the system's temporary files lie on: what is durable here is durable there. */
export async function temporary() {
  const path = await mkdtemp(join(tmpdir(), 'sealwatch-bench-'))
  // A program that is about to end may still put what it compiled into its cache.
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 10 }) }
}

const launch = JSON.parse(readFileSync(new URL('../vectors/events/process-launch.json', import.meta.url), 'utf8')) as {
  actor: { process: object }
  message: string
}

/** Process launches as the agent makes them, no two alike. */
export function launches(count: number): Draft[] {
  return Array.from({ length: count }, (_, i) => {
    const process = { ...launch.actor.process, pid: i, cmd_line: `/usr/bin/true ${i}` }
    const event = { ...launch, actor: { ...launch.actor, process }, message: `${launch.message} ${i}` }
    return { event, personalPointers: personalPointers(event), timeNs: systemClock.nowNs() }
  })
}

/**
 * Process launches as lean as an event can be that still says who did what: a line of about 410 bytes, the size at which
 * logs and databases are mostly compared.
 */
export function leanLaunches(count: number): Draft[] {
  return Array.from({ length: count }, (_, i) => ({
    event: {
      activity_id: 1,
      actor: {
        process: { cmd_line: `/usr/bin/curl -s http://10.0.${(i >> 8) & 255}.${i & 255}/`, pid: 1000 + (i % 60_000) },
      },
      class_uid: 1007,
      message: 'bash launched curl',
      metadata: { uid: `5f0c2d1b:${1_795_262_400_000_000 + i}:${1000 + (i % 64)}` },
      severity_id: 1,
      type_uid: 100701,
    },
    personalPointers: [],
    timeNs: 1_795_262_400_000_000_000n + BigInt(i) * 1_000_000n,
  }))
}

/** What is sealed at a time: as many as gather in 40 ms at 100,000 events a second. */
export const eventsAtOnce = 4000
const MiB = 1024 * 1024

export const openBenchChain = (dir: string, signer: Ed25519Signer): Promise<Chain> =>
  openChain({
    dir,
    tenant: 'default',
    signer,
    clock: systemClock,
    disk: systemDisk,
    segmentBytesMax: 64 * MiB,
    totalBytesMax: 4096 * MiB,
  })

export const noteSigner = (name = 'bench.test/tenant'): NoteSigner => createNoteSigner(name, generateSigner())

export const openBenchLedger = (dir: string, signer: NoteSigner): Promise<Ledger> =>
  openLedger({
    dir,
    tenant: 'default',
    origin: signer.verifier.name,
    signer: () => signer,
    clock: systemClock,
    disk: systemDisk,
  })

export const keyRecord = (signer: Ed25519Signer): KeyRecord => ({
  algorithm: 'ed25519',
  host_id: 'bench',
  key_id: signer.keyId,
  public_key: signer.publicKey.toHex(),
  valid_from: '2026-11-21T00:00:00.000000000Z',
  valid_until: null,
})
