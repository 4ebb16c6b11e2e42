// SPDX-License-Identifier: Apache-2.0

import { readFileSync, statSync } from 'node:fs'
import type { Clock } from '@sealwatch/base'
import { createOutgoing, type Outgoing, safeUrl } from '@sealwatch/base/outgoing'
import { notifyError } from './errors.ts'
import { notifyLimits as limits } from './limits.ts'

/** Admins of tenants name public places; whoever runs the server may name others. */
export type NoticePlaces = { readonly origins: ReadonlySet<string>; readonly ca?: string | undefined }

const originsMax = 64
const caBytesMax = 256 * 1024

/** Reads what the settings name, while the process may still read it. Throws WEBHOOK_SETTINGS. */
export function noticePlaces(config: {
  readonly webhookOrigins: string
  readonly webhookCaFile: string
}): NoticePlaces {
  const named = config.webhookOrigins.split(',').flatMap((text) => text.trim() || [])
  const origins = named.map((text) => {
    const url = safeUrl(text)
    if (url?.protocol !== 'https:' || url.origin !== text.replace(/\/$/, '')) throw settingsError(`the origin ${text}`)
    return url.origin
  })
  if (origins.length > originsMax) throw settingsError(`${origins.length} origins`)
  return { origins: new Set(origins), ca: config.webhookCaFile === '' ? undefined : readCa(config.webhookCaFile) }
}

function readCa(path: string): string {
  try {
    const { size } = statSync(path)
    if (size > 0 && size <= caBytesMax) return readFileSync(path, 'utf8')
    throw settingsError(`${path}, of ${size} bytes`)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'WEBHOOK_SETTINGS') throw cause
    throw settingsError(`${path}: ${code}`)
  }
}

const settingsError = (received: string) =>
  notifyError('WEBHOOK_SETTINGS', { attempted: 'reading the settings of webhooks', received })

export const noticeCall = ({ origins, ca }: NoticePlaces, clock: Clock): Outgoing =>
  createOutgoing({
    what: 'a webhook',
    origins,
    isOpen: true,
    ca,
    timeoutMs: limits.answerMs,
    answerBytesMax: limits.answerBytes,
    clock,
  })
