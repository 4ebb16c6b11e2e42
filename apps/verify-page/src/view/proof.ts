// SPDX-License-Identifier: Apache-2.0

import type { Step } from '@sealwatch/ledger/verify'
import type { DrawnCheckpoint } from '../model/header.ts'
import { timeWords } from '../model/verdict.ts'
import type { Proven } from '../worker/messages.ts'
import { copyButton, h, hashText, icon, nameOf, numberWords, shortHash, spanWords } from './dom.ts'
import { type DrawnTree, drawTree, type Named } from './picture.ts'

/** The whole way of one line, from the signatures above to the line below. */
export function proofView(proven: Proven, keys: readonly string[], isPinned: boolean, width: number): HTMLElement {
  const { proof, words, text, personal, script, goProgram } = proven
  const { tenant, root, rootLeaf, delegation } = proof
  const inspector = h('p', { class: 'inspector', 'aria-live': 'off' }, inspectorHint)
  const onNamed = (named: Named | undefined) =>
    inspector.replaceChildren(
      ...(named === undefined
        ? [inspectorHint]
        : [h('strong', {}, named.what), h('span', { class: 'how' }, named.how), hashText(named.hash)]),
    )
  const lineTree = {
    name: tenant.origin,
    index: proof.leaf,
    size: tenant.size,
    leafHash: proof.leafHash,
    steps: proof.steps,
  }
  const rootTree = {
    name: root.origin,
    index: rootLeaf.index,
    size: root.size,
    leafHash: rootLeaf.leafHash,
    steps: rootLeaf.steps,
  }
  return h(
    'article',
    { class: 'proof' },
    h('h3', { tabindex: -1 }, `How leaf ${numberWords(proof.leaf)} is proven`),
    h(
      'div',
      { class: 'picture' },
      ...vouchingCards(proven, keys, isPinned),
      checkpointCard('Root ledger', root),
      drawTree(rootTree, width, onNamed),
      h(
        'div',
        { class: 'card link' },
        h('p', {}, `Line ${numberWords(rootLeaf.index)} of the root ledger names the root of the tenant’s ledger`),
      ),
      checkpointCard('Ledger of the tenant', tenant),
      drawTree(lineTree, width, onNamed),
      h(
        'div',
        { class: 'card line-card' },
        h('p', { class: 'name' }, `Leaf ${numberWords(proof.leaf)}`),
        h('p', { class: 'action' }, words.action),
        h('p', { class: 'meta' }, `${timeWords(words.time)} · ${words.actor}`),
      ),
    ),
    inspector,
    personal.length > 0 && personalView(personal),
    lineView(text),
    stepsView([
      ['Ledger of the tenant', lineTree],
      ['Root ledger', rootTree],
      ...(delegation ? [['Delegation in the root ledger', { ...rootTree, ...delegation }] as const] : []),
    ]),
    programView(
      'Check it without us: bash and openssl',
      'Save it as check.sh beside the bundle: bash check.sh',
      script,
    ),
    programView(
      'Check it without us: Go’s own packages',
      'Save it as check.go beside the bundle; its head says how to run it',
      goProgram,
    ),
  )
}

const inspectorHint = 'Point at a hash to read it, click to copy it.'

/** Who vouches: the keys, in the second version the node key that they certify, and the witnesses. */
function vouchingCards({ proof, witnesses }: Proven, keys: readonly string[], isPinned: boolean): HTMLElement[] {
  const { root, delegation } = proof
  const seen = witnesses?.cosigned ?? []
  const named = new Set([root.origin, ...keys.map(nameOf), ...seen.map(({ key }) => nameOf(key))])
  const others = root.signedBy.filter((name) => !named.has(name))
  const keyCard = h(
    'div',
    { class: `card signatures ${isPinned ? 'pinned' : 'asserted'}` },
    icon(isPinned ? 'seal-proven' : 'seal-intact', 30),
    h(
      'div',
      {},
      h('p', { class: 'name' }, isPinned ? 'A key you named' : 'A key that the file brought'),
      ...keys.map((vkey) => h('p', { class: 'signer' }, nameOf(vkey))),
    ),
  )
  const nodeCard =
    delegation &&
    h(
      'div',
      { class: 'card node-key' },
      h('p', { class: 'name' }, `certified node key ${shortHash(delegation.nodeKey)}`),
      h('p', { class: 'meta' }, `${timeWords(delegation.validFrom)} to ${timeWords(delegation.validUntil)}`),
      h('p', { class: 'meta' }, `in line ${numberWords(delegation.index)} of the root ledger`),
    )
  const witnessCard =
    (seen.length > 0 || others.length > 0) &&
    h(
      'div',
      { class: 'card witnesses' },
      ...seen.map(({ name, time }) => h('p', {}, icon('check', 15), `${name} saw it ${timeWords(time)}`)),
      others.length > 0 && h('p', { class: 'meta' }, `not checked, for want of a key: ${others.join(', ')}`),
    )
  return [keyCard, ...(nodeCard ? [nodeCard] : []), ...(witnessCard ? [witnessCard] : [])]
}

function checkpointCard(name: string, { origin, size, root }: DrawnCheckpoint) {
  return h(
    'div',
    { class: 'card checkpoint' },
    h('p', { class: 'name' }, `${name}, size ${numberWords(size)}`),
    h('p', { class: 'meta' }, origin),
    h('p', { class: 'root-hash' }, hashText(root), copyButton(root, 'the root hash')),
  )
}

function personalView(personal: Proven['personal']) {
  return h(
    'section',
    { class: 'personal' },
    h('h4', {}, icon('eye', 16), 'Personal values'),
    h(
      'p',
      { class: 'meta' },
      'In the line stand commitments to these; whoever exported the bundle chose to show them.',
    ),
    h(
      'dl',
      { class: 'rows' },
      ...personal.flatMap(({ pointer, value }) => [
        h('dt', {}, h('code', {}, pointer)),
        h('dd', {}, h('mark', {}, value)),
      ]),
    ),
  )
}

const lineView = (text: string) =>
  h('details', { class: 'text' }, h('summary', {}, 'The line itself'), h('pre', {}, text))

/** The picture in words, for paper and for those who do not see it. */
function stepsView(trees: readonly (readonly [string, DrawnTree])[]) {
  return h(
    'details',
    { class: 'steps' },
    h('summary', {}, `The path as a table: ${trees.reduce((sum, [, { steps }]) => sum + steps.length, 0)} hashes`),
    ...trees.map(([name, { index, leafHash, steps }]) =>
      h(
        'div',
        { class: 'scroll' },
        h(
          'table',
          {},
          h('caption', {}, `${name}: leaf ${numberWords(index)}, ${leafHash}`),
          h(
            'thead',
            {},
            h('tr', {}, ...['', 'Sibling', 'Its leaves', 'Together'].map((head) => h('th', { scope: 'col' }, head))),
          ),
          h('tbody', {}, ...steps.map(stepRow)),
        ),
      ),
    ),
  )
}

const stepRow = ({ side, sibling, siblingSpan, hash }: Step, i: number) =>
  h(
    'tr',
    {},
    h('td', {}, `${i + 1} ${side}`),
    h('td', {}, hashText(sibling)),
    h('td', {}, spanWords(siblingSpan)),
    h('td', {}, hashText(hash)),
  )

function programView(title: string, how: string, program: string) {
  return h(
    'details',
    { class: 'script' },
    h('summary', {}, title),
    h('p', { class: 'meta' }, how),
    h('div', { class: 'scroll' }, copyButton(program, 'the program'), h('pre', {}, program)),
  )
}
