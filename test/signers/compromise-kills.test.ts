// SPDX-License-Identifier: Apache-2.0
// SIG-6: whoever deals with a key that leaked may be cut off at any step, on either side, and goes on by doing it again.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { sign } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { after, before, test } from 'node:test'
import { rfc3339, systemClock } from '@sealwatch/base'
import { makeTestKey } from '@sealwatch/keys/test/manifest-keys'
import type { KeyReport } from '@sealwatch/ledger'
import { run } from '../../apps/cli/src/cli.ts'
import { fileOf, placeOf } from '../../apps/cli/src/place.ts'
import { testIo } from '../../apps/cli/test/test-io.ts'
import { rootAt } from '../api/server.ts'
import { losingAnswers } from '../system/lost-answers.ts'
import { type ServerProcess, startServer } from './server-process.ts'

const steps = [/\/revoke$/, /\/signing-keys$/, /\/test$/, /\/stage$/, /\/examination$/]
const main = join(import.meta.dirname, '../../apps/cli/src/main.ts')
const triesMax = 2 * steps.length

let dir: string
let server: ServerProcess
let socket: string
const at = (name: string) => join(dir, name)
const root = () => rootAt(socket)('default')
const start = () => startServer(dir, { SEALWATCH_SERVER_API_PER_TENANT: '100000' })

before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'sealwatch-compromise-'))
  socket = join(dir, 'run/api.sock')
  server = start()
  await server.serving
})
after(async () => {
  await server.stop()
  rmSync(dir, { recursive: true })
})

type Told = {
  readonly registry?: { readonly producer: string; readonly key_id: string; readonly change: string }
  readonly event?: {
    readonly metadata: { readonly event_code: string }
    readonly unmapped: { readonly producer?: string; readonly signing_key_id?: string }
  }
}
type Made = { readonly exit: number | null }
type Killing = { readonly compromise: (argv: readonly string[]) => Promise<Made>; readonly kill: () => void }

/** The command as a process of its own, which is killed. */
function killingCommand(): Killing {
  let kill = () => {}
  return {
    kill: () => kill(),
    compromise: async (argv) => {
      const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main, ...argv], {
        stdio: 'ignore',
      })
      kill = () => void child.kill('SIGKILL')
      const [exit] = (await once(child, 'exit')) as [number | null]
      return { exit }
    },
  }
}

/** The command finds its server gone, and the next one finds another. */
function killingServer(): Killing {
  let ended = Promise.resolve()
  return {
    kill: () => {
      ended = server.kill().then(() => {
        server = start()
        return server.serving
      })
    },
    compromise: async (argv) => {
      const exit = await run(argv, testIo({}))
      await ended
      return { exit }
    },
  }
}

async function sendRows(producer: string, key_id: string, key: ReturnType<typeof makeTestKey>): Promise<void> {
  const payload = Buffer.from('{"a":1}\n{"a":2}\n')
  const asked = { name: producer, actions: ['rows:write'], ttl_seconds: 600, service: producer }
  const { token } = await root().call('createToken', { body: asked as never })
  const submission = {
    id: crypto.randomUUID(),
    form: 'detached',
    payload: payload.toString('base64'),
    payload_type: 'application/json',
    key_id,
    algorithm: key.algorithm,
    signature: sign(null, payload, key.privateKey).toString('base64'),
  }
  const { api } = JSON.parse(
    server
      .output()
      .split('\n')
      .find((line) => line.includes('"msg":"serving"')) ?? '{}',
  )
  const sent = await fetch(`${api}/api/v1/ingest/submissions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ submissions: [submission] }),
  })
  const text = await sent.text()
  assert.match(text, /"outcome":"admitted"/)
}

for (const [name, killing] of [
  ['command', killingCommand],
  ['server', killingServer],
] as const)
  test(`SIG-6 compromise is done once, at whichever step its ${name} is killed`, async () => {
    const [leaked, next] = [makeTestKey('ed25519'), makeTestKey('ed25519')]
    const [was, will] = [`${name}-1`, `${name}-2`]
    const params = { key_id: was }
    writeFileSync(at(`${will}.pem`), next.privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
    await root().call('addProducer', { body: { producer: name } })
    const body = { key_id: was, algorithm: 'ed25519', public_key: leaked.spki.toBase64() } as const
    await root().call('addSigningKey', { params: { producer: name }, body })
    await sendRows(name, was, leaked)
    const since = rfc3339(systemClock.nowNs())
    await sendRows(name, was, leaked)

    // The command asks by a socket of its own, behind which the server comes and goes.
    const front = placeOf(at(`${name}-front`))
    mkdirSync(front.data)
    const { kill, compromise } = killing()
    const struck: string[] = []
    await using ended = new AsyncDisposableStack()
    ended.defer(() => rmSync(front.run, { recursive: true }))
    ended.use(
      await losingAnswers(fileOf.apiSocket(front), socket, (asked) => {
        const step = steps.find((one) => one.test(asked))?.source
        if (step === undefined || struck.includes(step)) return false
        struck.push(step)
        kill()
        return true
      }),
    )
    const argv = ['compromise', was, '--cause', 'leaked', '--since', since, '--data', front.data]
    argv.push('--replacement', will, '--key-file', at(`${will}.pem`))
    const exits: (number | null)[] = []
    while (exits.length < triesMax && exits.at(-1) !== 1) exits.push((await compromise(argv)).exit)
    assert.deepEqual(
      struck,
      steps.map(({ source }) => source),
      'killed at each step',
    )
    assert.equal(exits.length, steps.length + 1, `ended with ${exits.join(', ')}`)

    const made = await root().call('getKeyReport', { params })
    const { counts, compromised_since } = JSON.parse(made.text) as KeyReport
    const none = { rows: 0, submissions: 0 }
    const two = { rows: 2, submissions: 1 }
    assert.deepEqual(counts, { sound: two, suspect: two, unvouched: none, invalid: none })
    assert.equal(compromised_since, since)

    const linesOf = async (filter: string) =>
      (await root().call('listEvents', { query: { filter, limit: 500 } })).items.map(
        ({ line }) => line as unknown as Told,
      )
    const told = [...(await linesOf('source=server')), ...(await linesOf('kind=registry'))].flatMap((line) => {
      const { event, registry } = line
      if (registry?.producer === name) return [`${registry.key_id} ${registry.change}`]
      const { producer, signing_key_id } = event?.unmapped ?? {}
      return producer === name && signing_key_id ? [`${signing_key_id} ${event?.metadata.event_code}`] : []
    })
    assert.deepEqual(told.sort(), [
      `${was} added`,
      `${was} revoked`,
      `${was} signing_key_added`,
      `${was} signing_key_examined`,
      `${was} signing_key_revoked`,
      `${will} added`,
      `${will} signing_key_added`,
      `${will} signing_key_staged`,
      `${will} signing_key_tested`,
      `${will} state`,
    ])
  })
