// SPDX-License-Identifier: Apache-2.0

import { basename } from 'node:path'
import {
  type EventBase,
  type Finding,
  lineageOf,
  type OcsfActor,
  type OcsfProcess,
  techniqueOf,
} from '@sealwatch/contract'
import type { Io } from '../io.ts'
import { dataFlag, type Place } from '../place.ts'
import { paint, safe } from '../terminal.ts'
import type { ReadEntry } from './entry.ts'

const severityStyles = {
  Informational: 'dim',
  Low: 'cyan',
  Medium: 'yellow',
  High: ['red', 'bold'],
  Critical: ['white', 'bgRed', 'bold'],
} as const
type Severity = keyof typeof severityStyles

/** One line an event. What stands in it was chosen by whoever acted, so all of it is made safe. */
export function renderEvent({ event, leafIndex }: ReadEntry, io: Io): string {
  const { time, severity, class_name, activity_name, message } = event as unknown as EventBase
  const kind = safe(`${class_name}: ${activity_name}`).padEnd(32)
  return `${timeOf(time)}  ${severityOf(severity, io)}  ${kind}  ${safe(message)}${paint(io, 'dim', `  leaf ${leafIndex}`)}\n`
}

/** An alert as an analyst needs it: what, who, from where, on what, and how to prove it. */
export function renderAlert({ event, leafIndex, tenant }: ReadEntry, io: Io, place: Place): string {
  const finding = event as unknown as Finding
  const { finding_info: info, evidences } = finding
  const techniques = info.attacks.flatMap((attack) => techniqueOf(attack) ?? [])
  const attack = techniques.map(({ uid, name }) => `${uid}${name === undefined ? '' : ` ${name}`}`).join(', ')
  const actor = 'process' in finding.actor ? finding.actor : undefined
  const process = actor?.process
  const [evidence] = evidences
  const rows: [string, string | undefined][] = [
    ['who', actor && whoOf(actor)],
    ['ancestry', process && ancestryOf(process)],
    ['command', process?.cmd_line],
    ['object', evidence?.file?.path ?? (evidence?.process && objectOf(evidence.process))],
    ['event', info.related_events[0] && finding.message.replace(`${info.title}: `, '')],
    [
      'proof',
      `leaf ${leafIndex} of ${tenant}: ./sealwatch audit export --alert ${info.uid} -o alert.bundle${dataFlag(place)}`,
    ],
  ]
  const head = `${timeOf(info.first_seen_time)}  ${severityOf(finding.severity, io)}  ${paint(io, 'bold', safe(info.title))}  ${paint(io, 'dim', safe(attack))}`
  const lines = rows
    .filter((row): row is [string, string] => row[1] !== undefined && row[1] !== '')
    .map(([name, text]) => `    ${paint(io, 'dim', name.padEnd(9))} ${safe(text)}\n`)
  return `${head}\n${lines.join('')}`
}

function whoOf({ process, user: { uid, name } = { uid: '?' } }: Extract<OcsfActor, { process: unknown }>): string {
  const known = name === undefined || name.startsWith('commit:') ? '' : ` ${name}`
  return `${process.file?.path ?? process.name} (pid ${process.pid}, uid ${uid}${known})`
}

function ancestryOf(process: OcsfProcess): string {
  const own = basename(process.file?.path ?? process.name)
  return [
    ...lineageOf(process)
      .map((path) => basename(path))
      .toReversed(),
    own,
  ].join(' -> ')
}

const objectOf = (process: OcsfProcess) => `${process.file?.path ?? process.name} (pid ${process.pid})`

const severityOf = (severity: string, io: Io) =>
  paint(io, severityStyles[severity as Severity] ?? 'dim', safe(severity).padEnd(13))

/** Local time to the second, for reading (Sweden writes it as 2026-01-31 08:00:00); JSON has the exact one. */
const timeOf = (ms: number): string => new Date(ms).toLocaleString('sv-SE')
