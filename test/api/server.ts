// SPDX-License-Identifier: Apache-2.0
// The whole control plane in a folder of its own, and the two ways to ask it.

import { mkdtempSync, rmSync } from 'node:fs'
import { request as ask } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Clock, createLog, type Disk, readConfig, systemClock, systemDisk, together } from '@sealwatch/base'
import { type ApiClient, type ApiRequest, type ApiResponse, createApiClient } from '@sealwatch/contract/api'
import { openRequestModel } from '@sealwatch/detect/open-judge'
import { chooseSigner, prepareSigners, readSignerSettings } from '@sealwatch/keys'
import { kmsMasterKey } from '@sealwatch/keys/sealing'
import { type DashboardFile, openApiSocket } from '../../apps/server/src/api/index.ts'
import { runServer } from '../../apps/server/src/compose.ts'
import { serverConfigPrefix, serverSettings } from '../../apps/server/src/config.ts'
import { readRequestRules, readRuleFiles, standardRules } from '../../apps/server/src/detect/index.ts'
import { prepareIndexThread } from '../../apps/server/src/ingest/index.ts'
import { noticePlaces, readMail } from '../../apps/server/src/notify/index.ts'
import { preparePolicyChecks } from '../../apps/server/src/policies/index.ts'

export type Asked = {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
}

export type TestServer = AsyncDisposable & {
  readonly dir: string
  readonly url: string
  /** Where agents connect. */
  readonly agentPort: number
  readonly socketPath: string
  readonly log: readonly string[]
  /** As root, in a tenant. */
  root(tenant: string): ApiClient
  /** Over the network; nothing is added to what is given. */
  send(request: {
    method: string
    path: string
    headers?: Record<string, string>
    body?: string | Buffer
  }): Promise<Asked>
  /** By an API token. */
  by(token: string): ApiClient
}

export async function startServer(
  settings: Record<string, string> = {},
  dashboard?: readonly DashboardFile[],
  /** `dir`: one that stays; of its own, it goes with the server. */
  at: { readonly dir?: string; readonly disk?: Disk; readonly clock?: Clock } = {},
): Promise<TestServer> {
  const dir = at.dir ?? mkdtempSync(join(tmpdir(), 'sealwatch-test-api-'))
  const clock = at.clock ?? systemClock
  const stop = new AbortController()
  const log: string[] = []
  const socketPath = join(dir, 'api.sock')
  const env = {
    SEALWATCH_SERVER_DATA_DIR: dir,
    SEALWATCH_SERVER_RUN_DIR: dir,
    SEALWATCH_SERVER_PORT: '0',
    SEALWATCH_SERVER_API_PER_ADDRESS: '100000',
    SEALWATCH_SERVER_API_PER_TENANT: '100000',
    ...settings,
  }
  const serving = Promise.withResolvers<{ api: string; port: number }>()
  const serverLog = createLog(
    'server',
    (line) => {
      log.push(line)
      const { msg, api, port } = JSON.parse(line) as { msg: string; api: string; port: number }
      if (msg === 'serving') serving.resolve({ api, port })
    },
    clock.nowMs,
  )
  const indexThread = await prepareIndexThread()
  const policyChecks = await preparePolicyChecks({ clock: systemClock, log: serverLog })
  const config = readConfig(serverSettings, env, serverConfigPrefix)
  const running = runServer({
    config,
    api: await openApiSocket(socketPath, systemClock),
    hardening: together(),
    indexThread,
    policyChecks,
    dashboard,
    kms: kmsMasterKey({ clock }),
    ruleFiles: readRuleFiles(standardRules),
    requestRules: readRequestRules(''),
    requestModel: openRequestModel(),
    signers: await prepareSigners(chooseSigner(readSignerSettings({})), clock),
    provider: undefined,
    witnessPolicy: undefined,
    noticePlaces: noticePlaces(config),
    mailPlan: readMail(config),
    clock,
    disk: at.disk ?? systemDisk,
    log: serverLog,
    signal: stop.signal,
  })
  const { api: url, port: agentPort } = (await Promise.race([serving.promise, running])) as {
    api: string
    port: number
  }
  const root = rootAt(socketPath)
  const network = (request: ApiRequest) => carried({ ...request, url })
  return {
    dir,
    url,
    agentPort,
    socketPath,
    log,
    root,
    by: (token) => createApiClient(network, () => ({ authorization: `Bearer ${token}` })),
    send: async ({ method, path, headers = {}, body }) => {
      const { status, text, all } = await carried({ method, path, headers, body, url })
      return { status, text, headers: all }
    },
    [Symbol.asyncDispose]: async () => {
      stop.abort('the end of the test')
      await running
      await indexThread[Symbol.asyncDispose]()
      if (at.dir === undefined) rmSync(dir, { recursive: true })
    },
  }
}

/** Whoever may open the control socket, in a tenant. */
export const rootAt =
  (socketPath: string) =>
  (tenant: string): ApiClient =>
    createApiClient(
      (request) => carried({ ...request, socketPath }),
      () => ({ 'sealwatch-tenant': tenant }),
    )

type Carry = Omit<ApiRequest, 'body'> & { readonly body?: string | Buffer | undefined } & (
    | { readonly url: string }
    | { readonly socketPath: string }
  )

/** The path goes out as it is given, however wrong. */
function carried({
  method,
  path,
  headers,
  body,
  ...where
}: Carry): Promise<ApiResponse & { all: Record<string, string> }> {
  return new Promise((resolve, reject) => {
    const place =
      'url' in where ? { host: '127.0.0.1', port: new URL(where.url).port } : { socketPath: where.socketPath }
    const request = ask({ ...place, method, path, headers, agent: false }, (response) => {
      const pieces: Buffer[] = []
      response.on('data', (piece: Buffer) => pieces.push(piece))
      response.once('error', reject)
      response.once('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: { get: (name) => [response.headers[name]].flat()[0] ?? null },
          all: response.headers as Record<string, string>,
          text: Buffer.concat(pieces).toString('utf8'),
        }),
      )
    })
    request.once('error', reject)
    request.end(body)
  })
}
