// SPDX-License-Identifier: Apache-2.0

import { createInterface } from 'node:readline'

const charsMax = 4096

/** The first line of the input, without white space around it; a person at a terminal is asked for it. */
export async function readLine(
  input: NodeJS.ReadStream,
  output: NodeJS.WriteStream,
  question: string,
): Promise<string> {
  if (input.isTTY === true) output.write(question)
  // The terminal itself lets a person correct what is typed.
  const reader = createInterface({ input, terminal: false, crlfDelay: Number.POSITIVE_INFINITY })
  try {
    for await (const line of reader) return line.trim().slice(0, charsMax)
    return ''
  } finally {
    reader.close()
  }
}
