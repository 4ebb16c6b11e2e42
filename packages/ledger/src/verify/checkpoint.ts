// SPDX-License-Identifier: Apache-2.0

import { decodeBase64 } from '@sealwatch/base/base64'
import { errorsOf } from '@sealwatch/base/errors'
import type { Hash } from './merkle.ts'
import { noteErrors } from './note.ts'

const noteError = errorsOf(noteErrors)

/** C2SP tlog-checkpoint: the head of a log, the text of a signed note. */
export type Checkpoint = { readonly origin: string; readonly size: number; readonly root: Hash }

export function formatCheckpoint({ origin, size, root }: Checkpoint): string {
  return `${origin}\n${size}\n${root.toBase64()}\n`
}

/** Parses the text of an opened note; extension lines are refused, since nothing here gives them a meaning. */
export const parseCheckpoint = (text: string, attempted: string): Checkpoint => parseHead(plainForm, text, attempted)

/** The same for a checkpoint of any log, which may have extension lines; they are passed over. */
export const parseForeignCheckpoint = (text: string, attempted: string): Checkpoint =>
  parseHead(extendedForm, text, attempted)

const plainForm = /^([^\n]+)\n(0|[1-9]\d{0,15})\n([A-Za-z0-9+/]{43}=)\n$/
const extendedForm = /^([^\n]+)\n(0|[1-9]\d{0,15})\n([A-Za-z0-9+/]{43}=)\n(?:[^\n]+\n)*$/

function parseHead(form: RegExp, text: string, attempted: string): Checkpoint {
  const match = form.exec(text)
  const root = match === null ? undefined : decodeBase64(match[3] as string)
  if (match === null || root === undefined || !Number.isSafeInteger(Number(match[2]))) {
    throw noteError('NOTE_MALFORMED', {
      attempted,
      received: text,
      advice: 'Expected origin, size and base64 root, a line each',
    })
  }
  return { origin: match[1] as string, size: Number(match[2]), root }
}
