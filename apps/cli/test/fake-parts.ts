// SPDX-License-Identifier: Apache-2.0

import { join } from 'node:path'
import process from 'node:process'
import { fileOf } from '../src/place.ts'
import type { Part } from '../src/supervise/part.ts'
import type { PartSettings } from '../src/supervise/parts.ts'

/** The real wiring, with small programs in place of the real ones. */
export function fakeParts({ place, view }: PartSettings): Part[] {
  const node = (name: string, prefix: string): Part => ({
    name,
    argv: view.wrap([
      process.execPath,
      '--disable-warning=ExperimentalWarning',
      join(import.meta.dirname, `fake-${name}.ts`),
    ]),
    env: { [`${prefix}_DATA_DIR`]: join(view.data, name), [`${prefix}_RUN_DIR`]: join(place.run, name) },
    log: fileOf.log(place, name),
    stopMs: 2000,
  })
  return [
    { name: 'sensor', argv: ['sleep', '1000'], env: {}, log: fileOf.log(place, 'sensor'), stopMs: 2000 },
    node('agent', 'SEALWATCH_AGENT'),
    node('server', 'SEALWATCH_SERVER'),
  ]
}
