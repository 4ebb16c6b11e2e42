// SPDX-License-Identifier: Apache-2.0

import type { Clock } from '@sealwatch/base'
import type { Admin } from '../admin.ts'
import { readJsonFile } from '../json-file.ts'
import { fileOf, type Place } from '../place.ts'
import { type AgentStatus, type ServerStatus, saysRevoked } from '../status/types.ts'
import { type BuiltInLogin, providerAnswers } from './built-in-login.ts'
import { handToken } from './hand-token.ts'
import type { RunningPart } from './part.ts'

export type Step = 'server' | 'agent' | 'sensor' | 'guard' | 'sign-in'
export type Progress = {
  readonly step: Step
  /** `troubled`: it waits, and the detail says what for. */
  readonly state: 'waiting' | 'troubled' | 'done' | 'warning'
  readonly detail: string
  readonly ms: number
}

type Given = {
  readonly place: Place
  /** Of the server, where it runs here. */
  readonly admin: Admin | undefined
  readonly parts: Readonly<Record<'agent', RunningPart>>
  /** The provider of this machine, where it is started. */
  readonly login: BuiltInLogin | undefined
  /** A guard is started. */
  readonly isGuarded: boolean
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Called when the agent says that it cannot be enrolled. */
  readonly giveUp: () => void
  readonly report: (progress: Progress) => void
}

const pollMs = 15
/** Besides its own tenant's chain every agent has one of this. */
const clusterTenant = 'cluster'
const tokenTtlSeconds = 600
/** What is in the way for longer than this is said while it is waited for. */
const quietMs = 3_000
/** So long the server of a machine that has joined one may be away before what is seen waits for it. */
const awayMs = 10_000

/** What is ready: the server, where it runs here. */
export type Ready = { readonly server: ServerStatus | undefined }

/** Resolves when the server answers, the agent is registered and the sensor attached; they wait side by side. */
export async function awaitReady(given: Given): Promise<Ready | undefined> {
  const { admin, clock, report, signal, login, isGuarded } = given
  const began = clock.nowMs()
  const step = async (
    name: Step,
    detail: string,
    wait: (tell: (why: string) => void) => Promise<{ detail: string; warning?: boolean } | undefined>,
  ) => {
    const ms = () => clock.nowMs() - began
    report({ step: name, state: 'waiting', detail, ms: 0 })
    const outcome = await wait((why) =>
      report({ step: name, state: 'troubled', detail: `${detail}: ${why}; trying again`, ms: 0 }),
    )
    if (outcome !== undefined)
      report({ step: name, state: outcome.warning === true ? 'warning' : 'done', detail: outcome.detail, ms: ms() })
  }
  let server: ServerStatus | undefined
  const serverUp = admin && poll(clock, signal, () => askStatus(admin))
  await Promise.all([
    ...(serverUp === undefined
      ? []
      : [
          step('server', 'opening the ledger', async () => {
            server = await serverUp
            return server && { detail: 'answers on its control socket' }
          }),
        ]),
    step('agent', 'registering this host', async (tell) => {
      const agent = await registered(given, serverUp, tell)
      if (agent === undefined || agent.state === 'registered')
        return agent && { detail: `registered as ${agent.hostId}` }
      const why = agent.trouble?.refuses ? `refuses it (${agent.trouble.text})` : 'does not answer'
      return { detail: `enrolled as ${agent.hostId}; the server ${why}, and what is seen waits`, warning: true }
    }),
    step('sensor', 'attaching to the kernel', async () => {
      const sensor = await attached(given)
      if (sensor === undefined) return undefined
      const sites = Object.entries(sensor.sites).filter(([, site]) => site.attached || site.reason !== '')
      const by =
        sensor.unseen.length === 0 ? '' : ` by ${sensor.modes.process} and ${sensor.modes.file}, which see less`
      const failed = sites.filter(([, site]) => !site.attached).map(([name]) => name)
      const detail = `${sites.length - failed.length} of ${sites.length} sites attached${by}`
      return failed.length === 0
        ? { detail, warning: by !== '' }
        : { detail: `${detail}, without ${failed.join(', ')}`, warning: true }
    }),
    ...(isGuarded
      ? [
          step('guard', 'taking its post', async () => {
            const mode = await poll(clock, signal, () => guardMode(given))
            return mode === undefined ? undefined : { detail: `mode ${mode}`, warning: mode !== 'on' }
          }),
        ]
      : []),
    ...(login === undefined
      ? []
      : [
          step('sign-in', 'starting the built-in provider', async () => {
            const answers = await poll(clock, signal, () => providerAnswers(login))
            return answers && { detail: 'through the built-in provider, by links alone' }
          }),
        ]),
  ])
  return signal.aborted ? undefined : { server }
}

/** The agent's own word, if it is this life's. */
export async function agentStatusOf({
  place,
  parts,
}: Pick<Given, 'place' | 'parts'>): Promise<AgentStatus | undefined> {
  const status = await readJsonFile<AgentStatus>(fileOf.agentStatus(place))
  return status?.pid === parts.agent.state().task?.pid ? status : undefined
}

async function registered(
  given: Given,
  serverUp: Promise<unknown> | undefined,
  tell: (why: string) => void,
): Promise<AgentStatus | undefined> {
  const { admin, clock, signal } = given
  const status = await poll(clock, signal, () => agentStatusOf(given))
  if (status?.state === 'unenrolled' && admin !== undefined && (await serverUp) !== undefined) {
    const tenant = status.chains.find(({ tenant: of }) => of !== clusterTenant)?.tenant ?? clusterTenant
    const token = await poll(clock, signal, () => askToken(admin, tenant))
    if (token !== undefined) await handToken(given.place, token)
  }
  const beganMs = clock.nowMs()
  let told: string | undefined
  return await poll(clock, signal, async () => {
    const now = await agentStatusOf(given)
    if (now?.state === 'registered' || admin !== undefined) return now?.state === 'registered' ? now : undefined
    if (now === undefined) return undefined
    const { state, trouble } = now
    // Nobody brings another token, and a host that is revoked stays so: what the server refused stays refused.
    if (trouble?.refuses && (state === 'unenrolled' || saysRevoked(trouble.text))) {
      given.giveUp()
      return undefined
    }
    const waitedMs = clock.nowMs() - beganMs
    if (trouble && trouble.text !== told && waitedMs >= quietMs) {
      told = trouble.text
      tell(told)
    }
    return state === 'connecting' && waitedMs >= awayMs ? now : undefined
  })
}

async function attached(given: Given) {
  return await poll(given.clock, given.signal, async () => {
    const sensor = (await agentStatusOf(given))?.sensor
    return sensor?.connected === true ? sensor : undefined
  })
}

async function guardMode(given: Given): Promise<string | undefined> {
  const guard = (await agentStatusOf(given))?.guard
  return guard?.connected === true ? guard.mode : undefined
}

async function askStatus(admin: Admin): Promise<ServerStatus | undefined> {
  try {
    return JSON.parse((await admin.getStatus({})).status) as ServerStatus
  } catch {
    return undefined
  }
}

/** The server may die between its first answer and this. */
async function askToken(admin: Admin, tenant: string): Promise<string | undefined> {
  try {
    return (await admin.createJoinToken({ tenant, ttlSeconds: tokenTtlSeconds })).token
  } catch {
    return undefined
  }
}

async function poll<T>(clock: Clock, signal: AbortSignal, ask: () => Promise<T | undefined>): Promise<T | undefined> {
  while (!signal.aborted) {
    const answer = await ask()
    if (answer !== undefined) return answer
    await clock.sleep(pollMs, signal)
  }
  return undefined
}
