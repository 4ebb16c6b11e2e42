// SPDX-License-Identifier: Apache-2.0
// Mail leaves by one server that whoever runs this one names. It is judged by the address that is connected to, as all that
// we call is; in clear it is no other machine.

import { lookup } from 'node:dns/promises'
import { connect, isIP, type Socket } from 'node:net'
import { type Clock, isSealwatchError } from '@sealwatch/base'
import { type Address, addressKind, answering } from '@sealwatch/base/outgoing'
import { type Secret, secretOf } from '@sealwatch/keys'
import { createTransport } from 'nodemailer'
import { readSettingsFile } from '../settings-file.ts'
import { notifyError } from './errors.ts'
import { notifyLimits as limits } from './limits.ts'
import type { MailText } from './mail-text.ts'
import { isMailAddress } from './targets.ts'
import type { Sent } from './webhook.ts'

/** `tls` from the first byte, `starttls` before anything is said, or `plain` to this machine alone. */
export type MailPlan = {
  readonly host: string
  readonly port: number
  readonly by: 'tls' | 'starttls' | 'plain'
  readonly login: { readonly user: string; readonly password: Secret } | undefined
  readonly from: string
  readonly ca: string | undefined
}

const schemes = {
  'smtps:': { by: 'tls', port: 465 },
  'smtp:': { by: 'starttls', port: 587 },
  'smtp-plain:': { by: 'plain', port: 25 },
} as const

/** Reads what the settings name, while the process may still read it; undefined: none is set. Throws MAIL_SETTINGS. */
export function readMail(config: {
  readonly smtpUrl: string
  readonly smtpUser: string
  readonly smtpPassword: string
  readonly smtpFrom: string
  readonly smtpCaFile: string
}): MailPlan | undefined {
  const { smtpUrl, smtpUser: user, smtpPassword: secret, smtpFrom: from, smtpCaFile: caFile } = config
  if (smtpUrl === '') return undefined
  const url = URL.parse(smtpUrl)
  const scheme = schemes[url?.protocol as keyof typeof schemes]
  // What stands before an @ would be a password: it is not shown.
  if (url === null || scheme === undefined || url.username !== '' || url.password !== '' || url.hostname === '')
    throw settingsError('another URL than smtps://HOST[:PORT], smtp://HOST[:PORT] or smtp-plain://HOST[:PORT]')
  if ((url.pathname !== '' && url.pathname !== '/') || url.search !== '' || url.hash !== '')
    throw settingsError(`more than a host and a port: ${url.host}${url.pathname}`)
  if (!isMailAddress(from)) throw settingsError('no address that mail is from')
  const path = /^file:(.*)$/s.exec(secret)?.[1]
  const password = path === undefined ? secret : readSettingsFile(path, true, settingsError).trim()
  if ((user === '') !== (password === ''))
    throw settingsError('a user without a password, or a password without a user')
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? scheme.port : Number(url.port),
    by: scheme.by,
    login: user === '' ? undefined : { user, password: secretOf(password) },
    from,
    ca: caFile === '' ? undefined : readSettingsFile(caFile, false, settingsError),
  }
}

const settingsError = (received: string) =>
  notifyError('MAIL_SETTINGS', { attempted: 'reading the settings of mail', received })

export type Mail = MailText & {
  /** Of the message: a mail that is sent twice has it twice. */
  readonly id: string
  readonly to: readonly string[]
}

/** Sends once. Taken is what the mail server took, for one address at least; of its answer the number alone is told on. */
export type SendMail = (mail: Mail, signal: AbortSignal) => Promise<Sent>

export function createSendMail(
  { host, port, by, login, from, ca }: MailPlan,
  clock: Clock,
  resolve: (host: string) => Promise<readonly Address[]> = (name) => lookup(name, { all: true, order: 'verbatim' }),
): SendMail {
  async function reach(signal: AbortSignal): Promise<Socket> {
    const family = isIP(host)
    const found = family === 0 ? await resolve(host) : [{ address: host, family }]
    const isFit = ({ address }: Address) => {
      const kind = addressKind(address)
      return by === 'plain' ? kind === 'loopback' : kind !== 'never'
    }
    if (found.length === 0 || !found.every(isFit))
      throw notifyError('MAIL_REFUSED', { attempted: 'calling the mail server', received: host })
    return connect({ host, port, lookup: answering(found), autoSelectFamily: true, signal })
  }

  return async ({ id, to, subject, text }, signal) => {
    const over = AbortSignal.any([signal, AbortSignal.timeout(limits.answerMs)])
    let socket: Socket | undefined
    try {
      socket = await reach(over)
      const connected = Promise.withResolvers<void>()
      socket.once('connect', connected.resolve).once('error', connected.reject)
      await connected.promise
      const connection = socket
      const transport = createTransport({
        host,
        port,
        secure: by === 'tls',
        requireTLS: by === 'starttls',
        ignoreTLS: by === 'plain',
        tls: { ...(ca !== undefined && { ca }), host, minVersion: 'TLSv1.2', rejectUnauthorized: true },
        ...(login && { auth: { user: login.user, pass: login.password.reveal() } }),
        getSocket: (_options, done) => done(null, { connection }),
        greetingTimeout: limits.answerMs,
        socketTimeout: limits.answerMs,
        disableFileAccess: true,
        disableUrlAccess: true,
      })
      const { rejected } = await transport.sendMail({
        envelope: { from, to: [...to] },
        from: { name: 'Sealwatch', address: from },
        to: to.map((address) => ({ name: '', address })),
        subject,
        text,
        date: new Date(clock.nowMs()),
        messageId: `<${id}@${from.slice(from.indexOf('@') + 1)}>`,
        headers: { 'Auto-Submitted': 'auto-generated' },
        signal: over,
      })
      return rejected.length === 0
        ? { ok: true }
        : { ok: true, problem: `${rejected.length} of ${to.length} addresses were refused` }
    } catch (error) {
      return { ok: false, ...failureOf(error) }
    } finally {
      socket?.destroy()
    }
  }
}

/** No mail server takes later what it refuses for good: the sender, every address, or the text (RFC 5321, 4.2.1). */
const final = new Set(['EENVELOPE', 'EMESSAGE'])

function failureOf(error: unknown): { readonly problem: string; readonly over: boolean } {
  if (isSealwatchError(error)) return { problem: error.code, over: false }
  const { code, responseCode } = error as { readonly code?: unknown; readonly responseCode?: unknown }
  const word = typeof code === 'string' ? code : 'no connection'
  if (typeof responseCode !== 'number') return { problem: word, over: false }
  return { problem: `the mail server answered ${responseCode} (${word})`, over: final.has(word) && responseCode >= 500 }
}
