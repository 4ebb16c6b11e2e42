// SPDX-License-Identifier: Apache-2.0

import { join } from 'node:path'
import type { Ruleset } from '@sealwatch/detect'
import { type Access, openAccess } from '../access/index.ts'
import { loadRuleset } from '../detect/index.ts'
import { type Identity, openIdentity } from '../identity/index.ts'
import { createIngest, type Ingest, openQuarantine } from '../ingest/index.ts'
import type { Books } from './books.ts'

export type Rooms = Books & {
  readonly identity: Identity
  readonly access: Access
  readonly ingest: Ingest
  readonly ruleset: Ruleset
}

export async function openRooms(books: Books): Promise<Rooms> {
  const { dir, keysDir, deployment, ledgers, ruleFiles, log } = books
  const { tenants } = ledgers
  const identity = await openIdentity({ ...books, dir: keysDir, deployment: deployment.name, tenants })
  const stateOf = (tenant: string) => (ledgers.tenants.includes(tenant) ? 'active' : undefined)
  const access = await openAccess({ ...books, stateOf })
  const quarantine = await openQuarantine({ ...books, dir: join(dir, 'quarantine') })
  const ingest = createIngest({ ...books, quarantine })
  return { ...books, identity, access, ingest, ruleset: loadRuleset(ruleFiles, log) }
}
