// SPDX-License-Identifier: Apache-2.0
// How a kept thread begins. It imports Node alone: it is started from its text, and so is all that it loads from the
// second time on, for by then the code may lie where this process may not read any more.

import { registerHooks } from 'node:module'
import { parentPort, workerData } from 'node:worker_threads'

/** What a thread has loaded: where each import led, under its importer and its name, and what lay there. */
export type KeptCode = {
  readonly places: Map<string, { readonly url: string; readonly format: string | null | undefined }>
  readonly texts: Map<string, { readonly format: string | null | undefined; readonly source: unknown }>
}

/** `entry`: URL of the module that is the thread. Without `code` it is read from the disk, and told as `kept`. */
export type ThreadStart = { readonly entry: string; readonly code: KeptCode | undefined }
export type Kept = { readonly kept: KeptCode }

const { entry, code } = workerData as ThreadStart
const { places, texts }: KeptCode = code ?? { places: new Map(), texts: new Map() }

registerHooks({
  resolve: (specifier, context, next) => {
    const name = `${context.parentURL ?? ''} ${specifier}`
    const { url, format } = places.get(name) ?? next(specifier, context)
    places.set(name, { url, format })
    return { url, format, shortCircuit: true }
  },
  load: (url, context, next) => {
    const { format, source } = texts.get(url) ?? next(url, context)
    texts.set(url, { format, source })
    return { format, source, shortCircuit: true } as ReturnType<typeof next>
  },
})

await import(entry)
parentPort?.postMessage({ kept: { places, texts } } satisfies Kept)
