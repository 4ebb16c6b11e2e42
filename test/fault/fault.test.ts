// SPDX-License-Identifier: Apache-2.0
// Real processes on real disks whose system calls fail, each in its turn; then fsck.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { link, mkdtemp, rename, rm, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { eventually, type Platform, startPlatform, whyNot } from '../system/platform.ts'
import { type Producer, startProducer } from '../system/producer.ts'
import { health, inject, linesOf, serverPid, stopAndCheck } from './harness.ts'

const skip = whyNot() ?? false
const patienceMs = 60_000

type Running = { readonly platform: Platform; readonly producer: Producer } & AsyncDisposable

async function start(parent?: string): Promise<Running> {
  const platform = await startPlatform(undefined, { SEALWATCH_TRACED_PARTS: 'leave' }, undefined, parent)
  const own = await mkdtemp(join(tmpdir(), 'sealwatch-producer-'))
  const producer = await startProducer(platform, { everyMs: 20, parent: own })
  const dispose = async () => {
    await producer.stop()
    await platform.down().catch(() => undefined)
    await rm(own, { recursive: true, force: true })
  }
  return { platform, producer, [Symbol.asyncDispose]: dispose }
}

/** Everything sealed was acknowledged, nothing acknowledged is lost, and all that lies there hangs together. */
async function allIsWell({ platform, producer }: Running): Promise<void> {
  const { sealed, acknowledged } = await producer.finish(patienceMs)
  assert.equal(acknowledged, sealed, 'the producer was served in the end')
  const { code, report } = await stopAndCheck(platform)
  assert.deepEqual([code, report.ok, report.next], [0, true, null], JSON.stringify(report))
  const verified = await platform.sealwatch('audit', 'verify', platform.data, '--json')
  assert.equal(verified.code, 0, verified.stdout)
}

test('LOG-6: each durable system call fails in turn; the server stops, repairs and loses nothing', {
  skip,
}, async (t) => {
  await using running = await start()
  const { platform } = running
  const lines = linesOf(platform)
  const ledger = join(platform.data, 'server/ledgers/tenant-default')
  const faults: [rule: string, paths: string[], stops: boolean][] = [
    ['writev:error=EIO:when=1', [lines], true],
    ['writev:error=EIO:when=3', [lines], true],
    ['fsync:error=EIO:when=1', [join(ledger, 'saved.json.new')], true],
    ['rename:error=EIO:when=1', [], true],
    ['fsync:error=EIO:when=1', [join(ledger, 'hashes-0')], true],
    ['writev:error=ENOSPC:when=1..5', [lines], false],
    ['writev:error=EROFS:when=1', [lines], true],
  ]
  for (const [rule, paths, stops] of faults) {
    const pid = await serverPid(platform)
    const fault = await inject(pid, rule, paths)
    if (stops) {
      const isGone = async () => ((await platform.pidOf('server').catch(() => undefined)) === pid ? undefined : true)
      await eventually(`the server to stop at ${rule} on ${paths}`, isGone, patienceMs)
    } else await eventually('health to answer', () => health(platform), patienceMs)
    await fault.off()
    t.diagnostic(`${rule} on ${paths.map((path) => path.slice(ledger.length + 1))}`)
  }
  await serverPid(platform)
  await allIsWell(running)
})

test('LOG-6: a disk that hangs is seen in health, and what waited is acknowledged afterwards', { skip }, async () => {
  await using running = await start()
  const { platform } = running
  const fault = await inject(await serverPid(platform), 'writev:delay_enter=12s:when=1', [linesOf(platform)])
  const hangs = async () => ((await health(platform))?.status === 'critical' ? true : undefined)
  await eventually('health to be critical', hangs, patienceMs)
  await fault.off()
  const isOver = async () => ((await health(platform))?.status === 'critical' ? undefined : true)
  await eventually('health to be good again', isOver, patienceMs)
  await allIsWell(running)
})

test('LOG-6: a small disk that is full stops nothing for good; with room again all goes on', { skip }, async () => {
  const mount = await mkdtemp(join(tmpdir(), 'sealwatch-small-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=128m', 'tmpfs', mount])
  execFileSync('chmod', ['755', mount])
  try {
    await using running = await start(mount)
    const { platform } = running
    await serverPid(platform)
    const filler = join(mount, 'filler')
    await writeFile(filler, Buffer.alloc(192 * 1024 * 1024)).catch(() => undefined)
    const isTold = async () => {
      const { code } = await platform.sealwatch('status')
      return code !== 0 || (await health(platform))?.status !== 'ok' ? true : undefined
    }
    await eventually('the full disk to be told', isTold, patienceMs)
    await rm(filler)
    await serverPid(platform)
    await allIsWell(running)
  } finally {
    execFileSync('umount', ['-l', mount])
    await rm(mount, { recursive: true, force: true })
  }
})

for (const [how, away] of [
  ['unlinked', (path: string) => unlink(path)],
  ['renamed', (path: string) => rename(path, `${path}.away`)],
] as const) {
  test(`LOG-4, LOG-6: the file of lines is ${how} under the server, which refuses to go on without it`, {
    skip,
  }, async () => {
    await using running = await start()
    const { platform, producer } = running
    await serverPid(platform)
    const lines = linesOf(platform)
    const copy = `${lines}.copy`
    await link(lines, copy)
    await away(lines)
    const log = join(platform.data, 'log/server.log')
    const refuses = async () =>
      execFileSync('tail', ['-c', '20000', log], { encoding: 'utf8' }).includes('LEDGER_BEHIND') ? true : undefined
    await eventually('the server to refuse', refuses, patienceMs)
    const { code, report } = await stopAndCheck(platform)
    assert.deepEqual([code, report.ok], [1, false], JSON.stringify(report))
    assert.match(report.next ?? '', /ledger-behind\.md/)
    await rm(lines, { force: true })
    await rename(copy, lines)
    const up = await platform.sealwatch('up', '--port', String(platform.port), '--detach')
    assert.equal(up.code, 0, up.stderr)
    await allIsWell({ platform, producer, [Symbol.asyncDispose]: async () => undefined })
  })
}
