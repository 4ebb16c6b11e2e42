// SPDX-License-Identifier: Apache-2.0

import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  createPlanting,
  failToStart,
  healthOf,
  joinBadly,
  type Planting,
  runPrograms,
  speakToListeners,
} from './planting.ts'
import { eventually, type Platform, repository, startPlatform } from './platform.ts'

export type Found = { readonly secret: string; readonly where: string }

export type PlantedReport = {
  readonly planted: number
  /** Files and outputs that were searched. */
  readonly searched: readonly string[]
  readonly found: readonly Found[]
  /** Every event, as `sealwatch events --json` gives it. */
  readonly events: string
  readonly serverLog: string
}

export type Ways = { readonly root?: string; readonly programsOnly?: boolean }

/** Plants a secret wherever one can enter the product at `root`, then looks for each in all that the product wrote. */
export async function plantAndSearch({ root, programsOnly = false }: Ways = {}): Promise<PlantedReport> {
  const planting = createPlanting()
  const own = await mkdtemp(join(tmpdir(), 'sealwatch-planter-'))
  const coresBefore = await cores()
  // As on a machine where dumps are wanted: what is started from here inherits it.
  execFileSync('prlimit', ['--pid', String(process.pid), '--core=unlimited'])
  // It runs when the agent starts, which reads its arguments from /proc, and acts later.
  const script = ['-c', 'read go; cat /etc/shadow; true', 'early', '--password', planting.make('seen in /proc')]
  const early = spawn('/bin/sh', script, { stdio: ['pipe', 'ignore', 'ignore'] })
  const platform = await startPlatform(root, { AUDIT_SIGNING_KEY: planting.make('AUDIT_SIGNING_KEY') })
  try {
    runPrograms(planting)
    early.stdin.end('go\n')
    await once(early, 'exit')
    if (!programsOnly) {
      await speakToListeners(platform, planting)
      await joinBadly(platform, own, planting)
      await abortServer(platform)
    }
    const outputs = await outputsOf(platform)
    if (!programsOnly) outputs.set('servers that cannot start', await failToStart(own, planting, root ?? repository))
    const dumps = (await cores()).filter((path) => !coresBefore.includes(path))
    const files = [...(await filesBelow(platform.data)), ...(await filesBelow(platform.run)), ...dumps]
    const found: Found[] = dumps.map((where) => ({ secret: 'all of memory', where }))
    for (const path of files) found.push(...searchIn(await bytesOf(path), path, planting))
    for (const [where, text] of outputs) found.push(...searchIn(Buffer.from(text), where, planting))
    const searched = [...files, ...outputs.keys()]
    const serverLog = await readFile(files.find((path) => path.endsWith('server.log')) ?? '', 'utf8')
    return { planted: planting.secrets.size, searched, found, events: outputs.get('events') ?? '', serverLog }
  } finally {
    early.kill('SIGKILL')
    await platform.down()
    await rm(own, { recursive: true, force: true })
  }
}

/** The worst end of a process that holds keys. */
async function abortServer(platform: Platform): Promise<void> {
  const pid = await platform.pidOf('server')
  if (pid === undefined) throw new Error('there is no server to abort')
  process.kill(pid, 'SIGABRT')
  await eventually('another server', async () => {
    const next = await platform.pidOf('server')
    return next !== undefined && next !== pid ? next : undefined
  })
}

async function outputsOf(platform: Platform): Promise<Map<string, string>> {
  spawnSync('/bin/true', ['planting-is-over'])
  const events = await eventually('all that was done to be in the ledger', async () => {
    const { stdout } = await platform.sealwatch('events', '--json')
    return stdout.includes('planting-is-over') ? stdout : undefined
  })
  const outputs = new Map([['events', events]])
  const exported = ['audit', 'export', '--all', '-o', join(platform.data, 'planted.bundle')]
  for (const command of [['alerts'], ['status'], ['doctor'], exported]) {
    const { stdout, stderr } = await platform.sealwatch(...command, '--json')
    outputs.set(command.join(' '), stdout + stderr)
  }
  for (const stem of Object.values(await healthOf(platform)))
    for (const path of ['/healthz', '/readyz', '/metrics'])
      outputs.set(`${stem}${path}`, await (await fetch(`${stem}${path}`)).text())
  return outputs
}

/** The platform runs: a file may have been renamed since its folder was read, and is then there under its other name. */
async function bytesOf(path: string): Promise<Buffer> {
  return readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return Buffer.alloc(0)
    throw error
  })
}

/** Each secret as it is, and as bytes that went through base64 or hexadecimal look. */
function searchIn(bytes: Buffer, where: string, { secrets }: Planting): Found[] {
  return [...secrets].flatMap(([secret, value]) => {
    const forms = [value, Buffer.from(value).toString('hex'), ...base64Forms(value)]
    return forms.some((form) => bytes.includes(form)) ? [{ secret, where }] : []
  })
}

/** By where it begins in a group of three bytes base64 has three ways to write a text; the ends depend on neighbours. */
const base64Forms = (text: string) =>
  [0, 1, 2].map((shift) =>
    Buffer.from(`${'\0'.repeat(shift)}${text}`)
      .toString('base64')
      .slice(4, -4),
  )

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
}

/** Services work in /, where the kernel puts a dump unless told otherwise. */
async function cores(): Promise<string[]> {
  return (await readdir('/')).filter((name) => name.startsWith('core')).map((name) => join('/', name))
}
