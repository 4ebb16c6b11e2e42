// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { readLine } from './input.ts'

async function given(text: string, isTTY: boolean): Promise<{ line: string; asked: string }> {
  const input = Object.assign(new PassThrough(), { isTTY }) as unknown as NodeJS.ReadStream
  const output = new PassThrough()
  const reading = readLine(input, output as unknown as NodeJS.WriteStream, 'Name: ')
  ;(input as unknown as PassThrough).end(text)
  const line = await reading
  return { line, asked: String(output.read() ?? '') }
}

test('the first line of the input, without the space around it, whoever ends it', async () => {
  for (const text of ['alice', 'alice\n', '  alice \r\n', 'alice\nbob\n'])
    assert.deepEqual(await given(text, false), { line: 'alice', asked: '' })
  assert.equal((await given('', false)).line, '')
  assert.equal((await given('\n', false)).line, '')
  assert.equal((await given('x'.repeat(10_000), false)).line.length, 4096)
})

test('a person at a terminal is asked', async () => {
  const { line, asked } = await given('alice\n', true)
  assert.equal(line, 'alice')
  assert.ok(asked.includes('Name: '))
})
