// SPDX-License-Identifier: Apache-2.0

import { statfs } from 'node:fs/promises'
import { signedDigest } from '../baseline/check.ts'
import { caWarning, channelWarning, type InstanceStatus } from '../status/gather.ts'
import { cannotPrevent, type GuardStatus, type ServerStatus } from '../status/types.ts'
import { counted, duration, toSecond } from '../terminal.ts'
import type { Row } from './row.ts'

const freeRatioMin = 0.05
const depthMax = 2000
const clockMsMax = 2000

/** What can be told from the status alone. */
export async function checkInstance(status: InstanceStatus, nowMs: number): Promise<Row[]> {
  const { server } = status
  return [
    row(
      'server',
      'asked for its status',
      server !== null,
      server === null ? 'does not answer' : `answers, ${server.ledgers.length} ledgers`,
    ),
    row('agent', 'asked for its state', status.agent?.state === 'registered', status.agent?.state ?? 'silent'),
    row('sensor', 'asked for its connection', status.sensor?.connected === true, sensorDetail(status)),
    ...guardRowsOf(status, nowMs),
    ...hardeningRows(status),
    ...(await baselineRows(status, nowMs)),
    ...status.queue.map((queue) => chainRow(queue, server)),
    await diskRow(status.data),
    ...caRows(server),
    ...channelRows(server),
    clockRow(server, nowMs),
  ]
}

const row = (name: string, did: string, ok: boolean, detail: string): Row => ({ name, did, ok, detail })

function sensorDetail({ sensor }: InstanceStatus): string {
  if (sensor?.connected !== true) return 'not connected'
  const sites = Object.values(sensor.sites).filter(({ attached, reason }) => attached || reason !== '')
  const { process, file, network } = sensor.modes
  const by = sensor.unseen.length === 0 ? '' : `, processes by ${process}, files by ${file}, the network by ${network}`
  return `connected, ${sites.filter(({ attached }) => attached).length} of ${sites.length} sites attached${by}`
}

/** Where a machine has no guard there is no row. */
function guardRowsOf({ guard }: InstanceStatus, nowMs: number): Row[] {
  if (guard === null) return []
  if (!guard.connected) return [row('guard', 'asked how it is', false, 'cannot be reached')]
  const { mode, tier, incidents, refused } = guard
  const whole = `mode ${mode}, by ${tier}, ${counted(guard.protected, 'process', 'processes')} protected, ${counted(incidents, 'open incident')}`
  const denies = deniesOf(guard)
  const said = [`${whole}, ${denies.text}`, ...(refused === null ? [] : [refused])].join('; ')
  const isWellElse = mode === 'on' && refused === null
  return [
    {
      ...row('guard', 'asked how it is', isWellElse && denies.ok, said),
      ...(refused === null && mode !== 'on' && { remedy: switchOn }),
      ...(isWellElse && !denies.ok && { remedy: withoutPrevention }),
    },
    ...handsRows(guard, nowMs),
  ]
}

const switchOn =
  'somebody chose that (sudo ./sealwatch host config list, on the server); when it is over: sudo ./sealwatch guard mode on --because TEXT'
const withoutPrevention =
  'docs/kernels.md, What can be prevented; or do without: sudo ./sealwatch guard responses --prevent off --because TEXT'

/** What a kernel cannot refuse is a fault only where it is to be refused. */
function deniesOf({ prevent, preventsNothing }: GuardStatus & { connected: true }): { ok: boolean; text: string } {
  const ok = prevent !== 'on' || preventsNothing === null
  return { ok, text: `prevention ${prevent}${preventsNothing === null ? '' : `, ${cannotPrevent}`}` }
}

/** Without a standing order that counts nobody is ended; where nobody is to be, none is missing. */
function handsRows({ kill, hands }: GuardStatus & { connected: true }, nowMs: number): Row[] {
  if (hands === null) return []
  const { connected, orderUntil } = hands
  const isOrdered = orderUntil !== null && Date.parse(orderUntil) > nowMs
  const order = orderUntil === null ? 'no standing order' : `standing order valid until ${toSecond(orderUntil)}`
  const detail = connected ? `ready, kill ${kill}, ${order}` : 'cannot be reached'
  return [row('hands', 'asked the guard for them', connected && (isOrdered || kill !== 'on'), detail)]
}

/** What an older kernel has not is no fault of this instance: the row tells of it, and so does `status`. */
function hardeningRows({ server, agent }: InstanceStatus): Row[] {
  return Object.entries({ server, agent }).flatMap(([name, of]) => {
    if (of?.hardening === undefined) return []
    const { applied, missing } = of.hardening
    const without = missing.map(({ measure }) => measure).join(', ')
    const detail = `${applied.length} of ${applied.length + missing.length} measures${without && `, without ${without}`}`
    return [row(`${name} closed`, 'asked what protects it', true, detail)]
  })
}

/** Where nobody looks at the files there is no row. That the rows are those that were sealed, their signed statement says. */
async function baselineRows({ agent, data }: InstanceStatus, nowMs: number): Promise<Row[]> {
  const baseline = agent?.baseline
  if (baseline === null || baseline === undefined) return []
  const { checkedAt, untold, altered, digest } = baseline
  const isKept = (await signedDigest(data)) === digest
  const told = untold === null ? 'nobody knows what was told' : `${counted(untold, 'watched file')} changed untold`
  const wrong = altered || !isKept ? 'not the baseline that was sealed, ' : ''
  const detail = `${wrong}${told}, ${duration(nowMs - Date.parse(checkedAt))} old`
  return [row('baseline', 'compared with what was sealed', !altered && isKept && (untold ?? 0) === 0, detail)]
}

/** What the host was told is safe, the server must have; what it has not told yet must be little. */
function chainRow(
  { tenant, writer, chain, sealed, acknowledged, depth }: InstanceStatus['queue'][number],
  server: ServerStatus | null,
): Row {
  const held = server?.chains.find((known) => known.chain === chain)?.nextSeq ?? 0
  const name = `chain ${tenant}${writer === 'guard' ? ' (guard)' : ''}`
  const did = 'compared host and server'
  if (held < acknowledged)
    return row(name, did, false, `the server holds ${counted(held, 'line')} and acknowledged ${acknowledged}`)
  if (depth > depthMax) return row(name, did, false, `${depth} of ${counted(sealed, 'line')} wait to be shipped`)
  return row(name, did, true, `unbroken: ${sealed} sealed, ${acknowledged} acknowledged`)
}

async function diskRow(data: string): Promise<Row> {
  const { bavail, blocks, bsize } = await statfs(data)
  const free = `${((bavail * bsize) / 1024 ** 3).toFixed(1)} GiB free`
  return row('disk', 'looked at the data directory', bavail / blocks >= freeRatioMin, free)
}

function caRows(server: ServerStatus | null): Row[] {
  if (server?.ca === undefined) return []
  const [problem] = caWarning(server.ca)
  const good = `${server.ca.subject}, until ${toSecond(server.ca.endsAt)}`
  return [row('ca', 'looked when it ends', problem === undefined, problem ?? good)]
}

/** Where all take what they are sent there is no row. */
const channelRows = (server: ServerStatus | null): Row[] =>
  (server?.notifications?.failing ?? []).map((channel) =>
    row(`channel ${channel.name}`, 'asked who is told of alerts', false, channelWarning(channel)),
  )

function clockRow(server: ServerStatus | null, nowMs: number): Row {
  const did = 'compared with the server'
  if (server === null) return row('clock', did, false, 'the server does not answer')
  const offMs = Math.abs(Date.parse(server.time) - nowMs)
  return row('clock', did, offMs <= clockMsMax, `${offMs} ms apart`)
}
