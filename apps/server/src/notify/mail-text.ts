// SPDX-License-Identifier: Apache-2.0
// A message as a mail: plain text, with where to look and what to type next.

import type { JsonObject } from '@sealwatch/base'
import { membersOf, textOf } from './host-words.ts'

export type MailText = { readonly subject: string; readonly text: string }

const titles: Readonly<Record<string, string>> = {
  guard_incident_opened: 'Somebody reaches for the memory of a protected process',
  guard_incident_updated: 'What reaches for the memory of a protected process became graver',
}

/** Of the body of a message (`messageOf`, `digestOf`, `testOf`). What a host says stands in one line, and is cut. */
export function mailTextOf({ type, timestamp, data }: JsonObject): MailText {
  const told = membersOf(data)
  if (type === 'notification_test')
    return {
      subject: '[Sealwatch] A test',
      text: 'Somebody asked Sealwatch to try this notification channel. Nothing has happened.\n',
    }
  if (type === 'notification_digest') return digestText(told)
  const { hostname, uid } = membersOf(told.host)
  const title = titles[textOf(told.code)] ?? textOf(told.code)
  const rows = [
    ['severity', textOf(told.severity)],
    ['tenant', textOf(told.tenant)],
    ['host', `${textOf(hostname)} (${textOf(uid)})`],
    ['incident', textOf(told.incident)],
    ['time', textOf(timestamp)],
  ] as const
  return {
    subject: `[Sealwatch] ${textOf(told.severity)}: ${title}, on ${textOf(hostname)}`,
    text: `${title}.\n\n${tableOf(rows)}\n${nextOf(textOf(told.link), textOf(told.tenant))}`,
  }
}

function digestText(told: JsonObject): MailText {
  const count = Number(told.count)
  const first = Array.isArray(told.first) ? told.first.map(membersOf) : []
  const rows = first.map(
    ({ severity, host, incident }) =>
      [textOf(severity), `${textOf(membersOf(host).hostname)} ${textOf(incident)}`] as const,
  )
  const more = count > rows.length ? `  and ${count - rows.length} more\n` : ''
  return {
    subject: `[Sealwatch] ${textOf(told.severity)}: ${count} more alerts of ${textOf(told.tenant)}`,
    text: `${count} more alerts of the tenant ${textOf(told.tenant)}, told together because they came in a short time.\n\n${tableOf(rows)}${more}\n${nextOf(textOf(told.link), textOf(told.tenant))}`,
  }
}

const tableOf = (rows: readonly (readonly [string, string])[]) =>
  rows.map(([name, value]) => `  ${name.padEnd(13)} ${value}\n`).join('')

const nextOf = (link: string, tenant: string) =>
  `Look at it:\n  ${link}\nor on the machine of the server:\n  sudo ./sealwatch alerts --tenant ${tenant}\n\nWhat to do: docs/runbooks/key-theft.md\n`
