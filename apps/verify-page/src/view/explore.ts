// SPDX-License-Identifier: Apache-2.0

import { lineKinds } from '../model/words.ts'
import type { Examined } from '../worker/messages.ts'
import type { Caller } from './call.ts'
import { h, icon, numberWords } from './dom.ts'
import { kindWords, lineList } from './list.ts'
import { proofView } from './proof.ts'

/** The shown lines, what they can be narrowed to, and the proof of the one that is chosen. */
export function exploreView(worker: Caller, { rows, kinds, verdict, keys }: Examined): HTMLElement {
  const isPinned = verdict.tone === 'proven'
  const status = h('p', { class: 'status', role: 'status' })
  const proof = h(
    'div',
    { class: 'proof-place' },
    h('p', { class: 'hint' }, icon('path', 28), 'Choose a line to see how it is proven.'),
  )
  let latest = 0

  const list = lineList(
    (wanted) => worker.call({ ask: 'rows', rows: wanted }),
    (row, by) => {
      latest += 1
      const mine = latest
      worker.call({ ask: 'prove', row }).then(
        (proven) => {
          if (mine !== latest) return
          const width = Math.max(300, Math.min(620, proof.clientWidth - 2))
          proof.replaceChildren(proofView(proven, keys, isPinned, width))
          // On a small screen the proof stands below the list, out of sight.
          if (by === 'pointer' && proof.getBoundingClientRect().top > innerHeight * 0.8)
            proof.scrollIntoView({ behavior: 'smooth' })
        },
        (error: Error) => {
          if (mine === latest) proof.replaceChildren(h('p', { class: 'hint bad' }, error.message))
        },
      )
    },
  )

  const search = h('input', {
    type: 'search',
    placeholder: 'Filter by words',
    'aria-label': 'Filter lines by words',
    spellcheck: 'false',
  })
  const present = lineKinds.filter((kind) => (kinds[kind] ?? 0) > 0)
  const chosen = new Set<(typeof lineKinds)[number]>()
  const chips = present.map((kind) => {
    const chip = h(
      'button',
      { type: 'button', class: 'chip', 'aria-pressed': 'false' },
      kindWords[kind],
      h('small', {}, numberWords(kinds[kind] ?? 0)),
    )
    chip.addEventListener('click', () => {
      if (!chosen.delete(kind)) chosen.add(kind)
      chip.setAttribute('aria-pressed', String(chosen.has(kind)))
      void refilter()
    })
    return chip
  })

  async function refilter(): Promise<void> {
    const text = search.value.trim()
    if (text === '' && chosen.size === 0) {
      // Also ends a search that still runs.
      void worker.call({ ask: 'filter', filter: { text: '', kinds: [] } })
      list.show(rows)
      status.textContent = `${numberWords(rows)} lines`
      return
    }
    const found = await worker.call({ ask: 'filter', filter: { text, kinds: [...chosen] } }, (done) => {
      status.textContent = `searching: ${Math.floor((100 * done) / rows)} %`
    })
    if (found === undefined) return
    list.show(found)
    status.textContent = `${numberWords(found.length)} of ${numberWords(rows)} lines`
  }
  search.addEventListener('input', () => void refilter())
  void refilter()

  return h(
    'div',
    { class: 'explore' },
    h(
      'section',
      { class: 'browse', 'aria-label': 'Lines' },
      h('div', { class: 'tools' }, search, h('div', { class: 'chips' }, ...chips), status),
      list.element,
    ),
    h('section', { class: 'proof-section', 'aria-label': 'Proof of the chosen line' }, proof),
  )
}
