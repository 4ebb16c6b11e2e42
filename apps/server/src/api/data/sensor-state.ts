// SPDX-License-Identifier: Apache-2.0
// What the ledgers tell of a host's sensor. A host may seal anything as its own account: what has another form is left out.

import type { JsonObject } from '@sealwatch/base'
import type { Leaf, Ledger } from '@sealwatch/ledger'
import type { ApiPorts } from '../ports.ts'
import { isObject, type LineJson } from './entry.ts'

export type Site = {
  readonly name: string
  /** null: nobody has said. */
  readonly attached: boolean | null
  /** Why not; of one that is attached and has two tiers, which of them. */
  readonly reason: string | null
  /** Neither attached nor refused: nothing in the modes of its sensor needs it. */
  readonly standsBy: boolean
  /** Frames, since the kernel began to count; of those sent, so many were sealed. Decimal: they pass 2^53. */
  readonly produced: string | null
  readonly dropped: string | null
  readonly sent: string | null
  readonly sealed: string | null
  /** Of those sent, left out before sealing, and told of in the ledger. */
  readonly shed: string | null
}

/** `lost`: its connection to the agent ended; `stopped`: with the agent; `partial`: some of its sites failed to attach. */
export type SensorMode = 'full' | 'partial' | 'none' | 'lost' | 'stopped' | 'unknown'

export type SensorState = {
  readonly mode: SensorMode
  /** Of the line that says so. */
  readonly since: string | null
  readonly kernel: string | null
  /** What watches each domain (docs/fallbacks.md); null: nobody has said. */
  readonly modes: { readonly process: string; readonly file: string; readonly network: string } | null
  /** What these do not see, in words. */
  readonly unseen: readonly string[]
  readonly sites: readonly Site[]
}

export type ChainState = {
  /** Of the newest line. */
  readonly lastAt: string | undefined
  /** The sensor's account in the newest head that has one. */
  readonly account: JsonObject | undefined
}

/** Each change of a host's configuration, and of what its guard does, is a line of its own since its sensor said what it sees. */
const headsMax = 1024
const headsAtOnce = 32
const linesMax = 4096
const linesAtOnce = 64

/** Newest first, as many lines of a chain as anybody looks for something in. Lines of a batch stand side by side. */
export async function* linesBack({ indexDb }: ApiPorts, ledger: Ledger, chain: string): AsyncGenerator<Leaf> {
  const batchesBefore = (seq: number) =>
    indexDb
      .selectFrom('batches')
      .select(['leaf_index', 'last_seq', 'kind'])
      .where('tenant', '=', ledger.tenant)
      .where('chain', '=', chain)
      .where('last_seq', '<', seq)
      .orderBy('last_seq', 'desc')
      .limit(headsAtOnce + 1)
      .execute()
  let left = linesMax
  for (let [seq, heads] = [Number.MAX_SAFE_INTEGER, 0]; heads < headsMax && left > 0; heads += headsAtOnce) {
    const batches = await batchesBefore(seq)
    for (const [i, { leaf_index, last_seq, kind }] of batches.slice(0, headsAtOnce).entries()) {
      seq = last_seq
      // A stub stands for lines that are not there.
      if (kind !== 'head') continue
      const first = leaf_index - (last_seq - (batches[i + 1]?.last_seq ?? -1)) + 1
      for (let to = leaf_index + 1; to > first && left > 0; ) {
        const from = Math.max(first, to - linesAtOnce)
        const leaves = await readAll(ledger, from, to)
        left -= leaves.length
        to = from
        yield* leaves.toReversed()
      }
    }
    if (batches.length <= headsAtOnce) return
  }
}

export const lineOf = ({ line }: Leaf): LineJson => JSON.parse(Buffer.from(line).toString('utf8')) as LineJson

async function readAll(ledger: Ledger, from: number, to: number): Promise<Leaf[]> {
  const leaves: Leaf[] = []
  while (from + leaves.length < to)
    leaves.push(...(await ledger.readChecked(from + leaves.length, to - from - leaves.length)))
  return leaves
}

/** Of the chain in the host's own tenant: how far it is, and what its sensor counted. */
export async function chainState(ports: ApiPorts, tenant: string, chain: string): Promise<ChainState> {
  let lastAt: string | undefined
  for await (const leaf of linesBack(ports, ports.ledgers.get(tenant), chain)) {
    const { time, head } = lineOf(leaf)
    lastAt ??= time
    if (isObject(head) && isObject(head.sensor)) return { lastAt, account: head.sensor }
  }
  return { lastAt, account: undefined }
}

/** Of the chain in the tenant `cluster`, where a host tells of the lives of its agent and sensor. */
export async function sensorState(ports: ApiPorts, chain: string | undefined): Promise<SensorState> {
  const unknown: SensorState = { mode: 'unknown', since: null, kernel: null, modes: null, unseen: [], sites: [] }
  if (chain === undefined) return unknown
  let ended: { readonly mode: SensorMode; readonly since: string } | undefined
  for await (const leaf of linesBack(ports, ports.ledgers.get('cluster'), chain)) {
    const { time, event } = lineOf(leaf)
    const { event_code: code } = isObject(event) && isObject(event.metadata) ? event.metadata : {}
    if (code === 'sensor_lost') ended ??= { mode: 'lost', since: time }
    if (code === 'agent_stopped') ended ??= { mode: 'stopped', since: time }
    if (code !== 'sensor_attached' || !isObject(event) || !isObject(event.unmapped)) continue
    const sensor = isObject(event.unmapped.sensor) ? event.unmapped.sensor : {}
    const { kernel = null, sites = {} } = sensor
    const unseen = wordsOf(sensor.unseen)
    const rows = Object.entries(isObject(sites) ? sites : {}).map(([name, state]) => {
      const { ok, reason } = isObject(state) ? state : {}
      const standsBy = ok === false && reason === ''
      const why = typeof reason === 'string' && reason !== '' ? reason : null
      return { ...uncounted, name, attached: ok === true, reason: why, standsBy }
    })
    const wanted = rows.filter((row) => !row.standsBy)
    const attached = wanted.filter((row) => row.attached).length
    const mode = attached === 0 ? 'none' : attached < wanted.length || unseen.length > 0 ? 'partial' : 'full'
    const told = { kernel: typeof kernel === 'string' ? kernel : null, modes: modesOf(sensor.modes), unseen }
    return { mode, since: time, ...ended, ...told, sites: rows }
  }
  return { ...unknown, ...ended }
}

const uncounted = {
  attached: null,
  reason: null,
  standsBy: false,
  produced: null,
  dropped: null,
  sent: null,
  sealed: null,
  shed: null,
}
const sitesMax = 256
const wordsMax = 32
const wordCharsMax = 400

const wordsOf = (said: unknown): string[] =>
  Array.isArray(said)
    ? said.flatMap((word) => (typeof word === 'string' ? [word.slice(0, wordCharsMax)] : [])).slice(0, wordsMax)
    : []

function modesOf(said: unknown): SensorState['modes'] {
  const { process, file, network } = isObject(said) ? said : {}
  const isMode = (mode: unknown): mode is string => typeof mode === 'string' && /^[a-z_]{1,32}$/.test(mode)
  return isMode(process) && isMode(file) && isMode(network) ? { process, file, network } : null
}

/**
 * Of what was consumed, what was sealed. The sensor told what it had sent a moment ago, and frames come in order: what was
 * consumed beyond that came since.
 */
function sealedOf(sent: string | null, consumed: string | null, shed: string | null): string | null {
  if (sent === null || consumed === null) return consumed
  const known = BigInt(consumed) > BigInt(sent) ? BigInt(sent) : BigInt(consumed)
  const left = known - BigInt(shed ?? 0)
  return String(left < 0n ? 0n : left)
}

/** The sites with what was counted at each (docs/formats/batch-head.md, 6). */
export function counted(sites: readonly Site[], account: JsonObject | undefined): Site[] {
  const { sites: counts } = account ?? {}
  const rows = new Map<string, Site>(sites.map((site) => [site.name, site]))
  for (const [name, numbers] of Object.entries(isObject(counts) ? counts : {})) {
    if (!Array.isArray(numbers)) continue
    const at = (i: number) => (/^\d{1,20}$/.test(String(numbers[i])) ? String(numbers[i]) : null)
    const site = rows.get(name) ?? { ...uncounted, name }
    const [produced, dropped, sent, consumed, shed] = [at(0), at(1), at(2), at(3), at(5)]
    rows.set(name, { ...site, produced, dropped, sent, sealed: sealedOf(sent, consumed, shed), shed })
  }
  return [...rows.values()].slice(0, sitesMax)
}
