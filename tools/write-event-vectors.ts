// SPDX-License-Identifier: Apache-2.0
// Writes vectors/events anew from the hand-made samples. Run it when the vocabulary changes, and review the difference.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sampleEvents } from '../apps/agent/src/observe/sample-observations.ts'

const folder = join(import.meta.dirname, '../vectors/events')
for (const [name, event] of Object.entries(sampleEvents()))
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(event, null, 2)}\n`)
