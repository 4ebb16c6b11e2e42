// SPDX-License-Identifier: Apache-2.0
// `node tools/run-tests.ts LANES TIMEOUT_MS FILE…` is `node --test`, but for the order: that of the files given, not of their names.

import process from 'node:process'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'

const [lanes, timeoutMs, ...files] = process.argv.slice(2)

run({ files, concurrency: Number(lanes), timeout: Number(timeoutMs), forceExit: true })
  .on('test:summary', ({ success }) => {
    if (!success) process.exitCode = 1
  })
  .compose(spec)
  .pipe(process.stdout)
