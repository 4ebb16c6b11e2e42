// SPDX-License-Identifier: Apache-2.0

import { createInterface } from 'node:readline/promises'

const charsMax = 4096

/** The first line of the input, without white space around it; a person at a terminal is asked for it. */
export async function readLine(
  input: NodeJS.ReadStream,
  output: NodeJS.WriteStream,
  question: string,
): Promise<string> {
  const reader = createInterface({ input, output, terminal: input.isTTY === true, crlfDelay: Number.POSITIVE_INFINITY })
  try {
    if (input.isTTY === true) return (await reader.question(question)).trim().slice(0, charsMax)
    for await (const line of reader) return line.trim().slice(0, charsMax)
    return ''
  } finally {
    reader.close()
  }
}
