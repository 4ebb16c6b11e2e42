// SPDX-License-Identifier: Apache-2.0

import { contextOfHttp, contextOfJson, type RequestContext } from '@sealwatch/detect/request'
import { cliError } from '../errors.ts'
import { readSmallBytes } from '../small-file.ts'

/** Of a request in a file: what is larger is cut by whoever hands it over. */
const fileBytesMax = 16 * 1024 * 1024

/** A request as JSON, or as HTTP writes it; `address` where it does not say whose it is. Throws what is wrong with it. */
export function readRequest(path: string, address: string): RequestContext {
  const bytes = bytesOf(path)
  // No method begins with a brace.
  if (!/^\s*\{/.test(bytes.toString('latin1', 0, 64))) return contextOfHttp(bytes, address)
  let given: object
  try {
    given = JSON.parse(bytes.toString()) as object
  } catch (cause) {
    throw cliError('CLI_FILE', { attempted: `reading ${path}`, received: 'JSON that does not parse', cause })
  }
  return contextOfJson({ address, ...given })
}

function bytesOf(path: string): Buffer {
  try {
    return readSmallBytes(path, fileBytesMax)
  } catch (cause) {
    const received = (cause as NodeJS.ErrnoException).code
    throw cliError('CLI_FILE', { attempted: `reading ${path}`, received, cause })
  }
}
