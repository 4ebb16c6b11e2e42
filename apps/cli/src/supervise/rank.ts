// SPDX-License-Identifier: Apache-2.0
// What a part is given of a machine when others want it, too: whose turn it is, on which cores, and whom the kernel ends when memory runs out.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { constants, setPriority } from 'node:os'
import process from 'node:process'
import { messageOf } from '@sealwatch/base'
import { openLibc } from '@sealwatch/base/libc'
import { statOf } from './task.ts'

/** undefined: this kernel knows no such thing, or does not show it. */
export type Rank = {
  /** sched(7): 0 is that of everybody, 5 of those that get what nobody else wants. */
  readonly policy: number
  readonly nice: number
  /** Of its session, by which the kernel shares the processors out first (sched(7), autogroup). */
  readonly autogroup: number | undefined
  /** As the kernel writes them: `0-3,8`. */
  readonly cores: string | undefined
  /** Whom the kernel ends first when memory runs out (proc_pid_oom_score_adj(5)). */
  readonly oomScore: number | undefined
}
type Trait = keyof Rank

const names: Readonly<Record<Trait, string>> = {
  policy: 'scheduling policy',
  nice: 'nice',
  autogroup: 'nice of its session',
  cores: 'cores',
  oomScore: 'oom_score_adj',
}
/** <linux/sched.h> */
const policies = ['SCHED_OTHER', 'SCHED_FIFO', 'SCHED_RR', 'SCHED_BATCH', '4', 'SCHED_IDLE', 'SCHED_DEADLINE']
const calls = process.arch === 'arm64' ? { scheduler: 119, affinity: 122 } : { scheduler: 144, affinity: 203 }

/**
 * Its turn comes before that of all others, however many want the processors: whoever starts a hundred programs would else have the
 * guard see, and the hands end, a hundred times later.
 */
export const foremost = { nice: constants.priority.PRIORITY_HIGHEST, autogroup: constants.priority.PRIORITY_HIGHEST }

/** Undefined: there is no such process. */
export function rankOf(pid: number): Rank | undefined {
  const turn = turnOf(String(pid))
  return turn && { ...turn, ...ofProcess(pid), cores: coresOf(`/proc/${pid}/status`) }
}

/** Gives it what it is to have, as far as it has not. Returns why not, where it may not be. */
export function giveRank(pid: number, wanted: Partial<Rank>): string | undefined {
  const refusals = (Object.keys(wanted) as Trait[]).map((trait) => give(pid, trait, wanted))
  return refusals.find((refused) => refused !== undefined)
}

/**
 * What a process is to have that was given `own` when it was born of one that has `inherited`. What it was refused it is not held to.
 * Undefined: it is gone.
 */
export function wantedRank(pid: number, own: Partial<Rank>, inherited: Rank | undefined): Rank | undefined {
  const born = rankOf(pid)
  if (born === undefined || inherited === undefined) return born
  const { policy, cores, nice } = inherited
  return { ...born, policy, cores, nice: own.nice === undefined ? nice : born.nice }
}

/** What was found otherwise than it is to be, in words, and why it could not be put back. */
export type Demotion = { readonly shown: string; readonly refused: string | undefined }

/** Puts back what it has otherwise than it is to have. With `all` whatever each of its threads has; else whether its first one has its turn. */
export function keepRank(pid: number, wanted: Rank, all: boolean): Demotion | undefined {
  const found = new Map<string, string | undefined>()
  const hold = (has: Partial<Rank> | undefined, of: number) => {
    for (const trait of Object.keys(has ?? {}) as Trait[]) {
      if (has?.[trait] === undefined || wanted[trait] === undefined || has[trait] === wanted[trait]) continue
      found.set(`${names[trait]} ${shownAs(has, trait)} (was ${shownAs(wanted, trait)})`, give(of, trait, wanted))
    }
  }
  if (all) hold(ofProcess(pid), pid)
  else hold(turnOf(`${pid}/task/${pid}`), pid)
  for (const thread of all ? threadsOf(pid) : []) {
    const path = `${pid}/task/${thread}`
    hold({ ...turnOf(path), cores: coresOf(`/proc/${path}/status`) }, thread)
  }
  if (found.size === 0) return undefined
  return { shown: [...found.keys()].join(', '), refused: [...found.values()].find((why) => why !== undefined) }
}

function give(pid: number, trait: Trait, wanted: Partial<Rank>): string | undefined {
  try {
    if (trait === 'nice') setPriority(pid, wanted.nice ?? 0)
    if (trait === 'autogroup') writeFileSync(`/proc/${pid}/autogroup`, String(wanted.autogroup))
    if (trait === 'oomScore') writeFileSync(`/proc/${pid}/oom_score_adj`, String(wanted.oomScore))
    if (trait === 'policy') setPolicy(pid, wanted.policy ?? 0)
    if (trait === 'cores') setCores(pid, wanted.cores ?? '')
    return undefined
  } catch (error) {
    const said = messageOf(error)
    // It has ended already, or this kernel knows no such thing.
    return /\b(?:ENOENT|ESRCH)\b/.test(said) ? undefined : said
  }
}

function setPolicy(pid: number, policy: number): void {
  const libc = openLibc()
  // No priority: ours have none among those of real time.
  libc.syscall('sched_setscheduler', calls.scheduler, pid, policy, libc.pointerTo(new Uint8Array(4)))
}

function setCores(pid: number, cores: string): void {
  const libc = openLibc()
  const mask = maskOf(cores)
  libc.syscall('sched_setaffinity', calls.affinity, pid, mask.length, libc.pointerTo(mask))
}

/** A bit for each core, in whole words of the kernel. */
function maskOf(cores: string): Uint8Array<ArrayBuffer> {
  const spans = cores.split(',').map((span) => span.split('-').map(Number))
  const last = Math.max(...spans.flat())
  const mask = new Uint8Array(8 * (Math.floor(last / 64) + 1))
  for (const [from = 0, to = from] of spans)
    for (let core = from; core <= to; core += 1) mask[core >> 3] = (mask[core >> 3] ?? 0) | (1 << (core & 7))
  return mask
}

const shownAs = (rank: Partial<Rank>, trait: Trait): string =>
  trait === 'policy' ? (policies[rank.policy ?? 0] ?? String(rank.policy)) : String(rank[trait])

/** Of a thread, by its path below /proc. */
function turnOf(path: string): Pick<Rank, 'policy' | 'nice'> | undefined {
  const stat = statOf(path)
  return stat && { policy: stat.policy, nice: stat.nice }
}

function ofProcess(pid: number): Pick<Rank, 'autogroup' | 'oomScore'> {
  const autogroup = /nice (-?\d+)/.exec(textOf(`/proc/${pid}/autogroup`))?.[1]
  const score = textOf(`/proc/${pid}/oom_score_adj`)
  return {
    autogroup: autogroup === undefined ? undefined : Number(autogroup),
    oomScore: score === '' ? undefined : Number(score),
  }
}

const coresOf = (path: string): string | undefined => /^Cpus_allowed_list:\t(\S+)$/m.exec(textOf(path))?.[1]

function threadsOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map(Number)
  } catch {
    return []
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
