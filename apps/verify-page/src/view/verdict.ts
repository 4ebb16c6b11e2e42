// SPDX-License-Identifier: Apache-2.0

import type { Verdict } from '../model/verdict.ts'
import { timeWords, windowWords } from '../model/verdict.ts'
import type { Examined } from '../worker/messages.ts'
import { copyButton, h, hashText, icon, nameOf } from './dom.ts'

const seals = { proven: 'seal-proven', intact: 'seal-intact', failed: 'seal-failed' } as const

/** The judgement, large; then what it rests on. */
export function verdictView(examined: Examined, fileName: string): HTMLElement {
  const { verdict, excerpt } = examined
  const { tone, title, summary, problem } = verdict
  return h(
    'div',
    { class: `verdict ${tone}` },
    h(
      'div',
      { class: 'judgement' },
      icon(seals[tone], 84),
      h(
        'div',
        {},
        h('h2', { tabindex: -1 }, title),
        h('p', { class: 'summary' }, summary),
        h('p', { class: 'file' }, fileName),
      ),
    ),
    problem ? problemView(problem, excerpt) : provenView(verdict),
    !problem && keysView(examined, tone === 'proven'),
  )
}

function problemView(
  { code, rule, advice, message, where }: NonNullable<Verdict['problem']>,
  excerpt: string | undefined,
) {
  return h(
    'div',
    { class: 'problem' },
    h('h3', {}, 'The first thing that is wrong'),
    h(
      'dl',
      { class: 'rows' },
      ...pair('Where', where),
      ...pair('Reason', h('code', { class: 'code' }, code)),
      ...pair('Rule', rule === '' ? '' : `${rule[0]?.toUpperCase()}${rule.slice(1)}.`),
      ...pair('What to do', advice === '' ? '' : `${advice}.`),
    ),
    excerpt !== undefined &&
      excerpt !== '' &&
      h(
        'figure',
        { class: 'excerpt' },
        h('figcaption', {}, 'What stands there. Not proven: it may say anything.'),
        h('pre', {}, excerpt),
      ),
    h('details', {}, h('summary', {}, 'The verifier’s own words'), h('pre', {}, message)),
  )
}

const pair = (name: string, value: string | Node) => (value === '' ? [] : [h('dt', {}, name), h('dd', {}, value)])

function provenView({ proven, notProven, facts }: Verdict) {
  return h(
    'div',
    {},
    h(
      'dl',
      { class: 'facts' },
      ...facts.map(({ name, value, detail }) =>
        h('div', {}, h('dt', {}, name), h('dd', {}, value, detail !== undefined && h('small', {}, detail))),
      ),
    ),
    h(
      'div',
      { class: 'claims' },
      h(
        'section',
        { class: 'is' },
        h('h3', {}, 'What this proves'),
        h('ul', {}, ...proven.map((claim) => h('li', {}, icon('check', 17), h('span', {}, claim)))),
      ),
      h(
        'section',
        { class: 'is-not' },
        h('h3', {}, 'What it does not prove'),
        h('ul', {}, ...notProven.map((claim) => h('li', {}, icon('dash', 17), h('span', {}, claim)))),
      ),
    ),
  )
}

type KeyRow = { readonly who: string; readonly why: string; readonly key: string; readonly window: string }

function keysView({ hostKeys, keys, node, witnesses }: Examined, isPinned: boolean) {
  const rows: KeyRow[] = [
    ...keys.map((vkey) => ({
      who: nameOf(vkey),
      why: isPinned ? 'you named this key' : 'brought by the file itself',
      key: vkey,
      window: node === undefined ? 'checkpoints' : 'node keys',
    })),
    ...(node === undefined
      ? []
      : [
          {
            who: 'Node key',
            why: 'certified in the root ledger',
            key: node.nodeKey,
            window: windowWords({ valid_from: node.validFrom, valid_until: node.validUntil }),
          },
        ]),
    ...(witnesses?.cosigned ?? []).map(({ name, key, time }) => ({
      who: name,
      why: 'witness you named; cosigned this root ledger',
      key,
      window: `seen ${timeWords(time)}`,
    })),
    ...hostKeys.map((key) => ({
      who: key.host_id,
      why: 'host, registered in the ledger',
      key: key.key_id,
      window: windowWords(key),
    })),
  ]
  return h(
    'details',
    { class: 'keys' },
    h('summary', {}, `Keys: ${keys.length} of the deployment, ${hostKeys.length} of hosts`),
    h(
      'div',
      { class: 'scroll' },
      h(
        'table',
        {},
        h('thead', {}, h('tr', {}, ...['Who', 'Key', 'May sign'].map((name) => h('th', { scope: 'col' }, name)))),
        h('tbody', {}, ...rows.map(keyRow)),
      ),
    ),
  )
}

const keyRow = ({ who, why, key, window }: KeyRow) =>
  h(
    'tr',
    {},
    h('td', {}, who, h('small', {}, why)),
    h('td', {}, hashText(key), copyButton(key, 'the key')),
    h('td', {}, window),
  )
