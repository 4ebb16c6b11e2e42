// SPDX-License-Identifier: Apache-2.0

import { fork } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { rootAt } from '../../test/api/server.ts'
import { startChild } from '../child.ts'
import { type Figure, figureOf, medianOf, quantileOf } from '../figure.ts'
import { temporary } from '../material.ts'
import { attacks, startHostile } from './hostile.ts'
import type { Latencies, LoadService, Said, Told, Where } from './load.ts'

const producers = 999
/** Long enough that each has the collections of V8 that it makes: one of the whole heap every ten to twenty seconds. */
const turn = { perSecond: 100, seconds: 15, rows: 10 }
/** The first one warms the server up. */
const rushes = [2000, 1000]
const atOnce = 16

/**
 * A thousand services of one tenant: half send by gRPC and half to the API, each on a connection of its own, ten signed rows
 * every ten seconds. Then one of them is hostile: at either door it floods, or holds what it can get and is slow.
 */
export async function* benchProducers(runs = 3): AsyncGenerator<Figure> {
  await using dir = await temporary()
  const serverDir = join(dir.path, 'server')
  const trustStore = join(dir.path, 'trust-store.json')
  const { services, file } = made()
  writeFileSync(trustStore, file)
  await using server = await startChild('ingest-server.ts', serverDir, {
    SEALWATCH_SERVER_TRUST_STORE: trustStore,
    // Everybody comes from one address here.
    SEALWATCH_SERVER_API_PER_ADDRESS: '1000000',
    SEALWATCH_SERVER_CONNECTIONS_PER_ADDRESS: '4096',
    // Not a loopback address: TLS, as everywhere else.
    SEALWATCH_SERVER_API_ADDRESS: '0.0.0.0',
  })
  const api = rootAt(join(serverDir, 'api.sock'))('default')
  const tokenOf = async (service: string) => {
    const body = { name: service, actions: ['rows:write'], service, ttl_seconds: 3600 }
    return (await api.call('createToken', { body })).token
  }
  const all: LoadService[] = []
  for (let from = 0; from < services.length; from += atOnce) {
    const some = services.slice(from, from + atOnce)
    all.push(...(await Promise.all(some.map(async (one) => ({ ...one, token: await tokenOf(one.name) })))))
  }
  const pem = readFileSync(join(serverDir, 'keys', 'ca.pem'), 'utf8')
  const ca = pem.slice(pem.indexOf('-----BEGIN CERTIFICATE'))
  const where: Where = { port: server.port, apiPort: Number(new URL(server.api).port), ca }
  const [hostile, ...others] = all as [LoadService, ...LoadService[]]
  await using load = await startLoad(others, where)

  const cpuMs: number[] = []
  const perSecond: number[] = []
  for (const requests of rushes) {
    const before = server.cpuSeconds()
    perSecond.push(requests / (await load.rush(requests)))
    cpuMs.push((1e3 * (server.cpuSeconds() - before)) / requests)
  }

  const calm: Latencies[] = []
  const beside = attacks.map((): Latencies[] => [])
  await load.turn()
  for (let run = 0; run < runs; run += 1)
    for (const [i, attack] of attacks.entries()) {
      if (i % 2 === 0) calm.push(await load.turn())
      const attacker = await startHostile({ ...where, ...attack, service: hostile })
      beside[i]?.push(await load.turn())
      await attacker.stop()
    }
  for (const door of ['grpc', 'rest'] as const) {
    const quantilesOf = (turns: readonly Latencies[], quantile: number) =>
      turns.map((one) => quantileOf(one[door], quantile))
    for (const quantile of [0.5, 0.99]) {
      const alone = quantilesOf(calm, quantile)
      const name = `producers.${door}-p${100 * quantile}`
      yield figureOf(name, 'ms', alone)
      for (const [i, { at, kind }] of attacks.entries()) {
        const figure = figureOf(`${name}-${kind}-${at}`, 'ms', quantilesOf(beside[i] as Latencies[], quantile))
        const ratio = Number((figure.median / medianOf(alone)).toFixed(3))
        yield { ...figure, peer: 'the same without it', peer_median: Number(medianOf(alone).toPrecision(3)), ratio }
      }
    }
  }
  yield figureOf('producers.rush', 'requests/s', perSecond.slice(1))
  yield figureOf('producers.cpu', 'ms/request', cpuMs.slice(1))
  yield figureOf('producers.memory', 'MB', [server.peakMb()])
}

/** The services, with a key each, and the trust-store file that names them. */
function made(): { readonly services: readonly Omit<LoadService, 'token'>[]; readonly file: string } {
  const services: Omit<LoadService, 'token'>[] = []
  const named: Record<string, object> = {}
  for (let i = 0; i <= producers; i += 1) {
    const name = `service-${i}`
    const { publicKey, privateKey } = generateKeyPairSync('ed25519')
    const public_key = publicKey.export({ type: 'spki', format: 'der' }).toBase64()
    const key = {
      key_id: name,
      algorithm: 'ed25519',
      public_key,
      valid_from: '2020-01-01T00:00:00Z',
      valid_until: null,
    }
    named[name] = { keys: [key] }
    services.push({ name, key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string })
  }
  return { services, file: JSON.stringify({ version: 1, tenants: { default: { services: named } } }) }
}

async function startLoad(services: readonly LoadService[], where: Where) {
  // What it collects is not what is measured.
  const execArgv = ['--disable-warning=ExperimentalWarning', '--expose-gc', '--max-semi-space-size=32']
  const child = fork(join(import.meta.dirname, 'load.ts'), { execArgv })
  const ended = once(child, 'exit')
  const failed = ended.then(() => [{ failed: 'it ended' }])
  async function ask<K extends string>(told: Told, wanted: K): Promise<Extract<Said, Record<K, unknown>>> {
    const answered = once(child, 'message')
    child.send(told)
    const [said] = (await Promise.race([answered, failed])) as [Said]
    if (wanted in said) return said as Extract<Said, Record<K, unknown>>
    throw new Error(`the load: ${JSON.stringify(said)}`)
  }
  await ask({ connect: services, where }, 'connected')
  return {
    rush: async (requests: number) => (await ask({ rush: { requests, rows: turn.rows } }, 'seconds')).seconds,
    turn: async () => (await ask({ turn }, 'latencies')).latencies,
    [Symbol.asyncDispose]: async () => {
      child.disconnect()
      await ended
    },
  }
}
