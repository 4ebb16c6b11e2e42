// SPDX-License-Identifier: Apache-2.0
// PKI-1, PKI-2, PKI-3: a second machine joins by the lines of the README, as they stand there, under a CA that docs/own-ca.md makes; its
// certificate is renewed while it ships, also where a policy denies all others the way there, by another CA after that was put in place, and
// revoking it ends that for good. Server and host are two network namespaces with a wire between them, for the
// addresses of the README are theirs. Both sensors see the one kernel: what is asked of the second is what it alone was told to watch.

import assert from 'node:assert/strict'
import { execFile, execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import process from 'node:process'
import { type TestContext, test } from 'node:test'
import { eventually, outputBytesMax, repository, whyNot } from './platform.ts'

const readme = readFileSync(join(repository, 'README.md'), 'utf8')
const section = /^## A second machine$(.*?)^## /ms.exec(readme)?.[1] ?? ''
const lines = [...section.matchAll(/^sudo \.\/sealwatch [^#\n]+/gm)].map(([line]) => line.trim())
const ownCa = readFileSync(join(repository, 'docs/own-ca.md'), 'utf8')
/** The commands of that page but for the start, with files in a folder of this test in the place of /etc. */
const blocks = (dir: string) =>
  [...ownCa.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = '']) =>
    block.replaceAll('/etc/sealwatch', dir).replace(/^.*\.\/sealwatch .*$/gm, ''),
  )
const addresses = { server: '192.0.2.10/24', host: '192.0.2.11/24' } as const

function whyNotHere(): string | undefined {
  if (whyNot() !== undefined) return whyNot()
  try {
    execFileSync('ip', ['-V'])
    return undefined
  } catch {
    return 'needs ip, of the package iproute2'
  }
}

const ip = (...args: string[]) => execFileSync('ip', args)

/** Two machines as far as the network goes, each with its data folder. */
function twoMachines(t: TestContext) {
  const dir = mkdtempSync(join(tmpdir(), 'sealwatch-second-'))
  const ca = join(dir, 'ca')
  // For the server's user, who has to reach its CA.
  chmodSync(dir, 0o711)
  mkdirSync(ca)
  const names = { server: `sw${process.pid}s`, host: `sw${process.pid}h` } as const
  const running: { readonly machine: keyof typeof names; readonly run: string }[] = []
  t.after(async () => {
    for (const { machine } of running.toReversed()) await on(machine, './sealwatch down').catch(t.diagnostic)
    for (const name of Object.values(names)) execFileSync('sh', ['-c', `ip netns delete ${name} 2>&1 || true`])
    rmSync(dir, { recursive: true, force: true })
    // The sensor's counters outlive it, for the next start on the same data.
    for (const { run } of running)
      rmSync(join('/sys/fs/bpf', `sealwatch-${basename(run)}`), { recursive: true, force: true })
  })
  for (const name of Object.values(names)) ip('netns', 'add', name)
  ip('link', 'add', 'wire', 'netns', names.server, 'type', 'veth', 'peer', 'name', 'wire', 'netns', names.host)
  for (const machine of ['server', 'host'] as const) {
    ip('-n', names[machine], 'address', 'add', addresses[machine], 'dev', 'wire')
    for (const link of ['lo', 'wire']) ip('-n', names[machine], 'link', 'set', link, 'up')
  }
  /** Runs a line of a shell on one of them, as root without sudo. */
  const on = (machine: keyof typeof names, line: string) =>
    new Promise<string>((resolve, reject) => {
      const data = join(dir, machine)
      const own = {
        SEALWATCH_DATA: data,
        SEALWATCH_SERVER_HOST_CERTIFICATE_SECONDS: '20',
        SEALWATCH_SERVER_CA_FILE: join(ca, 'ca.pem'),
      }
      const argv = [`--net=/run/netns/${names[machine]}`, 'sh', '-c', `sudo() { "$@"; }; ${line}`]
      const options = { cwd: repository, env: { ...process.env, ...own }, maxBuffer: outputBytesMax, timeout: 120_000 }
      execFile('nsenter', argv, options, (error, stdout, stderr) => {
        if (error === null) resolve(stdout)
        else reject(new Error(`${machine}: ${line}: ${stderr}${stdout}`))
      })
    })
  /** Runs commands of docs/own-ca.md, which make files where they stand. */
  const makeCa = (block: string) =>
    execFileSync('sh', ['-euc', `sudo() { "$@"; }; ${block}`], { cwd: dir, stdio: 'pipe' })
  /** Runs a line that starts an instance. Returns its run directory. */
  const up = async (machine: keyof typeof names, line: string) => {
    await on(machine, line)
    const { runDir: run } = JSON.parse(readFileSync(join(dir, machine, 'instance.json'), 'utf8')) as { runDir: string }
    running.push({ machine, run })
    return run
  }
  return { dir, ca, makeCa, on, up }
}

type Part = { readonly name: string; readonly restarts: number; readonly task: { readonly pid: number } }
function partOf(run: string, wanted: string): Part {
  const { parts } = JSON.parse(readFileSync(join(run, 'supervisor.json'), 'utf8')) as { parts: Part[] }
  const part = parts.find(({ name }) => name === wanted)
  assert.ok(part)
  return part
}

test('PKI-1 PKI-2 PKI-3 POL-2 a second machine joins by one line, renews while it ships, also where a policy lets nobody else to the server, and is put out for good', {
  skip: whyNotHere(),
}, async (t) => {
  const [start = '', invite = '', list = ''] = lines
  const { dir, ca, makeCa, on, up } = twoMachines(t)
  const [root = '', issuing = '', given = '', next = ''] = blocks(ca)
  for (const block of [root, issuing, given]) makeCa(block)
  const serverRun = await up('server', start)
  // It ends after a minute where it is not ready.
  const hostRun = await up('host', (await on('server', invite)).trim())

  type Standing = { policy: string; means: string; hindrance: string }
  type Row = {
    host_id: string
    connected: boolean
    revoked_at: string | null
    certificate: { serial: string }
    config: { reported: { policies: Standing[] | null } | null }
  }
  const { hostId } = JSON.parse(await on('host', './sealwatch status --json')).agent as { hostId: string }
  const shown = async (
    id = hostId,
  ): Promise<Row & { presence: { life: string } | null; records: { code: string }[] }> =>
    JSON.parse(await on('server', `./sealwatch host show ${id} --json`))
  const standingsOf = async (id: string) => (await shown(id)).config.reported?.policies ?? []
  assert.match(await on('server', list), new RegExp(hostId.slice(0, 12)))
  const { certificate: first } = await eventually('it is connected', async () => {
    const is = await shown()
    return is.connected ? is : undefined
  })

  const [secret, later] = [join(dir, 'secret'), join(dir, 'later')]
  for (const path of [secret, later]) writeFileSync(path, 'x')
  const config = join(dir, 'config.json')
  writeFileSync(config, JSON.stringify({ watch: [secret] }))
  await on('server', `./sealwatch host config set web ${config} --cause tested`)
  await on('server', `./sealwatch host config assign ${hostId} web --cause tested`)
  await eventually('the second host tells what it alone watches', async () => {
    readFileSync(secret)
    const seen = await on('server', './sealwatch events --class file --since 1h --json')
    return seen.includes(secret) || undefined
  })

  // To where the server is nobody there gets any more but what is ours, which renews its certificate over another connection.
  const server = addresses.server.replace(/\/.*/, '')
  const rules = [{ id: 'server', action: 'deny', protocols: ['tcp'], addresses: [server] }]
  const policy = join(dir, 'policy.json')
  const written = { type: 'network', name: 'Nobody gets to the server', mode: 'enforce', hosts: [hostId], rules }
  writeFileSync(policy, JSON.stringify(written))
  const connect = `perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(PeerAddr => "${server}:1") ? 0 : $!+0'`
  assert.equal(await on('host', connect), String(constants.errno.ECONNREFUSED))
  await on('server', `./sealwatch policy put server ${policy}`)
  await eventually('the kernel enforces the policy on the second host', async () => {
    const [standing] = await standingsOf(hostId)
    return standing?.means === 'kernel' || undefined
  })
  const other = JSON.parse(await on('server', './sealwatch status --json')).agent as { hostId: string }
  const [elsewhere] = await standingsOf(other.hostId)
  assert.deepEqual([elsewhere?.means, elsewhere?.hindrance], ['none', 'other_hosts'])
  assert.equal(await on('host', connect), String(constants.errno.EPERM))
  const tried = async () => {
    const alerts = await on('server', './sealwatch alerts --since 1h --json')
    return alerts.split('\n').filter((line) => line.includes('What a policy denies was tried'))
  }
  assert.match(await eventually('who was denied what', async () => (await tried())[0]), /perl/)

  // And a file that nobody but one program may open there.
  const [guarded, files] = [join(dir, 'guarded'), join(dir, 'files.json')]
  writeFileSync(guarded, 'x')
  const only = [{ id: 'tail-alone', paths: [guarded], may: [{ executables: ['/usr/bin/tail'] }] }]
  writeFileSync(files, JSON.stringify({ ...written, type: 'file', name: 'A file for one program', rules: only }))
  await on('server', `./sealwatch policy put files ${files}`)
  await eventually('the kernel enforces both policies', async () => {
    const standings = await standingsOf(hostId)
    return (standings.length === 2 && standings.every(({ means }) => means === 'kernel')) || undefined
  })
  assert.equal(
    await on('host', `cat ${guarded} 2>&1 || tail ${guarded}`),
    `cat: ${guarded}: Operation not permitted\nx`,
  )
  const refusedFile = await eventually('who was denied which file', async () => {
    const seen = await on('server', './sealwatch events --class file --since 1h --json')
    return seen.split('\n').find((line) => line.includes('tail-alone'))
  })
  const { policy: by, actor, disposition } = JSON.parse(refusedFile)
  assert.deepEqual([by.is_applied, actor.process.file.path, disposition], [true, '/usr/bin/cat', 'Blocked'])

  await eventually(
    'another certificate, on the same host',
    async () => {
      const { certificate, connected: is } = await shown()
      return (is && certificate.serial !== first.serial) || undefined
    },
    60_000,
  )

  // Another CA, and the server is killed as it takes it: what it had given out counts in its next life.
  makeCa(next)
  const leafOfHost = () => new X509Certificate(readFileSync(join(dir, 'host/agent/identity.pem')))
  process.kill(partOf(serverRun, 'server').task.pid, 'SIGKILL')
  // Each look into the host's identity is an event of its own: one for each certificate is enough.
  let before: Row['certificate'] | undefined
  const wanted = new X509Certificate(readFileSync(join(dir, 'next.crt')))
  await eventually(
    'a certificate of the next CA, on the same host',
    async () => {
      const is = await shown().catch(() => undefined)
      if (is === undefined || !is.connected || is.certificate.serial === before?.serial) return
      before = is.certificate
      return leafOfHost().verify(wanted.publicKey) || undefined
    },
    60_000,
  )
  writeFileSync(config, JSON.stringify({ watch: [secret, later] }))
  await on('server', `./sealwatch host config set web ${config} --cause tested`)
  await eventually('what the next CA has signed is in force', async () => {
    readFileSync(later)
    const seen = await on('server', './sealwatch events --class file --since 1h --json')
    return seen.includes(later) || undefined
  })

  // Of the agent's own connections, which go on all the time and which it began anew, there is none.
  for (const alert of await tried()) assert.match(alert, /perl|tail-alone/)
  assert.equal(partOf(hostRun, 'agent').restarts, 0)
  await on('server', `./sealwatch host revoke ${hostId} --cause tested`)
  await eventually('no stream of it is left', async () => !(await shown()).connected || undefined)
  const refusals = () =>
    readFileSync(join(dir, 'server/log/server.log'), 'utf8')
      .split('\n')
      .filter((line) => line.includes('HOST_REVOKED') && line.includes(hostId))
  const refused = await eventually('it is refused', async () => refusals()[0])
  await eventually('the host itself says so', async () => {
    const { trouble } = JSON.parse(readFileSync(join(hostRun, 'agent/status.json'), 'utf8')) as {
      trouble: { text: string; refuses: boolean } | null
    }
    return (trouble?.refuses && trouble.text.includes('HOST_REVOKED')) || undefined
  })
  process.kill(partOf(serverRun, 'server').task.pid, 'SIGKILL')
  const refusedBefore = refusals().length
  await eventually(
    'it is refused by the next life of the server, too',
    async () => refusals().length > refusedBefore || undefined,
    60_000,
  )
  const { revoked_at, connected: back } = await eventually('the server answers', () => shown().catch(() => undefined))
  assert.ok(revoked_at !== null && !back)
  const { time } = JSON.parse(refused) as { time: string }
  t.diagnostic(`back, and refused, ${Date.parse(time) - Date.parse(revoked_at)} ms after it was revoked`)
})
