// SPDX-License-Identifier: Apache-2.0

import { rfc3339 } from '@sealwatch/base'
import { apiOptions, withApi } from '../api.ts'
import { command, exit, flag, text } from '../command.ts'
import { cliError } from '../errors.ts'
import { columns, counted, safe, safeJson, toSecond } from '../terminal.ts'
import { keyRows } from './signing-key.ts'

export const producerList = command({
  name: 'producer list',
  summary: 'The services of a tenant that send rows',
  options: apiOptions,
  examples: ['sudo ./sealwatch producer list --tenant acme'],
  run: async (at, _operands, { io, place, json }) => {
    const { items } = await withApi({ ...at, io, place }, 'listing producers', (api) => api.call('listProducers'))
    if (json) io.out(`${safeJson({ items })}\n`)
    else
      io.out(
        columns([
          ['SERVICE', 'KEYS', 'SINCE', 'HALTED'],
          ...items.map((row) => [
            safe(row.producer),
            String(row.keys),
            toSecond(row.created_at),
            row.halted_at === null ? 'no' : `since ${toSecond(row.halted_at)}`,
          ]),
        ]),
      )
    return exit.ok
  },
})

export const producerAdd = command({
  name: 'producer add',
  summary: 'Let a service send rows, as far as keys are added for it',
  about: `A service is a program that signs its own rows, with a key that this tenant knows. The name stands in every row, for good.
Its keys: ./sealwatch signing-key add SERVICE FILE`,
  operands: [{ name: 'SERVICE', required: true }],
  options: apiOptions,
  examples: ['sudo ./sealwatch producer add billing --tenant acme'],
  run: async (at, [producer = ''], { io, place, json }) => {
    const answer = await withApi({ ...at, io, place }, 'adding a service', (api) =>
      api.call('addProducer', { body: { producer } }),
    )
    io.out(json ? `${safeJson(answer)}\n` : `${safe(producer)} may send rows once it has a key: signing-key add\n`)
    return exit.ok
  },
})

export const producerShow = command({
  name: 'producer show',
  summary: 'A service, and its keys',
  operands: [{ name: 'SERVICE', required: true }],
  options: apiOptions,
  examples: ['sudo ./sealwatch producer show billing'],
  run: async (at, [producer = ''], { io, place, json }) => {
    const found = await withApi({ ...at, io, place }, 'reading a service', (api) =>
      api.call('getProducer', { params: { producer } }),
    )
    if (json) io.out(`${safeJson(found)}\n`)
    else {
      const halted = found.halted_at === null ? '' : `, halted since ${toSecond(found.halted_at)}`
      io.out(`${safe(found.producer)}, since ${toSecond(found.created_at)}, ${counted(found.keys, 'key')}${halted}\n`)
      if (found.signing_keys.length > 0) io.out(keyRows(found.signing_keys, rfc3339(io.clock.nowNs())))
    }
    return exit.ok
  },
})

const isHost = flag('It is a host, by its id, and not a service')

export const producerHalt = command({
  name: 'producer halt',
  summary: 'Take nothing of a service or host until it is resumed',
  about: `It counts at once. Nothing is lost: what it has to send stays with it, and comes when it is resumed.`,
  operands: [{ name: 'PRODUCER', required: true }],
  options: {
    ...apiOptions,
    host: isHost,
    cause: text({ takes: 'TEXT', help: 'Why, for the ledger (required); name nobody' }),
  },
  examples: ['sudo ./sealwatch producer halt billing --cause wrong-bytes'],
  run: async ({ host, cause, ...at }, [producer = ''], { io, place, json }) => {
    const attempted = 'halting a producer'
    if (cause === undefined) throw cliError('CLI_WHY', { attempted, advice: 'Say why: --cause "signs wrong bytes"' })
    const body = { cause }
    const answer = await withApi({ ...at, io, place }, attempted, (api) =>
      host
        ? api.call('haltHost', { params: { host_id: producer }, body })
        : api.call('haltProducer', { params: { producer }, body }),
    )
    io.out(json ? `${safeJson(answer)}\n` : `Nothing of ${safe(producer)} is taken until it is resumed.\n`)
    return exit.ok
  },
})

export const producerResume = command({
  name: 'producer resume',
  summary: 'Take again what a service or host sends',
  operands: [{ name: 'PRODUCER', required: true }],
  options: { ...apiOptions, host: isHost },
  examples: ['sudo ./sealwatch producer resume billing'],
  run: async ({ host, ...at }, [producer = ''], { io, place, json }) => {
    const answer = await withApi({ ...at, io, place }, 'resuming a producer', (api) =>
      host
        ? api.call('resumeHost', { params: { host_id: producer } })
        : api.call('resumeProducer', { params: { producer } }),
    )
    io.out(json ? `${safeJson(answer)}\n` : `What ${safe(producer)} sends is taken again.\n`)
    return exit.ok
  },
})
