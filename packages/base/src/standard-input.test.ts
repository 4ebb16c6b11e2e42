// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { execPath } from 'node:process'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'

const program = `import { readStandardInput } from ${JSON.stringify(new URL('./standard-input.ts', import.meta.url).href)}
process.stderr.write('reads')
try { process.stdout.write(Buffer.from(readStandardInput()).toString()) } catch (error) { process.stdout.write(String(error)) }`

/** Sets O_NONBLOCK on what it hands on, as whoever shares the other end may. */
const withoutBlocking = ['-MFcntl', '-e', 'fcntl(STDIN, F_SETFL, O_NONBLOCK) or die; exec @ARGV'] as const
const node = [execPath, '--input-type=module', '--eval', program] as const

for (const [name, [command, ...args]] of [
  ['that blocks', node],
  ['that does not block', ['perl', ...withoutBlocking, ...node]],
] as const)
  test(`a secret that is written late, and in parts, is read whole from an input ${name}`, async () => {
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] })
    const told = text(child.stdout)
    await once(child.stderr, 'data')
    child.stdin.write('{"one":')
    child.stdin.end('"two"}')
    assert.equal(await told, '{"one":"two"}')
  })

test('more than anybody hands over is refused', async () => {
  const child = spawn(node[0], node.slice(1), { stdio: ['pipe', 'pipe', 'ignore'] })
  const told = text(child.stdout)
  child.stdin.on('error', () => undefined)
  child.stdin.end('x'.repeat(1024 * 1024 + 1))
  assert.match(await told, /^RangeError: more than 1048576 bytes/)
})
