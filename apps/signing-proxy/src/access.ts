// SPDX-License-Identifier: Apache-2.0

import { readFileSync, statSync } from 'node:fs'
import type { ConfigOf } from '@sealwatch/base'
import { errorsOf } from '@sealwatch/base'
import { type SignerChoice, type SignerPlan, signerErrors } from '@sealwatch/keys'
import { type Caller, mockCaller, parseCallers } from './callers.ts'
import type { signingProxySettings } from './config.ts'
import { proxyError } from './errors.ts'
import type { TlsFiles } from './listen.ts'

export type Access = {
  readonly active: SignerChoice
  readonly callers: readonly Caller[]
  readonly tls: TlsFiles | undefined
}

const callersBytesMax = 1024 * 1024
const signerError = errorsOf(signerErrors)

/** Who gets in and how; refuses whatever would let in more than was meant. */
export function readAccess(config: ConfigOf<typeof signingProxySettings>, plan: SignerPlan): Access {
  const attempted = 'reading the settings of the signing proxy'
  const { active } = plan
  if (active === undefined) throw signerError('SIGNER_REQUIRED', { attempted })
  const { host, tlsCertFile, tlsKeyFile, clientCaFile, callersFile } = config
  const refused = (received: string) => proxyError('PROXY_SETTINGS', { attempted, received })
  if ((tlsCertFile === '') !== (tlsKeyFile === '')) throw refused('a certificate without its key, or a key alone')
  const isPlain = tlsCertFile === ''
  const isLoopback = /^(127(\.\d+){3}|::1|localhost)$/.test(host)
  if (isPlain && (plan.required || !isLoopback)) throw refused(`no certificate, on ${host}`)
  if (isPlain && clientCaFile !== '') throw refused('a CA of callers and no TLS')
  const tls = isPlain
    ? undefined
    : {
        cert: read(tlsCertFile, attempted),
        key: readPrivate(tlsKeyFile, attempted),
        clientCa: clientCaFile === '' ? undefined : read(clientCaFile, attempted),
      }
  return { active, callers: callersOf(callersFile, active, clientCaFile !== '', attempted), tls }
}

function callersOf(path: string, active: SignerChoice, hasCa: boolean, attempted: string): readonly Caller[] {
  const refused = (received: string) => proxyError('PROXY_CALLERS', { attempted, received })
  if (path === '') {
    if (active.backend === 'mock') return [mockCaller]
    throw refused('no SEALWATCH_PROXY_CALLERS_FILE')
  }
  if (statSync(path, { throwIfNoEntry: false }) === undefined) throw refused(`a file ${path} that is not there`)
  const text = read(path, attempted)
  if (text.length > callersBytesMax) throw refused(`${text.length} characters`)
  const callers = parseCallers(text, `reading ${path}`)
  const needsCa = callers.find(({ certificateName }) => certificateName !== undefined)
  if (needsCa !== undefined && !hasCa)
    throw refused(`the certificate of ${needsCa.name}, without SEALWATCH_PROXY_CLIENT_CA_FILE`)
  return callers
}

function readPrivate(path: string, attempted: string): string {
  const mode = statSync(path, { throwIfNoEntry: false })?.mode ?? 0
  if ((mode & 0o007) !== 0)
    throw proxyError('PROXY_SETTINGS', { attempted, received: `${path}, which everyone may read` })
  return read(path, attempted)
}

function read(path: string, attempted: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    const received = `${path}: ${(cause as NodeJS.ErrnoException).code}`
    throw proxyError('PROXY_SETTINGS', { attempted, received, cause })
  }
}
