// SPDX-License-Identifier: Apache-2.0
//
// Writes vectors/orders: standing orders and commands, good and bad (docs/formats/orders.md). Run once for a version of the format:
// `node packages/keys/test/write-order-vectors.ts`. orders.test.ts holds the code to what was written.

import { writeFile } from 'node:fs/promises'
import { authorityFingerprint, pemOf } from '../src/authority.ts'
import { generateSigner } from '../src/ed25519.ts'
import { foundAuthority } from './found-authority.ts'
import { commandCases, orderCases } from './order-cases.ts'

const out = (name: string) => new URL(`../../../vectors/orders/${name}`, import.meta.url).pathname
const rowsOf = (rows: readonly object[]) => `[\n${rows.map((row) => JSON.stringify(row)).join(',\n')}\n]\n`

const [signer, foreign] = [foundAuthority('ec'), foundAuthority('ec')]
const [guard, other] = [generateSigner(), generateSigner()]
const orders = await orderCases({ signer, foreign, guard }, authorityFingerprint(signer.chain))
await writeFile(out('authority.pem'), pemOf(signer.chain))
await writeFile(out('orders.json'), rowsOf(orders))
await writeFile(out('commands.json'), rowsOf(await commandCases(orders, guard, other)))
