// SPDX-License-Identifier: Apache-2.0

import type { ApiClient, Operations } from '@sealwatch/contract/api'
import { nearest } from '@sealwatch/contract/nearest'
import { cliError } from './errors.ts'

type Person = Operations['listPeople']['answer']['items'][number]
type Called = Pick<Person, 'person_id' | 'name' | 'email'>

const pageRows = 500

export async function everybody(api: ApiClient): Promise<Person[]> {
  const page = (cursor?: string) =>
    api.call('listPeople', { query: { limit: pageRows, ...(cursor === undefined ? {} : { cursor }) } })
  let { items, next } = await page()
  const all = [...items]
  while (next !== null) {
    ;({ items, next } = await page(next))
    all.push(...items)
  }
  return all
}

const idForm = /^usr_[A-Za-z0-9_-]+$/

/**
 * The id of whoever is meant: an id is one already, a name or an e-mail address must be that of one person alone. A token knows
 * those of its tenant, root everybody. Throws CLI_NOT_FOUND or CLI_USAGE.
 */
export async function personMeant(
  api: ApiClient,
  typed: string,
  { server, attempted }: { readonly server: string | undefined; readonly attempted: string },
): Promise<string> {
  if (idForm.test(typed)) return typed
  const known: readonly Called[] = server === undefined ? await everybody(api) : (await api.call('listMembers')).items
  const plain = (text: string) => text.normalize('NFC').toLowerCase()
  const found = known.filter(
    ({ name, email }) => name.normalize('NFC') === typed.normalize('NFC') || plain(email) === plain(typed),
  )
  const ids = [...new Set(found.map(({ person_id }) => person_id))]
  if (ids.length === 1) return ids[0] as string
  const list = server === undefined ? 'sealwatch person list' : 'sealwatch member list'
  if (ids.length > 1)
    throw cliError('CLI_USAGE', {
      attempted,
      received: typed,
      advice: `That is said of ${ids.join(', ')}: give the id`,
    })
  const meant = nearest(
    typed,
    known.flatMap(({ name, email }) => [name, email]).filter((text) => text !== ''),
  )
  throw cliError('CLI_NOT_FOUND', {
    attempted,
    received: typed,
    advice: `${meant === undefined ? '' : `Did you mean '${meant}'? `}See ${list}; somebody new: sealwatch member invite`,
  })
}
