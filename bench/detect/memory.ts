// SPDX-License-Identifier: Apache-2.0
// `node bench/detect/memory.ts [RULES]`: judges requests that come as lines of JSON; says at the end how much it held at most, in KiB.

import process from 'node:process'
import { createInterface } from 'node:readline'
import { openJudge } from '@sealwatch/detect/open-judge'
import { contextOfRow } from './corpus.ts'

const { judge } = openJudge({ rules: process.argv[2] })
for await (const line of createInterface({ input: process.stdin })) judge(contextOfRow(JSON.parse(line)), 0n)
console.log(process.resourceUsage().maxRSS)
