// SPDX-License-Identifier: Apache-2.0

import { type Caller, startWorker } from './call.ts'
import { byId, bytesWords, h, say } from './dom.ts'
import { exploreView } from './explore.ts'
import { startIntake } from './intake.ts'
import { verdictView } from './verdict.ts'

const result = byId('result', HTMLElement)
const progress = byId('progress', HTMLElement)
const bar = byId('bar', HTMLProgressElement)
const done = byId('done', HTMLElement)
const cancel = byId('cancel', HTMLButtonElement)

let worker: Caller | undefined
let file: File | undefined
let judgedCount = 0

const intake = startIntake({
  file: (dropped) => {
    file = dropped
    void examine()
  },
  trust: () => {
    if (file !== undefined) void examine()
  },
})

cancel.addEventListener('click', () => {
  worker?.end()
  worker = undefined
  file = undefined
  show('waiting')
  say('Cancelled')
})

/** Judges the file anew from its first byte: whatever was shown before is gone before the first byte is read. */
async function examine(): Promise<void> {
  const given = file
  if (given === undefined) return
  worker?.end()
  const mine = startWorker()
  worker = mine
  result.replaceChildren()
  bar.value = 0
  done.textContent = `${given.name} · ${bytesWords(given.size)}`
  show('working')
  try {
    const examined = await mine.call({ ask: 'examine', file: given, trust: intake.trust() }, (bytes) => {
      bar.value = given.size === 0 ? 1 : bytes / given.size
      done.textContent = `${given.name} · ${bytesWords(bytes)} of ${bytesWords(given.size)}`
    })
    if (worker !== mine) return
    result.append(verdictView(examined, given.name))
    if (examined.rows > 0) result.append(exploreView(mine, examined))
    show('judged')
    document.title = `${examined.verdict.title} · ${given.name}`
    result.querySelector('h2')?.focus()
  } catch (error) {
    if (worker !== mine) return
    result.append(
      h(
        'div',
        { class: 'verdict failed broken' },
        h('h2', {}, 'Not verified'),
        h('p', { class: 'summary' }, 'The file could not be read to its end.'),
        h('pre', {}, String(error)),
      ),
    )
    show('judged')
  }
}

function show(state: 'waiting' | 'working' | 'judged'): void {
  document.body.dataset.state = state
  if (state === 'judged') judgedCount += 1
  // So that a test can tell a new judgement from the one before.
  document.body.dataset.judged = String(judgedCount)
  progress.hidden = state !== 'working'
}

// What the verifier takes hex and base64 apart with, in every browser since September 2025.
if ('fromHex' in Uint8Array) show('waiting')
else byId('too-old', HTMLElement).hidden = false
