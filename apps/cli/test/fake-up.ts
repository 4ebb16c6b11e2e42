// SPDX-License-Identifier: Apache-2.0
// `fake-up.ts DATA`: a supervisor in a process of its own, over the fake parts. Says `ready` when it is.

import process from 'node:process'
import { systemClock } from '@sealwatch/base'
import { placeOf } from '../src/place.ts'
import { hereAlone, supervise } from '../src/supervise/supervise.ts'
import { fakeParts } from './fake-parts.ts'

const stop = new AbortController()
process.on('SIGTERM', () => stop.abort())
await supervise({
  place: placeOf(process.argv[2]),
  root: '/nonexistent',
  version: '0.1.0',
  address: hereAlone,
  port: 0,
  apiPort: 0,
  env: {},
  clock: systemClock,
  stop: stop.signal,
  kill: new AbortController().signal,
  report: () => undefined,
  notice: (text) => console.log(text),
  onReady: () => console.log('ready'),
  parts: fakeParts,
})
