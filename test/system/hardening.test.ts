// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { test } from 'node:test'
import { eventually, repository, startPlatform, whyNot } from './platform.ts'

const programs = ['agent', 'server', 'signing-proxy', 'witness'] as const
const plain = ['--disable-warning=ExperimentalWarning', '--disable-sigusr1']
const mainOf = (program: string) => join(repository, 'apps', program, 'src/main.ts')

/** Ports on which the process listens. */
function listening(pid: number): string[] {
  const sockets = new Set(
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? []
      } catch {
        return []
      }
    }),
  )
  return ['tcp', 'tcp6'].flatMap((family) =>
    readFileSync(`/proc/${pid}/net/${family}`, 'latin1')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => fields[3] === '0A' && sockets.has(fields[9] ?? ''))
      .map((fields) => fields[1] ?? ''),
  )
}

/** Whether SIGUSR1 (10) waits until somebody takes it. */
function isBlocked(pid: number): boolean {
  try {
    const mask = /^SigBlk:\t([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? '0'
    return (BigInt(`0x${mask}`) & (1n << 9n)) !== 0n
  } catch {
    return false
  }
}

const threadsOf = (pid: number) =>
  readdirSync(`/proc/${pid}/task`).map((thread) => readFileSync(`/proc/${pid}/task/${thread}/status`, 'latin1'))

test('RIM-6 the running programs are closed: to debuggers, to others of their user, to files and calls that are none of theirs', {
  skip: whyNot(),
}, async () => {
  const dir = mkdtempSync(join(tmpdir(), 'sealwatch-hardening-'))
  const elsewhere = mkdtempSync(join(tmpdir(), 'sealwatch-elsewhere-'))
  const trustStore = join(dir, 'services.json')
  for (const folder of [dir, elsewhere]) chmodSync(folder, 0o755)
  writeFileSync(trustStore, 'in its place')
  writeFileSync(join(elsewhere, 'services.json'), 'elsewhere, for all to read')
  const platform = await startPlatform(repository, { SEALWATCH_SERVER_TRUST_STORE: trustStore })
  const says = (part: string, text: RegExp) =>
    eventually(`the log of the ${part}`, async () =>
      text.test(readFileSync(join(platform.data, 'log', `${part}.log`), 'utf8')) ? true : undefined,
    )
  try {
    for (const [part, uid] of [
      ['server', 64_701],
      ['agent', 64_702],
      ['guard', 64_707],
      ['hands', 64_708],
    ] as const) {
      const pid = (await platform.pidOf(part)) as number
      for (const [at, status] of threadsOf(pid).entries()) {
        assert.match(status, /^NoNewPrivs:\t1$/m, part)
        assert.match(status, /^Seccomp:\t2$/m, part)
        // CAP_KILL, on the first thread.
        const sets =
          part === 'hands' && at === 0 ? /^CapPrm:\t0{14}20\nCapEff:\t0{14}20$/m : /^CapPrm:\t0{16}\nCapEff:\t0{16}$/m
        assert.match(status, sets, part)
      }
      assert.equal(statSync(`/proc/${pid}/environ`).uid, 0, `${part}: not its user's, for it is not dumpable`)
      const other = spawnSync('setpriv', [
        `--reuid=${uid}`,
        `--regid=${uid}`,
        '--clear-groups',
        'cat',
        `/proc/${pid}/environ`,
      ])
      assert.match(String(other.stderr), /Permission denied/, part)
      assert.match(readFileSync(`/proc/${pid}/limits`, 'latin1'), /^Max core file size +0 +0 /m, part)

      const before = listening(pid)
      process.kill(pid, 'SIGUSR1')
      await says(part, /asked this process for a debugger/)
      assert.deepEqual(listening(pid), before, part)
      assert.equal(await platform.pidOf(part), pid)
    }
    const status = JSON.parse((await platform.sealwatch('status', '--json')).stdout)
    for (const { hardening } of [status.server, status.agent]) {
      assert.deepEqual(hardening.missing, [])
      assert.equal(hardening.applied.length, 6)
    }
    // The agent may write nowhere else, and reads what was started, wherever it lies.
    const image = join(elsewhere, 'started')
    copyFileSync('/bin/true', image)
    appendFileSync(image, 'an image of its own')
    chmodSync(image, 0o755)
    const hash = createHash('sha256').update(readFileSync(image)).digest('hex')
    // A launch waits for its hash only so long: on a busy machine the next one has it.
    await eventually('a launch with its hash', async () => {
      spawnSync(image)
      const { stdout } = await platform.sealwatch('events', '--class', 'process', '--since', '1m', '--json')
      return stdout.toLowerCase().includes(hash) ? true : undefined
    })
    // What an attacker on its own folder would do: have the server read for him what lies elsewhere.
    await says('server', /reading the trust store/)
    unlinkSync(trustStore)
    symlinkSync(join(elsewhere, 'services.json'), trustStore)
    await says('server', /reading the trust store[^\n]*EACCES/)
  } finally {
    await platform.down()
    for (const folder of [dir, elsewhere]) rmSync(folder, { recursive: true })
  }
})

test('RIM-6 SIGUSR1 from the first moment of a program on opens no debugger', { skip: whyNot() }, async () => {
  for (const program of programs) {
    // Without its settings it ends by itself, as soon as it has read them: all before that is the time in question.
    const child = spawn(process.execPath, [...plain, mainOf(program)], {
      env: { PATH: process.env.PATH },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const ended = once(child, 'exit')
    let stderr = ''
    child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text))
    let sent = 0
    while (child.exitCode === null && child.signalCode === null) {
      // Before Node's first instruction the signal ends a process, as it does any.
      if (isBlocked(child.pid as number) && child.kill('SIGUSR1')) sent += 1
      await new Promise((done) => setImmediate(done))
    }
    assert.deepEqual(await ended, [1, null], program)
    assert.ok(sent > 10 && !stderr.includes('Debugger'), `${program}: ${sent} signals, ${stderr}`)
  }
})

test('AGT-4 a start with NODE_OPTIONS, a preloaded library, an open debugger or too few rights is refused, and says why', {
  skip: whyNot(),
}, () => {
  const start = (argv: string[], env: Record<string, string> = {}) => {
    const [command = '', ...args] = argv
    const given = { PATH: process.env.PATH, ...env }
    const { status, stdout } = spawnSync(command, args, { env: given, encoding: 'utf8', input: '{}' })
    const last = stdout.trim().split('\n').at(-1) ?? ''
    const { level, msg } = JSON.parse(last) as { level: string; msg: string }
    assert.deepEqual([status, level], [1, 'critical'], msg)
    return msg
  }
  for (const program of programs)
    assert.match(
      start([process.execPath, mainOf(program)], { NODE_OPTIONS: '--no-warnings', LD_LIBRARY_PATH: '/nonexistent' }),
      /ENVIRONMENT_FOREIGN while starting: .*"LD_LIBRARY_PATH, NODE_OPTIONS"/,
    )
  const data = mkdtempSync(join(tmpdir(), 'sealwatch-hardening-'))
  try {
    const agent = { SEALWATCH_AGENT_DATA_DIR: data, SEALWATCH_AGENT_RUN_DIR: data }
    const quiet = [process.execPath, '--disable-warning=ExperimentalWarning']
    assert.match(start([...quiet, '--inspect=127.0.0.1:0', mainOf('agent')], agent), /DEBUGGER_OPEN/)
    const without = ['setpriv', '--bounding-set=-setuid', '--inh-caps=-setuid']
    assert.match(start([...without, ...quiet, mainOf('agent')], agent), /CAPABILITY_MISSING.*CAP_SETUID/)
  } finally {
    rmSync(data, { recursive: true })
  }
})
