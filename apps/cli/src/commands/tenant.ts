// SPDX-License-Identifier: Apache-2.0

import type { ApiClient, Operations } from '@sealwatch/contract/api'
import { withApi } from '../api.ts'
import { type Context, command, exit, flag, integer, text } from '../command.ts'
import { personMeant } from '../people.ts'
import { dataFlag } from '../place.ts'
import { columns, safe, safeJson, toSecond } from '../terminal.ts'

type Acted = Operations['createTenant']['answer']
type Listed = Operations['listTenants']['answer']['items'][number]

/** Tenants are matters of the deployment, which no token acts on: the dashboard, or root on the machine. */
const here = { server: undefined, tenant: undefined } as const
const name = [{ name: 'NAME', required: true }] as const

export const tenantList = command({
  name: 'tenant list',
  summary: 'The tenants of the deployment',
  options: { erased: flag('Also those that were erased, whose names are not given again') },
  examples: ['sudo ./sealwatch tenant list', "sudo ./sealwatch tenant list --json | jq -r '.items[].name'"],
  run: async ({ erased }, _operands, { io, place, json }) => {
    const items: Listed[] = []
    await withApi({ io, place, ...here }, 'listing tenants', async (api) => {
      for (let cursor: string | null | undefined; cursor !== null; ) {
        const query = { limit: 500, erased: erased ? ('true' as const) : ('false' as const) }
        const page = await api.call('listTenants', { query: cursor === undefined ? query : { ...query, cursor } })
        items.push(...page.items)
        cursor = page.next
      }
    })
    if (json) io.out(`${safeJson({ items })}\n`)
    else
      io.out(
        columns([
          ['NAME', 'STATE', 'ADMIN', 'LINES A SECOND', 'CREATED', 'TITLE'],
          ...items.map((row) => [
            safe(row.name),
            row.state,
            row.has_admin ? 'yes' : 'none yet',
            String(row.lines_per_second ?? '-'),
            toSecond(row.created_at),
            safe(row.title),
          ]),
        ]),
      )
    return exit.ok
  },
})

export const tenantCreate = command({
  name: 'tenant create',
  summary: 'Make a tenant: hosts, people, policies and a ledger of its own',
  about:
    'The name stands in lines and paths, never changes, and is never given to another tenant. The title is for people.\n' +
    'Hosts join it with a token of its own: ./sealwatch host invite --tenant NAME',
  operands: name,
  options: { title: text({ takes: 'TEXT', help: 'What people call it (default: the name)' }) },
  examples: ['sudo ./sealwatch tenant create acme', "sudo ./sealwatch tenant create acme --title 'Acme & Söhne'"],
  run: async ({ title }, [tenant = ''], context) => {
    const code = await acted(context, `creating the tenant ${tenant}`, (api) =>
      api.call('createTenant', { body: { name: tenant, ...(title === undefined ? {} : { title }) } }),
    )
    if (!context.json) context.io.err(wayIn(`--tenant ${tenant}${dataFlag(context.place)}`))
    return code
  },
})

/** Nobody holds a role in it yet, whoever made it included. */
const wayIn = (flags: string) => `Nobody is in it yet. Next:
${columns([
  [`  sudo ./sealwatch member invite NAME tenant_admin ${flags}`, 'a link for somebody new'],
  [
    `  sudo ./sealwatch member grant PERSON tenant_admin ${flags}`,
    'somebody who has signed in before: name, e-mail or id',
  ],
  [`  sudo ./sealwatch host invite ${flags}`, 'a host of it'],
])}`

export const tenantAppoint = command({
  name: 'tenant appoint',
  summary: 'Appoint the first admin of a tenant that has none',
  about: `PERSON has signed in before: an id, or a name or an e-mail address that only one person has. The tenant's ledger tells of it,
and that of cluster. Admins of the deployment do the same in the dashboard, under Tenants,
or by the API (PUT /api/v1/tenants/{tenant_name}/admins/{person_id}).`,
  operands: [...name, { name: 'PERSON', required: true }],
  options: {},
  examples: ['sudo ./sealwatch tenant appoint acme zoe@example.com'],
  run: async (_options, [tenant = '', typed = ''], { io, place, json }) => {
    const attempted = 'appointing an admin'
    await withApi({ io, place, ...here }, attempted, async (api) => {
      const person_id = await personMeant(api, typed, { server: undefined, attempted })
      const answer = await api.call('appointAdmin', { params: { tenant_name: tenant, person_id } })
      io.out(json ? `${safeJson(answer)}\n` : `${safe(person_id)} is the first admin of ${safe(tenant)}.\n`)
    })
    return exit.ok
  },
})

export const tenantRename = command({
  name: 'tenant rename',
  summary: 'Give a tenant another title',
  about: 'Its name stays what it is.',
  operands: [...name, { name: 'TITLE', required: true }],
  options: {},
  examples: ["sudo ./sealwatch tenant rename acme 'Acme Holding'"],
  run: (_options, [tenant = '', title = ''], context) =>
    acted(context, `renaming the tenant ${tenant}`, (api) =>
      api.call('renameTenant', { params: { tenant_name: tenant }, body: { title } }),
    ),
})

export const tenantSuspend = command({
  name: 'tenant suspend',
  summary: 'Let nothing come in for a tenant, and nobody act in it',
  about:
    'Its hosts keep their logs and ship them when it is resumed: nothing is lost as long as their disks have room.',
  operands: name,
  options: {},
  examples: ['sudo ./sealwatch tenant suspend acme'],
  run: (_options, [tenant = ''], context) =>
    acted(context, `suspending the tenant ${tenant}`, (api) =>
      api.call('suspendTenant', { params: { tenant_name: tenant } }),
    ),
})

export const tenantResume = command({
  name: 'tenant resume',
  summary: 'Let a suspended tenant go on',
  operands: name,
  options: {},
  examples: ['sudo ./sealwatch tenant resume acme'],
  run: (_options, [tenant = ''], context) =>
    acted(context, `resuming the tenant ${tenant}`, (api) =>
      api.call('resumeTenant', { params: { tenant_name: tenant } }),
    ),
})

export const tenantLimit = command({
  name: 'tenant limit',
  summary: 'Set how many lines the hosts of a tenant may ship each second',
  about: 'What is beyond it waits on the hosts.',
  operands: name,
  options: {
    lines: integer({
      takes: 'COUNT',
      help: 'Lines a second, all hosts together (default: as the settings of the server say)',
      min: 100,
      max: 10_000_000,
      absent: 0,
    }),
  },
  examples: ['sudo ./sealwatch tenant limit acme --lines 5000', 'sudo ./sealwatch tenant limit acme'],
  run: ({ lines }, [tenant = ''], context) =>
    acted(context, `limiting the tenant ${tenant}`, (api) =>
      api.call('limitTenant', { params: { tenant_name: tenant }, body: { lines_per_second: lines || null } }),
    ),
})

async function acted(
  { io, place, json }: Context,
  attempted: string,
  act: (api: ApiClient) => Promise<Acted>,
): Promise<number> {
  const answer = await withApi({ io, place, ...here }, attempted, act)
  const { tenant, ledger } = answer
  const where =
    ledger.leaf_index === null
      ? 'the line waits for the ledger'
      : `recorded at leaf ${ledger.leaf_index} of the tenant ${safe(ledger.tenant)}`
  io.out(
    json ? `${safeJson(answer)}\n` : `${safe(tenant.name)}, "${safe(tenant.title)}", is ${tenant.state}; ${where}.\n`,
  )
  return exit.ok
}
