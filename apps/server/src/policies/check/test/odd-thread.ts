// SPDX-License-Identifier: Apache-2.0
// A thread that does what it is told, and answers with that.

import { existsSync, writeFileSync } from 'node:fs'
import process from 'node:process'
import { parentPort } from 'node:worker_threads'

parentPort?.on('message', ({ text }: { readonly text: string }) => {
  const [what, path = ''] = text.split(' ')
  if (what === 'loop') for (;;);
  if (what === 'throw') throw new Error('told to')
  if (what === 'fill') for (const all: number[][] = []; ; ) all.push(Array<number>(1_000_000).fill(0.5))
  if (what === 'die') process.exit(7)
  if (what === 'die-once' && !existsSync(path)) {
    writeFileSync(path, '')
    process.exit(7)
  }
  parentPort?.postMessage(text)
  if (what === 'answer-and-die') process.exit(7)
})
