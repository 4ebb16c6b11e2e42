// SPDX-License-Identifier: Apache-2.0
// What supervisor and agent say to each other on the socket that the agent is born with: one JSON object a line.

/** `ended`: its process was gone. `stopped`: by a signal. `traced`: held by ptrace. `silent`: it lives, and does not answer. `demoted`: others come before it now. */
export const partFindings = ['ended', 'stopped', 'traced', 'silent', 'demoted'] as const
/** `left`: as the operator wants it. `restarted` may follow `killed`, as a finding of its own. */
export const partRemedies = ['restarted', 'continued', 'killed', 'left', 'freed', 'restored'] as const

/** Who holds a part by ptrace, as far as it could still be read. */
export type Tracer = {
  readonly pid: number
  readonly name: string
  readonly path: string | null
  readonly uid: number | null
}

/** What was found about a part of ours, and what was done about it. */
export type PartFinding = {
  /** Grows by one with each finding of a supervisor. */
  readonly id: number
  /** Unix milliseconds. */
  readonly timeMs: number
  readonly part: string
  readonly pid: number
  readonly found: (typeof partFindings)[number]
  readonly remedy: (typeof partRemedies)[number]
  /** How it ended: `exit 1`, `SIGKILL`; else the state in which it was. */
  readonly detail: string
  /** From its being seen to what was done. */
  readonly tookMs: number
  /** Meanwhile the kernel ended something for want of memory. */
  readonly outOfMemory: boolean
  /** It was the supervisor who ended it, for a reason that a finding before this one gives. */
  readonly bySupervisor: boolean
  readonly tracer: Tracer | null
  /** Findings before this one that found no room. */
  readonly untold: number
}

/** What a look at the machine's files found against the look before it (docs/formats/baseline.md, 5). */
export type BaselineCheck = {
  /** Unix milliseconds. */
  readonly beganMs: number
  readonly endedMs: number
  /** SHA-256 of the rows of this look, and of those that it was held against, in hex; null: it is the first. */
  readonly digest: string
  readonly against: string | null
  readonly rows: number
  readonly unread: number
  readonly added: number
  readonly removed: number
  readonly changed: number
  /** Of these, watched files that differ otherwise than any event told; null: more was told than is remembered. */
  readonly untold: number | null
  /** Paths, those untold first. */
  readonly names: readonly string[]
}

export type SupervisorSays =
  /** Again and again until it is sealed. */
  | ({ readonly kind: 'baseline' } & BaselineCheck)
  /** Twice a second: it looks, and whoever hears this answers with the same number. */
  | { readonly kind: 'look'; readonly number: number }
  | ({ readonly kind: 'finding' } & PartFinding)
  /** All parts are asked to end: nothing more comes, and that is in order. */
  | { readonly kind: 'stopping' }

export type AgentSays =
  | { readonly kind: 'alive'; readonly number: number }
  /** The finding is sealed. */
  | { readonly kind: 'sealed'; readonly id: number }
  | { readonly kind: 'baseline_sealed'; readonly digest: string; readonly endedMs: number }
  /** It is connected, and says nothing. */
  | { readonly kind: 'part_silent'; readonly part: HeardPart }

/** Whom the agent hears itself. */
export const heardParts = ['sensor', 'guard'] as const
export type HeardPart = (typeof heardParts)[number]

export const supervisionLimits = {
  lineBytesMax: 16_384,
  lookEveryMs: 500,
  /** Looks without an answer until an agent that answered before counts as silent: 15 s. */
  unansweredMax: 30,
  /** Findings that wait for an agent to seal them. */
  waitingMax: 256,
  /** Paths that a check names, and the bytes that they take together. */
  namesMax: 32,
  nameBytesMax: 8_192,
} as const

/** The descriptor that the agent finds its end at, where a supervisor started it. */
export const supervisionFd = 3

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0
const isText = (value: unknown): value is string => typeof value === 'string'

/** Undefined for whatever is not of the form. */
export function readSupervisorSays(line: string): SupervisorSays | undefined {
  const said = objectOf(line)
  if (said?.kind === 'stopping') return { kind: 'stopping' }
  if (said?.kind === 'look') return isCount(said.number) ? { kind: 'look', number: said.number } : undefined
  if (said?.kind === 'baseline') {
    const check = readBaselineCheck(said)
    return check && { kind: 'baseline', ...check }
  }
  return said?.kind === 'finding' && isFinding(said) ? said : undefined
}

/** Undefined for whatever is not of the form. */
export function readAgentSays(line: string): AgentSays | undefined {
  const said = objectOf(line)
  if (said?.kind === 'part_silent') return isHeardPart(said.part) ? { kind: 'part_silent', part: said.part } : undefined
  if (said?.kind === 'alive') return isCount(said.number) ? { kind: 'alive', number: said.number } : undefined
  if (said?.kind === 'baseline_sealed')
    return isDigest(said.digest) && isCount(said.endedMs)
      ? { kind: 'baseline_sealed', digest: said.digest, endedMs: said.endedMs }
      : undefined
  return said?.kind === 'sealed' && isCount(said.id) ? { kind: 'sealed', id: said.id } : undefined
}

const isHeardPart = (value: unknown): value is HeardPart => (heardParts as readonly unknown[]).includes(value)
const isDigest = (value: unknown): value is string => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value)

/** Undefined for whatever is not of the form; what else there is, is left out. */
export function readBaselineCheck(value: Readonly<Record<string, unknown>>): BaselineCheck | undefined {
  const { beganMs, endedMs, digest, against, rows, unread, added, removed, changed, untold, names } = value
  if (![beganMs, endedMs, rows, unread, added, removed, changed].every(isCount)) return undefined
  if (!isDigest(digest) || !(against === null || isDigest(against)) || !(untold === null || isCount(untold)))
    return undefined
  if (!Array.isArray(names) || names.length > supervisionLimits.namesMax || !names.every(isText)) return undefined
  return { beganMs, endedMs, digest, against, rows, unread, added, removed, changed, untold, names } as BaselineCheck
}

function isFinding(said: Record<string, unknown>): said is { kind: 'finding' } & PartFinding {
  const { id, timeMs, part, pid, found, remedy, detail, tookMs, outOfMemory, bySupervisor, tracer, untold } = said
  return (
    [id, timeMs, pid, tookMs, untold].every(isCount) &&
    [part, detail].every(isText) &&
    (partFindings as readonly unknown[]).includes(found) &&
    (partRemedies as readonly unknown[]).includes(remedy) &&
    typeof outOfMemory === 'boolean' &&
    typeof bySupervisor === 'boolean' &&
    (tracer === null || isTracer(tracer))
  )
}

function isTracer(value: unknown): value is Tracer {
  if (typeof value !== 'object' || value === null) return false
  const { pid, name, path, uid } = value as Record<string, unknown>
  return isCount(pid) && isText(name) && (path === null || isText(path)) && (uid === null || isCount(uid))
}

function objectOf(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
