// SPDX-License-Identifier: Apache-2.0

import { readdir, readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { type Diversion, type InstalledPackage, parseDiversions, parseStatus, placeOf } from '../../observe/dpkg.ts'
import { buildPathIndex, hashOfBytes } from './path-index.ts'
import { readLines } from './read-lines.ts'

/** dpkg's lists of one moment. Only one question at a time may be asked: all are read through one buffer. */
export type PackageLists = {
  ownerOf(path: string): Promise<InstalledPackage | null>
  /** MD5, in hexadecimal, of what the package brought there; undefined: it says nothing of that file, as of none that is configuration. */
  shippedMd5(path: string): Promise<string | undefined>
}

const topFolders = ['/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32', '/libo32']
/** Never links. */
const plainFolders = ['/usr/', '/etc/', '/var/'].map((folder) => Buffer.from(folder))
/** Few programs lie there, and most of the paths. */
const passedOver = ['/usr/share/', '/usr/include/'].map((folder) => Buffer.from(folder))

/** Whether somebody may ask of that path at all. */
export function isListed(path: string): boolean {
  const bytes = Buffer.from(path)
  return path.startsWith('/') && !isBelow(passedOver, bytes, 0)
}

export async function readPackageLists(dpkg: string, root: string, buffer: Buffer): Promise<PackageLists> {
  const packages = parseStatus(await readFile(join(dpkg, 'status'), 'utf8'))
  const versions = new Map(packages.map(({ name, version }) => [name, version]))
  const diverted = parseDiversions(await readFile(join(dpkg, 'diversions'), 'utf8').catch(() => ''))
  const diversions = new Map<string, Diversion>(diverted.map((one) => [one.from, one]))
  const divertedHashes = new Set(diverted.map(({ from }) => hashOf(from)))
  const links = new Map<string, string>()
  for (const folder of topFolders) {
    const target = await readlink(join(root, folder)).catch(() => undefined)
    if (target !== undefined) links.set(folder, join('/', target))
  }
  const names = (await readdir(join(dpkg, 'info')))
    .filter((file) => file.endsWith('.list'))
    .map((file) => file.slice(0, -'.list'.length))
    .filter((list) => versions.has(nameOf(list)))

  const eachHash = (list: string, take: (hash: number, bytes: Buffer, from: number, to: number) => void) =>
    readLines(join(dpkg, 'info', `${list}.list`), buffer, (bytes, from, to) => {
      if (isBelow(passedOver, bytes, from)) return
      const hash = hashOfBytes(bytes, from, to)
      // Few files lie elsewhere than their list says: only their paths are made texts.
      const isPlain = isBelow(plainFolders, bytes, from) && !divertedHashes.has(hash)
      take(isPlain ? hash : hashOf(placeIn(list, bytes.toString('utf8', from, to))), bytes, from, to)
    })
  const placeIn = (list: string, path: string) => placeOf(path, nameOf(list), diversions, links)

  const index = await buildPathIndex(names, eachHash)
  return {
    async shippedMd5(path) {
      let found: string | undefined
      for (const list of index.candidates(path))
        await readLines(join(dpkg, 'info', `${list}.md5sums`), buffer, (bytes, from, to) => {
          const [, md5, name] = /^([0-9a-f]{32}) {2}(.+)$/s.exec(bytes.toString('utf8', from, to)) ?? []
          if (md5 !== undefined && placeIn(list, `/${name}`) === path) found = md5
        }).catch(() => undefined)
      return found
    },
    async ownerOf(path) {
      const wanted = hashOf(path)
      let owner: string | undefined
      for (const list of index.candidates(path))
        await eachHash(list, (hash, bytes, from, to) => {
          if (hash === wanted && placeIn(list, bytes.toString('utf8', from, to)) === path) owner = nameOf(list)
        })
      return owner === undefined ? null : { name: owner, version: versions.get(owner) as string }
    },
  }
}

function isBelow(folders: readonly Buffer[], bytes: Buffer, from: number): boolean {
  return folders.some((folder) => {
    const end = from + folder.length
    return end <= bytes.length && bytes.compare(folder, 0, folder.length, from, end) === 0
  })
}

function hashOf(path: string): number {
  const bytes = Buffer.from(path)
  return hashOfBytes(bytes, 0, bytes.length)
}

/** "libc6:amd64" is of libc6. */
function nameOf(list: string): string {
  return list.split(':', 1)[0] as string
}
