// SPDX-License-Identifier: Apache-2.0

/** Random bytes have so long a run once in seven hundred bodies of 48 KiB. */
const shortestRun = 18

/** Runs of printable ASCII and blanks within bytes that are no text. */
export function runsOfText(bytes: Uint8Array): readonly string[] {
  const runs: string[] = []
  for (let at = 0, from = 0; at <= bytes.length; at += 1) {
    if (at < bytes.length && isText[bytes[at] as number] === 1) continue
    if (at - from >= shortestRun) runs.push(Buffer.from(bytes.subarray(from, at)).toString('latin1'))
    from = at + 1
  }
  return runs
}

const isText = Uint8Array.from({ length: 256 }, (_, unit) =>
  Number((unit >= 0x20 && unit < 0x7f) || unit === 0x09 || unit === 0x0a || unit === 0x0d),
)
