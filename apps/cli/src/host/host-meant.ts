// SPDX-License-Identifier: Apache-2.0

import type { ApiClient, Operations } from '@sealwatch/contract/api'
import { nearest } from '@sealwatch/contract/nearest'
import { cliError } from '../errors.ts'

export type Host = Operations['getHost']['answer']

const pageRows = 100
const idForm = /^[0-9a-f]{32}$/
const prefixForm = /^[0-9a-f]{6,31}$/

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
 * The id of the host that is meant: an id, the beginning of one, or a name that only one host has which is not revoked.
 * Throws CLI_NOT_FOUND or CLI_USAGE.
 */
export async function hostMeant(api: ApiClient, typed: string, attempted: string): Promise<string> {
  if (idForm.test(typed)) return typed
  const hosts = await everyHost(api)
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
  throw cliError('CLI_NOT_FOUND', {
    attempted,
    received: typed,
    advice: `${meant === undefined ? '' : `Did you mean '${meant}'? `}See sealwatch host list; a new one: sealwatch host invite`,
  })
}
