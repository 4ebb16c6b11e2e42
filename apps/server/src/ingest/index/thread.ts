// SPDX-License-Identifier: Apache-2.0
// The thread behind prepareIndexThread: does what it is told in that order, and answers each.

import { parentPort } from 'node:worker_threads'
import { messageOf } from '@sealwatch/base'
import { writeAnew } from '../../store/index.ts'
import { type IndexPiece, type IndexWriter, openIndexWriter, type PlacedOwn } from './writer.ts'

/** `open`: the path of the index. */
export type ToIndex =
  | { readonly open: string }
  | { readonly piece: IndexPiece }
  | { readonly forget: string }
  | { readonly scrub: true }
  | { readonly cutLog: true }
  /** The path of another database, which nobody has open. */
  | { readonly rewrite: string }
  | { readonly close: true }
/** `placed`: it is done, and what is left is to be asked for again. `errcode`: of SQLite, where the error is its. */
export type FromIndex =
  | { readonly ready: true }
  | { readonly placed: PlacedOwn; readonly isLeft: boolean }
  | { readonly failed: string; readonly errcode: unknown }

let writer: IndexWriter | undefined

function done(message: ToIndex): Extract<FromIndex, { readonly placed: unknown }> {
  if ('piece' in message) return { placed: (writer as IndexWriter).write(message.piece), isLeft: false }
  if ('forget' in message) return { placed: [], isLeft: (writer as IndexWriter).forget(message.forget) }
  if ('cutLog' in message) return { placed: [], isLeft: (writer as IndexWriter).cutLog() }
  if ('scrub' in message) writer?.scrub()
  else if ('rewrite' in message) writeAnew(message.rewrite)
  else if ('open' in message) writer = openIndexWriter(message.open)
  else writer?.close()
  return { placed: [], isLeft: false }
}

function answer(message: ToIndex): FromIndex {
  try {
    return done(message)
  } catch (error) {
    return { failed: messageOf(error), errcode: (error as { errcode?: unknown }).errcode }
  }
}

parentPort?.on('message', (message: ToIndex) => parentPort?.postMessage(answer(message)))
parentPort?.postMessage({ ready: true } satisfies FromIndex)
