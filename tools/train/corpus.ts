// SPDX-License-Identifier: Apache-2.0

import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { type RequestContext, readContext } from '../../packages/detect/src/request/context.ts'
import { decodeRequest } from '../../packages/detect/src/request/decode/request.ts'
import { isPlain } from '../../packages/detect/src/request/model/model.ts'
import type { Example } from './example.ts'
import type { PackagePin } from './package-texts.ts'

export type CorpusExample = Example & { readonly context: RequestContext }
/** What is learned from, and what false positives are counted on: pinned, and not in this repository. */
export type Corpus = { readonly train: readonly CorpusExample[]; readonly calibrate: readonly CorpusExample[] }

type Pin = { readonly file: string; readonly sha256: string; readonly use: keyof Corpus }
export type CorpusManifest = {
  readonly files: readonly Pin[]
  readonly sources: readonly { readonly source: string; readonly from: string; readonly licence: string }[]
  readonly packages: readonly PackagePin[]
}

/** A line of the corpus; bench/README.md has it for those who replay their own. */
export type Row = {
  readonly source: string
  readonly label: 0 | 1
  readonly method: string
  readonly path: string
  readonly query: string
  readonly headers: readonly (readonly [string, string])[]
  /** Latin1. */
  readonly body: string
}

export const corpusManifest = JSON.parse(
  readFileSync(new URL('corpus.json', import.meta.url), 'utf8'),
) as CorpusManifest

export function readCorpus(folder: string, { files }: CorpusManifest = corpusManifest): Corpus {
  const read = (use: keyof Corpus) =>
    files
      .filter((pin) => pin.use === use)
      .flatMap(({ file, sha256 }) => {
        const bytes = readFileSync(join(folder, file))
        const found = hash('sha256', bytes)
        if (found !== sha256) throw new Error(`${file} is not the pinned one: its SHA-256 is ${found}, not ${sha256}`)
        return gunzipSync(bytes)
          .toString()
          .trim()
          .split('\n')
          .map((line) => exampleOf(JSON.parse(line) as Row))
      })
  return { train: read('train'), calibrate: read('calibrate') }
}

function exampleOf({ source, label, method, path, query, headers, body }: Row): CorpusExample {
  const bytes = Buffer.from(body, 'latin1')
  const context = readContext({ method, path, query, headers, body: bytes, address: '192.0.2.1' })
  const texts = decodeRequest(context).values.map(({ text }) => text)
  return { context, source, isAttack: label === 1, texts: [...new Set(texts)].filter((text) => !isPlain(text)) }
}
