// SPDX-License-Identifier: Apache-2.0

import type { ConnectRouter } from '@connectrpc/connect'
import type { UniversalHandler, UniversalHandlerFn } from '@connectrpc/connect/protocol'

/** Puts something before what the router has for a method. */
export function wrapHandler(
  { handlers }: ConnectRouter,
  method: UniversalHandler['method'],
  wrap: (handle: UniversalHandlerFn) => UniversalHandlerFn,
): void {
  const at = handlers.findIndex((one) => one.method === method)
  const handle = handlers[at]
  if (handle === undefined) throw new Error(`no handler of ${method.localName}`)
  handlers[at] = Object.assign(wrap(handle), handle)
}
