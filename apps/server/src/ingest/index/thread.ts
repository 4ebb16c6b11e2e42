// SPDX-License-Identifier: Apache-2.0
// The thread behind prepareIndexThread: does what it is told in that order, and answers each.

import { parentPort } from 'node:worker_threads'
import { messageOf } from '@sealwatch/base'
import { type IndexPiece, type IndexWriter, openIndexWriter, type PlacedOwn } from './writer.ts'

/** `open`: the path of the index. */
export type ToIndex = { readonly open: string } | { readonly piece: IndexPiece } | { readonly close: true }
/** `placed`: it is done. `errcode`: of SQLite, where the error is its. */
export type FromIndex =
  | { readonly ready: true }
  | { readonly placed: PlacedOwn }
  | { readonly failed: string; readonly errcode: unknown }

let writer: IndexWriter | undefined

function done(message: ToIndex): PlacedOwn {
  if ('piece' in message) return (writer as IndexWriter).write(message.piece)
  if ('open' in message) writer = openIndexWriter(message.open)
  else writer?.close()
  return []
}

function answer(message: ToIndex): FromIndex {
  try {
    return { placed: done(message) }
  } catch (error) {
    return { failed: messageOf(error), errcode: (error as { errcode?: unknown }).errcode }
  }
}

parentPort?.on('message', (message: ToIndex) => parentPort?.postMessage(answer(message)))
parentPort?.postMessage({ ready: true } satisfies FromIndex)
