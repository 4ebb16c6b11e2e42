// SPDX-License-Identifier: Apache-2.0

import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '@sealwatch/base'
import type { Admin } from '../admin.ts'
import { readJsonFile } from '../json-file.ts'
import { fileOf, type Place } from '../place.ts'
import type { AgentStatus, ServerStatus } from '../status/types.ts'
import { type BuiltInLogin, providerAnswers } from './built-in-login.ts'
import type { RunningPart } from './part.ts'
import { serviceUsers } from './users.ts'

export type Step = 'server' | 'agent' | 'sensor' | 'sign-in'
export type Progress = {
  readonly step: Step
  readonly state: 'waiting' | 'done' | 'warning'
  readonly detail: string
  readonly ms: number
}

type Given = {
  readonly place: Place
  readonly admin: Admin
  readonly parts: Readonly<Record<'agent', RunningPart>>
  /** The provider of this machine, where it is started. */
  readonly login: BuiltInLogin | undefined
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly report: (progress: Progress) => void
}

const pollMs = 15
/** Besides its own tenant's chain every agent has one of this. */
const clusterTenant = 'cluster'
const tokenTtlSeconds = 600

/** Resolves when the server answers, the agent is registered and the sensor attached; they wait side by side. */
export async function awaitReady(given: Given): Promise<ServerStatus | undefined> {
  const { clock, report, signal, login } = given
  const began = clock.nowMs()
  const step = async (
    name: Step,
    detail: string,
    wait: () => Promise<{ detail: string; warning?: boolean } | undefined>,
  ) => {
    const ms = () => clock.nowMs() - began
    report({ step: name, state: 'waiting', detail, ms: 0 })
    const outcome = await wait()
    if (outcome !== undefined)
      report({ step: name, state: outcome.warning === true ? 'warning' : 'done', detail: outcome.detail, ms: ms() })
  }
  let server: ServerStatus | undefined
  const serverUp = poll(clock, signal, () => askStatus(given.admin))
  await Promise.all([
    step('server', 'opening the ledger', async () => {
      server = await serverUp
      return server && { detail: 'answers on its control socket' }
    }),
    step('agent', 'registering this host', async () => {
      const agent = await registered(given, serverUp)
      return agent && { detail: `registered as ${agent.hostId}` }
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
    ...(login === undefined
      ? []
      : [
          step('sign-in', 'starting the built-in provider', async () => {
            const answers = await poll(clock, signal, () => providerAnswers(login))
            return answers && { detail: 'through the built-in provider, by links alone' }
          }),
        ]),
  ])
  return signal.aborted ? undefined : server
}

/** The agent's own word, if it is this life's. */
async function agentStatusOf({ place, parts }: Given): Promise<AgentStatus | undefined> {
  const status = await readJsonFile<AgentStatus>(fileOf.agentStatus(place))
  return status?.pid === parts.agent.state().task?.pid ? status : undefined
}

async function registered(given: Given, serverUp: Promise<unknown>): Promise<AgentStatus | undefined> {
  const { clock, signal } = given
  const status = await poll(clock, signal, () => agentStatusOf(given))
  if (status?.state === 'unenrolled' && (await serverUp) !== undefined) {
    const tenant = status.chains.find(({ tenant: of }) => of !== clusterTenant)?.tenant ?? clusterTenant
    const token = await poll(clock, signal, () => askToken(given.admin, tenant))
    if (token !== undefined) await handToken(given.place, token)
  }
  return await poll(clock, signal, async () => {
    const now = await agentStatusOf(given)
    return now?.state === 'registered' ? now : undefined
  })
}

/** The folder is the agent's own, so nothing that lies there may be followed or reused. */
async function handToken(place: Place, token: string): Promise<void> {
  const path = join(place.data, 'agent/join-token')
  await rm(path, { force: true })
  await using file = await open(path, 'wx', 0o600)
  await file.writeFile(token)
  await file.chown(serviceUsers.agent.uid, serviceUsers.agent.gid)
}

async function attached(given: Given) {
  return await poll(given.clock, given.signal, async () => {
    const sensor = (await agentStatusOf(given))?.sensor
    return sensor?.connected === true ? sensor : undefined
  })
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
