// SPDX-License-Identifier: Apache-2.0
// The whole platform with a witness beside it; and the same platform once more, from a copy of its data.

import assert from 'node:assert/strict'
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempDisposable, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { test } from 'node:test'
import { parseNote } from '@sealwatch/ledger'
import { placeOf } from '../../apps/cli/src/place.ts'
import { eventually, freePort, repository, whyNot } from './platform.ts'

type Ended = { readonly code: number; readonly out: string; readonly err: string }
const cli = ['--disable-warning=ExperimentalWarning', join(repository, 'apps/cli/src/main.ts')]

function sealwatch(data: string, args: readonly string[], more: Record<string, string> = {}): Promise<Ended> {
  const options = { env: { ...process.env, ...more }, timeout: 90_000, maxBuffer: 64 * 1024 * 1024 }
  return new Promise((done) => {
    execFile(process.execPath, [...cli, ...args, '--data', data], options, (error, out, err) =>
      done({ code: error === null ? 0 : Number(error.code ?? 1), out, err }),
    )
  })
}

async function witnessOn(data: string): Promise<{ url: string; key: string; child: ChildProcess }> {
  const { key } = JSON.parse((await sealwatch(data, ['witness', 'init', 'witness.example/w', '--json'])).out)
  const url = `http://127.0.0.1:${await freePort()}`
  const argv = [...cli, 'witness', 'run', '--listen', url.slice('http://'.length), '--data', data]
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'ignore', 'inherit'] })
  return { url, key, child }
}

type Signing = { quorum: string; publishedSize: number; rootSize: number; witnesses: { failing: string | null }[] }
const signingOf = async (data: string): Promise<Signing | undefined> => {
  const { code, out } = await sealwatch(data, ['status', '--json'])
  return code === 0 ? JSON.parse(out).server?.signing : undefined
}
const ofQuorum = (data: string, quorum: string, size = 0) =>
  eventually(
    `the quorum ${quorum} at ${data}`,
    async () => {
      // Something to seal, so that there is something to sign.
      execFileSync('true')
      const signing = await signingOf(data)
      return signing?.quorum === quorum && signing.publishedSize > size ? signing : undefined
    },
    60_000,
  )

test('a platform under a witness: bundles verify with its word, and a copy that lives on is found out', {
  skip: whyNot() ?? false,
}, async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-witnessed-'))
  const [here, there, beside] = ['here', 'there', 'beside'].map((name) => join(dir.path, name)) as [
    string,
    string,
    string,
  ]
  const witness = await witnessOn(beside)
  const policy = join(dir.path, 'policy')
  await writeFile(policy, `witness w ${witness.key} ${witness.url}\nquorum w\n`)
  const env = { SEALWATCH_SERVER_WITNESS_POLICY: policy }
  const up = async (data: string) => {
    const ports = ['--port', String(await freePort()), '--api-port', String(await freePort())]
    const started = await sealwatch(data, ['up', '--detach', ...ports], env)
    assert.equal(started.code, 0, started.err)
  }
  try {
    await up(here)
    // The witness does not know the log yet: published, and marked.
    const [failing] = (await ofQuorum(here, 'below')).witnesses
    assert.match(failing?.failing ?? '', /does not know this log/)
    const { ledgerKeys } = JSON.parse(await readFile(join(here, 'trust.json'), 'utf8')) as { ledgerKeys: string[] }
    assert.equal((await sealwatch(beside, ['witness', 'add-log', '--key', ledgerKeys.join(',')])).code, 0)
    await ofQuorum(here, 'met')

    const bundle = join(dir.path, 'trail.bundle')
    assert.equal((await sealwatch(here, ['audit', 'export', '--all', '-o', bundle])).code, 0)
    const elsewhere = join(dir.path, 'elsewhere')
    const trust = ['--trust', join(here, 'trust.json'), '--json']
    const verified = await sealwatch(elsewhere, ['audit', 'verify', bundle, '--policy', policy, ...trust])
    assert.equal(verified.code, 0, verified.out)
    const { witnesses } = JSON.parse(verified.out)
    assert.deepEqual([witnesses.quorum, witnesses.cosigned.length, witnesses.missing], ['met', 1, []])
    const { key: other } = JSON.parse((await sealwatch(elsewhere, ['witness', 'init', 'other', '--json'])).out)
    const unwitnessed = await sealwatch(elsewhere, ['audit', 'verify', bundle, '--witness', other, ...trust])
    assert.equal(unwitnessed.code, 1)
    assert.equal(JSON.parse(unwitnessed.out).problem.code, 'BUNDLE_UNWITNESSED')

    assert.equal((await sealwatch(here, ['down'])).code, 0)
    execFileSync('cp', ['-a', here, there])
    // What both have: only a checkpoint beyond it can tell them apart.
    const { size: shared } = JSON.parse(await readFile(join(there, 'server/ledgers/root/saved.json'), 'utf8'))
    await up(here)
    const before = await ofQuorum(here, 'met', shared)
    const saved = join(dir.path, 'saved')
    const { note } = JSON.parse(await readFile(join(here, 'server/ledgers/root/published.json'), 'utf8'))
    await writeFile(saved, parseNote(note, 'testing').text)
    await ofQuorum(here, 'met', before.publishedSize)
    assert.equal((await sealwatch(here, ['down'])).code, 0)
    assert.equal((await sealwatch(elsewhere, ['audit', 'verify', here, '--since-checkpoint', saved])).code, 0)
    await up(there)
    await ofQuorum(there, 'below')
    const alert = await eventually('the alert in the ledger of the deployment', async () => {
      const { out } = await sealwatch(there, ['alerts', '--tenant', 'cluster', '--since', '1h', '--json'])
      return out.split('\n').find((line) => line.includes('split_view'))
    })
    const { severity, evidences } = JSON.parse(alert).event ?? JSON.parse(alert)
    assert.equal(severity, 'Critical')
    const [{ data }] = evidences
    assert.equal(data.proven, true)
    assert.notEqual(data.ours, data.theirs)
    const contradicted = await sealwatch(elsewhere, ['audit', 'verify', there, '--since-checkpoint', saved])
    assert.equal(contradicted.code, 1)
    assert.match(
      contradicted.out,
      /another root at size \d+ than the saved checkpoint says|the saved checkpoint says \d+/,
    )
    const evidence = await eventually(
      'the evidence of the witness',
      async () => {
        execFileSync('true')
        const { out } = await sealwatch(beside, ['witness', 'evidence', '--json'])
        return (JSON.parse(out) as { id: string }[])[0]
      },
      90_000,
    )
    assert.ok(evidence.id.length > 0)
    assert.equal((await sealwatch(beside, ['witness', 'status'])).code, 1)
  } finally {
    await sealwatch(here, ['down'])
    await sealwatch(there, ['down'])
    // The sensor's counters outlive it, for the next start on the same data.
    for (const data of [here, there])
      await rm(join('/sys/fs/bpf', `sealwatch-${placeOf(data).name}`), { recursive: true, force: true })
    witness.child.kill('SIGTERM')
    if (witness.child.exitCode === null) await once(witness.child, 'exit')
  }
})
