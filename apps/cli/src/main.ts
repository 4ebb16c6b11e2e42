// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { systemClock } from '@sealwatch/base'
import { run } from './cli.ts'
import { readLine } from './input.ts'
import type { Io } from './io.ts'

const root = join(import.meta.dirname, '../../..')
const stop = new AbortController()
const kill = new AbortController()
const onSignal = () => (stop.signal.aborted ? kill.abort() : stop.abort())
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal)

// A reader that has seen enough (`| head`) closes the pipe, a terminal goes away: what runs ends in order.
process.stdout.on('error', () => stop.abort())
process.stderr.on('error', () => undefined)

const io: Io = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  outTty: process.stdout.isTTY === true,
  errTty: process.stderr.isTTY === true,
  color: process.stdout.isTTY === true && !process.env.NO_COLOR && process.env.TERM !== 'dumb',
  columns: process.stderr.columns ?? 80,
  env: process.env,
  uid: process.getuid?.() ?? -1,
  readLine: (question) => readLine(process.stdin, process.stderr, question),
  clock: systemClock,
  stop: stop.signal,
  kill: kill.signal,
  root,
  version: (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version,
  ...(process.send === undefined ? {} : { tell: (message: unknown) => void process.send?.(message, () => undefined) }),
}

process.exitCode = await run(process.argv.slice(2), io)
