// SPDX-License-Identifier: Apache-2.0
// OPS-2, ING-7: drills as an operator runs them, on the platform as it runs: the command, its decoys, the server and Prometheus
// are processes of their own.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, globSync, openSync, readFileSync, readSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { before, test } from 'node:test'
import type { KeyTheftReport, RowDrillReport } from '@sealwatch/ledger'
import { strictOffPhrase } from '../../packages/contract/src/index.ts'
import { noPrometheus, startPrometheus } from '../monitoring/prometheus.ts'
import { drill, expectPutAway, expectSigned } from './drill.ts'
import { eventually, type Platform, repository, startPlatform, whyNot } from './platform.ts'

const skip = whyNot() ?? false
const rules = join(repository, 'deploy/prometheus/sealwatch.rules.yml')
let platform: Platform

before(async () => {
  if (skip === false) platform = await startPlatform()
})

/** The rules that we hand out, which fire at once. */
function impatient(): string {
  const path = join(platform.data, 'impatient.yml')
  writeFileSync(path, readFileSync(rules, 'utf8').replaceAll('for: 5m', 'for: 1s').replaceAll('[2m]', '[10s]'))
  return path
}

const stepsOf = (report: RowDrillReport | undefined) => report?.steps.map(({ name, outcome }) => `${name} ${outcome}`)

test('OPS-2 the strict-signature drill goes its whole way: the alert fires in Prometheus, nothing is lost, and its report verifies offline', {
  skip: skip || (noPrometheus ?? false),
}, async () => {
  const { health } = JSON.parse((await platform.sealwatch('status', '--json')).stdout).server as { health: string }
  await using prometheus = await startPrometheus(new URL(health).host, impatient())
  const done = await drill(platform, 'strict-signature', '--prometheus', prometheus.url, '--wait', '60').done
  assert.equal(done.code, 0, done.err + done.out)
  await expectSigned(platform, done, 'passed')
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
  await expectPutAway(platform)
})

test('OPS-2 a drill fails where strict mode is off, and says so: signed, with nothing sent', { skip }, async () => {
  const phrase = ['--acknowledge', strictOffPhrase]
  const off = await platform.sealwatch('strict', 'off', '--tenant', 'drill', '--for', '1h', ...phrase)
  assert.equal(off.code, 0, off.stderr)
  const done = await drill(platform, 'strict-signature').done
  await platform.sealwatch('strict', 'on', '--tenant', 'drill')
  await expectSigned(platform, done, 'failed')
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
    const done = await drill(platform, 'strict-signature', ...source).done
    await expectSigned(platform, done, 'failed')
    assert.deepEqual([done.report?.failure?.code, done.report?.failure?.step], ['DRILL_RULE_MISSING', 'readiness'])
    assert.match(done.report?.failure?.found ?? '', /without it|has not loaded it/)
  }
})

test('OPS-2 a drill begins in no tenant that others use', { skip }, async () => {
  await platform.sealwatch('tenant', 'create', 'acme')
  await platform.sealwatch('producer', 'add', 'billing', '--tenant', 'acme')
  const done = await drill(platform, 'strict-signature', '--tenant', 'acme').done
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
  const running = drill(platform, 'strict-signature', '--prometheus', prometheus.url, '--wait', '60')
  await running.said(/symptom: ok/)
  alterAByte()
  altered.resolve()
  const done = await running.done
  await expectSigned(platform, done, 'failed')
  assert.equal(done.report?.alert, 'fired', done.err)
  assert.deepEqual([done.report?.failure?.code, done.report?.failure?.step], ['DRILL_BYTES_ALTERED', 'bytes'])
  await expectPutAway(platform)
})

/** Processes of the drill key-theft that run from this checkout. */
const processesOfDrill = () =>
  globSync('/proc/[0-9]*/cmdline').filter((path) => {
    try {
      return readFileSync(path, 'latin1').includes(join(repository, 'apps/cli/src/drill/key-theft/'))
    } catch {
      return false
    }
  })

/** In a process of its own, which may be killed. */
function keyTheft(...more: readonly string[]) {
  const main = join(repository, 'apps/cli/src/main.ts')
  const argv = ['--disable-warning=ExperimentalWarning', main, 'drill', 'key-theft', '--data', platform.data, ...more]
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'pipe'] })
  let [out, err] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text
  })
  const done = once(child, 'close').then(([code]) => ({ code: code as number | null, out, err }))
  return { child, done, err: () => err }
}

test('RIM-1 RIM-5 OPS-2 the key-theft drill goes its whole way: a dozen attacks are seen, their attackers killed, the keys changed, though killing is on trial on this host; its report and its lines verify offline', {
  skip,
}, async () => {
  await eventually('a standing order', async () => {
    const { stdout } = await platform.sealwatch('status')
    return stdout.includes('hands may act until') ? true : undefined
  })
  const stem = join(platform.data, 'key-theft')
  const { code, out, err } = await keyTheft('--wait', '60', '-o', stem).done
  // What it said as it went, before its report: where it fails, that says why.
  assert.equal(code, 0, `${err}\n${out}`)
  const file = JSON.parse(readFileSync(`${stem}.json`, 'utf8')) as { report: string }
  const { attacks, requests, run } = JSON.parse(file.report) as KeyTheftReport
  assert.equal(new Set(attacks.map(({ way }) => way)).size, 12)
  for (const { way, incident, killed_us, key_before, key_after } of attacks)
    assert.ok(incident !== null && killed_us !== null && key_after === key_before + 1, way)
  assert.ok(requests !== null && requests.failed <= requests.total / 1000, JSON.stringify(requests))
  const trust = ['--trust', join(platform.data, 'trust.json')]
  assert.equal((await platform.sealwatch('drill', 'verify', `${stem}.json`, ...trust)).code, 0)
  assert.equal((await platform.sealwatch('audit', 'verify', `${stem}.bundle`, ...trust)).code, 0)
  const { stdout } = await platform.sealwatch('events', '--since', '1h', '--json')
  const lines = stdout.split('\n').filter((line) => line.includes(run))
  // On a busy machine a way is tried again, and each try is an incident.
  const opened = lines.filter((line) => line.includes('guard_incident_opened'))
  for (const { way, incident } of attacks)
    assert.ok(
      opened.some((line) => line.includes(String(incident))),
      way,
    )
  assert.equal(lines.filter((line) => line.includes('drill_rehearsal')).length, 1)
  assert.deepEqual([processesOfDrill(), globSync('drill-key-theft-*', { cwd: platform.run })], [[], []])
})

test('OPS-2 of a key-theft drill that is killed no process and no folder is left, and the next one ends it', {
  skip,
}, async () => {
  const { child, done, err } = keyTheft('-o', join(platform.data, 'cut-off'))
  await eventually('the decoy to be asked', async () => (err().includes('permission: ok') ? true : undefined), 60_000)
  child.kill('SIGKILL')
  await done
  await eventually('nothing to be left', async () => (processesOfDrill().length === 0 ? true : undefined))
  assert.deepEqual(globSync('drill-key-theft-*', { cwd: platform.run }), [])
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
