// SPDX-License-Identifier: Apache-2.0

import type { KeyTheftReport, PlayedAttack } from '@sealwatch/ledger'
import { type Markup, markup, nothing } from '../markup.ts'
import { bytesShown, keyShown, ms, servedLine } from './show.ts'

/** A row for each way, with where its lines are in the ledger. */
export const attacksOf = ({ host, decoy, attacks, requests }: KeyTheftReport): Markup => markup`<table>
<tr><th>host</th><td>${host}</td></tr>
<tr><th>decoy</th><td>${decoy}</td></tr>
${requests === null ? nothing : markup`<tr><th>served</th><td>${servedLine(requests)}</td></tr>`}
</table>
<h2>Ways to its memory</h2>
<table><tr><th>way</th><th>attacker</th><th>seen after</th><th>killed after</th><th>had read</th><th>master key</th><th>failed requests</th><th>leaves</th></tr>
${attacks.map(rowOf)}</table>`

const rowOf = (attack: PlayedAttack): Markup => {
  const { outcome, does, way, attacker, seen_us, killed_us, bytes, requests, requests_failed, leaves, missed } = attack
  const { incident, kill, evict, rotate } = leaves
  const where = [incident, kill, evict, rotate].map((leaf) => leaf ?? '-').join(', ')
  return markup`<tr><td class="${outcome}">${does} (${way})${missed.map((one) => markup`<br>${one}`)}</td><td>${attacker}</td><td>${ms(seen_us)}</td><td>${ms(killed_us)}</td><td>${bytesShown(bytes)}</td><td>${keyShown(attack)}</td><td>${requests_failed} of ${requests}</td><td>${where}</td></tr>`
}
