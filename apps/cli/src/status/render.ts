// SPDX-License-Identifier: Apache-2.0

import { join } from 'node:path'
import type { Io } from '../io.ts'
import { dataFlag } from '../place.ts'
import { columns, counted, duration, paint, safe, toSecond } from '../terminal.ts'
import type { InstanceStatus } from './gather.ts'
import { siteWords } from './site-words.ts'
import { type HandsStatus, saysRevoked } from './types.ts'

/** The status for a person. */
export function renderStatus(status: InstanceStatus, io: Io): string {
  const { server } = status
  const head = `Sealwatch ${status.version} on ${safe(status.data)}: ${phaseText(status)}, pid ${status.pid}, ${
    status.joined === null ? `port ${status.port}` : `joined to ${safe(status.joined)}`
  }`
  const blocks = [
    block('Parts', partRows(status, io)),
    block('Dashboard and API', server?.api === undefined ? [] : [[safe(server.api)]]),
    block('Health', healthRows(status)),
    block(sensorTitle(status), siteRows(status, io)),
    guardBlock(status),
    block('Queue of the agent', queueRows(status)),
    ...(server === null
      ? []
      : [
          block('Ledgers', ledgerRows(server.ledgers)),
          block('Signer', signerRows(server.signing, io)),
          trustStoreLine(server, io),
          logKeys(server),
          witnessBlock(server.signing, io),
          block('Hosts', hostRows(server.hosts)),
          `Ingest   ${Object.entries(server.ingest)
            .map(([name, count]) => `${name} ${count}`)
            .join(' · ')} (since the server's start)\n${gaps(status.data, server.gaps)}`,
        ]),
    warnings(status, io),
  ]
  return [`${paint(io, 'bold', head)}\n`, ...blocks.filter((text) => text !== '')].join('\n')
}

/** Its parts may all run, and nobody takes what they tell. */
function phaseText({ phase, agent }: InstanceStatus): string {
  if (agent?.trouble?.refuses !== true) return phase
  return `THE SERVER REFUSES THIS HOST${saysRevoked(agent.trouble.text) ? ' (revoked)' : ''}`
}

const block = (title: string, rows: readonly string[][]) =>
  rows.length === 0 ? '' : `${title}\n${columns(rows.map(([first = '', ...rest]) => [`  ${first}`, ...rest]))}`

const gaps = (data: string, count: number) => {
  const see = count === 0 ? '' : `: sudo ./sealwatch events --class log --since 365d${dataFlag({ data })}`
  return `Gaps     ${counted(count, 'unknown interval')} on record${see}\n`
}

function partRows({ parts }: InstanceStatus, io: Io): string[][] {
  return parts.map(({ name, pid, uptimeMs, restarts, lastExit }) => [
    name,
    pid === null ? paint(io, 'red', 'down') : `pid ${pid}`,
    pid === null ? '' : `up ${duration(uptimeMs)}`,
    restarts === 0 ? '' : paint(io, 'yellow', `${counted(restarts, 'restart')}, last ${lastExit}`),
  ])
}

const healthPaths = '{/healthz,/readyz,/metrics}'

function healthRows({ server, agent }: InstanceStatus): string[][] {
  const urls = { server: server?.health, agent: agent?.health }
  return Object.entries(urls).flatMap(([name, url]) =>
    url === undefined ? [] : [[name, `${safe(url)}${healthPaths}`]],
  )
}

const sensorTitle = ({ sensor }: InstanceStatus) =>
  sensor === null
    ? ''
    : `Sensor sites (kernel ${safe(sensor.kernel)}; processes by ${safe(sensor.modes.process)}, files by ${safe(sensor.modes.file)}, network by ${safe(sensor.modes.network)})`

function siteRows({ sensor }: InstanceStatus, io: Io): string[][] {
  if (sensor === null) return []
  const wanted = Object.entries(sensor.sites).filter(([, { attached, reason }]) => attached || reason !== '')
  const rows = wanted.map(([name, site]) => [
    safe(name),
    site.attached ? paint(io, 'green', 'attached') : paint(io, 'yellow', 'WARN'),
    site.produced,
    site.dropped,
    site.sent,
    site.shed,
    safe(siteWords(site)),
  ])
  return [['site', '', 'produced', 'dropped', 'sent', 'shed', ''], ...rows]
}

/** With where services ask to be protected (docs/formats/protect.md). */
function guardBlock(status: InstanceStatus): string {
  const rows = guardRows(status)
  if (rows.length === 0) return ''
  return `${block('Guard', rows)}  services ask it at ${safe(join(status.run, 'guard', 'protect.sock'))}\n`
}

const namesShown = 8

function guardRows({ guard }: InstanceStatus): string[][] {
  if (guard === null || !guard.connected) return []
  const { mode, tier, incidents, hands, prevent, preventsNothing } = guard
  return [
    [
      `mode ${mode}, by ${tier}`,
      `${counted(guard.protected, 'process', 'processes')} protected${namesText(guard.names ?? [])}`,
      counted(incidents, 'open incident'),
      handsText(hands),
      prevent !== 'off' && preventsNothing !== null ? `prevent ${prevent}: not possible here` : `prevent ${prevent}`,
    ],
  ]
}

/** But for our own: those are always there. */
function namesText(names: readonly { readonly name: string; readonly processes: number }[]): string {
  const others = names.filter(({ name }) => !name.startsWith('sealwatch-'))
  const shown = others.slice(0, namesShown)
  const texts = shown.map(({ name, processes }) => (processes === 1 ? safe(name) : `${safe(name)} (${processes})`))
  const more = others.length > shown.length ? [`${others.length - shown.length} more names`] : []
  return others.length === 0 ? '' : `, among them ${[...texts, ...more].join(', ')}`
}

function handsText(hands: HandsStatus | null): string {
  if (hands === null) return 'no hands'
  if (!hands.connected) return 'hands cannot be reached'
  return hands.orderUntil === null
    ? 'hands without a standing order'
    : `hands may act until ${toSecond(hands.orderUntil)}`
}

function queueRows({ queue }: InstanceStatus): string[][] {
  const rows = queue.map(({ tenant, writer, toSeal, sealed, acknowledged, depth }) => [
    `${safe(tenant)}${writer === 'guard' ? ' (guard)' : ''}`,
    String(toSeal),
    String(sealed),
    String(acknowledged),
    String(depth),
  ])
  return rows.length === 0 ? [] : [['tenant', 'to seal', 'sealed', 'acknowledged', 'to acknowledge'], ...rows]
}

function ledgerRows(ledgers: NonNullable<InstanceStatus['server']>['ledgers']): string[][] {
  return ledgers.map(({ tenant, size, signedSize, root, checkpoint }) => [
    safe(tenant),
    counted(size, 'line'),
    checkpoint === null ? 'not signed yet' : `signed at ${signedSize}, root ${safe(root).slice(0, 16)}…`,
  ])
}

function signerRows(signing: NonNullable<InstanceStatus['server']>['signing'], io: Io): string[][] {
  if (signing?.signer === undefined) return []
  const { configured, backend, algorithm, keyId, location } = signing.signer
  const place = configured ? safe(location) : paint(io, 'yellow', 'none is configured: a key of its own on this disk')
  return [[safe(backend), safe(algorithm), `${safe(keyId).slice(0, 16)}…`, place]]
}

function trustStoreLine({ trustStore }: NonNullable<InstanceStatus['server']>, io: Io): string {
  if (!trustStore) return ''
  const { path, since, problem } = trustStore
  const state = problem === null ? 'what it says counts' : paint(io, ['red', 'bold'], 'NOT TAKEN')
  return `Trust store  ${safe(path)}: ${since === null ? 'not read yet' : `${state} since ${toSecond(since)}`}\n`
}

/** What others pin: it is public, and texts of errors send people here for it. */
const logKeys = ({ trust }: NonNullable<InstanceStatus['server']>) =>
  trust.ledgerKeys.map((vkey) => `Log key  ${safe(vkey)}\n`).join('')

function witnessBlock(signing: NonNullable<InstanceStatus['server']>['signing'], io: Io): string {
  if (signing === undefined || signing.witnesses.length === 0) return ''
  const quorum = signing.quorum === 'met' ? 'quorum met' : paint(io, ['red', 'bold'], 'BELOW QUORUM')
  const published = `root ledger published at ${signing.publishedSize}: ${quorum}`
  const rows = signing.witnesses.map(({ name, url, size, failing }) => [
    safe(name),
    size === null ? 'nothing cosigned yet' : `cosigned ${size}`,
    failing === null ? safe(url) : paint(io, 'yellow', safe(failing)),
  ])
  return `${block('Witnesses', rows)}  ${published}\n`
}

function hostRows(hosts: NonNullable<InstanceStatus['server']>['hosts']): string[][] {
  return hosts.map(({ hostId, hostname, connected, presence, lastSeen }) => [
    safe(hostname),
    safe(hostId),
    connected ? 'connected' : `last seen ${lastSeen === null ? 'never' : toSecond(lastSeen)}`,
    presence ? `${safe(presence.life)} since ${toSecond(presence.since)}` : '',
  ])
}

/** With all that it advises. */
const warningCharsMax = 2_000
const warnings = ({ warnings: texts }: InstanceStatus, io: Io) =>
  texts.map((text) => `${paint(io, 'yellow', 'WARN')} ${safe(text, warningCharsMax)}\n`).join('')
