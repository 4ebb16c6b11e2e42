// SPDX-License-Identifier: Apache-2.0

import type { ApiClient, Operations } from '@sealwatch/contract/api'
import { type GuardConfig, guardModes, guardSteps, type StepMode, stepModes } from '@sealwatch/contract/guard-config'
import { apiOptions, withApi } from '../api.ts'
import { command, exit, form, integer, text } from '../command.ts'
import { cliError } from '../errors.ts'
import { everyHost, hostMeant } from '../host/host-meant.ts'
import { readJsonFile } from '../json-file.ts'
import { fileOf, type Place } from '../place.ts'
import { type AgentStatus, cannotPrevent } from '../status/types.ts'
import { columns, counted, paint, safe, safeJson, toSecond } from '../terminal.ts'
import { because, becauseOf, laterThan } from './until.ts'

type Allowance = Operations['listAllowances']['answer']['items'][number]

const where = {
  host: text({
    takes: 'HOST',
    help: 'A host, by its id, the first six digits of it, or its name (default: this machine, or the only one there is)',
  }),
  group: text({ takes: 'GROUP', help: 'All hosts of this group, in the place of one' }),
}
const whoIsMeant = `A host is told by a group of its own, host-ID, which comes last of those that it is in; it is made where there is none.`

/** The group that is meant; of a host its own one, which it is put into. */
async function groupMeant(
  api: ApiClient,
  { host, group }: { readonly host: string | undefined; readonly group: string | undefined },
  cause: string,
  attempted: string,
  place: Place,
): Promise<string> {
  if (group !== undefined && host !== undefined)
    throw cliError('CLI_USAGE', { attempted, received: '--host and --group', advice: 'Give one of them' })
  if (group !== undefined) return group
  const { hostId = null } = (await readJsonFile<AgentStatus>(fileOf.agentStatus(place))) ?? {}
  const host_id = await hostMeant(api, host, attempted, hostId ?? undefined)
  const own = `host-${host_id.slice(0, 12)}`
  const known = (await api.call('listHostGroups')).items.some((one) => one.group === own)
  if (!known)
    await api.call('setHostGroupConfig', { params: { group: own }, body: { config: {}, cause, base_version: 0 } })
  const { groups } = await api.call('getHost', { params: { host_id } })
  if (!groups.includes(own))
    await api.call('assignHostGroups', { params: { host_id }, body: { groups: [...groups, own], cause } })
  return own
}

/** Makes the next version of what a group says of the guard. */
async function change(api: ApiClient, group: string, cause: string, of: (guard: GuardConfig) => GuardConfig) {
  const newest = (await api.call('listHostGroups')).items.find((one) => one.group === group)
  const config = newest?.config ?? {}
  const body = {
    config: { ...config, guard: of((config.guard ?? {}) as GuardConfig) },
    cause,
    base_version: newest?.version ?? 0,
  }
  return api.call('setHostGroupConfig', { params: { group }, body })
}

const until = laterThan('seven days at most')

export const guardAllow = command({
  name: 'guard allow',
  summary: 'Let somebody past the guard until a moment, for debugging; what is let is recorded',
  about: `At least one of --exe and --user says whom. It ends by itself, on the host, too, and though the clock is set back; each of its uses is a
guard_allowed event. ${whoIsMeant}`,
  options: {
    ...apiOptions,
    ...where,
    exe: text({ takes: 'PATH', help: 'A program, by its absolute path on the host' }),
    user: text({ takes: 'NAME', help: 'An account of the host, or its number' }),
    target: text({ takes: 'NAME', help: 'Only for this protected entry (default: any)' }),
    until,
    because,
  },
  examples: [
    "sudo ./sealwatch guard allow --exe /usr/bin/gdb --until 2h --because 'a crash is looked into'",
    "sudo ./sealwatch guard allow --exe /usr/bin/strace --user alice --target vault --host web-1 --until 30m --because 'it hangs'",
  ],
  run: async (
    { exe, user, target, until: end, because: cause, host, group, ...at },
    _operands,
    { io, place, json },
  ) => {
    const attempted = 'letting somebody past the guard'
    const why = becauseOf(cause, attempted, 'a crash is looked into')
    if (end === undefined) throw cliError('CLI_USAGE', { attempted, advice: 'Say when it ends: --until 2h' })
    if (exe === undefined && user === undefined)
      throw cliError('CLI_USAGE', { attempted, advice: 'Say whom: --exe /usr/bin/gdb, --user NAME, or both' })
    const whom = {
      ...(exe !== undefined && { exe }),
      ...(user !== undefined && (/^\d+$/.test(user) ? { uid: Number(user) } : { user })),
      ...(target !== undefined && { target }),
    }
    const { answer, named } = await withApi({ ...at, io, place }, attempted, async (api) => {
      const meant = await groupMeant(api, { host, group }, why, attempted, place)
      const body = { group: meant, ...whom, until: end(io.clock.nowMs()), cause: why }
      const answer = await api.call('giveAllowance', { body })
      return { answer, named: target === undefined ? undefined : await namedHere(api, place, meant, target) }
    })
    const { id, until: ends, target: only } = answer.allowance
    const reach = only === null ? 'any protected process' : `what is protected as ${safe(only)}`
    io.out(
      json
        ? `${safeJson(answer)}\n`
        : `${id} lets ${safe(whomOf(answer.allowance))} reach for ${reach} until ${toSecond(ends)}. End it before: sealwatch guard disallow ${id}\n`,
    )
    if (!json && named !== undefined)
      io.err(
        named === 0
          ? `${paint(io, 'yellow', 'WARN')} Nothing of that name is protected here now: sudo ./sealwatch status names what is.\n`
          : `That is ${counted(named, 'process', 'processes')} here now.\n`,
      )
    return exit.ok
  },
})

const whomOf = ({ exe, uid, user }: Allowance): string =>
  [exe, uid === null ? null : `uid ${uid}`, user].filter((part) => part !== null).join(' as ')

export const guardAllowances = command({
  name: 'guard allowances',
  summary: 'Whom guards let, until when, by whose word and why',
  options: apiOptions,
  examples: ['sudo ./sealwatch guard allowances'],
  run: async (at, _operands, { io, place, json }) => {
    const { items } = await withApi({ ...at, io, place }, 'listing allowances', (api) => api.call('listAllowances'))
    if (json) io.out(`${safeJson({ items })}\n`)
    else if (items.length === 0) io.err('There is none.\n')
    else
      io.out(
        columns([
          ['ID', 'GROUP', 'WHOM', 'FOR', 'UNTIL', 'BY', 'WHY'],
          ...items.map((one) => [
            safe(one.id),
            safe(one.group),
            safe(whomOf(one), 80),
            safe(one.target ?? 'any'),
            toSecond(one.until),
            safe(one.by),
            safe(one.why, 80),
          ]),
        ]),
      )
    return exit.ok
  },
})

export const guardDisallow = command({
  name: 'guard disallow',
  summary: 'End an allowance before its time',
  operands: [{ name: 'ID', required: true }],
  options: {
    ...apiOptions,
    because: text({ takes: 'TEXT', help: 'Why, for the ledger; left out, it says that no reason was given' }),
  },
  examples: ['sudo ./sealwatch guard disallow alw_0123456789ab'],
  run: async ({ because: cause = 'no reason was given', ...at }, [allowance = ''], { io, place, json }) => {
    const answer = await withApi({ ...at, io, place }, `ending the allowance ${allowance}`, (api) =>
      api.call('endAllowance', { params: { allowance }, body: { cause } }),
    )
    io.out(json ? `${safeJson(answer)}\n` : `${safe(allowance)} is over.\n`)
    return exit.ok
  },
})

export const guardMode = command({
  name: 'guard mode',
  summary: 'Let guards answer (on), only tell (observe), or not look (off)',
  about: `What is not on is told loudly: an alert, in \`host show\`, \`doctor\`, /healthz and the dashboard. ${whoIsMeant}`,
  operands: [{ name: 'MODE', required: true }],
  options: { ...apiOptions, ...where, because },
  examples: ["sudo ./sealwatch guard mode observe --host web-1 --because 'a profiler runs today'"],
  run: async ({ because: cause, host, group, ...at }, [typed = ''], { io, place, json }) => {
    const attempted = `letting guards ${typed}`
    const mode = guardModes.find((one) => one === typed)
    if (mode === undefined)
      throw cliError('CLI_USAGE', { attempted, received: typed, advice: `MODE is one of ${guardModes.join(', ')}` })
    const why = becauseOf(cause, attempted, 'a crash is looked into')
    const answer = await withApi({ ...at, io, place }, attempted, async (api) =>
      change(api, await groupMeant(api, { host, group }, why, attempted, place), why, (guard) => ({ ...guard, mode })),
    )
    const told = `${safe(answer.group.group)} is at version ${answer.group.version}: the guard of its hosts is ${mode}.`
    io.out(json ? `${safeJson(answer)}\n` : `${mode === 'on' ? told : paint(io, 'yellow', `WARN ${told}`)}\n`)
    return exit.ok
  },
})

/** What the guard of this machine says, where that is of the group. */
async function guardHere(api: ApiClient, place: Place, group: string) {
  const agent = await readJsonFile<AgentStatus>(fileOf.agentStatus(place))
  const { hostId = null, guard = null } = agent ?? {}
  if (hostId === null || guard === null || !guard.connected) return undefined
  const isOf = (await everyHost(api)).some(({ host_id, groups }) => host_id === hostId && groups.includes(group))
  return isOf ? guard : undefined
}

/** The processes that a name is of on this machine; undefined: that is not known. */
async function namedHere(api: ApiClient, place: Place, group: string, name: string): Promise<number | undefined> {
  const guard = await guardHere(api, place, group)
  if (guard?.names === undefined) return undefined
  const found = guard.names.find((one) => one.name === name)?.processes ?? 0
  // Of many names not all are told.
  const told = guard.names.reduce((sum, { processes }) => sum + processes, 0)
  return found > 0 || told === guard.protected ? found : undefined
}

const stepOption = (help: string) =>
  form({ takes: 'HOW', help, form: new RegExp(`^(${stepModes.join('|')})$`), mustBe: stepModes.join(', ') })

export const guardResponses = command({
  name: 'guard responses',
  summary: 'Say what guards do against an attempt: each step on, dry-run or off',
  about: `What is left out stays as it is. What a kernel can prevent: docs/kernels.md. dry-run tells what would be done, and does it not. ${whoIsMeant}`,
  options: {
    ...apiOptions,
    ...where,
    kill: stepOption(
      'End whoever reached for the memory, with all that descends from them; who only looked around is left',
    ),
    evict: stepOption('Wipe the keys in memory'),
    rotate: stepOption('Change the master key'),
    prevent: stepOption('Have the kernel refuse whoever reaches for memory or key files, where it can'),
    cooldown: integer({
      takes: 'SECONDS',
      help: 'So long after a step it rests for the same entry; what came meanwhile is answered then',
      min: 1,
      max: 86_400,
      absent: 0,
    }),
    because,
  },
  examples: ["sudo ./sealwatch guard responses --kill on --cooldown 60 --because 'the trial is over'"],
  run: async (
    { kill, evict, rotate, prevent, cooldown, because: cause, host, group, ...at },
    _operands,
    { io, place, json },
  ) => {
    const attempted = 'saying what guards do'
    const why = becauseOf(cause, attempted, 'a crash is looked into')
    const given = { kill, evict, rotate }
    const steps = guardSteps.flatMap((step) =>
      given[step] === undefined ? [] : [[step, given[step] as StepMode] as const],
    )
    if (steps.length === 0 && prevent === undefined && cooldown === 0)
      throw cliError('CLI_USAGE', {
        attempted,
        advice: 'Name a step: --kill on, --evict dry-run, --rotate off, --cooldown 60',
      })
    const { answer, cannot } = await withApi({ ...at, io, place }, attempted, async (api) => {
      const meant = await groupMeant(api, { host, group }, why, attempted, place)
      const answer = await change(api, meant, why, (guard) => ({
        ...guard,
        ...(steps.length > 0 && { responses: { ...guard.responses, ...Object.fromEntries(steps) } }),
        ...(prevent !== undefined && { prevent: prevent as StepMode }),
        ...(cooldown > 0 && { cooldown_seconds: cooldown }),
      }))
      const isAsked = prevent !== undefined && prevent !== 'off'
      return { answer, cannot: isAsked && ((await guardHere(api, place, meant))?.preventsNothing ?? null) !== null }
    })
    const said = [
      ...steps.map(([step, mode]) => `${step} ${mode}`),
      ...(prevent === undefined ? [] : [`prevent ${prevent}`]),
      ...(cooldown > 0 ? [`cool-down ${cooldown} s`] : []),
    ]
    io.out(
      json
        ? `${safeJson(answer)}\n`
        : `${safe(answer.group.group)} is at version ${answer.group.version}: ${said.join(', ')}.\n`,
    )
    if (!json && cannot) io.err(`${paint(io, 'yellow', 'WARN')} On this machine nobody is refused: ${cannotPrevent}.\n`)
    else if (!json && prevent !== undefined && prevent !== 'off')
      io.err('Where a kernel cannot refuse (docs/kernels.md), sealwatch status and doctor on that host say so.\n')
    return exit.ok
  },
})
