// SPDX-License-Identifier: Apache-2.0

import type { Operations } from '@sealwatch/contract/api'
import type { Io } from '../io.ts'
import { siteWords } from '../status/site-words.ts'
import { columns, counted, duration, paint, safe, toSecond } from '../terminal.ts'
import type { Host } from './host-meant.ts'
import {
  certificateOf,
  configOf,
  guardOf,
  handsOf,
  heardOf,
  modesOf,
  nameOf,
  sitesOf,
  standingOf,
  stateOf,
} from './host-words.ts'

export type HostRecord = Operations['listHostRecords']['answer']['items'][number]

const recordsShown = 12

/** A host for a person. */
export function renderHost(host: Host, records: readonly HostRecord[], io: Io): string {
  const head = paint(io, 'bold', `${nameOf(host)} ${host.host_id}`)
  return [
    `${head}\n`,
    columns(factsOf(host, io)),
    unknownOf(host),
    postureOf(host),
    policies(host, io),
    sites(host, io),
    recordRows(records),
  ]
    .filter((text) => text !== '')
    .join('\n')
}

function factsOf(host: Host, io: Io): string[][] {
  const { presence, certificate, renamed } = host
  const waiting = presence?.waiting
  return [
    ['State', presence === null ? stateOf(host, io) : `${stateOf(host, io)} since ${toSecond(presence.since)}`],
    ['Heard', heardOf(host)],
    ['Connected', host.connected ? 'yes' : 'no'],
    ['System', [host.os, host.kernel].map((text) => safe(text ?? 'unknown')).join(', ')],
    ['Agent', safe(host.agent_version ?? 'unknown')],
    ['Enrolled', toSecond(host.enrolled_at)],
    ...(renamed === null ? [] : [['Renamed', `${toSecond(renamed.at)}, from ${safe(renamed.from)}`]]),
    ...(host.revoked_at === null ? [] : [['Revoked', toSecond(host.revoked_at)]]),
    ['Certificate', `${safe(certificate.serial)} until ${certificateOf(host, io)}`],
    [
      'Chain',
      `${counted(host.lines, 'line')}, newest ${host.last_line_at === null ? 'none' : toSecond(host.last_line_at)}`,
    ],
    ['Queue', waiting === undefined || waiting === null ? 'not said' : `${counted(waiting, 'event')} to seal`],
    ['Groups', safe(host.groups.join(', ') || 'none', 400)],
    [
      'Config',
      [configOf(host, io), safe(host.config.reported?.refused_why ?? '')].filter((text) => text !== '').join(': '),
    ],
    ['Guard', guardOf(host, io)],
    ['Hands', handsOf(host, io)],
    ['Sensor', `${host.sensor.mode}, ${sitesOf(host)} sites`],
    ['Watched', modesOf(host, io)],
    ...host.sensor.unseen.map((what, i) => [i === 0 ? 'Unseen' : '', safe(what, 400)]),
  ].map(([name = '', ...rest]) => [`  ${name}`, ...rest])
}

function unknownOf({ unknown: { intervals, length_ms, since, newest } }: Host): string {
  if (newest === null) return ''
  const last = `the last ended ${toSecond(newest.to)} (${safe(newest.cause)}, leaf ${newest.leaf_index})`
  return `Unknown  ${counted(intervals, 'interval')} of ${duration(length_ms)} since ${toSecond(since)}: ${last}\n`
}

function postureOf({ posture }: Host): string {
  if (posture === null) return ''
  const rows = posture.settings.map(({ name, value }) => [`  ${safe(name)}`, safe(value ?? 'not told', 256)])
  return `Kernel's protections, since ${toSecond(posture.since)}\n${columns(rows)}`
}

function policies({ config: { reported } }: Host, io: Io): string {
  const standings = reported?.policies ?? []
  if (standings.length === 0) return ''
  const rows = standings.map((standing) => [
    `  ${safe(standing.policy)}`,
    String(standing.version),
    standingOf(standing, io),
  ])
  return `Policies, as it said at ${toSecond(reported?.at ?? '')}\n${columns([['  policy', 'version', ''], ...rows])}`
}

function sites({ sensor }: Host, io: Io): string {
  if (sensor.sites.length === 0) return ''
  const number = (count: string | null) => count ?? '-'
  const rows = sensor.sites.map((site) => [
    `  ${safe(site.name)}`,
    stateOfSite(site, io),
    ...[site.produced, site.dropped, site.sent, site.sealed, site.shed].map(number),
    safe(siteWords({ attached: site.attached === true, reason: site.reason ?? '' })),
  ])
  return `Sites\n${columns([['  site', '', 'produced', 'dropped', 'sent', 'sealed', 'shed', ''], ...rows])}`
}

function stateOfSite({ attached, stands_by }: Host['sensor']['sites'][number], io: Io): string {
  if (stands_by) return paint(io, 'dim', 'stands by')
  return attached === null ? 'unknown' : attached ? paint(io, 'green', 'attached') : paint(io, 'yellow', 'WARN')
}

function recordRows(records: readonly HostRecord[]): string {
  if (records.length === 0) return ''
  const rows = records
    .slice(0, recordsShown)
    .map(({ time, code, severity, message, ledger }) => [
      `  ${toSecond(time)}`,
      safe(severity),
      safe(code),
      `${safe(ledger.tenant)}:${ledger.leaf_index}`,
      safe(message),
    ])
  return `Records, newest first\n${columns(rows)}`
}
