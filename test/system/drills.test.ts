// SPDX-License-Identifier: Apache-2.0
// OPS-2, ING-7: drills as an operator runs them, on the platform as it runs: the command, its decoys, the server and Prometheus
// are processes of their own.

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  closeSync,
  existsSync,
  globSync,
  openSync,
  readFileSync,
  readSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import process from 'node:process'
import { before, test } from 'node:test'
import type { DrillReport } from '@sealwatch/ledger'
import { strictOffPhrase } from '../../packages/contract/src/index.ts'
import { noPrometheus, startPrometheus } from '../monitoring/prometheus.ts'
import { losingAnswers } from './lost-answers.ts'
import { eventually, type Platform, repository, startPlatform, whyNot } from './platform.ts'

const skip = whyNot() ?? false
const rules = join(repository, 'deploy/prometheus/sealwatch.rules.yml')
const quick = ['--rows', '20', '--rate', '200']
let platform: Platform
let count = 0

before(async () => {
  if (skip === false) platform = await startPlatform()
})

type Drill = {
  readonly child: ChildProcess
  /** Resolves when the command has said it. */
  said(pattern: RegExp): Promise<void>
  readonly done: Promise<Done>
}
type Done = {
  readonly code: number | null
  readonly out: string
  readonly err: string
  readonly path: string
  readonly report: DrillReport | undefined
}

/** The command in a process of its own, which may be killed. */
function drill(name: string, ...more: readonly string[]): Drill {
  count += 1
  const stem = join(platform.data, `report-${count}`)
  const argv = ['drill', name, ...quick, '--output', stem, '--data', platform.data, ...more]
  const main = join(repository, 'apps/cli/src/main.ts')
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main, ...argv], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [out, err] = ['', '']
  const waiting = new Set<() => void>()
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text
    for (const look of waiting) look()
  })
  const done = once(child, 'close').then(([code]) => {
    const path = `${stem}.json`
    const file = existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as { report: string }) : undefined
    const report = file === undefined ? undefined : (JSON.parse(file.report) as DrillReport)
    return { code: code as number | null, out, err, path, report }
  })
  return {
    child,
    done,
    said: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (pattern.test(err)) resolve()
        }
        waiting.add(look)
        look()
        void done.then(() => reject(new Error(`it never said ${pattern}: ${err}${out}`)))
      }),
  }
}

/** As an auditor does it elsewhere: with the report and a copy of trust.json, and nothing else of this machine. */
async function verify(path: string) {
  const trust = join(platform.data, 'trust.json')
  const { code, stdout, stderr } = await platform.sealwatch('drill', 'verify', path, '--trust', trust, '--json')
  return { code, said: JSON.parse(stdout || '{}') as { statement?: { outcome: string; run: string } }, stderr }
}

/** That a report is signed, whatever it says, and stands in the ledger of the decoy's tenant. */
async function expectSigned({ path, report, code, err, out }: Done, outcome: 'passed' | 'failed') {
  assert.equal(code, outcome === 'passed' ? 0 : 1, err + out)
  assert.equal(report?.outcome, outcome)
  const verified = await verify(path)
  assert.equal(verified.code, outcome === 'passed' ? 0 : 1, verified.stderr)
  assert.deepEqual([verified.said.statement?.outcome, verified.said.statement?.run], [outcome, report.run])
  const { stdout } = await platform.sealwatch('events', '--tenant', 'drill', '--since', '1h', '--json')
  const lines = stdout.split('\n').filter((line) => line.includes('drill_reported') && line.includes(report.run))
  assert.equal(lines.length, 1)
  const { payload } = (JSON.parse(readFileSync(path, 'utf8')) as { envelope: { payload: string } }).envelope
  assert.ok(lines[0]?.includes(payload), 'the envelope stands in the ledger, whole')
}

const expectOnce = (lines: readonly string[], code: string, of: string) =>
  assert.equal(lines.filter((line) => line.includes(`"event_code":"${code}"`) && line.includes(of)).length, 1, code)

/** The decoy is put away: it is halted, no token of it is open, and no process or file of it is left. */
async function expectPutAway() {
  const producers = JSON.parse((await platform.sealwatch('producer', 'list', '--tenant', 'drill', '--json')).stdout)
  assert.deepEqual(
    producers.items.map((one: { halted_at: string | null }) => one.halted_at === null),
    [false],
  )
  const tokens = JSON.parse((await platform.sealwatch('token', 'list', '--tenant', 'drill', '--json')).stdout)
  assert.ok(tokens.items.every((one: { revoked_at: string | null }) => one.revoked_at !== null))
  assert.deepEqual(globSync('drill/*/*', { cwd: platform.run }), [])
}

/** The rules that we hand out, which fire at once. */
function impatient(): string {
  const path = join(platform.data, 'impatient.yml')
  writeFileSync(path, readFileSync(rules, 'utf8').replaceAll('for: 5m', 'for: 1s').replaceAll('[2m]', '[10s]'))
  return path
}

const stepsOf = (report: DrillReport | undefined) => report?.steps.map(({ name, outcome }) => `${name} ${outcome}`)

test('OPS-2 the strict-signature drill goes its whole way: the alert fires in Prometheus, nothing is lost, and its report verifies offline', {
  skip: skip || (noPrometheus ?? false),
}, async () => {
  const { health } = JSON.parse((await platform.sealwatch('status', '--json')).stdout).server as { health: string }
  await using prometheus = await startPrometheus(new URL(health).host, impatient())
  const done = await drill('strict-signature', '--prometheus', prometheus.url, '--wait', '60').done
  assert.equal(done.code, 0, done.err + done.out)
  await expectSigned(done, 'passed')
  assert.deepEqual(stepsOf(done.report), [
    'leftovers passed',
    'readiness passed',
    'cause passed',
    'symptom passed',
    'alert passed',
    'first checks passed',
    'bytes passed',
    'mitigation passed',
    'replay passed',
    'conservation passed',
  ])
  assert.equal(done.report?.alert, 'fired', done.err)
  const { received = 0, quarantined = 0, ...counts } = done.report?.counts ?? {}
  assert.deepEqual(counts, { admitted: 30, refused: 0, duplicate: 0 })
  // Rows kept coming until the alert fired.
  assert.ok(quarantined > 20 && received === quarantined + 30, JSON.stringify(done.report?.counts))
  const page = readFileSync(done.path.replace('.json', '.html'), 'utf8')
  assert.match(page, /<svg[\s\S]*first checks/)
  assert.doesNotMatch(page, /<script|https?:\/\/(?!127\.0\.0\.1)|src=/)
  await expectPutAway()
})

test('OPS-2 SIG-6 the key-compromise drill names what was forged, to the row, and does nothing twice where answers are lost', {
  skip,
}, async () => {
  const socket = join(platform.run, 'server/api.sock')
  const moved = `${socket}.server`
  await rename(socket, moved)
  const lost = new Set<string>()
  const losing = await losingAnswers(socket, moved, (asked) => {
    // Whoever begins a drill and hears nothing waits until its time is over.
    const isLost = asked !== 'POST /api/v1/drills' && !asked.endsWith('/hold') && !lost.has(asked)
    if (isLost) lost.add(asked)
    return isLost
  })
  const done = await drill('key-compromise').done
  await losing[Symbol.asyncDispose]()
  await rename(moved, socket)
  assert.equal(done.code, 0, done.err + done.out)
  await expectSigned(done, 'passed')
  assert.deepEqual(
    done.report?.affected.map(({ standing, rows }) => [standing, rows]),
    [
      ['legitimate', 20],
      ['forged', 20],
      ['suspect', 20],
    ],
  )
  assert.deepEqual(done.report?.counts, { received: 100, admitted: 80, quarantined: 20, refused: 0, duplicate: 0 })
  for (const step of [/\/revoke$/, /\/test$/, /\/stage$/, /\/promote$/, /\/examination$/, /\/replay$/, /\/report$/])
    assert.ok(
      [...lost].some((asked) => step.test(asked)),
      `${step} among ${[...lost].join(', ')}`,
    )
  const { stdout } = await platform.sealwatch('events', '--tenant', 'drill', '--since', '1h', '--json')
  const told = stdout.split('\n')
  for (const code of ['signing_key_revoked', 'signing_key_examined']) expectOnce(told, code, '')
  for (const code of ['drill_begun', 'drill_reported']) expectOnce(told, code, done.report?.run ?? '')
  await expectPutAway()
})

test('OPS-2 a drill fails where strict mode is off, and says so: signed, with nothing sent', { skip }, async () => {
  const phrase = ['--acknowledge', strictOffPhrase]
  const off = await platform.sealwatch('strict', 'off', '--tenant', 'drill', '--for', '1h', ...phrase)
  assert.equal(off.code, 0, off.stderr)
  const done = await drill('strict-signature').done
  await platform.sealwatch('strict', 'on', '--tenant', 'drill')
  await expectSigned(done, 'failed')
  assert.deepEqual([done.report?.failure?.code, done.report?.failure?.step], ['DRILL_STRICT_OFF', 'readiness'])
  assert.match(done.out, /DRILL_STRICT_OFF/)
  assert.deepEqual(done.report?.sent, [])
})

test('OPS-2 a drill fails where the alert rule is missing: in the file, or as Prometheus has loaded it', {
  skip: skip || (noPrometheus ?? false),
}, async () => {
  const bare = join(platform.data, 'bare.yml')
  writeFileSync(bare, readFileSync(rules, 'utf8').replaceAll('SealwatchCanonicalRejectsHigh', 'SomethingElse'))
  await using prometheus = await startPrometheus('127.0.0.1:9', bare)
  await eventually('Prometheus to answer', () =>
    fetch(`${prometheus.url}/-/ready`).then(
      ({ ok }) => ok || undefined,
      () => undefined,
    ),
  )
  for (const source of [
    ['--rules', bare],
    ['--prometheus', prometheus.url],
  ]) {
    const done = await drill('strict-signature', ...source).done
    await expectSigned(done, 'failed')
    assert.deepEqual([done.report?.failure?.code, done.report?.failure?.step], ['DRILL_RULE_MISSING', 'readiness'])
    assert.match(done.report?.failure?.found ?? '', /without it|has not loaded it/)
  }
})

test('OPS-2 a drill outlives its server, which is killed again and again; what it cannot count any more it says', {
  skip,
}, async () => {
  const running = drill('strict-signature', '--rate', '20')
  for (const step of ['cause', 'symptom', 'mitigation']) {
    await running.said(new RegExp(`${step}: ok`))
    await eventually('the server to run', async () => (await platform.kill('server')) || undefined)
  }
  const done = await running.done
  await expectSigned(done, 'passed')
  assert.equal(done.report?.counts, null)
  await expectPutAway()
})

test('OPS-2 a drill that is killed leaves no process, and the next one says what it found and ends it', {
  skip,
}, async () => {
  const running = drill('key-compromise', '--rate', '20')
  await running.said(/symptom: ok/)
  running.child.kill('SIGKILL')
  await running.done
  await eventually('its decoys to end', async () =>
    globSync('drill/*/*', { cwd: platform.run }).length === 0 ? true : undefined,
  )
  const early = await drill('strict-signature').done
  assert.match(early.err, /DRILL_RUNNING/)
  assert.equal(early.report, undefined)
  const done = await eventually('its place to be free', async () => {
    const next = await drill('strict-signature').done
    return /DRILL_RUNNING/.test(next.err) ? undefined : next
  })
  await expectSigned(done, 'passed')
  const [leftovers] = done.report?.steps ?? []
  assert.match(leftovers?.found.join('\n') ?? '', /key-compromise, begun by .* was cut off: it is ended now/)
  assert.match(
    leftovers?.found.join('\n') ?? '',
    /tokens of drill-decoy were still open: revoked[\s\S]*drill-decoy was not halted/,
  )
  const { stdout } = await platform.sealwatch('drill', 'list', '--json')
  const { drills, runs } = JSON.parse(stdout) as { drills: { due: boolean }[]; runs: { outcome: string }[] }
  assert.equal(runs[1]?.outcome, 'abandoned')
  assert.deepEqual(
    drills.map(({ due }) => due),
    [false, false],
  )
  await expectPutAway()
})

test('OPS-2 Ctrl-C ends a drill in order, and it says so', { skip }, async () => {
  const running = drill('strict-signature', '--rate', '20')
  await running.said(/cause: ok/)
  running.child.kill('SIGINT')
  const done = await running.done
  await expectSigned(done, 'failed')
  assert.equal(done.report?.failure?.code, 'DRILL_INTERRUPTED')
  await expectPutAway()
})

test('OPS-2 a drill begins in no tenant that others use', { skip }, async () => {
  await platform.sealwatch('tenant', 'create', 'acme')
  await platform.sealwatch('producer', 'add', 'billing', '--tenant', 'acme')
  const done = await drill('strict-signature', '--tenant', 'acme').done
  assert.match(done.err, /CLI_DRILL_REFUSED/)
  assert.match(done.err, /billing/)
  assert.equal(done.report, undefined)
  const { stdout } = await platform.sealwatch('producer', 'list', '--tenant', 'acme', '--json')
  assert.deepEqual(
    JSON.parse(stdout).items.map((one: { producer: string }) => one.producer),
    ['billing'],
  )
})

test('OPS-2 ING-7 the alert fires in Prometheus while the decoy is rejected; one quarantined byte altered meanwhile, and the drill fails', {
  skip: skip || (noPrometheus ?? false),
}, async () => {
  // Prometheus sees what the server shows as soon as the byte is altered, and not before.
  const { health } = JSON.parse((await platform.sealwatch('status', '--json')).stdout).server as { health: string }
  const altered = Promise.withResolvers<void>()
  const metrics = createServer(async (_request, response) => {
    await altered.promise
    response.end(await (await fetch(new URL('/metrics', health))).text())
  })
  await new Promise<void>((listening) => metrics.listen(0, '127.0.0.1', listening))
  await using ends = new AsyncDisposableStack()
  ends.defer(() => {
    metrics.closeAllConnections()
    metrics.close()
  })
  const target = `127.0.0.1:${(metrics.address() as AddressInfo).port}`
  const prometheus = ends.use(await startPrometheus(target, impatient()))
  const running = drill('strict-signature', '--prometheus', prometheus.url, '--wait', '60')
  await running.said(/symptom: ok/)
  alterAByte()
  altered.resolve()
  const done = await running.done
  await expectSigned(done, 'failed')
  assert.equal(done.report?.alert, 'fired', done.err)
  assert.deepEqual([done.report?.failure?.code, done.report?.failure?.step], ['DRILL_BYTES_ALTERED', 'bytes'])
  await expectPutAway()
})

/** Of what was quarantined last in the tenant of the drill. */
function alterAByte() {
  const cwd = join(platform.data, 'server/quarantine/drill')
  const files = globSync('**/*', { cwd }).map((name) => join(cwd, name))
  const [newest] = files
    .filter((path) => statSync(path).isFile())
    .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)
  assert.ok(newest !== undefined)
  const fd = openSync(newest, 'r+')
  const at = statSync(newest).size - 40
  const byte = Buffer.alloc(1)
  readSync(fd, byte, 0, 1, at)
  byte[0] = (byte[0] as number) ^ 1
  writeSync(fd, byte, 0, 1, at)
  closeSync(fd)
}

test('ING-7 when all of it is over, fsck finds every store as it should be, but for the byte', { skip }, async () => {
  await platform.down(true)
  const { stdout, code } = await platform.sealwatch('audit', 'fsck', '--json')
  const report = JSON.parse(stdout)
  const found = JSON.stringify(report.server?.database ?? report)
  assert.equal(code, 1)
  assert.match(found, /quarantine/)
  await rm(platform.data, { recursive: true, force: true })
})
