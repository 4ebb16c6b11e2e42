// SPDX-License-Identifier: Apache-2.0

import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statfsSync,
  statSync,
  unlinkSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { acts } from '../doctor/acts.ts'
import { cliError } from '../errors.ts'
import { fileOf, type Place } from '../place.ts'
import { serviceUsers } from './users.ts'

const freeBytesMin = 64 * 1024 * 1024

type Owner = { readonly uid: number; readonly gid: number }
const root: Owner = { uid: 0, gid: 0 }

/** Makes the data directory fit to be locked and written. Throws CLI_DATA_UNUSABLE, which says what is wrong. */
export function prepareData(place: Place): void {
  const attempted = `preparing the data directory ${place.data}`
  try {
    makeFolders(place.data, 0o711)
    chmodSync(place.data, 0o711)
  } catch (cause) {
    throw cliError('CLI_DATA_UNUSABLE', { attempted, received: (cause as NodeJS.ErrnoException).code, cause })
  }
  ensureFolder(place.data, 'log', root, 0o700)
  const { bavail, bsize } = statfsSync(place.data)
  if (bavail * bsize < freeBytesMin) {
    const received = `${Math.floor((bavail * bsize) / 1024)} KiB free`
    throw cliError('CLI_DATA_UNUSABLE', {
      attempted,
      received,
      advice: `Free at least ${freeBytesMin / 1024 / 1024} MiB there, or choose another with --data DIR`,
    })
  }
}

/** Folders of the parts, each open to the one user that needs it. */
export function prepareFolders(place: Place): void {
  ensureFolder(place.data, 'server', serviceUsers.server, 0o700)
  // Root writes rules there, which the server reads.
  ensureFolder(place.data, 'rules', root, 0o755)
  // Made here, so that it is there to be watched when the sensor starts.
  ensureFolder(join(place.data, 'server'), 'keys', serviceUsers.server, 0o700)
  ensureFolder(place.data, 'agent', serviceUsers.agent, 0o700)
  ensureFolder(place.data, 'guard', serviceUsers.guard, 0o700)
  ensureFolder(place.data, 'hands', serviceUsers.hands, 0o700)
  prepareRun(place)
  // What an earlier life left would pass for this one's.
  rmSync(fileOf.agentStatus(place), { force: true })
  rmSync(fileOf.apiSocket(place), { force: true })
}

const runFolders = ['server', 'agent', 'guard', 'hands', 'canary', 'data'] as const

/** What each folder of RUN is, by its name: one that was made anew, or that something was mounted over, is another. */
export type RunFolders = ReadonlyMap<string, string>

export function prepareRun(place: Place): RunFolders {
  makeFolders(dirname(place.run), 0o755)
  ensureFolder(dirname(place.run), place.name, root, 0o711)
  ensureFolder(place.run, 'server', root, 0o700)
  ensureFolder(place.run, 'agent', serviceUsers.agent, 0o750)
  // Whoever runs here may ask to be protected; who comes to the other sockets there, the guard asks the kernel.
  ensureFolder(place.run, 'guard', serviceUsers.guard, 0o711)
  ensureFolder(place.run, 'hands', { ...serviceUsers.hands, gid: serviceUsers.guard.gid }, 0o710)
  ensureFolder(place.run, 'canary', root, 0o700)
  ensureFolder(place.run, 'data', root, 0o711)
  return new Map(runFolders.map((name) => [name, identityOf(join(place.run, name))]))
}

/** An inode's number is given out again. */
function identityOf(path: string): string {
  const { dev, ino, birthtimeNs } = statSync(path, { bigint: true })
  return `${dev}:${ino}:${birthtimeNs}`
}

/**
 * Removes RUN: the files and folders that Sealwatch makes there and nothing else, so that what somebody put there
 * keeps its folder; and nothing at all while anything is mounted below.
 */
export function removeRun(place: Place): void {
  // The sensor's own, which has left the rights to do so; what it counted stays, for the next.
  attempt(() => unlinkSync(join('/run/sealwatch-sensor', `${place.name}.canary`)))
  const mountPoints = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
  if (mountPoints.some((path) => `${path}/`.startsWith(`${place.run}/`))) return
  const canaries = acts.map(({ name }) => join(fileOf.canary(place), name))
  const files = [
    ...canaries,
    fileOf.agentStatus(place),
    `${fileOf.agentStatus(place)}.new`,
    fileOf.sensorSocket(place),
    fileOf.apiSocket(place),
    fileOf.guardSensorSocket(place),
    fileOf.guardProtectSocket(place),
    fileOf.guardAgentSocket(place),
    fileOf.handsSocket(place),
  ]
  for (const path of files) attempt(() => unlinkSync(path))
  for (const name of runFolders) attempt(() => rmdirSync(join(place.run, name)))
  attempt(() => rmdirSync(place.run))
}

function attempt(remove: () => void): void {
  try {
    remove()
  } catch {
    // It was not there, or is not ours alone.
  }
}

/** Not mkdirSync's own recursion: below /proc, where a parent exists and nothing can be made, it never ends. */
function makeFolders(path: string, mode: number): void {
  try {
    mkdirSync(path, { mode })
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'EEXIST' && statSync(path).isDirectory()) return
    if (code !== 'ENOENT' || dirname(path) === path) throw cause
    makeFolders(dirname(path), mode)
    mkdirSync(path, { mode })
  }
}

export function ensureFolder(parent: string, name: string, owner: Owner, mode: number): void {
  const path = join(parent, name)
  try {
    makeFolders(path, mode)
    // By descriptor, and never through a link: a service user may not have another folder handed to itself.
    const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW)
    const is = fstatSync(fd)
    // What is right stays untouched: the folder of canaries is watched, and each touch would be told.
    if (is.uid !== owner.uid || is.gid !== owner.gid) fchownSync(fd, owner.uid, owner.gid)
    if ((is.mode & 0o7777) !== mode) fchmodSync(fd, mode)
    closeSync(fd)
  } catch (cause) {
    const received = (cause as NodeJS.ErrnoException).code
    throw cliError('CLI_DATA_UNUSABLE', { attempted: `preparing the folder ${path}`, received, cause })
  }
}

/** The first folder above the data directory that other users may not pass through. */
export function closedAncestor(place: Place): string | undefined {
  const ancestors: string[] = []
  for (let path = dirname(place.data); ; path = dirname(path)) {
    ancestors.unshift(path)
    if (path === dirname(path)) break
  }
  return ancestors.find((path) => (statSync(path).mode & 0o001) === 0)
}

/**
 * How a part comes to its data. Below a closed folder (a home, a 0700 temporary one) its processes see the data
 * directory in a mount namespace of their own, at RUN/data; nobody else's view changes.
 */
export type ServiceView = { readonly data: string; readonly wrap: (argv: readonly string[]) => readonly string[] }

export function serviceViewOf(place: Place): ServiceView {
  const closed = closedAncestor(place)
  if (closed === undefined) return { data: place.data, wrap: (argv) => argv }
  const data = join(place.run, 'data')
  const script = 'mount --bind "$1" "$2" && shift 2 && exec "$@"'
  const wrap = (argv: readonly string[]) => [
    'unshare',
    '--mount',
    '--propagation',
    'private',
    'sh',
    '-c',
    script,
    'sh',
    place.data,
    data,
    ...argv,
  ]
  const [command = '', ...args] = wrap(['test', '-d', join(data, 'server')])
  const trial = spawnSync(command, args, { encoding: 'utf8' })
  if (trial.status !== 0)
    throw cliError('CLI_DATA_UNUSABLE', {
      attempted: `opening ${place.data} to the service users`,
      received: `${closed} lets only its owner through, and mounting it elsewhere failed: ${trial.stderr?.trim()}`,
      advice: `Choose another with --data DIR, or: chmod o+x ${closed}`,
    })
  return { data, wrap }
}
