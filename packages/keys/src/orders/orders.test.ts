// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { isSealwatchError, type SealwatchError } from '@sealwatch/base'
import { foundAuthority } from '../../test/found-authority.ts'
import * as given from '../../test/order-cases.ts'
import { authorityFingerprint } from '../authority.ts'
import { generateSigner } from '../ed25519.ts'
import { openCommand, openStandingOrder, signCommand } from './index.ts'

const read = (name: string) => readFileSync(new URL(`../../../../vectors/orders/${name}`, import.meta.url), 'utf8')
const pin = authorityFingerprint([new X509Certificate(read('authority.pem'))])
const orders = JSON.parse(read('orders.json')) as given.OrderCase[]
const commands = JSON.parse(read('commands.json')) as given.CommandCase[]

const openOf = ({ envelope, host, now_ms: nowMs }: given.OrderCase) => openStandingOrder(envelope, { pin, host, nowMs })

for (const one of orders)
  test(`INC-4 a standing order: ${one.name}`, () => {
    if (one.code === undefined) assert.equal(openOf(one).digest, one.digest)
    else assert.throws(() => openOf(one), { code: one.code })
  })

for (const one of commands)
  test(`INC-4 a command: ${one.name}`, () => {
    const { envelope, nonce, last, code, now_ms: nowMs } = one
    const order = openOf(orders.find(({ name }) => name === one.order) as given.OrderCase)
    const open = () => openCommand(envelope, { order, nonce, last, nowMs, bootNs: BigInt(one.boot_ns) })
    if (code === undefined) assert.equal(open().pid, 4242)
    else assert.throws(open, { code })
  })

/** Each character of an envelope, changed in its lowest bit: whatever it says then is refused with an error of ours. */
function assertNoByteMatters(envelope: string, open: (altered: string) => unknown): void {
  const bytes = Buffer.from(envelope)
  for (let i = 0; i < bytes.length; i += 1) {
    const altered = Buffer.from(bytes)
    altered[i] = (bytes[i] as number) ^ 1
    assert.throws(
      () => open(altered.toString('utf8')),
      (error): error is SealwatchError => isSealwatchError(error),
      `byte ${i}`,
    )
  }
}

test('INC-4 no byte of a standing order can be another, whatever the CA signs with', async () => {
  const guard = generateSigner()
  for (const algorithm of ['ec', 'ed25519'] as const) {
    const signer = foundAuthority(algorithm)
    const of = { pin: authorityFingerprint(signer.chain), host: given.host, nowMs: given.nowMs }
    const nowMs = Date.now()
    const times = { issued_at: new Date(nowMs).toISOString().replace('Z', '000000Z') }
    const expires_at = new Date(nowMs + 86_400_000).toISOString().replace('Z', '000000Z')
    const envelope = await given.signedOrder(given.orderOf(guard, { ...times, expires_at }), signer)
    assert.equal(openStandingOrder(envelope, { ...of, nowMs }).order.version, 3)
    assertNoByteMatters(envelope, (altered) => openStandingOrder(altered, { ...of, nowMs }))
  }
})

test('INC-4 no byte of a command can be another, and it counts once', async () => {
  const [guard, signer] = [generateSigner(), foundAuthority('ec')]
  const nowMs = Date.now()
  const iso = (ms: number) => new Date(ms).toISOString().replace('Z', '000000Z')
  const text = await given.signedOrder(
    given.orderOf(guard, { issued_at: iso(nowMs), expires_at: iso(nowMs + 86_400_000) }),
    signer,
  )
  const order = openStandingOrder(text, { pin: authorityFingerprint(signer.chain), host: undefined, nowMs })
  const envelope = await signCommand(given.commandOf(order.digest), guard)
  const at = { order, nonce: given.nonce, bootNs: given.bootNs, nowMs }
  const { step, pid, startNs, command } = openCommand(envelope, { ...at, last: 7 })
  assert.deepEqual([step, pid, startNs, command.number], ['kill', 4242, 4_711_000_000_000n, 8])
  assert.throws(() => openCommand(envelope, { ...at, last: 8 }), { code: 'COMMAND_REPLAYED' })
  assertNoByteMatters(envelope, (altered) => openCommand(altered, { ...at, last: 7 }))
})

test('INC-4 a pin that is too short names no CA', () => {
  const [sound] = orders as [given.OrderCase]
  const { envelope, host, now_ms: nowMs } = sound
  assert.throws(() => openStandingOrder(envelope, { pin: pin.slice(0, 31), host, nowMs }), { code: 'ORDER_INVALID' })
  assert.equal(openStandingOrder(envelope, { pin: pin.slice(0, 32), host, nowMs }).digest, sound.digest)
})
