// SPDX-License-Identifier: Apache-2.0
// docs/formats/protect.md, both ends of it: what the guard reads and what a protected service reads.

import { protectError } from './errors.ts'

export { protectErrors } from './errors.ts'

export const protocolVersion = 1
/** With its newline. */
export const lineBytesMax = 4_096
export const steps = ['evict', 'rotate'] as const
export type Step = (typeof steps)[number]
export const severities = ['informational', 'low', 'medium', 'high', 'critical'] as const
export type Severity = (typeof severities)[number]
export const guardModes = ['on', 'observe', 'off'] as const
export type GuardMode = (typeof guardModes)[number]

export type Registration = {
  readonly v: typeof protocolVersion
  readonly protect: string
  readonly steps: readonly Step[]
}
export type Done = {
  readonly done: Step
  readonly incident: string
  /** Of the order that it answers, where that had one. */
  readonly number?: number
  readonly ok: boolean
  readonly detail?: string
}

/** Something about the process that was wrong already when it was registered. */
export type Finding = { readonly finding: string; readonly severity: Severity; readonly advice: string }
export type Registered = {
  readonly ok: true
  readonly id: string
  readonly audit: readonly Finding[]
  readonly mode: GuardMode
}
export type Refused = { readonly ok: false; readonly code: string; readonly message: string }
export type Threat = {
  readonly incident: string
  readonly severity: Severity
  /** How the memory was reached for, `proc_mem_read` for one. */
  readonly way: string
  /** Of MITRE ATT&CK. */
  readonly technique: string
}
/** `number`: of a later order it is greater; what is said twice has it again (clause 4.3). A guard of before gives none. */
export type Order = { readonly threat: Threat; readonly steps: readonly Step[]; readonly number?: number }

const nameForm = /^[a-z0-9._-]{1,64}$/
const wordForm = /^[a-z0-9_]{1,64}$/
const idForm = /^[\x21-\x7e]{1,128}$/
const techniqueForm = /^T\d{4}(\.\d{3})?$/
export const detailCharsMax = 500

type Members = Readonly<Record<string, unknown>>

/** What a service says. Throws the errors of clause 5. */
export function readFromService(line: string): Registration | Done {
  const message = membersOf(line)
  if ('done' in message) return doneOf(message)
  checkMembers(message, ['v', 'protect', 'steps'])
  const { v, protect: name, steps: asked } = message
  const attempted = 'reading a registration'
  if (v !== protocolVersion) throw protectError('PROTECT_VERSION', { attempted, received: v })
  if (typeof name !== 'string' || !nameForm.test(name))
    throw protectError('PROTECT_NAME', { attempted, received: name })
  if (!isSteps(asked)) throw protectError('PROTECT_STEPS', { attempted, received: asked })
  return { v, protect: name, steps: asked }
}

/** What a guard says; undefined: what only a later guard would say. Throws PROTECT_MALFORMED. */
export function readFromGuard(line: string): Registered | Refused | Order | undefined {
  const message = membersOf(line)
  if (message.ok === true) {
    const { id, audit, mode } = message
    if (!isText(id, idForm) || !isOneOf(guardModes, mode) || !Array.isArray(audit)) throw malformed(line)
    return { ok: true, id, audit: audit.map((finding) => findingOf(finding, line)), mode }
  }
  if (message.ok === false) {
    const { code, message: text } = message
    if (!isText(code, /^[A-Z_]{1,64}$/) || typeof text !== 'string') throw malformed(line)
    return { ok: false, code, message: text }
  }
  if (!('threat' in message)) return undefined
  const { threat, steps: ordered, number } = message
  if (!isSteps(ordered) || !isNumberOrNone(number)) throw malformed(line)
  return { threat: threatOf(threat, line), steps: ordered, ...(number !== undefined && { number }) }
}

/** The line of a message, with its newline. Of an audit the most severe findings that fit (clause 3.2). */
export function lineOf(message: Registration | Done | Registered | Refused | Order): string {
  const line = `${JSON.stringify(message)}\n`
  if (Buffer.byteLength(line) <= lineBytesMax) return line
  if (!('audit' in message) || message.audit.length === 0) throw malformed(line)
  const bySeverity = message.audit.toSorted((a, b) => severities.indexOf(b.severity) - severities.indexOf(a.severity))
  return lineOf({ ...message, audit: bySeverity.slice(0, -1) })
}

/** Cuts what comes into lines; false: a line was too long, and nothing after it can be found. */
export function createLines(onLine: (line: string) => void): (text: string) => boolean {
  let rest = ''
  return (text) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() as string
    for (const line of lines) {
      if (Buffer.byteLength(line) >= lineBytesMax) return false
      onLine(line)
    }
    return Buffer.byteLength(rest) < lineBytesMax
  }
}

function doneOf(message: Members): Done {
  checkMembers(message, ['done', 'incident', 'number', 'ok', 'detail'])
  const { done, incident, number, ok, detail } = message
  const isShort = detail === undefined || (typeof detail === 'string' && detail.length <= detailCharsMax)
  const isAnswer = isOneOf(steps, done) && isText(incident, idForm) && typeof ok === 'boolean'
  if (!isAnswer || !isNumberOrNone(number) || !isShort) throw malformed(JSON.stringify(message))
  return { done, incident, ...(number !== undefined && { number }), ok, ...(detail !== undefined && { detail }) }
}

function threatOf(threat: unknown, line: string): Threat {
  const { incident, severity, way, technique } = objectOf(threat, line)
  if (!isText(incident, idForm) || !isOneOf(severities, severity)) throw malformed(line)
  if (!isText(way, wordForm) || !isText(technique, techniqueForm)) throw malformed(line)
  return { incident, severity, way, technique }
}

function findingOf(value: unknown, line: string): Finding {
  const { finding, severity, advice } = objectOf(value, line)
  if (!isText(finding, wordForm) || !isOneOf(severities, severity) || typeof advice !== 'string') throw malformed(line)
  return { finding, severity, advice }
}

function membersOf(line: string): Members {
  try {
    return objectOf(JSON.parse(line), line)
  } catch {
    throw malformed(line)
  }
}

function objectOf(value: unknown, line: string): Members {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed(line)
  return value as Members
}

function checkMembers(message: Members, known: readonly string[]): void {
  const unknown = Object.keys(message).find((member) => !known.includes(member))
  if (unknown !== undefined) throw malformed(unknown)
}

const isText = (value: unknown, form: RegExp): value is string => typeof value === 'string' && form.test(value)

const isOneOf = <T extends string>(values: readonly T[], value: unknown): value is T =>
  (values as readonly unknown[]).includes(value)

const isNumberOrNone = (value: unknown): value is number | undefined =>
  value === undefined || (Number.isSafeInteger(value) && (value as number) > 0)

const isSteps = (value: unknown): value is Step[] =>
  Array.isArray(value) && value.every((step) => isOneOf(steps, step)) && new Set(value).size === value.length

const malformed = (received: string) => protectError('PROTECT_MALFORMED', { attempted: 'reading a line', received })
