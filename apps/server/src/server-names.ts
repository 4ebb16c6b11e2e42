// SPDX-License-Identifier: Apache-2.0

import { isIP } from 'node:net'
import { hostname, networkInterfaces } from 'node:os'

const namesMax = 32
/** RFC 1123, 2.1. */
const hostNameForm = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/i
const digitsForm = /^[\d.]+$/

/** Host names and IP addresses with commas between; undefined where the text is none of that. */
export function readServerNames(text: string): readonly string[] | undefined {
  const names = text.split(',').flatMap((part) => (part.trim() === '' ? [] : [part.trim()]))
  const areFormed = names.every((name) => isIP(name) !== 0 || (hostNameForm.test(name) && !digitsForm.test(name)))
  return areFormed && names.length <= namesMax ? names : undefined
}

/** What the certificate of the server is for: by all of these somebody reaches it. */
export function serverNames(config: { readonly host: string; readonly names: string }): readonly string[] {
  const further = readServerNames(config.names) ?? []
  return [...new Set([...addressesOf(config.host), '127.0.0.1', 'localhost', hostname(), ...further])]
}

function addressesOf(listening: string): string[] {
  if (listening !== '0.0.0.0' && listening !== '::') return [listening]
  return Object.values(networkInterfaces()).flatMap((rows) => rows?.map(({ address }) => address) ?? [])
}
