// SPDX-License-Identifier: Apache-2.0

import { messageOf } from '@sealwatch/base/errors'
import { timeWords } from '../model/verdict.ts'
import { severityNames } from '../model/words.ts'
import type { Row } from '../worker/messages.ts'
import { h, icon, numberWords } from './dom.ts'

export const kindWords = {
  event: 'Event',
  alert: 'Alert',
  head: 'Host signature',
  close: 'Epoch closed',
  key: 'Host key',
  stub: 'Not admitted',
  replay: 'Came in later',
  row: 'Row of a service',
  submission: 'Service signature',
  anchor: 'Beginning',
  other: 'Other',
} as const

const rowHeight = 60
const overscan = 6
/** Browsers stop drawing somewhere beyond 16 million pixels; above this the scroll bar stands for proportions. */
const scrollHeightMax = 8_000_000
const cachedRowsMax = 2000

export type LineList = {
  readonly element: HTMLElement
  /** What to show now: rows of the bundle, in order. */
  show(rows: Uint32Array | number): void
}

/** A list of any length of which only what is seen exists. `onSelect` hears the row of the bundle. */
export function lineList(
  fetchRows: (rows: readonly number[]) => Promise<readonly Row[]>,
  onSelect: (row: number, by: 'pointer' | 'keys') => void,
): LineList {
  const spacer = h('div', { class: 'spacer' })
  const element = h(
    'div',
    {
      class: 'lines',
      role: 'listbox',
      tabindex: 0,
      'aria-label': 'Lines of the bundle',
    },
    spacer,
  )
  const cache = new Map<number, Row>()
  let rows: Uint32Array | number = 0
  let selected = -1
  let isDrawing = false

  const length = () => (typeof rows === 'number' ? rows : rows.length)
  const rowAt = (position: number) => (typeof rows === 'number' ? position : (rows[position] as number))
  const heightOfAll = () => length() * rowHeight
  const scrollHeight = () => Math.min(heightOfAll(), scrollHeightMax)
  /** How far the list has moved for each pixel of the scroll bar. */
  const scale = () => {
    const range = scrollHeight() - element.clientHeight
    return range <= 0 ? 1 : (heightOfAll() - element.clientHeight) / range
  }

  async function draw(): Promise<void> {
    if (isDrawing) return
    isDrawing = true
    try {
      for (let drawn = ''; drawn !== windowKey(); ) {
        drawn = windowKey()
        const { first, last } = visible()
        const wanted = Array.from({ length: last - first }, (_, i) => rowAt(first + i))
        const missing = wanted.filter((row) => !cache.has(row))
        if (cache.size > cachedRowsMax) cache.clear()
        if (missing.length > 0) for (const row of await fetchRows(missing)) cache.set(row.row, row)
      }
      place()
    } catch (error) {
      // The file was moved or changed after it was judged.
      spacer.replaceChildren(h('p', { class: 'hint bad' }, `The file can no longer be read: ${messageOf(error)}`))
    } finally {
      isDrawing = false
    }
  }

  const visible = () => {
    const top = element.scrollTop * scale()
    const first = Math.max(0, Math.floor(top / rowHeight) - overscan)
    const last = Math.min(length(), Math.ceil((top + element.clientHeight) / rowHeight) + overscan)
    return { first, last }
  }
  const windowKey = () => `${visible().first} ${visible().last} ${length()} ${cache.size === 0}`

  function place(): void {
    const { first, last } = visible()
    // Where the scroll bar is scaled, rows stand relative to it, not to the list's own height.
    const shift = element.scrollTop - element.scrollTop * scale()
    const drawn: HTMLElement[] = []
    for (let position = first; position < last; position += 1) {
      const row = cache.get(rowAt(position))
      if (row === undefined) continue
      const option = rowElement(row, position, length(), position === selected)
      option.style.transform = `translateY(${position * rowHeight + shift}px)`
      option.addEventListener('click', () => select(position, 'pointer'))
      drawn.push(option)
    }
    spacer.replaceChildren(...drawn)
    if (selected >= first && selected < last) element.setAttribute('aria-activedescendant', `line-${selected}`)
    else element.removeAttribute('aria-activedescendant')
  }

  function select(position: number, by: 'pointer' | 'keys'): void {
    if (length() === 0) return
    selected = Math.max(0, Math.min(length() - 1, position))
    const top = selected * rowHeight
    const from = element.scrollTop * scale()
    if (top < from) element.scrollTop = top / scale()
    else if (top + rowHeight > from + element.clientHeight)
      element.scrollTop = (top + rowHeight - element.clientHeight) / scale()
    void draw()
    onSelect(rowAt(selected), by)
  }

  element.addEventListener('scroll', () => requestAnimationFrame(() => void draw()), { passive: true })
  new ResizeObserver(() => void draw()).observe(element)
  element.addEventListener('keydown', (event) => {
    const page = Math.max(1, Math.floor(element.clientHeight / rowHeight) - 1)
    const moves: Readonly<Record<string, number>> = {
      ArrowDown: selected + 1,
      ArrowUp: selected - 1,
      PageDown: selected + page,
      PageUp: selected - page,
      Home: 0,
      End: length() - 1,
    }
    const to = moves[event.key]
    if (to === undefined) return
    event.preventDefault()
    select(to, 'keys')
  })

  return {
    element,
    show(next) {
      rows = next
      selected = -1
      cache.clear()
      element.scrollTop = 0
      spacer.style.height = `${scrollHeight()}px`
      void draw()
    },
  }
}

function rowElement({ leaf, words }: Row, position: number, total: number, isSelected: boolean): HTMLElement {
  const severity = severityNames[words.severity] ?? ''
  return h(
    'div',
    {
      class: `line ${words.kind} severity-${words.severity}`,
      id: `line-${position}`,
      role: 'option',
      'aria-label': `Leaf ${leaf}: ${words.action}. ${words.actor}, ${timeWords(words.time)}${severity && `, ${severity}`}`,
      'aria-selected': isSelected ? 'true' : 'false',
      'aria-posinset': position + 1,
      'aria-setsize': total,
    },
    h('span', { class: 'leaf', title: `Leaf ${leaf}` }, numberWords(leaf)),
    h(
      'span',
      { class: 'what' },
      h('span', { class: 'action' }, words.action),
      h(
        'span',
        { class: 'meta' },
        h('time', { datetime: words.time }, timeWords(words.time)),
        h('span', { class: 'actor' }, words.actor),
      ),
    ),
    h(
      'span',
      { class: 'marks' },
      severity !== '' && words.severity > 1 && h('span', { class: 'tag severity' }, severity),
      words.kind !== 'event' && words.kind !== 'alert' && h('span', { class: 'tag' }, kindWords[words.kind]),
      words.revealed > 0 &&
        h(
          'span',
          { class: 'tag revealed', title: `${words.revealed} personal values in the open` },
          icon('eye', 13),
          'personal',
        ),
    ),
  )
}
