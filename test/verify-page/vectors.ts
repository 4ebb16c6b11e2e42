// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from 'node:fs'

/** A bundle of vectors/, as it is or altered, under the keys that its folder names. */
export type BundleVector = {
  readonly name: string
  readonly text: string
  readonly keys: readonly string[]
  /** What a verifier must say; undefined: that it is good. */
  readonly due: { readonly code: string; readonly fileLine: number } | undefined
}

type Alteration = { name: string; from: string; to: string; code: string; fileLine: number }

const folders = [
  { folder: 'ledger', alterations: 'altered-bundles.json' },
  { folder: 'bundle', alterations: 'altered.json' },
]

/** Of both versions of the format. */
export const bundleVectors: readonly BundleVector[] = folders.flatMap(({ folder, alterations }) => {
  const read = (file: string) => readFileSync(new URL(`../../vectors/${folder}/${file}`, import.meta.url), 'utf8')
  const keys = read('vkeys').trim().split('\n')
  const complete = read('complete.bundle')
  const good = ['complete.bundle', 'sparse.bundle'].map((file) => ({
    name: `${folder}/${file}`,
    text: read(file),
    keys,
    due: undefined,
  }))
  const bad = (JSON.parse(read(alterations)) as Alteration[]).map(({ name, from, to, code, fileLine }) => ({
    name: `${folder}: ${name}`,
    text: complete.replace(from, to),
    keys,
    due: { code, fileLine },
  }))
  return [...good, ...bad]
})

export function vectorNamed(name: string): BundleVector {
  const found = bundleVectors.find((vector) => vector.name === name)
  if (found === undefined) throw new Error(`there is no vector ${name}`)
  return found
}
