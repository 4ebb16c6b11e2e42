// SPDX-License-Identifier: Apache-2.0

import process from 'node:process'
import { parseArgs } from 'node:util'
import { benchAgent } from './agent.ts'
import { benchApi } from './api.ts'
import { benchAttack } from './attack.ts'
import { benchAuthz } from './authz.ts'
import { benchBehaviour } from './behaviour.ts'
import { benchDetect } from './detect.ts'
import type { Figure } from './figure.ts'
import { benchFleet } from './fleet/fleet.ts'
import { benchGrowth } from './growth.ts'
import { benchGuard } from './guard/guard.ts'
import { benchIngest } from './ingest.ts'
import { benchLive } from './live.ts'
import { benchPolicies } from './policies.ts'
import { benchProducers } from './producers/producers.ts'
import { benchQuarantineSpike, benchReplay } from './quarantine.ts'
import { benchRedact } from './redact.ts'
import { benchReputation } from './reputation.ts'
import { benchRequestModel } from './request-model.ts'
import { benchRequests } from './requests.ts'
import { benchRules } from './rules.ts'
import { benchSeal } from './seal.ts'
import { benchSealing } from './sealing.ts'
import { benchSensor } from './sensor/sensor.ts'
import { benchUrgent } from './sensor/urgent.ts'
import { benchSigners } from './signers.ts'
import { benchTenants } from './tenants.ts'
import { benchVerify } from './verify.ts'

type Bench = (runs?: number, rows?: number) => AsyncGenerator<Figure | string>

const { values, positionals } = parseArgs({
  options: {
    json: { type: 'boolean' },
    runs: { type: 'string' },
    rows: { type: 'string' },
    corpus: { type: 'string' },
  },
  allowPositionals: true,
})

const benches: Readonly<Record<string, Bench>> = {
  seal: benchSeal,
  verify: benchVerify,
  ingest: benchIngest,
  signers: benchSigners,
  redact: benchRedact,
  sealing: benchSealing,
  attack: benchAttack,
  growth: benchGrowth,
  tenants: benchTenants,
  authz: benchAuthz,
  policies: benchPolicies,
  'request-model': benchRequestModel,
  rules: benchRules,
  reputation: benchReputation,
  behaviour: benchBehaviour,
  api: benchApi,
  live: benchLive,
  'quarantine-spike': benchQuarantineSpike,
  replay: benchReplay,
  producers: benchProducers,
  sensor: benchSensor,
  urgent: benchUrgent,
  guard: benchGuard,
  fleet: benchFleet,
  agent: benchAgent,
  requests: benchRequests,
  detect: (runs, rows) => benchDetect({ runs, rows, corpus: values.corpus ?? process.env.SEALWATCH_BENCH_CORPUS }),
}
const unknown = positionals.filter((name) => !Object.hasOwn(benches, name))
if (unknown.length > 0) {
  console.error(`no such benchmark: ${unknown.join(', ')}. There are ${Object.keys(benches).join(', ')}`)
  process.exit(2)
}
const numberOf = (given: string | undefined) => (given === undefined ? undefined : Number(given))
const [runs, rows] = [numberOf(values.runs), numberOf(values.rows)]
const head = '| figure | median | min – max | runs | peer | peer median | ratio |\n|---|---|---|---|---|---|---|'
if (!values.json) console.log(head)
let isHeadDue = false
for (const name of positionals.length > 0 ? positionals : Object.keys(benches)) {
  for await (const figure of (benches[name] as (typeof benches)[string])(runs, rows)) {
    if (values.json) {
      if (typeof figure !== 'string') console.log(JSON.stringify(figure))
    } else if (typeof figure === 'string') {
      console.log(`\n${figure}`)
      isHeadDue = true
    } else {
      console.log(isHeadDue ? `\n${head}\n${rowOf(figure)}` : rowOf(figure))
      isHeadDue = false
    }
  }
}

function rowOf({ name, unit, median, min, max, runs, peer, peer_median, ratio }: Figure): string {
  const count = (value: number | undefined) => value?.toLocaleString('en') ?? ''
  return `| ${name} | ${count(median)} ${unit} | ${count(min)} – ${count(max)} | ${runs} | ${peer ?? ''} | ${count(peer_median)} | ${ratio ?? ''} |`
}
