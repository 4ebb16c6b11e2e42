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
  /** Of one group; a host has as many for each of its groups. */
  allowancesOfGroupMax: 16,
  /** So long at most somebody is let. */
  allowanceMsMax: 7 * 86_400_000,
  rehearsalsMax: 4,
  cooldownSeconds: { min: 1, max: 86_400 },
  textMax: 400,
  /** Of one entry; and of those who may read one of its key files. */
  keysMax: 16,
  readersMax: 16,
  codeMax: 16,
} as const

/** By what a protected process is known. */
export const protectedBy = ['exe', 'unit', 'pid_file', 'container_label'] as const
export type ProtectedBy = (typeof protectedBy)[number]

/** Who may read a key file besides what it belongs to: at least one of `exe` and `uid`. */
export type KeyReader = { readonly exe?: string; readonly uid?: number }
/** Absolute path of a file, or of a folder: the files directly in it. */
export type KeyFile = { readonly path: string; readonly may?: readonly KeyReader[] }

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
  /** Its key files. */
  readonly keys?: readonly KeyFile[]
  /** Absolute paths of what it runs besides its image, with all that is below. */
  readonly code?: readonly string[]
}

/** Whom the guard lets, until when, and why: at least one of `exe`, `uid` and `user`. */
export type Allowance = {
  readonly id: string
  readonly exe?: string
  readonly uid?: number
  /** A name, of the accounts of the host. */
  readonly user?: string
  /** Name of a protected entry; absent: any. */
  readonly target?: string
  /** RFC 3339, UTC. */
  readonly until: string
  readonly by: string
  readonly why: string
}

/** `start_ns`: when it began, CLOCK_BOOTTIME in nanoseconds, decimal text. */
export type ProcessAt = { readonly pid: number; readonly start_ns: string }

/** A drill: what descends from `runner` plays attackers of `decoy`, and what is on trial is done to them in earnest. */
export type Rehearsal = {
  readonly id: string
  /** Under which the decoy registers itself. */
  readonly name: string
  readonly decoy: ProcessAt
  readonly runner: ProcessAt
  /** RFC 3339, UTC. */
  readonly until: string
  readonly by: string
}

/** As people write it, of a group, and as the local file has it; `allow` stands in what is kept of a group, and no file has it. */
export type GuardConfig = {
  readonly mode?: GuardMode
  /** Whether the kernel refuses whoever reaches for what is protected, where it can. */
  readonly prevent?: StepMode
  readonly responses?: { readonly [S in GuardStep]?: StepMode }
  readonly cooldown_seconds?: number
  readonly protect?: readonly ProtectedEntry[]
  readonly allow?: readonly Allowance[]
}
/** As a host is told it. */
export type HostGuardConfig = GuardConfig

/** With nothing left out. */
export type GuardOrders = {
  readonly mode: GuardMode
  readonly prevent: StepMode
  readonly responses: Readonly<Record<GuardStep, StepMode>>
  readonly cooldownSeconds: number
  readonly protect: readonly ProtectedEntry[]
  readonly allow: readonly Allowance[]
  readonly rehearsals: readonly Rehearsal[]
}

export const guardDefaults: GuardOrders = {
  mode: 'on',
  prevent: 'off',
  responses: { kill: 'dry-run', evict: 'on', rotate: 'on' },
  cooldownSeconds: 60,
  protect: [],
  allow: [],
  rehearsals: [],
}

export function guardOrdersOf(config: HostGuardConfig = {}, rehearsals: readonly Rehearsal[] = []): GuardOrders {
  const { mode, prevent, responses, cooldown_seconds, protect, allow } = config
  return {
    mode: mode ?? guardDefaults.mode,
    prevent: prevent ?? guardDefaults.prevent,
    responses: { ...guardDefaults.responses, ...responses },
    cooldownSeconds: cooldown_seconds ?? guardDefaults.cooldownSeconds,
    protect: protect ?? guardDefaults.protect,
    allow: allow ?? guardDefaults.allow,
    rehearsals,
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

/** `key`: the member that no two of its entries have in common; absent: the whole. */
const listOf =
  (max: number, check: Check, key?: string): Check =>
  (value, at) => {
    if (!Array.isArray(value)) return [`${at}: a list`]
    if (value.length > max) return [`${at}: at most ${max} entries`]
    const keys = value.map((entry) => (key !== undefined && isObject(entry) ? entry[key] : JSON.stringify(entry)))
    const twice = unless(new Set(keys).size === keys.length, `${at}: each ${key ?? 'entry'} once`)
    return [...twice, ...value.flatMap((entry, index) => check(entry, `${at}[${index}]`))]
  }

const steps: Check = (value, at) => {
  const fits =
    Array.isArray(value) && new Set(value).size === value.length && value.every((step) => guardSteps.includes(step))
  return unless(fits, `${at}: some of ${guardSteps.join(', ')}, each once`)
}

const readerChecks = { exe: absolutePath, uid: integer(0, 4_294_967_294) }
const reader =
  (isStrict: boolean): Check =>
  (value, at) => {
    const problems = membersProblems(value, at, readerChecks, isStrict)
    return problems.length > 0 ? problems : unless(Object.keys(value as Members).length > 0, `${at}: exe or uid`)
  }

const keyFile =
  (isStrict: boolean): Check =>
  (value, at) => {
    const checks = { path: absolutePath, may: listOf(guardConfigLimits.readersMax, reader(isStrict)) }
    const problems = membersProblems(value, at, checks, isStrict)
    return problems.length > 0 ? problems : unless((value as Members).path !== undefined, `${at}: a path`)
  }

const entryChecks = (isStrict: boolean) => ({
  name,
  exe: absolutePath,
  unit: form(/^[A-Za-z0-9:_.\\@-]{1,246}\.(service|scope|slice)$/, 'a unit: NAME.service, .scope or .slice'),
  pid_file: absolutePath,
  container_label: form(/^[^\s=\p{Cc}]{1,256}=[^\p{Cc}]{0,256}$/u, 'KEY=VALUE'),
  steps,
  keys: listOf(guardConfigLimits.keysMax, keyFile(isStrict), 'path'),
  code: listOf(guardConfigLimits.codeMax, absolutePath),
})

const protectedEntry =
  (isStrict: boolean): Check =>
  (value, at) => {
    const problems = membersProblems(value, at, entryChecks(isStrict), isStrict)
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
  user: form(/^[^\s:/\p{Cc}]{1,256}$/u, 'the name of an account'),
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
    ...unless(
      ['exe', 'uid', 'user'].some((member) => members[member] !== undefined),
      `${at}: exe, uid or user`,
    ),
  ]
}

const processChecks = {
  pid: integer(1, 4_194_304),
  start_ns: form(/^[1-9][0-9]{0,18}$/, 'nanoseconds as decimal text'),
}
const rehearsalChecks = {
  id: name,
  name,
  decoy: whole(processChecks),
  runner: whole(processChecks),
  until: moment,
  by: text,
}

/** All of these members are there. */
function whole(checks: Readonly<Record<string, Check>>): Check {
  return (value, at) => {
    const missing = Object.keys(checks).filter((member) => !(isObject(value) && Object.hasOwn(value, member)))
    return missing.length > 0 ? [`${at}: ${missing.join(', ')}`] : membersProblems(value, at, checks, false)
  }
}

/** What both forms have. */
const checksOf = (isStrict: boolean, protectMax: number) => {
  const { min, max } = guardConfigLimits.cooldownSeconds
  const responses = Object.fromEntries(guardSteps.map((step) => [step, oneOf(stepModes)]))
  return {
    mode: oneOf(guardModes),
    prevent: oneOf(stepModes),
    responses: (value: unknown, at: string) => membersProblems(value, at, responses, isStrict),
    cooldown_seconds: integer(min, max),
    protect: listOf(protectMax, protectedEntry(isStrict), 'name'),
  }
}
const writtenChecks = checksOf(true, guardConfigLimits.protectOfGroupMax)
const allow = listOf(guardConfigLimits.allowancesMax, allowance, 'id')
const deliveredChecks = { ...checksOf(false, guardConfigLimits.protectMax), allow }

/** What is wrong with what people wrote, each with its place below `at`; empty: nothing. Whom to let stands elsewhere. */
export const guardConfigProblems = (value: unknown, at: string): string[] =>
  membersProblems(value, at, writtenChecks, true)

/** What is wrong with an allowance before it is given, each with its place; empty: nothing. */
export const allowanceProblems = (value: unknown, at: string): string[] => allowance(value, at)

/** Whether a host can follow it; what a newer server adds is passed over. */
export const isHostGuardConfig = (value: unknown): value is HostGuardConfig =>
  membersProblems(value, 'guard', deliveredChecks, false).length === 0

/** What the sensor has to watch for a guard: key files, and what is run. */
export const guardEntries = ({ protect = [] }: GuardConfig): readonly string[] =>
  protect.flatMap(({ exe, keys = [], code = [] }) => [
    ...keys.map(({ path }) => `urgent:${path}`),
    ...(exe === undefined ? [] : [`urgent,changes:${exe}`]),
    ...code.map((path) => `urgent,changes,below:${path}`),
  ])

const rehearsals = listOf(guardConfigLimits.rehearsalsMax, whole(rehearsalChecks), 'id')
export const areRehearsals = (value: unknown): value is readonly Rehearsal[] =>
  rehearsals(value, 'rehearsals').length === 0

/** Of groups in the order in which the host has them: all that any of them protects, the last of a name; of all else the last counts. */
export function mergeGuardConfigs(configs: readonly GuardConfig[]): GuardConfig {
  const entries = new Map(configs.flatMap(({ protect = [] }) => protect.map((entry) => [entry.name, entry] as const)))
  const responses = Object.assign({}, ...configs.map((config) => config.responses)) as object
  const protect = [...entries.values()].sort((one, other) => (one.name < other.name ? -1 : 1))
  const allow = configs.flatMap((config) => config.allow ?? [])
  const last: GuardConfig = Object.assign({}, ...configs)
  return {
    ...(last.mode !== undefined && { mode: last.mode }),
    ...(last.prevent !== undefined && { prevent: last.prevent }),
    ...(last.cooldown_seconds !== undefined && { cooldown_seconds: last.cooldown_seconds }),
    ...(Object.keys(responses).length > 0 && { responses }),
    ...(protect.length > 0 && { protect }),
    ...(allow.length > 0 && { allow }),
  }
}
