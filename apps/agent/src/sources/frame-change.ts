// SPDX-License-Identifier: Apache-2.0

import { scrubText } from '@sealwatch/base'
import { must } from './frame-errors.ts'
import { mustBeZero } from './frame-fields.ts'
import { showText } from './frame-text.ts'
import { type ChangedLines, type FileState, fileChanges, type Observation } from './observation.ts'

type Change = Omit<Extract<Observation, { kind: 'file_change' }>, 'kind' | 'timeNs' | 'actor' | 'truncated'>
type Texts = Readonly<Record<'path' | 'filename' | 'watched' | 'states', Buffer>>

/** The object of a file_change and the texts that belong to it (frame.md, 5.14). */
export function readChange(object: Buffer, texts: Texts): Change {
  const number = (index: number) => object.readUInt32LE(8 + index * 4)
  const change = fileChanges[number(2) - 1]
  const states = number(3)
  mustBeZero(object, 24, object.length)
  must(change !== undefined && states <= 15, 'FRAME_VALUE', { change: number(2), states })
  const isRename = change === 'rename'
  const [path, to, watched] = [texts.path, texts.filename, texts.watched].map(showText) as [string, string, string]
  const isNamed = path !== '' || (isRename && to !== '')
  must(isNamed && (isRename || to === '') && watched.startsWith('/'), 'FRAME_TEXT', { path, to, watched })
  return {
    change,
    path: path === '' ? null : path,
    to: to === '' ? null : to,
    dev: number(0),
    ino: object.readBigUInt64LE(0),
    fsMagic: number(1),
    watched,
    isSetBack: (states & stateOf.setBack) !== 0,
    ...readStates(texts.states.subarray(0, statesBytes(states)), states),
    lines: readLines(texts.states.subarray(statesBytes(states)), (states & stateOf.lines) !== 0),
  }
}

const stateBytes = 64
const stateOf = { after: 1, before: 2, setBack: 4, lines: 8 } as const
const statesBytes = (which: number) => stateBytes * ((which & 1) + ((which >> 1) & 1))

/** The state after stands before that of before, where there are both. */
function readStates(bytes: Buffer, which: number): { after: FileState | null; before: FileState | null } {
  const hasAfter = (which & stateOf.after) !== 0
  const hasBefore = (which & stateOf.before) !== 0
  const count = Number(hasAfter) + Number(hasBefore)
  must(bytes.length === count * stateBytes, 'FRAME_TEXT', { name: 'states', bytes: bytes.length })
  return {
    after: hasAfter ? readState(bytes, 0) : null,
    before: hasBefore ? readState(bytes, hasAfter ? stateBytes : 0) : null,
  }
}

const linesHead = 16
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** What is not UTF-8 is no text, and nothing of it is told. */
function readLines(bytes: Buffer, isThere: boolean): ChangedLines | null {
  must(isThere ? bytes.length >= linesHead : bytes.length === 0, 'FRAME_TEXT', { name: 'lines', bytes: bytes.length })
  if (!isThere) return null
  const [from = 0, removed = 0, added = 0, cut = 0] = [0, 4, 8, 12].map((at) => bytes.readUInt32LE(at))
  must(from > 0 && cut <= 1, 'FRAME_VALUE', { from, cut })
  must(removed + added === bytes.length - linesHead, 'FRAME_TEXT', { name: 'lines', removed, added })
  const text = bytes.subarray(linesHead)
  try {
    return {
      from,
      removed: linesOf(text.subarray(0, removed)),
      added: linesOf(text.subarray(removed)),
      isCut: cut === 1,
    }
  } catch (error) {
    if (error instanceof TypeError) return null
    throw error
  }
}

function linesOf(bytes: Buffer): string[] {
  const text = utf8.decode(bytes)
  return text === '' ? [] : scrubText(text).replace(/\n$/, '').split('\n')
}

function readState(bytes: Buffer, from: number): FileState {
  const number = (index: number) => bytes.readUInt32LE(from + 8 + index * 4)
  const hashed = number(4)
  must(hashed <= 1, 'FRAME_VALUE', { hashed })
  mustBeZero(bytes, from + 28, from + (hashed === 1 ? 32 : stateBytes))
  return {
    size: bytes.readBigUInt64LE(from),
    mode: number(0),
    uid: number(1),
    gid: number(2),
    nlink: number(3),
    sha256: hashed === 1 ? bytes.toString('hex', from + 32, from + stateBytes) : null,
  }
}
