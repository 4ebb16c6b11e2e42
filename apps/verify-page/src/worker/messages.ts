// SPDX-License-Identifier: Apache-2.0
// What the page and its worker say to each other: plain data, no functions.

import type { BundleReport, KeyRecord } from '@sealwatch/ledger/verify'
import type { Filter } from '../model/filter.ts'
import type { Delegation } from '../model/header.ts'
import type { Proof } from '../model/proof.ts'
import type { Trust } from '../model/trust.ts'
import type { Verdict } from '../model/verdict.ts'
import type { LineKind, LineWords } from '../model/words.ts'

export type Ask =
  | { readonly ask: 'examine'; readonly file: File; readonly trust: Trust }
  | { readonly ask: 'rows'; readonly rows: readonly number[] }
  | { readonly ask: 'filter'; readonly filter: Filter }
  | { readonly ask: 'prove'; readonly row: number }

export type Row = { readonly row: number; readonly leaf: number; readonly words: LineWords }

/** A judged bundle, as far as the page shows it at once. */
export type Examined = {
  readonly verdict: Verdict
  /** Zero when the bundle is not good: then nothing in it is shown as evidence. */
  readonly rows: number
  readonly kinds: Readonly<Partial<Record<LineKind, number>>>
  readonly hostKeys: readonly KeyRecord[]
  /** Verifier keys that the bundle brought, and the node key that they certify, in a bundle of version 2. */
  readonly keys: readonly string[]
  readonly node: Pick<Delegation, 'nodeKey' | 'validFrom' | 'validUntil'> | undefined
  readonly witnesses: BundleReport['witnesses']
  /** The first bad line as it stands in the file, cut to a few hundred characters. */
  readonly excerpt: string | undefined
}

export type Proven = {
  readonly proof: Proof
  readonly witnesses: BundleReport['witnesses']
  readonly words: LineWords
  /** The line, indented for reading; personal values stand beside it by JSON pointer. */
  readonly text: string
  readonly personal: readonly { readonly pointer: string; readonly value: string }[]
  /** Programs that check the same without us. */
  readonly script: string
  readonly goProgram: string
}

export type Answers = {
  readonly examine: Examined
  readonly rows: readonly Row[]
  /** Undefined: a newer filter has taken its place. */
  readonly filter: Uint32Array | undefined
  readonly prove: Proven
}

export type ToWorker = { readonly id: number; readonly message: Ask }
export type FromWorker =
  | { readonly id: number; readonly answer: Answers[keyof Answers] }
  | { readonly id: number; readonly progress: number }
  | { readonly id: number; readonly failure: string }
