// SPDX-License-Identifier: Apache-2.0

import { type GivenTrust, readTrust, type Trust } from '../model/trust.ts'
import { byId, h, icon, nameOf } from './dom.ts'

const trustFileBytesMax = 64 * 1024

/** Where a bundle and the reader's keys come in: dropped anywhere, picked, or pasted. */
export type Intake = {
  /** Keys that can be used, as they stand in the field now. */
  trust(): Trust
}

export function startIntake(on: { file: (file: File) => void; trust: () => void }): Intake {
  const picker = byId('picker', HTMLInputElement)
  const field = byId('trust', HTMLTextAreaElement)
  const chips = byId('trust-keys', HTMLElement)
  let trust: GivenTrust = readTrust('')

  function readField(): void {
    const before = JSON.stringify(trust)
    trust = readTrust(field.value)
    chips.replaceChildren(
      ...keysOf(trust).map((vkey) => h('li', { class: 'chip good', title: vkey }, icon('check', 14), nameOf(vkey))),
      trust.policy === undefined ? '' : h('li', { class: 'chip good' }, icon('check', 14), 'policy of witnesses'),
      ...trust.wrong.map((word) =>
        h('li', { class: 'chip bad', title: word }, icon('dash', 14), `not a key: ${word.slice(0, 120)}`),
      ),
    )
    document.body.classList.toggle('has-trust', trust.vkeys.length > 0)
    if (JSON.stringify(trust) !== before) on.trust()
  }

  async function take(files: Iterable<File>): Promise<void> {
    for (const file of files) {
      const text = file.size <= trustFileBytesMax ? await file.text().catch(() => '') : ''
      const found = readTrust(text)
      if ((keysOf(found).length > 0 || found.policy !== undefined) && found.wrong.length === 0) {
        field.value = joined(trust, found, text)
        readField()
      } else on.file(file)
    }
  }

  field.addEventListener('input', readField)
  picker.addEventListener('change', () => {
    void take([...(picker.files ?? [])])
    // So that the same file, exported again, can be picked again.
    picker.value = ''
  })
  let depth = 0
  const enter = (by: number) => {
    depth = Math.max(0, depth + by)
    document.body.classList.toggle('dragging', depth > 0)
  }
  document.addEventListener('dragenter', () => enter(1))
  document.addEventListener('dragleave', () => enter(-1))
  document.addEventListener('dragover', (event) => event.preventDefault())
  document.addEventListener('drop', (event) => {
    event.preventDefault()
    depth = 0
    enter(0)
    void take([...(event.dataTransfer?.files ?? [])])
  })
  readField()
  return { trust: () => trust }
}

const keysOf = ({ vkeys, witnesses }: Trust) => [...vkeys, ...witnesses]

/** What the field holds with a dropped file added: a policy takes over, and takes the keys of deployments along. */
function joined(before: Trust, found: Trust, text: string): string {
  if (found.policy === undefined) return [...new Set([...keysOf(before), ...keysOf(found)])].join('\n')
  const others = before.vkeys.filter((vkey) => !found.vkeys.includes(vkey))
  return `${others.map((vkey) => `log ${vkey}\n`).join('')}${text}`
}
