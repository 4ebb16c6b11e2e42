// SPDX-License-Identifier: Apache-2.0

import { completeFilter, filterProblemText, parseFilter } from '@sealwatch/contract/filter'
import { type KeyboardEvent, useId, useRef, useState } from 'react'
import { Icon } from '../parts/icon.tsx'

const choicesMax = 9

/** Says what can stand where the caret is, and what is wrong before anybody is asked. */
export function FilterBox({ value, apply }: { readonly value: string; readonly apply: (filter: string) => void }) {
  const [text, setText] = useState(value)
  const [caret, setCaret] = useState(value.length)
  const [isOpen, setOpen] = useState(false)
  const [at, setAt] = useState(-1)
  const input = useRef<HTMLInputElement>(null)
  const id = useId()
  const completion = completeFilter(text, caret)
  const choices = completion?.choices.slice(0, choicesMax) ?? []
  const isShown = isOpen && choices.length > 0
  const parsed = text.trim() === '' ? undefined : parseFilter(text)
  const problem = parsed !== undefined && 'problem' in parsed ? parsed.problem : undefined
  const isUnfinished = problem !== undefined && problem.at >= text.trimEnd().length

  const take = (choice: string) => {
    if (completion === undefined) return
    const gap = completion.due === 'operator' && choice !== 'in' ? '' : ' '
    const next = `${text.slice(0, completion.from)}${choice}${gap}${text.slice(completion.to)}`
    const place = completion.from + choice.length + gap.length
    setText(next)
    setCaret(place)
    setAt(-1)
    queueMicrotask(() => input.current?.setSelectionRange(place, place))
  }
  const press = (event: KeyboardEvent) => {
    if (event.key === 'Escape') {
      // One thing at a time.
      if (isShown) event.stopPropagation()
      setOpen(false)
      return
    }
    if (isShown && (event.key === 'ArrowDown' || event.key === 'ArrowUp')) {
      event.preventDefault()
      const by = event.key === 'ArrowDown' ? 1 : -1
      setAt((now) => (now + by + choices.length + (now === -1 && by === -1 ? 1 : 0)) % choices.length)
      return
    }
    const choice = choices[at]
    if (isShown && choice !== undefined && (event.key === 'Enter' || event.key === 'Tab')) {
      event.preventDefault()
      take(choice)
      return
    }
    if (event.key === 'Enter' && problem === undefined) {
      setOpen(false)
      apply(text.trim())
    }
  }
  return (
    <div className="filter">
      <label htmlFor={id} className="only-read">
        Filter
      </label>
      <Icon name="search" />
      <input
        ref={input}
        id={id}
        data-search
        className="input mono"
        role="combobox"
        aria-expanded={isShown}
        aria-controls={`${id}-choices`}
        aria-activedescendant={isShown && at >= 0 ? `${id}-${at}` : undefined}
        aria-autocomplete="list"
        aria-invalid={problem !== undefined && !isUnfinished}
        aria-describedby={`${id}-said`}
        value={text}
        placeholder="severity>=high and class=process"
        spellCheck={false}
        autoComplete="off"
        onChange={({ target }) => {
          setText(target.value)
          setCaret(target.selectionStart ?? target.value.length)
          setAt(-1)
          setOpen(true)
          if (target.value.trim() === '') apply('')
        }}
        onSelect={({ currentTarget }) => setCaret(currentTarget.selectionStart ?? 0)}
        onFocus={() => setOpen(true)}
        onBlur={() => setOpen(false)}
        onKeyDown={press}
      />
      <div id={`${id}-choices`} className="choices" role="listbox" aria-label="What can stand here" hidden={!isShown}>
        {choices.map((choice, index) => (
          // biome-ignore lint/a11y/useFocusableInteractive: the input keeps the focus and names the option
          <div
            key={choice}
            id={`${id}-${index}`}
            role="option"
            aria-selected={index === at}
            onPointerDown={(event) => {
              event.preventDefault()
              take(choice)
            }}
          >
            <code>{choice}</code>
            <small>{about(completion?.due, choice)}</small>
          </div>
        ))}
      </div>
      <p id={`${id}-said`} className={problem === undefined || isUnfinished ? 'said' : 'said wrong'} role="status">
        {problem === undefined ? (parsed === undefined ? '' : 'Enter applies it') : filterProblemText(problem)}
        {problem === undefined || isUnfinished ? null : (
          <b>{value === '' ? ' The list is not filtered.' : ` The list is still filtered by ${value}`}</b>
        )}
      </p>
    </div>
  )
}

const meanings: Readonly<Record<string, string>> = {
  class: 'what kind of event',
  activity: 'what was done',
  severity: 'how grave',
  time: 'when it happened',
  kind: 'what the line is',
  leaf: 'its place in the ledger',
  source: 'who sealed it',
  host: 'name or id',
  text: 'anywhere in the line',
  not: 'the opposite',
  and: 'both',
  or: 'either',
  in: 'one of several',
  '~': 'contains',
  '=': 'is',
  '!=': 'is not',
}
const about = (due: string | undefined, choice: string) => (due !== 'value' ? (meanings[choice] ?? '') : '')
