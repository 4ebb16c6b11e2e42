// SPDX-License-Identifier: Apache-2.0
// `node tools/run-tests.ts LANES TIMEOUT_MS FILE…` is `node --test`, but for the order: that of the files given, not of their names.
// A few files that are red are run once more, one at a time: green then, they are named as unsteady, and are no failure.

import process from 'node:process'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'

/** More than these are no accident. */
const unsteadyMax = 2

const [lanes, timeoutMs, ...files] = process.argv.slice(2)

/** Resolves with the files that are red. */
function runFiles(given: readonly string[], concurrency: number): Promise<readonly string[]> {
  const { promise, resolve, reject } = Promise.withResolvers<readonly string[]>()
  const red = new Set<string>()
  let isGreen = true
  run({ files: given, concurrency, timeout: Number(timeoutMs), execArgv: ['--test-force-exit'] })
    .on('test:fail', ({ file }) => void (file !== undefined && red.add(file)))
    .on('test:summary', ({ success }) => {
      isGreen &&= success
    })
    .on('error', reject)
    .compose(spec)
    .on('end', () => resolve(isGreen ? [] : red.size > 0 ? [...red] : given))
    .pipe(process.stdout, { end: false })
  return promise
}

const red = await runFiles(files, Number(lanes))
let failed = red
if (red.length > 0 && red.length <= unsteadyMax) {
  process.stdout.write(`\nonce more, alone: ${red.join(' ')}\n`)
  failed = await runFiles(red, 1)
  const unsteady = red.filter((file) => !failed.includes(file))
  if (unsteady.length > 0) process.stdout.write(`\nunsteady: ${unsteady.join(' ')}\n`)
}
process.exit(failed.length === 0 ? 0 : 1)
