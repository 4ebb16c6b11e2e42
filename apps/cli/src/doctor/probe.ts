// SPDX-License-Identifier: Apache-2.0

import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { canonicalize, messageOf } from '@sealwatch/base'
import type { AwaitEventResponse } from '@sealwatch/contract'
import { verifyEd25519, verifyRsa } from '@sealwatch/keys'
import { sha256, verifyBundle } from '@sealwatch/ledger'
import type { Admin } from '../admin.ts'
import type { Io } from '../io.ts'
import { fileOf, type Place } from '../place.ts'
import type { SensorStatus } from '../status/types.ts'
import type { Act } from './acts.ts'
import type { Row } from './row.ts'
import { domainOf, siteFor } from './seen-by.ts'

export type Probing = {
  readonly io: Io
  readonly place: Place
  readonly admin: Admin
  readonly trust: readonly string[]
  /** Size of the tenant's ledger before the act: what is sought lies beyond. */
  readonly fromLeaf: number
  readonly timeoutMs: number
  /** Where the launcher started one. */
  readonly sensorPid: number | null
  readonly modes: SensorStatus['modes'] | undefined
}

const probeMsMax = 5000
/** Sources other than BPF look at who did it once they hear of it, or at their next turn. */
const lingerMs: Readonly<Record<string, number>> = { proc_connector: 300, fanotify: 300, polling: 900 }
const lingerOnNetworkMs = 2500
const saidCharsMax = 500

/**
 * Lets a program that nothing here knows do what a site watches, under a random name, and asks the control plane for
 * what came of it, with its proof.
 */
export async function probeAct(act: Act, probing: Probing): Promise<Row> {
  const { io, admin, fromLeaf, timeoutMs, modes } = probing
  const { name, did, classUid } = act
  const site = siteFor(act, modes)
  if (site === null)
    return { name, did, ok: false, unseen: true, detail: 'nobody sees this without BPF: docs/fallbacks.md' }
  // It becomes the program's comm, which the kernel cuts at 15 bytes.
  const nonce = `sw${randomBytes(6).toString('hex')}`
  const startNs = io.clock.nowNs()
  try {
    const [seen] = await Promise.all([
      admin.awaitEvent({ nonce, site, classUid, fromLeaf: BigInt(fromLeaf), timeoutMs }),
      runProbe(act, site, nonce, probing),
    ])
    return await judge(act, seen, startNs, probing)
  } catch (error) {
    return { name, did, ok: false, detail: messageOf(error) }
  }
}

async function runProbe(
  act: Act,
  site: string,
  nonce: string,
  { io, place, sensorPid, modes }: Probing,
): Promise<void> {
  const { name, onFile, onSensor } = act
  const args = [name, nonce]
  let canary: string | undefined
  if (onFile) {
    // Not named after the nonce: our own opening of it must not pass for the probe's. By inotify there is nothing else to know it by.
    canary = join(fileOf.canary(place), site === 'inotify' ? nonce : name)
    await writeFile(canary, '')
    args.push('--file', canary)
  }
  if (onSensor === true) args.push('--pid', String(sensorPid ?? 0))
  const isOfNetwork = domainOf(act) === 'network' && modes?.network !== 'ebpf'
  const byOthers = Math.max(lingerMs[modes?.process ?? 'ebpf'] ?? 0, lingerMs[modes?.file ?? 'ebpf'] ?? 0)
  const linger = isOfNetwork ? lingerOnNetworkMs : byOthers
  if (linger > 0) args.push('--linger', String(linger))
  const child = spawn(join(io.root, 'apps/sensor/build/probe'), args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {},
    timeout: probeMsMax,
  })
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => {
    said = `${said}${chunk}`.slice(-saidCharsMax)
  })
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  if (canary?.endsWith(nonce)) await rm(canary, { force: true })
  if (code !== 0) throw new Error(`the probe itself failed: ${said.trim() || (signal ?? `exit ${code}`)}`)
}

async function judge({ name, did }: Act, seen: AwaitEventResponse, startNs: bigint, probing: Probing): Promise<Row> {
  const row = { name, did }
  if (!seen.found || seen.entry === undefined)
    return { ...row, ok: false, detail: `not seen within ${probing.timeoutMs / 1000} s` }
  const { leafIndex, line } = seen.entry
  const ms = Math.round(Number(seen.committedNs - startNs) / 1e6)
  const found = { ...row, ms, leafIndex: Number(leafIndex) }
  let shown = false
  const report = await verifyBundle(chunksOf(seen.bundle), {
    sha256,
    verify: verifyEd25519,
    verifyRsa,
    trust: probing.trust,
    onLine: (proven, leaf) => {
      if (leaf === Number(leafIndex)) shown = canonicalize(proven) === Buffer.from(line).toString('utf8')
    },
  })
  const proof = !report.ok ? report.problem?.message : shown ? undefined : 'the proof is for another line'
  return proof === undefined
    ? { ...found, ok: true, detail: `seen after ${ms} ms, leaf ${leafIndex}, proof ok` }
    : { ...found, ok: false, detail: `seen after ${ms} ms, leaf ${leafIndex}, but not proven: ${proof}` }
}

async function* chunksOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
