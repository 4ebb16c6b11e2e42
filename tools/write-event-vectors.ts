// SPDX-License-Identifier: Apache-2.0
// Writes vectors/events anew from the hand-made samples. Run it when the vocabulary changes, and review the difference.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sampleGuardEvents } from '../apps/agent/src/guard/sample-events.ts'
import { sampleEvents } from '../apps/agent/src/observe/sample-observations.ts'
import { sampleSignInEvents } from '../apps/server/src/access/sign-in/sample-events.ts'
import { sampleIncidentEvents } from '../apps/server/src/presence/sample-events.ts'
import { sampleFinding } from '../packages/detect/src/sample-finding.ts'

const folder = join(import.meta.dirname, '../vectors/events')
const write = (name: string, event: object) =>
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(event, null, 2)}\n`)

const samples = { ...sampleEvents(), ...sampleGuardEvents(), ...sampleSignInEvents(), ...sampleIncidentEvents() }
for (const [name, event] of Object.entries(samples)) write(name, event)
// Rests on one of those.
write('finding-create', sampleFinding().event)
