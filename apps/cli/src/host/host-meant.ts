// SPDX-License-Identifier: Apache-2.0

import type { ApiClient, Operations } from '@sealwatch/contract/api'
import { nearest } from '@sealwatch/contract/nearest'
import { cliError } from '../errors.ts'

export type Host = Operations['getHost']['answer']

const pageRows = 100
/** Hosts that an error names. */
const namedMax = 8
const idForm = /^[0-9a-f]{32}$/
const prefixForm = /^[0-9a-f]{6,31}$/
const shortForm = /^[0-9a-f]{1,5}$/

export async function everyHost(api: ApiClient): Promise<Host[]> {
  const all: Host[] = []
  let cursor: string | null | undefined
  do {
    const page = await api.call('listHosts', { query: { limit: pageRows, ...(cursor ? { cursor } : {}) } })
    all.push(...page.items)
    cursor = page.next
  } while (cursor !== null)
  return all
}

/**
 * The id of the host that is meant; undefined: `here`, this machine's, or the only one, that is not revoked. Else an id, the beginning of
 * one, or a name that only one host has which is not revoked. Throws CLI_NOT_FOUND or CLI_USAGE.
 */
export async function hostMeant(
  api: ApiClient,
  typed: string | undefined,
  attempted: string,
  here?: string,
): Promise<string> {
  if (typed !== undefined && idForm.test(typed)) return typed
  const hosts = await everyHost(api)
  if (typed === undefined) return onlyOne(hosts, attempted, here)
  const called = hosts.filter(({ hostname, revoked_at }) => hostname === typed && revoked_at === null)
  const begun = prefixForm.test(typed) ? hosts.filter(({ host_id }) => host_id.startsWith(typed)) : []
  const ids = [...new Set([...called, ...begun].map(({ host_id }) => host_id))]
  if (ids.length === 1) return ids[0] as string
  if (ids.length > 1)
    throw cliError('CLI_USAGE', {
      attempted,
      received: typed,
      advice: `That is said of ${ids.join(', ')}: give the id`,
    })
  const meant = nearest(
    typed,
    hosts.map(({ hostname }) => hostname),
  )
  const tooShort = shortForm.test(typed) ? 'Of an id give the first six digits, or more. ' : ''
  throw cliError('CLI_NOT_FOUND', {
    attempted,
    received: typed,
    advice: `${tooShort}${meant === undefined ? '' : `Did you mean '${meant}'? `}See sealwatch host list; a new one: sealwatch host invite`,
  })
}

function onlyOne(hosts: readonly Host[], attempted: string, here: string | undefined): string {
  const living = hosts.filter(({ revoked_at }) => revoked_at === null)
  const [one] = living
  if (one !== undefined && living.length === 1) return one.host_id
  if (here !== undefined && living.some(({ host_id }) => host_id === here)) return here
  if (one === undefined)
    throw cliError('CLI_NOT_FOUND', { attempted, advice: 'There is no host. Let one in: sudo ./sealwatch host invite' })
  const names = living.slice(0, namedMax).map(({ hostname, host_id }) => `${hostname} (${host_id.slice(0, 12)})`)
  const more = living.length > namedMax ? ` and ${living.length - namedMax} more: sealwatch host list` : ''
  throw cliError('CLI_USAGE', { attempted, advice: `Name the HOST: ${names.join(', ')}${more}` })
}
