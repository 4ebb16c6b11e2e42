// SPDX-License-Identifier: Apache-2.0

import { readTrust } from '../model/trust.ts'
import { byId, h, icon } from './dom.ts'

const trustFileBytesMax = 64 * 1024

/** Where a bundle and the reader's keys come in: dropped anywhere, picked, or pasted. */
export type Intake = {
  /** Keys that can be used, as they stand in the field now. */
  trust(): readonly string[]
}

export function startIntake(on: { file: (file: File) => void; trust: () => void }): Intake {
  const picker = byId('picker', HTMLInputElement)
  const field = byId('trust', HTMLTextAreaElement)
  const chips = byId('trust-keys', HTMLElement)
  const zone = byId('zone', HTMLElement)
  let vkeys: readonly string[] = []

  function readField(): void {
    const before = vkeys.join()
    const given = readTrust(field.value)
    vkeys = given.vkeys
    chips.replaceChildren(
      ...vkeys.map((vkey) =>
        h('li', { class: 'chip good', title: vkey }, icon('check', 14), vkey.slice(0, vkey.indexOf('+'))),
      ),
      ...given.wrong.map((word) =>
        h('li', { class: 'chip bad', title: word }, icon('dash', 14), `not a key: ${word.slice(0, 40)}`),
      ),
    )
    document.body.classList.toggle('has-trust', vkeys.length > 0)
    if (vkeys.join() !== before) on.trust()
  }

  async function take(files: Iterable<File>): Promise<void> {
    for (const file of files) {
      const text = file.size <= trustFileBytesMax ? await file.text().catch(() => '') : ''
      const { vkeys: found, wrong } = readTrust(text)
      if (found.length > 0 && wrong.length === 0) {
        field.value = [...new Set([...vkeys, ...found])].join('\n')
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
  zone.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' || event.key === ' ') picker.click()
  })
  readField()
  return { trust: () => vkeys }
}
