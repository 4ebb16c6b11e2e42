// SPDX-License-Identifier: Apache-2.0

import { posix } from 'node:path'
import { errnoMax, must } from './frame-errors.ts'
import { mustBeZero } from './frame-fields.ts'
import { showText } from './frame-text.ts'
import { refusals } from './observation.ts'

type Texts = Readonly<Record<'path' | 'filename' | 'watched', Buffer>>

/** The object of a refused and the texts that belong to it (frame.md, 5.15). */
export function readRefused(object: Buffer, texts: Texts) {
  const [number = 0, error = 0, call = 0] = [0, 4, 8].map((at) => object.readUInt32LE(at))
  const what = refusals[number - 1]
  must(what !== undefined && error > 0 && error <= errnoMax, 'FRAME_VALUE', { what: number, error })
  mustBeZero(object, 12, 16)
  mustBeZero(object, what === 'ids' ? 40 : 16, object.length)
  const asked = what === 'ids' ? [16, 24, 32].map((at) => object.readBigUInt64LE(at)) : []
  return { what, error, call, asked, ...readOpen(what === 'open', texts) }
}

function readOpen(isOpen: boolean, texts: Texts): { path: string | null; watched: string | null } {
  const [path, from, watched] = [texts.path, texts.filename, texts.watched].map(showText) as [string, string, string]
  if (!isOpen) {
    must(path === '' && from === '' && watched === '', 'FRAME_TEXT', { path, from, watched })
    return { path: null, watched: null }
  }
  const whole = posix.join(path.startsWith('/') ? '/' : from, path)
  must(whole.startsWith('/') && watched.startsWith('/'), 'FRAME_TEXT', { path, from, watched })
  return { path: whole, watched }
}
