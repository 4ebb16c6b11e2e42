// SPDX-License-Identifier: Apache-2.0

import { writeFileSync } from 'node:fs'
import type { ApiClient } from '@sealwatch/contract/api'
import { apiOptions, withApi } from '../api.ts'
import { command, exit, flag, form, text } from '../command.ts'
import { cliError, fileError } from '../errors.ts'
import { diagnose } from '../host/diagnosis.ts'
import { everyHost, type Host, hostMeant } from '../host/host-meant.ts'
import { certificateOf, configOf, heardOf, lossOf, namesOf, sitesOf, stateOf } from '../host/host-words.ts'
import { type HostRecord, renderHost } from '../host/render-host.ts'
import { columns, counted, safe, safeJson, toSecond } from '../terminal.ts'

const operands = [{ name: 'HOST', required: true }] as const
const anyOperands = [{ name: 'HOST', required: false }] as const
const whoIsMeant = 'HOST is an id, the first six digits of one or more, or a name that only one host of the tenant has.'

export const hostList = command({
  name: 'host list',
  summary: 'The hosts of a tenant: whether each lives, what it sees, and what it lost',
  about: `STATE is what its heartbeats say, with what is wrong with it (docs/runbooks/host-blind.md). WAITING counts events that wait to be
sealed, CONFIG is the version of what it was told that is in force
(host config), SITES those of the sensor that are attached, LOST what the kernel dropped and what was shed, in all.`,
  options: { ...apiOptions, all: flag('Those that were revoked, too') },
  examples: ['sudo ./sealwatch host list', "sudo ./sealwatch host list --tenant acme --json | jq '.items[].presence'"],
  run: async ({ all, ...at }, _operands, { io, place, json }) => {
    const every = await withApi({ ...at, io, place }, 'listing hosts', everyHost)
    const items = every.filter(({ revoked_at }) => all || revoked_at === null)
    const leftOut = every.length - items.length
    if (json) io.out(`${safeJson({ items })}\n`)
    else if (items.length > 0)
      io.out(
        columns([
          [
            'HOST',
            'NAME',
            'STATE',
            'GROUPS',
            'CONFIG',
            'AGENT',
            'HEARD',
            'WAITING',
            'SITES',
            'LOST',
            'CERTIFICATE UNTIL',
          ],
          ...items.map((host) => {
            const { dropped, shed } = lossOf(host)
            return [
              host.host_id.slice(0, 12),
              namesOf(host),
              stateOf(host, io),
              safe(host.groups.join(',') || '-', 40),
              configOf(host, io),
              safe(host.agent_version ?? '-'),
              heardOf(host),
              String(host.presence?.waiting ?? '-'),
              sitesOf(host),
              String(dropped + shed),
              certificateOf(host, io),
            ]
          }),
        ]),
      )
    if (items.length === 0 && !json) io.err('There is none. Let one in: sudo ./sealwatch host invite\n')
    if (leftOut > 0 && !json) io.err(`${counted(leftOut, 'revoked host')} left out: --all shows them\n`)
    return exit.ok
  },
})

type Known = { readonly host: Host; readonly records: readonly HostRecord[] }

async function read(api: ApiClient, typed: string | undefined, attempted: string): Promise<Known> {
  const params = { host_id: await hostMeant(api, typed, attempted) }
  const host = await api.call('getHost', { params })
  return { host, records: (await api.call('listHostRecords', { params })).items }
}

export const hostShow = command({
  name: 'host show',
  summary: 'A host: its state, its sensor site by site, and what it told of itself last',
  about: `${whoIsMeant} Left out: the only one there is.`,
  operands: anyOperands,
  options: apiOptions,
  examples: ['sudo ./sealwatch host show web-1', 'sudo ./sealwatch host show 4f1d2a --json | jq .records'],
  run: async (at, [typed], { io, place, json }) => {
    const attempted = `reading the host ${typed ?? 'that is meant'}`
    const { host, records } = await withApi({ ...at, io, place }, attempted, (api) => read(api, typed, attempted))
    io.out(json ? `${safeJson({ ...host, records })}\n` : renderHost(host, records, io))
    return exit.ok
  },
})

export const hostRevoke = command({
  name: 'host revoke',
  summary: 'Revoke a host and its keys for good, at once',
  about: `Its connections close, and nothing that it seals later is admitted; it cannot be taken back. What came before stays valid, unless
--compromised-since says that somebody else may have held its keys by then. ${whoIsMeant}`,
  operands,
  options: {
    ...apiOptions,
    cause: text({ takes: 'TEXT', help: 'Why, for the ledger; name nobody', required: true }),
    'compromised-since': form({
      takes: 'TIME',
      help: 'From then on what it signed counts no more either',
      form: /^\d{4}-\d\d-\d\dT\d\d:\d\d/,
      mustBe: 'a time as 2026-03-01T12:00:00Z',
    }),
  },
  examples: [
    "sudo ./sealwatch host revoke web-1 --cause 'taken out of service'",
    'sudo ./sealwatch host revoke 4f1d2a --cause stolen --compromised-since 2026-03-01T12:00:00Z',
  ],
  run: async ({ cause, 'compromised-since': since, ...at }, [typed = ''], { io, place, json }) => {
    const attempted = `revoking the host ${typed}`
    if (cause === undefined) throw cliError('CLI_WHY', { attempted, advice: 'Say why: --cause "its disk was copied"' })
    const body = { cause, ...(since === undefined ? {} : { compromised_since: since }) }
    const { host_id, hostname, answer } = await withApi({ ...at, io, place }, attempted, async (api) => {
      const params = { host_id: await hostMeant(api, typed, attempted) }
      const answer = await api.call('revokeHost', { params, body })
      // Who may revoke it need not be one who may read it.
      const hostname = await api.call('getHost', { params }).then(
        (host) => host.hostname,
        () => typed,
      )
      return { ...params, hostname, answer }
    })
    io.out(json ? `${safeJson({ host_id, ...answer })}\n` : `${safe(hostname)} (${host_id}) is revoked.\n`)
    return exit.ok
  },
})

export const hostDiag = command({
  name: 'host diag',
  summary: 'What support asks for about a host, without names and secrets',
  about: `JSON: the host as \`host show --json\` has it, with its newest records. Its name, the serial of its certificate, and what looks like a
secret are taken out; read it before you send it. ${whoIsMeant} Left out: the only one there is.`,
  operands: anyOperands,
  options: { ...apiOptions, output: text({ takes: 'FILE', short: 'o', help: 'Write it there (default: print it)' }) },
  examples: [
    'sudo ./sealwatch host diag web-1 -o web-1.json',
    'sudo ./sealwatch host diag 4f1d2a --json | jq .host.sensor',
  ],
  run: async ({ output, ...at }, [typed], { io, place, json }) => {
    const attempted = `diagnosing the host ${typed ?? 'that is meant'}`
    const { host, records } = await withApi({ ...at, io, place }, attempted, (api) => read(api, typed, attempted))
    const madeAt = new Date(io.clock.nowMs()).toISOString()
    const diagnosis = diagnose(host, records, { madeAt, cliVersion: io.version })
    const written = `${safeJson(diagnosis, json ? undefined : 2)}\n`
    if (output === undefined) {
      io.out(written)
      return exit.ok
    }
    try {
      writeFileSync(output, written, { flag: 'wx', mode: 0o600 })
    } catch (cause) {
      throw fileError(output, cause)
    }
    io.out(
      json
        ? `${safeJson({ file: output })}\n`
        : `Wrote ${safe(output)}, as of ${toSecond(madeAt)}. Read it before you send it.\n`,
    )
    return exit.ok
  },
})
