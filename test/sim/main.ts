// SPDX-License-Identifier: Apache-2.0
//
// node test/sim/main.ts [--seed N] [--steps M]   Prints what happened; exits with 1 when a promise was broken.

import process from 'node:process'
import { parseArgs } from 'node:util'
import { simulate } from './simulate.ts'

const { values } = parseArgs({ options: { seed: { type: 'string' }, steps: { type: 'string', default: '20000' } } })
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31))
process.stdout.write(`seed ${seed}\n`)
const report = await simulate(seed, Number(values.steps))
process.stdout.write(`${JSON.stringify(report, null, 2)}\n`)
process.exit(report.violations.length === 0 ? 0 : 1)
