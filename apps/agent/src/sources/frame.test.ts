// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { isSealwatchError } from '@sealwatch/base'
import fc from 'fast-check'
import { createFrameDecoder } from './frame.ts'
import { frameErrors } from './frame-errors.ts'
import type { SensorMessage } from './observation.ts'

type Index = {
  readonly good: readonly { readonly name: string; readonly message: { readonly kind: string } }[]
  readonly bad: readonly { readonly name: string; readonly error: string; readonly endsConnection?: boolean }[]
}

const vectors = new URL('../../../../vectors/frames/', import.meta.url)
const index = JSON.parse(readFileSync(new URL('index.json', vectors), 'utf8')) as Index
const bytesOf = (name: string) => readFileSync(new URL(`${name}.bin`, vectors))
const hello = bytesOf('hello')
const good = index.good.map(({ name }) => bytesOf(name))
const events = index.good.filter(({ message }) => message.kind !== 'hello').map(({ name }) => bytesOf(name))

const asJson = (message: SensorMessage | undefined): unknown =>
  JSON.parse(JSON.stringify(message, (_key, value) => (typeof value === 'bigint' ? String(value) : value)))

/** A decoder behind the hello that every connection begins with. */
function openDecoder(skipped: string[] = []) {
  const decoder = createFrameDecoder(({ code }) => skipped.push(code))
  decoder.push(hello)
  return decoder
}

test('every golden frame is named in the index', () => {
  const files = readdirSync(vectors).filter((name) => name.endsWith('.bin'))
  assert.deepEqual(files.sort(), [...index.good, ...index.bad].map(({ name }) => `${name}.bin`).sort())
})

for (const { name, message } of index.good) {
  test(`reads the golden frame ${name}`, () => {
    const decoder = message.kind === 'hello' ? createFrameDecoder() : openDecoder()
    assert.deepEqual(asJson(decoder.push(bytesOf(name))[0]), message)
  })
}

for (const { name, error, endsConnection } of index.bad) {
  test(`refuses ${name} with ${error}`, () => {
    const skipped: string[] = []
    const decoder = name.startsWith('bad-hello') ? createFrameDecoder() : openDecoder(skipped)
    if (endsConnection === true) {
      assert.throws(() => decoder.push(bytesOf(name)), { code: error })
      assert.throws(() => decoder.push(hello), { code: error }, 'a broken stream stays broken')
      return
    }
    assert.deepEqual(decoder.push(bytesOf(name)), [])
    assert.deepEqual(skipped, [error])
    assert.equal(decoder.skipped, 1)
    assert.equal(decoder.push(bytesOf('exec')).length, 1, 'the next frame is read')
  })
}

test('LOG-5: no secret among the arguments gets past the decoder', () => {
  const frame = Buffer.from(bytesOf('exec'))
  const plain = openDecoder().push(frame)[0]
  assert(plain?.kind === 'exec' && !('redacted' in plain))
  const last = plain.argv.at(-1) ?? ''
  assert(last.length >= 8, 'long enough to write a secret over it')
  frame.write('PIN='.padEnd(last.length, '7'), frame.lastIndexOf(last))
  const [message] = openDecoder().push(frame)
  assert(message?.kind === 'exec')
  assert.deepEqual(message.argv, [...plain.argv.slice(0, -1), 'PIN=[redacted]'])
  assert.equal(message.redacted, true)
})

test('every error has a golden frame that meets it', () => {
  assert.deepEqual([...new Set(index.bad.map(({ error }) => error))].sort(), Object.keys(frameErrors).sort())
})

test('the first frame is a hello, and there is no other', () => {
  assert.throws(() => createFrameDecoder().push(bytesOf('report')), { code: 'FRAME_HELLO' })
  const skipped: string[] = []
  assert.deepEqual(openDecoder(skipped).push(hello), [])
  assert.deepEqual(skipped, ['FRAME_HELLO'])
})

test('messages before a broken length are not lost with it', () => {
  const decoder = openDecoder()
  const messages = decoder.push(Buffer.concat([bytesOf('exec'), bytesOf('exit'), bytesOf('bad-length-zero')]))
  assert.equal(messages.length, 2)
  assert.throws(() => decoder.push(Buffer.alloc(0)), { code: 'FRAME_LENGTH' })
})

test('frames are the same however the stream is cut', () => {
  const stream = Buffer.concat([hello, ...events])
  const whole = createFrameDecoder().push(stream)
  fc.assert(
    fc.property(fc.array(fc.nat(stream.length), { maxLength: 40 }), (marks) => {
      const decoder = createFrameDecoder()
      const cuts = [0, ...marks.sort((a, b) => a - b), stream.length]
      const messages = cuts.slice(1).flatMap((to, i) => decoder.push(stream.subarray(cuts[i], to)))
      assert.deepEqual(messages, whole)
    }),
  )
})

/** An open of the golden one's kind, by another process, in another way, at another time. */
function openOf({ pid, mode, timeNs }: { pid: number; mode: number; timeNs: bigint }): Buffer {
  const frame = Buffer.from(bytesOf('file-open'))
  frame.writeUInt32LE(pid, prefixBytes + 4)
  frame.writeBigUInt64LE(timeNs, prefixBytes + 8)
  frame.writeUInt32LE(mode, prefixBytes + 108)
  return frame
}
const prefixBytes = 4

test('AGT-9: equal acts of one read are one message with their number and the time of the last; what differs in anything is not', () => {
  const one = fc.record({ pid: fc.nat(3), mode: fc.nat(3), afterMs: fc.nat(40) })
  fc.assert(
    fc.property(fc.array(one, { minLength: 1, maxLength: 200 }), (acts) => {
      let timeNs = 90_000_000_000n
      const opens = acts.map(({ afterMs, ...who }) => {
        timeNs += BigInt(afterMs) * 1_000_000n
        return { ...who, timeNs }
      })
      const told = new Map<string, bigint[]>()
      for (const message of openDecoder().push(Buffer.concat(opens.map(openOf)))) {
        assert(message.kind === 'file_open')
        const { times = 0, lastNs = message.timeNs } = message.again ?? {}
        assert(lastNs - message.timeNs <= 100_000_000n && (times > 0 || lastNs === message.timeNs))
        const of = `${message.actor.pid} ${message.file.mode}`
        const all = opens.filter(({ pid, mode }) => `${pid} ${mode}` === of).map((open) => open.timeNs)
        const before = told.get(of) ?? []
        const these = all.slice(before.length, before.length + 1 + times)
        assert.deepEqual([these[0], these.at(-1)], [message.timeNs, lastNs], 'none between them is left out')
        told.set(of, [...before, ...these])
      }
      const count = [...told.values()].reduce((sum, { length }) => sum + length, 0)
      assert.equal(count, opens.length)
    }),
  )
})

test('AGT-9 AGT-5: what a report counts precedes it: equal acts on its two sides are told apart', () => {
  const open = bytesOf('file-open')
  const messages = openDecoder().push(Buffer.concat([open, open, bytesOf('report'), open]))
  assert.deepEqual(
    messages.map(({ kind, ...message }) => [kind, 'again' in message ? (message.again?.times ?? 0) : 0]),
    [
      ['file_open', 1],
      ['report', 0],
      ['file_open', 0],
    ],
  )
})

test('AGT-9: each of two programs that start is a message, however equal', () => {
  const messages = openDecoder().push(Buffer.concat([bytesOf('exec'), bytesOf('exec')]))
  assert.deepEqual(
    messages.map((message) => 'again' in message),
    [false, false],
  )
})

/** Whatever comes in, nothing but our errors comes out. */
function feed(chunks: readonly Uint8Array[]): void {
  const decoder = createFrameDecoder(({ code }) => assert(code in frameErrors))
  for (const chunk of chunks) {
    try {
      decoder.push(chunk)
    } catch (error) {
      assert(isSealwatchError(error) && error.code in frameErrors, String(error))
      return
    }
  }
}

test('random bytes meet only our errors', () => {
  fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 600 })), (chunks) => feed(chunks)))
})

test('mutated frames meet only our errors', () => {
  const change = fc.tuple(fc.nat(), fc.nat(255))
  fc.assert(
    fc.property(fc.nat(good.length - 1), fc.array(change, { minLength: 1, maxLength: 6 }), (which, changes) => {
      const frame = Buffer.from(good[which] ?? hello)
      for (const [at, value] of changes) frame[at % frame.length] = value
      feed([hello, frame, bytesOf('exec')])
      feed([frame])
    }),
    { numRuns: 1_000 },
  )
})
