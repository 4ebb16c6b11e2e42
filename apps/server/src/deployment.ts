// SPDX-License-Identifier: Apache-2.0

import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Disk, type ErrorTable, errorsOf } from '@sealwatch/base'

export const deploymentErrors = {
  DEPLOYMENT_DAMAGED: {
    kind: 'fatal',
    rule: 'deployment.json holds the name and the label key that the first start drew',
    advice: 'Restore the file from a backup: the origins of all ledgers depend on it',
  },
} as const satisfies ErrorTable
const deploymentError = errorsOf(deploymentErrors)

/** Drawn once, at the first start, and never changed: every origin and every tenant's label is made from it. */
export type Deployment = { readonly name: string; readonly labelKey: Uint8Array }

export async function openDeployment(dir: string, disk: Disk): Promise<Deployment> {
  const path = join(dir, 'deployment.json')
  const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return undefined
    throw deploymentError('DEPLOYMENT_DAMAGED', { attempted: `reading ${path}`, received: cause.code, cause })
  })
  if (text !== undefined) return parse(path, text)
  const name = `sealwatch-${randomBytes(4).toString('hex')}`
  const labelKey = randomBytes(32)
  await disk.replace(path, JSON.stringify({ name, label_key: labelKey.toString('hex') }))
  return { name, labelKey }
}

function parse(path: string, text: string): Deployment {
  try {
    const { name, label_key } = JSON.parse(text) as { name?: unknown; label_key?: unknown }
    const isFormed = typeof name === 'string' && /^sealwatch-[0-9a-f]{8}$/.test(name) && typeof label_key === 'string'
    const labelKey = isFormed ? Uint8Array.fromHex(label_key) : new Uint8Array(0)
    if (isFormed && labelKey.length === 32) return { name, labelKey }
  } catch {
    // Falls through to the one error there is.
  }
  throw deploymentError('DEPLOYMENT_DAMAGED', { attempted: `reading ${path}`, received: text.length })
}
