// SPDX-License-Identifier: Apache-2.0

import { closeSync, createReadStream, fstatSync, openSync } from 'node:fs'
import { isSealwatchError, type SealwatchError } from '@sealwatch/base'
import { type OpenOptions, openJudge } from '@sealwatch/detect/open-judge'
import { contextOfJson } from '@sealwatch/detect/request'
import { count, countedReasons, defaultThresholds, newTally } from '@sealwatch/detect/verdict'
import { cliError, fileError } from '../errors.ts'
import type { Judged } from './calibration.ts'

const lineBytesMax = 16 * 1024 * 1024

export type JudgedFile = {
  readonly judged: Judged
  /** Lines that are no request, and what is wrong with the first; of what stands there nothing is quoted. */
  readonly wrong: number
  readonly wrongFirst: string | undefined
}

/** Judges each request of a file, a JSON object a line, as they stand there. */
export async function judgeRecorded(
  path: string,
  { rules, timeNs, onNotice }: { readonly timeNs: bigint } & Pick<OpenOptions, 'rules' | 'onNotice'>,
): Promise<JudgedFile> {
  const judge = openJudge({ rules, onNotice })
  const tally = newTally()
  let [wrong, wrongFirst, number]: [number, string | undefined, number] = [0, undefined, 0]
  for await (const line of linesOf(path)) {
    number += 1
    if (line.trim() === '') continue
    try {
      count(tally, judge.judge(contextOfJson(JSON.parse(line)), timeNs))
    } catch (error) {
      if (!(error instanceof SyntaxError) && !isSealwatchError(error)) throw error
      wrong += 1
      wrongFirst ??= `line ${number}: ${wrongIn(error)}`
    }
  }
  const { scores } = tally
  return {
    judged: { days: undefined, scores, reasons: countedReasons(tally), thresholds: defaultThresholds },
    wrong,
    wrongFirst,
  }
}

/** What people sent stands in such a line, and this is for terminals and logs. */
const wrongIn = (error: SyntaxError | SealwatchError): string =>
  isSealwatchError(error) ? `${error.code} while ${error.attempted}: ${error.rule}` : 'JSON that does not parse'

async function* linesOf(path: string): AsyncGenerator<string> {
  const stream = createReadStream(path, { fd: opened(path) })
  let begun: Buffer[] = []
  let bytes = 0
  for await (const chunk of readFrom(stream as AsyncIterable<Buffer>, path)) {
    let from = 0
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      yield Buffer.concat([...begun, chunk.subarray(from, end)]).toString()
      begun = []
      bytes = 0
      from = end + 1
    }
    begun.push(chunk.subarray(from))
    bytes += chunk.length - from
    if (bytes > lineBytesMax)
      throw cliError('CLI_FILE', {
        attempted: `reading ${path}`,
        received: `a line of more than ${lineBytesMax} bytes`,
      })
  }
  yield Buffer.concat(begun).toString()
}

async function* readFrom(stream: AsyncIterable<Buffer>, path: string): AsyncGenerator<Buffer> {
  try {
    yield* stream
  } catch (cause) {
    throw fileError(path, cause, 'reading')
  }
}

/** A file, or a pipe from what writes one. */
function opened(path: string): number {
  let fd: number
  try {
    fd = openSync(path, 'r')
  } catch (cause) {
    throw fileError(path, cause, 'reading')
  }
  if (!fstatSync(fd).isDirectory()) return fd
  closeSync(fd)
  throw cliError('CLI_FILE', {
    attempted: `reading ${path}`,
    received: 'a folder',
    advice: 'Name a file with a request in each line: ./sealwatch detect calibrate --help',
  })
}
