// SPDX-License-Identifier: Apache-2.0

import type { Duplex } from 'node:stream'
import {
  type BaselineCheck,
  type HeardPart,
  type PartFinding,
  readAgentSays,
  type SupervisorSays,
  supervisionLimits,
} from '@sealwatch/contract'

export type NewFinding = Omit<PartFinding, 'id' | 'untold'>

/** How the supervisor tells the agent what it found, so that it is sealed: by this life of the agent or by a later one. */
export type AgentLine = {
  /** Another life of the agent has begun, and this is its end of the line. */
  connect(socket: Duplex): void
  tell(finding: NewFinding): void
  /** Says that we look, too. Returns whether the agent, having answered before, has fallen silent. */
  look(): boolean
  /** A look at the machine's files; said again until it is sealed. */
  tellCheck(check: BaselineCheck): void
  /** From now on an end of the line is in order. */
  stopping(): void
}

const { waitingMax, unansweredMax, lineBytesMax } = supervisionLimits
/** Nobody reads, and nothing more is written but what is sealed in the end. */
const unreadBytesMax = 65_536

type On = {
  readonly partSilent: (part: HeardPart) => void
  readonly checkSealed: (digest: string, endedMs: number) => void
}

export function createAgentLine(on: On): AgentLine {
  let socket: Duplex | undefined
  let waiting: PartFinding[] = []
  let [nextId, untold, looks] = [0, 0, 0]
  let [hasAnswered, unanswered] = [false, 0]

  const say = (says: SupervisorSays) => socket?.write(`${JSON.stringify(says)}\n`)

  function take(line: string): void {
    const says = readAgentSays(line)
    if (says?.kind === 'sealed') waiting = waiting.filter(({ id }) => id !== says.id)
    if (says?.kind === 'part_silent') on.partSilent(says.part)
    if (says?.kind === 'baseline_sealed') on.checkSealed(says.digest, says.endedMs)
    if (says?.kind === 'alive') [hasAnswered, unanswered] = [true, 0]
  }

  return {
    connect(born) {
      socket = born
      ;[hasAnswered, unanswered] = [false, 0]
      let rest = ''
      // Its end is told by the end of the process.
      born.on('error', () => undefined)
      born.setEncoding('utf8').on('data', (text: string) => {
        if (socket !== born) return
        const lines = (rest + text).split('\n')
        rest = (lines.pop() ?? '').slice(0, lineBytesMax)
        for (const line of lines) take(line)
      })
      for (const finding of waiting) say({ kind: 'finding', ...finding })
    },
    tell(found) {
      if (waiting.length >= waitingMax) {
        untold += 1
        return
      }
      const finding = { ...found, id: nextId, untold }
      nextId += 1
      untold = 0
      waiting.push(finding)
      say({ kind: 'finding', ...finding })
    },
    look() {
      looks += 1
      unanswered += 1
      if ((socket?.writableLength ?? 0) < unreadBytesMax) say({ kind: 'look', number: looks })
      return hasAnswered && unanswered > unansweredMax
    },
    tellCheck(check) {
      if ((socket?.writableLength ?? 0) < unreadBytesMax) say({ kind: 'baseline', ...check })
    },
    stopping: () => void say({ kind: 'stopping' }),
  }
}
