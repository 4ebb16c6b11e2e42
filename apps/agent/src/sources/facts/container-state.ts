// SPDX-License-Identifier: Apache-2.0

import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Container } from '../../observe/cgroup.ts'
import type { ContainerNames } from '../../observe/enrichment.ts'

/** Where runtimes keep what they know, for root alone unless somebody lets the agent read there. */
export const stateFolders = { docker: '/var/lib/docker/containers', storage: '/var/lib/containers/storage' }

const stateBytesMax = 4 * 1024 * 1024
const textUnitsMax = 256
const labelsMax = 256

/** No daemon is asked. Undefined: the files are not there, not ours to read, or say nothing. */
export async function readContainerNames(
  { uid, runtime }: Container,
  folders: typeof stateFolders,
): Promise<ContainerNames | undefined> {
  if (uid === undefined) return undefined
  if (runtime === 'docker') return dockerNames(await readJson(join(folders.docker, uid, 'config.v2.json')))
  if (runtime !== 'podman' && runtime !== 'cri-o') return undefined
  for (const file of ['containers.json', 'volatile-containers.json']) {
    const names = storageNames(await readJson(join(folders.storage, 'overlay-containers', file)), uid)
    if (names) return names
  }
  return undefined
}

/** As KEY=VALUE; docker's alone, for the others keep them elsewhere. Empty: there are none, or they are not ours to read. */
export async function readContainerLabels(
  { uid, runtime }: Container,
  folders: typeof stateFolders = stateFolders,
): Promise<string[]> {
  if (uid === undefined || runtime !== 'docker') return []
  const labels = memberOf(memberOf(await readJson(join(folders.docker, uid, 'config.v2.json')), 'Config'), 'Labels')
  if (typeof labels !== 'object' || labels === null) return []
  return Object.entries(labels)
    .slice(0, labelsMax)
    .map(([name, value]) => `${name}=${value}`)
}

/** Of moby daemon/container/container.go: `{"Name":"/web","Image":"sha256:…","Config":{"Image":"nginx:1.25"}}`. */
export function dockerNames(state: unknown): ContainerNames | undefined {
  const name = textOf(state, 'Name')?.replace(/^\//, '')
  return namesOf(name, textOf(state, 'Image'), textOf(memberOf(state, 'Config'), 'Image'))
}

/** Of containers/storage containers.go: `[{"id":"…","names":["web"],"image":"…","metadata":"{\"image-name\":\"…\"}"}]`. */
export function storageNames(state: unknown, uid: string): ContainerNames | undefined {
  if (!Array.isArray(state)) return undefined
  const row: unknown = state.find((one) => memberOf(one, 'id') === uid)
  return namesOf(
    textOf(memberOf(row, 'names'), '0'),
    textOf(row, 'image'),
    textOf(parsed(textOf(row, 'metadata')), 'image-name'),
  )
}

function namesOf(name?: string, imageId?: string, imageName?: string): ContainerNames | undefined {
  if (name === undefined && imageId === undefined) return undefined
  return {
    ...(name !== undefined && { name }),
    // OCSF knows no image without an id.
    ...(imageId !== undefined && { image: { uid: imageId, ...(imageName !== undefined && { name: imageName }) } }),
  }
}

function memberOf(holder: unknown, name: string): unknown {
  if (typeof holder !== 'object' || holder === null || !Object.hasOwn(holder, name)) return undefined
  return (holder as Readonly<Record<string, unknown>>)[name]
}

function textOf(holder: unknown, name: string): string | undefined {
  const value = memberOf(holder, name)
  return typeof value === 'string' && value !== '' ? value.slice(0, textUnitsMax) : undefined
}

async function readJson(path: string): Promise<unknown> {
  try {
    const { size } = await stat(path)
    return size > stateBytesMax ? undefined : parsed(await readFile(path, 'utf8'))
  } catch {
    return undefined
  }
}

function parsed(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? 'null')
  } catch {
    return undefined
  }
}
