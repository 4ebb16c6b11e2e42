// SPDX-License-Identifier: Apache-2.0

import { cliError } from './errors.ts'

/** Versions; 0: not said. */
type Compared = { readonly from: number; readonly to: number }

/** Versions are numbers; whatever else stands there is a file. `example` is a command and what it compares. Throws CLI_USAGE. */
export function comparedOf<T extends Compared>(
  options: T,
  [first, second]: readonly [first: string | undefined, second: string | undefined],
  attempted: string,
  example: string,
): T & { readonly path: string | undefined } {
  if (second === undefined && !isVersion(first)) return { ...options, path: first }
  if (isVersion(first) && isVersion(second ?? first) && options.from === 0 && options.to === 0)
    return { ...options, from: Number(first), to: Number(second ?? 0), path: undefined }
  throw cliError('CLI_USAGE', {
    attempted,
    received: [first, second].filter((word) => word !== undefined).join(' '),
    advice: `Give two versions (${example} 3 7, or --from 3 --to 7), or one file`,
  })
}

const isVersion = (word: string | undefined) => word !== undefined && /^[1-9]\d{0,14}$/.test(word)
