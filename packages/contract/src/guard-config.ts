// SPDX-License-Identifier: Apache-2.0
// What a host's guard is told: whom it protects, what it does, and whom it lets (docs/formats/host-config.md, 6).

import { entryProblem } from './watch-entry.ts'

/** `observe`: seen and told, and nothing is done. */
export const guardModes = ['on', 'observe', 'off'] as const
export type GuardMode = (typeof guardModes)[number]

/** What a guard can do against an attempt, in the order in which it does it. */
export const guardSteps = ['kill', 'evict', 'rotate'] as const
export type GuardStep = (typeof guardSteps)[number]
/** `dry-run`: told that it would be done. */
export const stepModes = ['on', 'dry-run', 'off'] as const
export type StepMode = (typeof stepModes)[number]

export const guardConfigLimits = {
  /** Of one group; a host has as many for each of its groups. */
  protectOfGroupMax: 64,
  protectMax: 1_024,
  allowancesMax: 256,
  cooldownSeconds: { min: 1, max: 86_400 },
  textMax: 400,
} as const

/** By what a protected process is known. */
export const protectedBy = ['exe', 'unit', 'pid_file', 'container_label'] as const
export type ProtectedBy = (typeof protectedBy)[number]

/** Exactly one of `exe`, `unit`, `pid_file` and `container_label`. */
export type ProtectedEntry = {
  readonly name: string
  /** Absolute path of the image. */
  readonly exe?: string
  /** A unit of systemd, by its control group: `nginx.service`. */
  readonly unit?: string
  /** A file that holds the pid, as daemons write it. */
  readonly pid_file?: string
  /** `KEY=VALUE`. */
  readonly container_label?: string
  /** What may be done for it; absent: all. */
  readonly steps?: readonly GuardStep[]
}

/** Whom the guard lets, until when, and why: at least one of `exe` and `uid`. */
export type Allowance = {
  readonly id: string
  readonly exe?: string
  readonly uid?: number
  /** Name of a protected entry; absent: any. */
  readonly target?: string
  /** RFC 3339, UTC. */
  readonly until: string
  readonly by: string
  readonly why: string
}

/** As people write it, of a group, and as the local file has it. */
export type GuardConfig = {
  readonly mode?: GuardMode
  readonly responses?: { readonly [S in GuardStep]?: StepMode }
  readonly cooldown_seconds?: number
  readonly protect?: readonly ProtectedEntry[]
}
/** As a host is told it. */
export type HostGuardConfig = GuardConfig & { readonly allow?: readonly Allowance[] }

/** With nothing left out. */
export type GuardOrders = {
  readonly mode: GuardMode
  readonly responses: Readonly<Record<GuardStep, StepMode>>
  readonly cooldownSeconds: number
  readonly protect: readonly ProtectedEntry[]
  readonly allow: readonly Allowance[]
}

export const guardDefaults: GuardOrders = {
  mode: 'on',
  responses: { kill: 'dry-run', evict: 'on', rotate: 'on' },
  cooldownSeconds: 60,
  protect: [],
  allow: [],
}

export function guardOrdersOf(config: HostGuardConfig = {}): GuardOrders {
  const { mode, responses, cooldown_seconds, protect, allow } = config
  return {
    mode: mode ?? guardDefaults.mode,
    responses: { ...guardDefaults.responses, ...responses },
    cooldownSeconds: cooldown_seconds ?? guardDefaults.cooldownSeconds,
    protect: protect ?? guardDefaults.protect,
    allow: allow ?? guardDefaults.allow,
  }
}

type Members = Readonly<Record<string, unknown>>
type Check = (value: unknown, at: string) => string[]

const isObject = (value: unknown): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const unless = (fits: boolean, problem: string): string[] => (fits ? [] : [problem])

const oneOf =
  (values: readonly unknown[]): Check =>
  (value, at) =>
    unless(values.includes(value), `${at}: one of ${values.join(', ')}`)
const form =
  (wanted: RegExp, mustBe: string): Check =>
  (value, at) =>
    unless(typeof value === 'string' && wanted.test(value), `${at}: ${mustBe}`)
const integer =
  (min: number, max: number): Check =>
  (value, at) => {
    const fits = Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max
    return unless(fits, `${at}: an integer from ${min} to ${max}`)
  }
const absolutePath: Check = (value, at) => {
  const wrong = typeof value === 'string' && value.startsWith('/') ? entryProblem(value) : 'an absolute path'
  return wrong === undefined ? [] : [`${at}: ${wrong}`]
}
const text = form(
  new RegExp(`^[^\\p{Cc}]{1,${guardConfigLimits.textMax}}$`, 'u'),
  `a text of at most ${guardConfigLimits.textMax} characters`,
)
const momentForm = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/
const moment: Check = (value, at) => {
  const isOne = typeof value === 'string' && momentForm.test(value) && !Number.isNaN(Date.parse(value))
  return unless(isOne, `${at}: a time as 2026-11-23T12:00:00Z`)
}
const name = form(/^[a-z0-9._-]{1,64}$/, 'at most 64 lower-case letters, digits, dots, underscores and hyphens')

/** Members that are there; what else is there is a problem where `isStrict`. */
function membersProblems(value: unknown, at: string, checks: Readonly<Record<string, Check>>, isStrict: boolean) {
  if (!isObject(value)) return [`${at}: an object`]
  return Object.entries(value).flatMap(([member, inner]) => {
    const check = Object.hasOwn(checks, member) ? checks[member] : undefined
    if (check !== undefined) return check(inner, `${at}.${member}`)
    return unless(
      !isStrict,
      `${at}.${member.slice(0, 64)}: no such member; there are ${Object.keys(checks).join(', ')}`,
    )
  })
}

function listProblems(value: unknown, at: string, max: number, key: string, check: Check): string[] {
  if (!Array.isArray(value)) return [`${at}: a list`]
  if (value.length > max) return [`${at}: at most ${max} entries`]
  const keys = value.map((entry) => (isObject(entry) ? entry[key] : undefined))
  const twice = unless(new Set(keys).size === keys.length, `${at}: each ${key} once`)
  return [...twice, ...value.flatMap((entry, index) => check(entry, `${at}[${index}]`))]
}

const steps: Check = (value, at) => {
  const fits =
    Array.isArray(value) && new Set(value).size === value.length && value.every((step) => guardSteps.includes(step))
  return unless(fits, `${at}: some of ${guardSteps.join(', ')}, each once`)
}

const entryChecks = {
  name,
  exe: absolutePath,
  unit: form(/^[A-Za-z0-9:_.\\@-]{1,246}\.(service|scope|slice)$/, 'a unit: NAME.service, .scope or .slice'),
  pid_file: absolutePath,
  container_label: form(/^[^\s=\p{Cc}]{1,256}=[^\p{Cc}]{0,256}$/u, 'KEY=VALUE'),
  steps,
}

const protectedEntry =
  (isStrict: boolean): Check =>
  (value, at) => {
    const problems = membersProblems(value, at, entryChecks, isStrict)
    if (problems.length > 0) return problems
    const members = value as Members
    const ways = protectedBy.filter((way) => members[way] !== undefined)
    return [
      ...unless(members.name !== undefined, `${at}: a name`),
      ...unless(ways.length === 1, `${at}: exactly one of ${protectedBy.join(', ')}`),
    ]
  }

const allowanceChecks = {
  id: name,
  exe: absolutePath,
  uid: integer(0, 4_294_967_294),
  target: name,
  until: moment,
  by: text,
  why: text,
}
const allowance: Check = (value, at) => {
  const problems = membersProblems(value, at, allowanceChecks, false)
  if (problems.length > 0) return problems
  const members = value as Members
  const missing = ['id', 'until', 'by', 'why'].filter((member) => members[member] === undefined)
  return [
    ...unless(missing.length === 0, `${at}: ${missing.join(', ')}`),
    ...unless(members.exe !== undefined || members.uid !== undefined, `${at}: exe or uid`),
  ]
}

/** What both forms have. */
const checksOf = (isStrict: boolean, protectMax: number) => {
  const { min, max } = guardConfigLimits.cooldownSeconds
  const responses = Object.fromEntries(guardSteps.map((step) => [step, oneOf(stepModes)]))
  return {
    mode: oneOf(guardModes),
    responses: (value: unknown, at: string) => membersProblems(value, at, responses, isStrict),
    cooldown_seconds: integer(min, max),
    protect: (value: unknown, at: string) => listProblems(value, at, protectMax, 'name', protectedEntry(isStrict)),
  }
}
const writtenChecks = checksOf(true, guardConfigLimits.protectOfGroupMax)
const allow: Check = (value, at) => listProblems(value, at, guardConfigLimits.allowancesMax, 'id', allowance)
const deliveredChecks = { ...checksOf(false, guardConfigLimits.protectMax), allow }

/** What is wrong with what people wrote, each with its place below `at`; empty: nothing. Whom to let stands elsewhere. */
export const guardConfigProblems = (value: unknown, at: string): string[] =>
  membersProblems(value, at, writtenChecks, true)

/** Whether a host can follow it; what a newer server adds is passed over. */
export const isHostGuardConfig = (value: unknown): value is HostGuardConfig =>
  membersProblems(value, 'guard', deliveredChecks, false).length === 0

/** Of groups in the order in which the host has them: all that any of them protects, the last of a name; of all else the last counts. */
export function mergeGuardConfigs(configs: readonly GuardConfig[]): GuardConfig {
  const entries = new Map(configs.flatMap(({ protect = [] }) => protect.map((entry) => [entry.name, entry] as const)))
  const responses = Object.assign({}, ...configs.map((config) => config.responses)) as object
  const protect = [...entries.values()].sort((one, other) => (one.name < other.name ? -1 : 1))
  const last: GuardConfig = Object.assign({}, ...configs)
  return {
    ...(last.mode !== undefined && { mode: last.mode }),
    ...(last.cooldown_seconds !== undefined && { cooldown_seconds: last.cooldown_seconds }),
    ...(Object.keys(responses).length > 0 && { responses }),
    ...(protect.length > 0 && { protect }),
  }
}
