// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { createProcessTable, processTableLimits } from '../agent/src/observe/process-table.ts'
import type { SensorReport } from '../agent/src/sources/observation.ts'
import {
  binary,
  childOf,
  type Event,
  isEvent,
  isHello,
  isReport,
  newInstance,
  patienceMs,
  rightsOf,
  run,
  startAgent,
  startSensor,
  type TestAgent,
  whyNot,
} from './sensor-harness.ts'

const kernel = { skip: whyNot() ?? false, timeout: patienceMs } as const
type Change = Extract<Event, { kind: 'file_change' }>
const isChange = (message: object): message is Change => 'kind' in message && message.kind === 'file_change'

/** A sensor that watches these of its own folder. */
async function watching(t: TestContext, entries: readonly string[], prepare: (at: (name: string) => string) => void) {
  const agent = await startAgent(t)
  const at = (name: string) => join(agent.dir, name)
  prepare(at)
  writeFileSync(at('mark'), '')
  const watches = [...entries, 'mark'].flatMap((name) => ['--watch', at(name)])
  const sensor = startSensor(t, ['--socket', agent.socketPath, '--instance', newInstance(t), ...watches])
  const hello = await agent.until(isHello)
  assert.equal(hello.attached.file_change.ok, true, hello.attached.file_change.reason)
  return { agent, sensor, at }
}

let marks = 0
/** The changes that a script makes in the agent's folder, by whoever it starts. What comes behind the mark is not its. */
async function changesBy(agent: TestAgent, script: string, command: readonly string[] = ['sh', '-c']) {
  const before = agent.messages.length
  const [file = '', ...args] = [...command, script]
  const { ok, pid } = run('env', '-C', agent.dir, file, ...args)
  assert(ok, script)
  marks += 1
  const size = BigInt(marks)
  assert(run('truncate', '-s', String(size), join(agent.dir, 'mark')).ok)
  const end = await agent.until(
    (message) => isChange(message) && message.path === join(agent.dir, 'mark') && message.after?.size === size,
  )
  const told = agent.messages.slice(before, agent.messages.indexOf(end)).filter(isEvent)
  return { changes: told.filter(isChange), told, pid }
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

test('AGT-1 AGT-3 each change of what is watched is told once, by its entry', kernel, async (t) => {
  const { agent } = await watching(t, ['all', 'secret', 'link', 'later'], (path) => {
    for (const dir of ['all', 'all/inner', 'out']) mkdirSync(path(dir))
    for (const file of ['secret', 'other', 'real', 'all/one', 'all/two', 'all/inner/below', 'out/far'])
      writeFileSync(path(file), `${file}\n`)
    symlinkSync(path('real'), path('link'))
  })
  const here = (path: string | null) => (path?.startsWith(`${agent.dir}/`) ? path.slice(agent.dir.length + 1) : path)
  const steps: readonly (readonly [name: string, script: string, ...told: readonly string[]])[] = [
    ['append', 'echo more >> secret', 'write secret (secret)'],
    ['shorten', 'truncate -s 3 secret', 'truncate secret (secret)'],
    ['truncate by path', `perl -e 'truncate("secret", 0)'`, 'truncate secret (secret)'],
    ['opened for writing, and nothing written', `perl -e 'open F, "+<", "secret"'`],
    ['read', 'cat secret all/one'],
    ['mode', 'chmod 600 secret', 'attributes secret (secret)'],
    ['owner', 'chown 1:1 secret', 'attributes secret (secret)'],
    ['times', 'touch -d @0 secret', 'attributes secret (secret)'],
    ['hard link elsewhere', 'ln secret out/hard', 'link secret (secret)'],
    ['written by that link', 'echo x >> out/hard', 'write out/hard (secret)'],
    ['mode by that link', 'chmod 644 out/hard', 'attributes out/hard (secret)'],
    ['that link removed', 'rm out/hard'],
    ['a neighbour', 'echo > other; chmod 600 other; mv other another; rm another; mkdir new; rmdir new'],
    ['replaced', 'echo n > fresh; mv fresh secret', 'rename fresh to secret (secret)'],
    [
      'the replacement is watched',
      'ln secret out/hard; chmod 600 out/hard',
      'link secret (secret)',
      'attributes out/hard (secret)',
    ],
    ['removed', 'rm secret', 'remove secret (secret)'],
    ['by the link that is left', 'echo x >> out/hard', 'write out/hard (secret)'],
    ['made again by an open, which says so', 'echo > secret', 'write secret (secret)'],
    ['not there before', 'mknod later p', 'create later (later)'],
    ['what an entry leads to', 'chmod 600 real', 'attributes real (link)'],
    ['moved away', 'mv real out/real', 'rename real to out/real (link)'],
    ['and written there', 'echo x >> out/real', 'write out/real (link)'],
    ['in a directory: written', 'echo x >> all/one', 'write all/one (all)'],
    [
      'in a directory: made',
      'mkdir all/dir; ln -s x all/soft; mkfifo all/pipe',
      'create all/dir (all)',
      'create all/soft (all)',
      'create all/pipe (all)',
    ],
    [
      'in a directory: removed',
      'rmdir all/dir; rm all/soft all/pipe',
      'remove all/dir (all)',
      'remove all/soft (all)',
      'remove all/pipe (all)',
    ],
    ['within it', 'mv all/one all/uno', 'rename all/one to all/uno (all)'],
    ['out of it', 'mv all/uno out/uno', 'rename all/uno to out/uno (all)'],
    ['into it', 'mv out/uno all/eins', 'rename ? to all/eins (all)'],
    ['linked into it', 'ln out/far all/near', 'link all/near (all)'],
    ['a watched file linked into it', 'ln secret all/copy', 'link all/copy (secret)'],
    ['below it', 'echo x > all/inner/below; touch all/inner/new'],
    ['the directory itself', 'chmod 700 all', 'attributes all (all)'],
    ['bound elsewhere', 'unshare -m sh -c "mount --bind all out && echo y >> out/eins"', 'write all/eins (all)'],
    [
      'moved, and a new one in its place',
      'mv all old; mkdir all; mv old/eins old/un',
      'rename all to old (all)',
      'rename old/eins to old/un (all)',
    ],
  ]
  for (const [name, script, ...told] of steps) {
    await t.test(name, async () => {
      const { changes } = await changesBy(agent, script)
      assert.deepEqual(
        changes.map(({ change, path, to, watched }) =>
          [change, here(path) ?? '?', ...(change === 'rename' ? ['to', here(to)] : []), `(${here(watched)})`].join(' '),
        ),
        told,
      )
    })
  }
  await t.test('exchanged', async () => {
    const script = '($a, $b) = ("secret", "old/un"); $r = syscall(316, -100, $a, -100, $b, 2); exit $r'
    const { changes } = await changesBy(agent, script, ['perl', '-e'])
    assert.deepEqual(
      changes.map(({ path, to }) => `${here(path)} to ${here(to)}`),
      ['secret to old/un', 'old/un to secret'],
    )
  })
})

test('AGT-1 an entry says what is told of it, and whether of all below it', kernel, async (t) => {
  const agent = await startAgent(t)
  const at = (name: string) => join(agent.dir, name)
  for (const dir of ['tree', 'tree/inner', 'logs', 'logs/deep', 'out', 'out/in', 'read']) mkdirSync(at(dir))
  for (const file of ['tree/inner/one', 'logs/deep/a', 'logs/b', 'out/in/far', 'quiet', 'both', 'mark'])
    writeFileSync(at(file), `${file}\n`)
  const entries = [
    'losses,below:logs',
    'losses:both',
    'changes,below:tree',
    'changes:quiet',
    'changes,below:later',
    'read',
    'both',
  ]
  const watches = [...entries, 'mark'].flatMap((entry) => {
    const [path = '', words] = entry.split(':').reverse()
    return ['--watch', words === undefined ? at(path) : `${words}:${at(path)}`]
  })
  startSensor(t, ['--socket', agent.socketPath, '--instance', newInstance(t), ...watches])
  await agent.until(isHello)
  const here = (path: string | null) => path?.replace(`${agent.dir}/`, '')
  const steps: readonly (readonly [script: string, ...told: readonly string[]])[] = [
    ['cat quiet tree/inner/one logs/b'],
    ['echo x >> both; cat both', 'file_open both', 'write both', 'file_open both'],
    ['echo x >> quiet', 'write quiet'],
    ['echo x >> tree/inner/one', 'write tree/inner/one'],
    ['mkdir tree/new', 'create tree/new'],
    ['echo x > tree/new/file', 'create tree/new/file', 'write tree/new/file'],
    ['mkdir tree/new/a', 'create tree/new/a'],
    ['rm -r tree/new', 'remove tree/new/file', 'remove tree/new/a', 'remove tree/new'],
    ['mv out/in tree/in', 'rename ? to tree/in', 'create tree/in/far'],
    ['echo x >> tree/in/far', 'write tree/in/far'],
    ['mv tree/in tree/inner/in', 'rename tree/in to tree/inner/in'],
    ['echo y >> tree/inner/in/far', 'write tree/inner/in/far'],
    ['mkdir later', 'create later'],
    ['mkdir later/on', 'create later/on'],
    ['echo x >> logs/b; echo x >> logs/deep/a; chmod 600 logs/b; touch logs/new; cat logs/b'],
    [': > logs/b', 'truncate logs/b'],
    ['truncate -s 1 logs/deep/a', 'truncate logs/deep/a'],
    ['mv logs/b logs/b.1; rm logs/deep/a', 'rename logs/b to logs/b.1', 'remove logs/deep/a'],
  ]
  for (const [script, ...told] of steps) {
    const seen = (await changesBy(agent, script)).told.flatMap((event) => {
      if (event.kind === 'file_open' && event.watched !== at('mark')) return [`file_open ${here(event.file.path)}`]
      if (!isChange(event)) return []
      const { change, path, to } = event
      return [[change, here(path) ?? '?', ...(change === 'rename' ? ['to', here(to)] : [])].join(' ')]
    })
    assert.deepEqual(seen.sort(), [...told].sort(), script)
  }
  await t.test('what is made below as fast as it can is told, each once', async () => {
    const script = 'for i in 1 2 3 4 5 6 7 8; do mkdir -p tree/fast$i/a/b; echo x > tree/fast$i/a/b/file; done'
    const { changes } = await changesBy(agent, script)
    const made = changes.filter(({ change }) => change === 'create').map(({ path }) => here(path))
    const each = [1, 2, 3, 4, 5, 6, 7, 8].flatMap((i) =>
      ['', '/a', '/a/b', '/a/b/file'].map((end) => `tree/fast${i}${end}`),
    )
    assert.deepEqual(made.sort(), each.sort())
  })
  await t.test('what is no entry is refused', () => {
    for (const entry of [
      'below:/etc',
      'changes,losses:/etc',
      'changes:etc',
      'reads:/etc',
      '~root/x',
      'changes,:/etc',
    ]) {
      const { ok } = run(binary('sensor'), '--socket', '/nowhere', '--watch', entry)
      assert.equal(ok, false, entry)
    }
  })
})

test('AGT-1 what a mount puts under a watched path is told at once, and watched from then on', kernel, async (t) => {
  const { agent, at } = await watching(t, ['all', 'secret'], (path) => {
    mkdirSync(path('all'))
    for (const file of ['secret', 'cover']) writeFileSync(path(file), file)
  })
  const covered = (name: string) =>
    agent.until(
      (message): message is Change => isChange(message) && message.change === 'cover' && message.path === at(name),
    )
  try {
    assert(run('mount', '--bind', at('cover'), at('secret')).ok)
    const told = await covered('secret')
    assert.deepEqual([told.watched, told.actor.pid], [at('secret'), 0])
    assert.deepEqual([told.before?.sha256, told.after?.sha256], [sha256('secret'), sha256('cover')])
    assert(run('mount', '-t', 'tmpfs', 'none', at('all')).ok)
    await covered('all')
    const { told: acts } = await changesBy(agent, 'cat cover; echo > all/new')
    assert.deepEqual(
      acts.flatMap((event) =>
        event.kind === 'file_open' && event.watched !== at('mark') ? [[event.file.path, event.watched]] : [],
      ),
      [
        [at('cover'), at('secret')],
        [at('all/new'), at('all')],
      ],
    )
  } finally {
    for (const name of ['secret', 'all']) assert(run('umount', at(name)).ok, 'nothing keeps it busy')
  }
  const again = await changesBy(agent, 'cat secret')
  assert.deepEqual(
    again.told.flatMap((event) => (event.kind === 'file_open' && event.watched !== at('mark') ? [event.watched] : [])),
    [at('secret')],
  )
})

test('AGT-3 a change tells what the file was and what it is', kernel, async (t) => {
  const { agent, at } = await watching(t, ['all', 'file'], (path) => {
    mkdirSync(path('all'))
    writeFileSync(path('file'), 'one', { mode: 0o600 })
    writeFileSync(path('all/old'), 'old', { mode: 0o640 })
  })
  const regular = 0o100000
  const state = (text: string, mode: number, more: object = {}) => ({
    ...{ size: BigInt(text.length), mode: regular | mode, uid: 0, gid: 0, nlink: 1, sha256: sha256(text) },
    ...more,
  })
  const steps: readonly (readonly [script: string, before: object | null, after: object | null])[] = [
    ['printf three > file', state('one', 0o600), state('three', 0o600)],
    ['chmod 4711 file', state('three', 0o600), state('three', 0o4711)],
    ['chown 7:8 file', state('three', 0o4711), state('three', 0o711, { uid: 7, gid: 8 })],
    ['truncate -s 2 file', state('three', 0o711, { uid: 7, gid: 8 }), state('th', 0o711, { uid: 7, gid: 8 })],
    ['printf new > new; chmod 600 new; mv new all/old', state('old', 0o640), state('new', 0o600)],
    ['rm all/old', state('new', 0o600), null],
    ['ln -s nowhere all/soft', null, { size: 7n, mode: 0o120777, uid: 0, gid: 0, nlink: 1, sha256: null }],
  ]
  for (const [script, before, after] of steps) {
    const { changes } = await changesBy(agent, script)
    assert.deepEqual(
      changes.map((change) => [change.before, change.after]),
      [[before, after]],
      script,
    )
  }
  const { changes } = await changesBy(agent, 'truncate -s 2M file')
  assert.deepEqual([changes[0]?.after?.size, changes[0]?.after?.sha256], [2n << 20n, null], 'too long to hash')
  const [event] = (await changesBy(agent, 'printf x > file')).changes
  assert.equal(event?.ino, BigInt(run('stat', '-c', '%i', at('file')).stdout.trim()))
})

test('AGT-1 under diff a change tells which lines differ, of texts that everybody may read', kernel, async (t) => {
  const agent = await startAgent(t)
  const at = (name: string) => join(agent.dir, name)
  mkdirSync(at('all'))
  const text = 'one\ntwo\nthree\nfour\n'
  for (const name of ['text', 'secret', 'all/other', 'mark']) writeFileSync(at(name), text)
  chmodSync(at('secret'), 0o640)
  const entries = ['changes,diff:text', 'changes,diff:secret', 'changes,below,diff:all', 'changes:mark']
  const watches = entries.flatMap((entry) => ['--watch', entry.replace(':', `:${agent.dir}/`)])
  startSensor(t, ['--socket', agent.socketPath, '--instance', newInstance(t), ...watches])
  await agent.until(isHello)
  const steps: readonly (readonly [script: string, ...lines: readonly (string | null)[]])[] = [
    ['printf TWO | dd of=text bs=3 seek=4 oflag=seek_bytes conv=notrunc 2> /dev/null', '2-two+TWO'],
    ['echo five >> text', '5+five'],
    ['sed -i /three/d text', '3-three'],
    ['sed -i s/four/FOUR/ text', '3-four+FOUR'],
    ['echo five >> secret', null],
    ['echo "password=hunter2" >> all/other', '5+password=[redacted]'],
    ['echo new > all/new', '1+new'],
    ["printf '\\377\\n' >> all/other", null],
    ["printf '\\000' >> all/new", null],
  ]
  for (const [script, ...lines] of steps) {
    const { changes } = await changesBy(agent, script)
    const told = changes.flatMap((change) => {
      if (change.change === 'create' || (change.change === 'rename' && change.to !== at('text'))) return []
      if (change.change === 'attributes' || (change.change !== 'rename' && /sed\w+$/.test(change.path ?? ''))) return []
      const { from, removed, added } = change.lines ?? { from: null, removed: [], added: [] }
      return [
        from === null
          ? null
          : [from, ...removed.map((line) => `-${line}`), ...added.map((line) => `+${line}`)].join(''),
      ]
    })
    assert.deepEqual(told, lines, script)
  }
})

test('AGT-1 who changed a file is known from its own exec, once it has ended, too', kernel, async (t) => {
  const { agent } = await watching(t, ['file'], (path) => {
    writeFileSync(path('file'), '')
    chmodSync(path('file'), 0o666)
  })
  const processes = createProcessTable(processTableLimits)
  const learn = () => {
    for (const event of agent.events()) processes.learn(event)
  }
  const asNobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', 'dash', '-c']
  const { changes, pid } = await changesBy(agent, 'echo > file', asNobody)
  learn()
  assert.equal(changes.length, 1)
  const [change] = changes as [Change]
  const { exe, uid, euid, gid, comm, ancestors, startNs } = processes.recall(change.actor)
  assert.deepEqual([exe, uid, euid, gid, comm], ['/usr/bin/dash', 65_534, 65_534, 65_534, 'dash'])
  assert.equal(change.actor.pid, pid)
  assert.equal(ancestors[0]?.pid, process.pid)
  const exec = agent.events().find((event) => event.kind === 'exec' && event.actor.pid === pid)
  assert.equal(startNs, exec?.actor.startNs)
  assert(agent.events().indexOf(exec as Event) < agent.events().indexOf(change))
  await t.test('one that was there before the sensor, from /proc', async () => {
    chmodSync(join(agent.dir, 'file'), 0o600)
    const own = await agent.until((message) => isChange(message) && message.after?.mode === 0o100600)
    assert(isChange(own))
    assert.deepEqual([own.actor.pid, own.actor.uid, own.actor.ppid], [process.pid, 0, process.ppid])
  })
})

test(
  'AGT-4 the process that tells of changes keeps one capability, and the sensor does not outlive it',
  kernel,
  async (t) => {
    const { sensor } = await watching(t, [], () => undefined)
    const teller = childOf(sensor.pid, 'sensor-changes')
    assert.deepEqual(rightsOf(teller), {
      kept: '4',
      bounds: '0',
      newPrivileges: false,
      uids: [64703, 64703, 64703, 64703],
    })
    process.kill(teller, 'SIGKILL')
    assert.equal(await sensor.end(), 1)
    assert.match(sensor.log(), /the process that tells of changes has ended/)
  },
)

test('AGT-5 of changes that nobody takes, delivered and counted drops are what was produced', kernel, async (t) => {
  const { agent, sensor, at } = await watching(t, ['all'], (path) => mkdirSync(path('all')))
  const teller = childOf(sensor.pid, 'sensor-changes')
  agent.pause()
  assert(run('perl', '-e', `for (1..6000) { symlink 'x', "${at('all')}/$_" or die }`).ok)
  // Before it has been at all of them there may still be room for the rest.
  await atRest(teller)
  agent.resume()
  await agent.until((message) => isReport(message) && message.counts.file_change.produced === 6_000n)
  assert.equal(await sensor.end('SIGTERM'), 0)
  const report = agent.messages.at(-1)
  assert(report !== undefined && isReport(report))
  const { produced, dropped, sent } = report.counts.file_change
  assert.equal(produced, dropped + sent)
  assert.equal(produced, 6_000n)
  assert(dropped > 0n, 'more than finds room')
  assert.equal(BigInt(agent.events().filter(isChange).length), sent)
})

/** A process has stopped working. */
async function atRest(pid: number): Promise<void> {
  const worked = () => readFileSync(`/proc/${pid}/stat`, 'latin1').split(' ').slice(13, 15).join()
  for (let before = ''; before !== worked(); ) {
    before = worked()
    await setTimeout(500)
  }
}

test('AGT-5 where the kernel has no room for changes, it is told since when', kernel, async (t) => {
  const agent = await startAgent(t)
  const dir = mkdtempSync('/dev/shm/sw-')
  t.after(() => rmSync(dir, { recursive: true }))
  const args = ['--socket', agent.socketPath, '--instance', newInstance(t), '--watch', dir]
  const sensor = startSensor(t, args)
  await agent.until(isHello)
  const teller = childOf(sensor.pid, 'sensor-changes')
  agent.pause()
  process.kill(teller, 'SIGSTOP')
  // Of a hundredth of a second.
  const stoppedNs = BigInt(Math.ceil((Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) + 0.01) * 1e9))
  const queueMax = Number(readFileSync('/proc/sys/fs/fanotify/max_queued_events', 'utf8'))
  assert(run('perl', '-e', `for (0..${queueMax}) { symlink 'x', "${dir}/$_" or die }`).ok)
  process.kill(teller, 'SIGCONT')
  // By then there is no room on the way to the sensor either: it is told once there is.
  await atRest(teller)
  agent.resume()
  const told = await agent.until((message) => message.kind === 'overflow')
  assert(told.kind === 'overflow')
  assert.equal(told.site, 'file_change')
  assert(told.sinceNs > 0n && told.sinceNs <= stoppedNs && told.timeNs > stoppedNs)
})

test('AGT-8 who stops the process that tells of changes is told, and it goes on', kernel, async (t) => {
  const { agent, sensor, at } = await watching(t, ['file'], (path) => writeFileSync(path('file'), ''))
  const teller = childOf(sensor.pid, 'sensor-changes')
  assert(run('kill', '-STOP', String(teller)).ok)
  const isBlind = ({ blind }: SensorReport) => blind?.join() === 'file_change'
  const told = await agent.until((message) => isReport(message) && isBlind(message))
  const signals = agent.events().flatMap((event) => (event.kind === 'signal' ? [event] : []))
  assert.deepEqual(
    signals.map(({ signal, target, actor }) => [signal, target.pid, actor.comm]),
    [[constants.signals.SIGSTOP, teller, 'kill']],
  )
  await agent.until((message) => {
    const isLater = agent.messages.indexOf(message) > agent.messages.indexOf(told)
    return isLater && isReport(message) && !isBlind(message)
  })
  assert.deepEqual(
    (await changesBy(agent, 'echo x > file')).changes.map(({ path }) => path),
    [at('file')],
  )
})

test('AGT-1 what takes a watched name is followed as long as it is there; where there is no room for more it is told', {
  ...kernel,
  timeout: 2 * patienceMs,
}, async (t) => {
  const { agent, at } = await watching(t, ['file'], (path) => {
    for (const name of ['kept', 'away']) mkdirSync(path(name))
    writeFileSync(path('file'), '')
  })
  const followedMax = 8_192
  const isFull = ({ change }: Change) => change === 'unwatched'
  const replace = (from: number, to: number) =>
    `for (${from}..${to}) { link "file", "kept/$_" or die; open F, ">", "new"; close F; rename "new", "file" or die }`
  // Two files are watched to begin with. In steps that the queue of the kernel has room for.
  for (let done = 2; done < followedMax; done += 512) {
    const { changes } = await changesBy(agent, replace(done, Math.min(done + 511, followedMax - 1)), ['perl', '-e'])
    assert.equal(changes.some(isFull), false)
  }
  const whatOf = (changes: readonly Change[]) =>
    changes.map(({ change, path }) => `${change} ${path?.slice(agent.dir.length + 1)}`)
  // Each is told before the next: what is gone by then needs no room.
  const one = async () => {
    const found: Change[] = []
    for (const act of [
      'echo > new; mv new file',
      'mv file away/gone; echo x >> away/gone',
      'rm away/gone; echo > file',
    ])
      found.push(...(await changesBy(agent, act)).changes)
    return found
  }
  const full = await one()
  assert.deepEqual(
    [full.filter(isFull).map(({ path, watched }) => [path, watched]), whatOf(full).includes('write away/gone')],
    [[[at('file'), at('file')]], false],
  )
  await changesBy(agent, 'rm -r kept')
  assert(whatOf(await one()).includes('write away/gone'), 'what is gone has made room')
})

/** A file system whose server answers nothing, over a folder. Who looks for it, to remove it for one, would wait for ever. */
async function mountHanging(path: string) {
  const call = process.arch === 'arm64' ? 40 : 165
  const script = `$|=1;open F,'+<','/dev/fuse' or die;$o='fd='.fileno(F).',rootmode=40000,user_id=0,group_id=0,allow_other';
    $n='none';$d=$ARGV[0];$y='fuse';syscall(${call},$n,$d,$y,0,$o)==0 or die "$!";print 'mounted';sleep 600`
  const server = spawn('perl', ['-e', script, path], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(server.stdout, 'data')
  return {
    [Symbol.dispose]: () => {
      server.kill('SIGKILL')
      run('umount', '--lazy', path)
    },
  }
}

test('AGT-1 AGT-8 what lies on a file system that does not answer keeps nobody waiting, and is told', {
  ...kernel,
  skip: kernel.skip || (!existsSync('/dev/fuse') && 'needs FUSE in the kernel'),
}, async (t) => {
  const agent = await startAgent(t)
  const at = (name: string) => join(agent.dir, name)
  for (const name of ['hangs', 'later', 'all']) mkdirSync(at(name))
  writeFileSync(at('mark'), '')
  using _hangs = await mountHanging(at('hangs'))
  const watches = ['hangs/file', 'later/file', 'all', 'mark'].flatMap((name) => ['--watch', at(name)])
  const sensor = startSensor(t, ['--socket', agent.socketPath, '--instance', newInstance(t), ...watches])
  await agent.until(isHello)
  await changesBy(agent, ':')
  const [left] = agent.events().filter(isChange)
  assert.deepEqual([left?.change, left?.path, left?.watched], ['unwatched', at('hangs/file'), at('hangs/file')])
  assert.match(sensor.log(), /hangs\/file is not watched: its file system does not answer/)

  using _later = await mountHanging(at('later'))
  const { told, changes } = await changesBy(agent, 'echo x > all/one')
  assert(told.some((event) => event.kind === 'file_open' && event.watched === at('all')))
  assert.deepEqual(
    changes.map(({ path }) => path),
    [at('all/one')],
  )
})

test('AGT-1 without file_change the rest goes on, and says so', kernel, async (t) => {
  const agent = await startAgent(t)
  const path = join(agent.dir, 'file')
  writeFileSync(path, '')
  const args = ['--socket', agent.socketPath, '--instance', newInstance(t), '--watch', path]
  const blind = ['setpriv', '--bounding-set=-sys_admin', '--inh-caps=-sys_admin']
  startSensor(t, args, blind)
  const hello = await agent.until(isHello)
  assert.equal(hello.attached.file_change.ok, false)
  assert.match(hello.attached.file_change.reason, /fanotify: Operation not permitted .*CAP_SYS_ADMIN/)
  assert.equal(hello.attached.openat.ok, true)
})
