// SPDX-License-Identifier: Apache-2.0

import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { fileError } from '../errors.ts'
import { shellWord } from '../terminal.ts'

/** The signed report, and the page to read beside it. */
export const filesOf = (stem: string) => ({ report: `${stem}.json`, page: `${stem}.html` })

/** As it works in the checkout, for whoever has the files; elsewhere with their copy of trust.json. */
export const verifyCommand = (report: string, trust: string): string =>
  `./sealwatch drill verify ${shellWord(report)} --trust ${shellWord(trust)}`

/** A drill takes minutes: that its report has no place is found before. Throws CLI_FILE. */
export function checkPlace(stem: string): void {
  for (const path of Object.values(filesOf(stem)))
    if (existsSync(path)) throw fileError(path, Object.assign(new Error('it exists'), { code: 'EEXIST' }))
}

export async function putNew(path: string, content: string): Promise<void> {
  await writeFile(path, content, { flag: 'wx', mode: 0o600 }).catch((cause: unknown) => {
    throw fileError(path, cause)
  })
}
