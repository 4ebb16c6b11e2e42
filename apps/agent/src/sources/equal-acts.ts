// SPDX-License-Identifier: Apache-2.0

/** Frames that differ in nothing but their time, of one read (docs/formats/event.md, 3.20). */
export type EqualActs = {
  /** Whether this body, from one place to the other, is one more of an act that was begun; if so, it is counted. */
  joins(from: number, to: number): boolean
  /** The first of its kind, whose message is the one of that number. */
  begin(from: number, to: number, message: number): void
  /** Of each act that was seen more than once: its message, how often it was seen again, and the time of the last. */
  again(): readonly { readonly message: number; readonly times: number; readonly lastNs: bigint }[]
}

/** frame.md, 1.5: file_open, mem_open, vm_read, vm_write, proc_open. What they say of a process and of its object does not depend on those before. */
const kinds: ReadonlySet<number | undefined> = new Set([5, 6, 8, 9, 41])
/** What a report counts precedes it. */
const reportKind = 2
const withinNs = 100e6
/** Acts that are told apart in one read: of more the oldest is begun anew. */
const actsMax = 16
const pidAt = 4
const timeAt = 8
const afterTime = 16

type Act = { readonly from: number; readonly to: number; readonly message: number; times: number; lastFrom: number }

export function createEqualActs(bytes: Buffer): EqualActs {
  const told: Act[] = []
  let acts: Act[] = []

  const timeNs = (from: number) => bytes.readUInt32LE(from + timeAt) + bytes.readUInt32LE(from + timeAt + 4) * 2 ** 32

  /** The cheapest question first: most acts differ in their length or their process. */
  const isEqual = (act: Act, from: number, to: number): boolean =>
    to - from === act.to - act.from &&
    bytes.readUInt32LE(from + pidAt) === bytes.readUInt32LE(act.from + pidAt) &&
    isWithin(timeNs(from) - timeNs(act.from)) &&
    bytes.compare(bytes, act.from + afterTime, act.to, from + afterTime, to) === 0 &&
    bytes.readUInt32LE(from) === bytes.readUInt32LE(act.from)

  return {
    joins(from, to) {
      if (!kinds.has(bytes[from])) return false
      const act = acts.find((one) => isEqual(one, from, to))
      if (act === undefined) return false
      act.times += 1
      act.lastFrom = from
      return true
    },
    begin(from, to, message) {
      if (bytes[from] === reportKind) acts = []
      if (!kinds.has(bytes[from])) return
      const act = { from, to, message, times: 0, lastFrom: from }
      told.push(act)
      acts = [act, ...acts.slice(0, actsMax - 1)]
    },
    again: () =>
      told
        .filter(({ times }) => times > 0)
        .map(({ message, times, lastFrom }) => ({ message, times, lastNs: bytes.readBigUInt64LE(lastFrom + timeAt) })),
  }
}

const isWithin = (sinceNs: number) => sinceNs >= 0 && sinceNs <= withinNs
