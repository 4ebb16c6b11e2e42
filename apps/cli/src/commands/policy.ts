// SPDX-License-Identifier: Apache-2.0

import type { Operations } from '@sealwatch/contract/api'
import { policyTypes, recordMembers } from '@sealwatch/contract/policy'
import { apiOptions, withApi } from '../api.ts'
import { type Context, command, exit, flag, form, integer } from '../command.ts'
import type { Io } from '../io.ts'
import { readGoodPolicy, readPolicyFile } from '../policy/policy-file.ts'
import { renderProblems } from '../policy/render-problems.ts'
import { whatChanged } from '../policy/what-changed.ts'
import { columns, counted, paint, safe, safeJson, toSecond } from '../terminal.ts'

type Reaches = NonNullable<Operations['getPolicyReach']['answer']['hosts']>
type At = { readonly tenant: string | undefined; readonly server: string | undefined }
const id = [{ name: 'ID', required: true }] as const
const ifMatch = form({
  takes: 'ETAG',
  help: 'Only if the policy is at this version still, as `policy show` tells it',
  form: /^"\d+-[0-9a-f]{16}"$/,
  mustBe: 'an ETag, quotes included',
})

export const policyList = command({
  name: 'policy list',
  summary: 'The security policies of a tenant',
  options: {
    ...apiOptions,
    type: form({
      takes: 'TYPE',
      help: `Only these: ${policyTypes.join(', ')}`,
      form: new RegExp(`^(${policyTypes.join('|')})$`),
      mustBe: `one of ${policyTypes.join(', ')}`,
    }),
  },
  examples: ['sudo ./sealwatch policy list', 'sudo ./sealwatch policy list --type network --tenant acme --json'],
  run: async ({ type, ...at }, _operands, { io, place, json }) => {
    const query = type === undefined ? {} : { type: type as (typeof policyTypes)[number] }
    const items = await withApi({ ...at, io, place }, 'listing policies', async (api) => {
      const first = await api.call('listPolicies', { query: { ...query, limit: 500 } })
      return first.items
    })
    if (json) {
      io.out(`${safeJson({ items })}\n`)
      return exit.ok
    }
    const rows = items.map((row) => [
      row.id,
      row.type,
      row.enabled ? 'enabled' : paint(io, 'dim', 'off'),
      String(row.rule_count),
      String(row.version),
      toSecond(row.updated_at),
      safe(row.name),
    ])
    io.out(
      rows.length === 0 ? '' : columns([['POLICY', 'TYPE', 'STATE', 'RULES', 'VERSION', 'CHANGED', 'NAME'], ...rows]),
    )
    if (rows.length === 0)
      io.err(
        'There is none. Begin with ./sealwatch policy example TYPE, and try it: ./sealwatch policy dry-run --help\n',
      )
    return exit.ok
  },
})

export const policyShow = command({
  name: 'policy show',
  summary: 'A policy, in canonical form',
  about: `Members are sorted, and what may be left out is written out: that form is what is kept, compared and signed.
With --json it has what the server adds: id, version, etag, digest, signature, and who wrote it when. What was shown may be
changed in an editor and put back; its etag then sees to it that no change of others is lost. On how many hosts it is enforced, or
told alone, is said on standard error (docs/runbooks/policy-denial.md).`,
  operands: id,
  options: {
    ...apiOptions,
    version: integer({
      takes: 'N',
      help: 'An earlier version (default: the newest)',
      min: 1,
      max: Number.MAX_SAFE_INTEGER,
      absent: 0,
    }),
    signed: flag('As agents get it: the canonical document, and the envelope that signs it'),
  },
  examples: ['sudo ./sealwatch policy show web --json > web.json', 'sudo ./sealwatch policy show web --version 3'],
  run: async ({ version, signed, ...at }, [policy = ''], { io, place, json }) => {
    const params = { id: policy }
    const attempted = `reading the policy ${policy}`
    if (signed || version > 0) {
      const query = version > 0 ? { version } : {}
      const answer = await withApi({ ...at, io, place }, attempted, (api) =>
        api.call('getSignedPolicy', { params, query }),
      )
      const document: unknown = JSON.parse(answer.document ?? 'null')
      io.out(`${safeJson(signed ? answer : document, signed || json ? undefined : 2)}\n`)
      return exit.ok
    }
    const [record, reach] = await withApi({ ...at, io, place }, attempted, (api) =>
      Promise.all([api.call('getPolicy', { params }), json ? undefined : api.call('getPolicyReach', { params })]),
    )
    if (json) {
      io.out(`${safeJson(record, 2)}\n`)
      return exit.ok
    }
    const added: readonly string[] = recordMembers
    const document = Object.fromEntries(Object.entries(record).filter(([name]) => !added.includes(name)))
    io.out(`${safeJson(document, 2)}\n`)
    const { etag, updated_by, updated_at, digest } = record
    io.err(
      paint(
        io,
        'dim',
        `version ${record.version} by ${safe(updated_by)} at ${toSecond(updated_at)}, etag ${etag}, digest ${digest}\n`,
      ),
    )
    if (reach?.hosts) io.err(reachText(reach.hosts, io))
    return exit.ok
  },
})

const reachWords: Readonly<Record<keyof Reaches, string>> = {
  kernel: 'enforced by the kernel',
  told: 'told alone',
  not_enforced: 'NOT ENFORCED',
  elsewhere: 'for others',
  behind: 'has another version',
  unknown: 'not known',
}

/** On how many hosts which is true; nothing where there is no host. */
function reachText(hosts: Reaches, io: Io): string {
  const rows = Object.entries(reachWords).flatMap(([reach, words]) => {
    const count = hosts[reach as keyof Reaches]
    const text = `${words}: ${count}`
    return count === 0 ? [] : [reach === 'not_enforced' ? paint(io, 'red', text) : paint(io, 'dim', text)]
  })
  return rows.length === 0 ? '' : `${paint(io, 'dim', 'hosts: ')}${rows.join(paint(io, 'dim', ', '))}\n`
}

export const policyValidate = command({
  name: 'policy validate',
  summary: 'Check a policy in a file, without a server',
  about: `Everything that is wrong is shown at once, with its place and what was probably meant; rules that contradict each other or
can never match are found, too. The exit code is 1 where there is an error; warnings alone are none.
The form is in docs/formats/policy.md, its JSON Schema in docs/reference/policy.schema.json.`,
  operands: [{ name: 'FILE', required: true }],
  options: {},
  examples: ['./sealwatch policy validate web.json', './sealwatch policy validate web.json --json | jq .problems'],
  run: async (_options, [path = ''], { io, json }) => {
    const file = readPolicyFile(path, io)
    const { policy, validation } = file.validated
    if (json) io.out(`${safeJson(validation)}\n`)
    else {
      io.out(renderProblems(file, io))
      if (policy !== undefined)
        io.out(
          `${safe(path)} is a ${policy.type} policy of ${counted(policy.rules.length, 'rule')} without an error.\n`,
        )
    }
    return validation.ok ? exit.ok : exit.finding
  },
})

export const policyPut = command({
  name: 'policy put',
  summary: 'Make or replace a policy from a file',
  about: `The file is checked first, and nothing is sent where it has an error. Where it is what \`policy show --json\` wrote, the change is
made only if nobody changed the policy since; --force makes it in any case.`,
  operands: [...id, { name: 'FILE', required: true }],
  options: {
    ...apiOptions,
    'if-match': ifMatch,
    new: flag('Only if there is no policy of that id'),
    force: flag('Whatever was changed since'),
  },
  examples: [
    'sudo ./sealwatch policy put web web.json',
    'sudo ./sealwatch policy put web web.json --tenant acme --new',
  ],
  run: async (options, [policy = '', path = ''], { io, place, json }) => {
    const { tenant, server, force } = options
    const file = readGoodPolicy(path, io)
    const etag = force ? undefined : (options['if-match'] ?? file.etag)
    const headers = {
      ...(etag === undefined || options.new ? {} : { 'if-match': etag }),
      ...(options.new ? { 'if-none-match': '*' } : {}),
    }
    const answer = await withApi({ tenant, server, io, place }, `writing the policy ${policy}`, (api) =>
      whatChanged(policy, io, api.call('putPolicy', { params: { id: policy }, body: { policy: file.text }, headers })),
    )
    if (json) io.out(`${safeJson(answer)}\n`)
    else
      io.out(
        answer.updated
          ? `${safe(policy)} is at version ${answer.version}${leafOf(answer.ledger)}.\n`
          : `${safe(policy)} says so already, at version ${answer.version}.\n`,
      )
    return exit.ok
  },
})

const leafOf = (ledger: { readonly tenant: string; readonly leaf_index: number | null } | null) =>
  ledger?.leaf_index == null ? '' : `, recorded at leaf ${ledger.leaf_index} of ${ledger.tenant}`

/** Reads the policy, and writes it back with the switch turned, unless somebody came in between. */
async function turn(enabled: boolean, at: At, policy: string, { io, place, json }: Context): Promise<number> {
  const attempted = `switching the policy ${policy} ${enabled ? 'on' : 'off'}`
  const answer = await withApi({ ...at, io, place }, attempted, async (api) => {
    const params = { id: policy }
    const { answer: record, headers } = await api.ask('getPolicy', { params })
    const condition = { 'if-match': headers.get('etag') ?? '*' }
    return whatChanged(
      policy,
      io,
      api.call('putPolicy', { params, body: { policy: { ...record, enabled } }, headers: condition }),
    )
  })
  const word = enabled ? 'enabled' : 'off'
  if (json) io.out(`${safeJson(answer)}\n`)
  else
    io.out(
      answer.updated
        ? `${safe(policy)} is ${word}: version ${answer.version}${leafOf(answer.ledger)}.\n`
        : `${safe(policy)} is ${word} already.\n`,
    )
  return exit.ok
}

export const policyEnable = command({
  name: 'policy enable',
  summary: 'Switch a policy on',
  operands: id,
  options: apiOptions,
  examples: ['sudo ./sealwatch policy enable web'],
  run: (at, [policy = ''], context) => turn(true, at, policy, context),
})

export const policyDisable = command({
  name: 'policy disable',
  summary: 'Switch a policy off, and keep it',
  operands: id,
  options: apiOptions,
  examples: ['sudo ./sealwatch policy disable web'],
  run: (at, [policy = ''], context) => turn(false, at, policy, context),
})

export const policyHistory = command({
  name: 'policy history',
  summary: 'The versions of a policy: what changed it, who, when, and where the ledger says so',
  operands: id,
  options: {
    ...apiOptions,
    limit: integer({ takes: 'N', help: 'At most so many, newest first (default: 20)', min: 1, max: 500, absent: 20 }),
  },
  examples: ['sudo ./sealwatch policy history web', 'sudo ./sealwatch policy history web --limit 500 --json'],
  run: async ({ limit, ...at }, [policy = ''], { io, place, json }) => {
    const { items } = await withApi({ ...at, io, place }, `reading the versions of ${policy}`, (api) =>
      api.call('listPolicyVersions', { params: { id: policy }, query: { limit } }),
    )
    if (json) io.out(`${safeJson({ items })}\n`)
    else
      io.out(
        columns([
          ['VERSION', 'CHANGE', 'AT', 'BY', 'LEAF', 'DIGEST'],
          ...items.map((row) => [
            String(row.version),
            row.change,
            toSecond(row.changed_at),
            safe(row.changed_by),
            String(row.leaf_index ?? 'waits'),
            row.digest?.slice(0, 16) ?? '-',
          ]),
        ]),
      )
    return exit.ok
  },
})

export const policyDelete = command({
  name: 'policy delete',
  summary: 'Delete a policy; its versions are kept',
  operands: id,
  options: { ...apiOptions, 'if-match': ifMatch },
  examples: ['sudo ./sealwatch policy delete web', 'sudo ./sealwatch policy show web --version 3 > web.json'],
  run: async (options, [policy = ''], { io, place, json }) => {
    const { tenant, server } = options
    const etag = options['if-match']
    const headers = etag === undefined ? {} : { 'if-match': etag }
    const answer = await withApi({ tenant, server, io, place }, `deleting the policy ${policy}`, (api) =>
      whatChanged(policy, io, api.call('deletePolicy', { params: { id: policy }, headers })),
    )
    io.out(
      json
        ? `${safeJson(answer)}\n`
        : `${safe(policy)} is deleted: version ${answer.version}${leafOf(answer.ledger)}.\n`,
    )
    return exit.ok
  },
})
