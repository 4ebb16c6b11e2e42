// SPDX-License-Identifier: Apache-2.0

import { existsSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { fileError } from '../errors.ts'
import type { Io } from '../io.ts'
import { sudoerOf } from '../sudoer.ts'
import { shellWord } from '../terminal.ts'

/** The signed report, and the page to read beside it. */
export const filesOf = (stem: string) => ({ report: `${stem}.json`, page: `${stem}.html` })

/** Of a drill that begins now. */
export const stemOf = (name: string, { clock }: Pick<Io, 'clock'>): string =>
  `drill-${name}-${new Date(clock.nowMs()).toISOString().slice(0, 19).replaceAll(':', '-')}`

/** As it works in the checkout, for whoever has the files; elsewhere with their copy of trust.json. */
export const verifyCommand = (report: string, trust: string): string =>
  `./sealwatch drill verify ${shellWord(report)} --trust ${shellWord(trust)}`

/** A drill takes minutes: that its report has no place is found before. Throws CLI_FILE. */
export function checkPlace(stem: string): void {
  for (const path of Object.values(filesOf(stem)))
    if (existsSync(path)) throw fileError(path, Object.assign(new Error('it exists'), { code: 'EEXIST' }))
}

/** Made anew, and for who runs us through sudo. Throws CLI_FILE. */
export async function putNew(path: string, content: string, io: Pick<Io, 'uid' | 'env'>): Promise<void> {
  const owner = sudoerOf(io)
  try {
    await using file = await open(path, 'wx', 0o600)
    await file.writeFile(content)
    if (owner !== undefined) await file.chown(owner.uid, owner.gid)
  } catch (cause) {
    throw fileError(path, cause)
  }
}
