// SPDX-License-Identifier: Apache-2.0

import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { isSealwatchError, messageOf } from '@sealwatch/base'
import { z } from 'zod'
import { modelLimits } from '../limits.ts'
import { modelError } from './errors.ts'
import { createModel, type RequestModel } from './model.ts'
import { readModel } from './weights.ts'

export type LoadedModel = RequestModel & {
  /** Hex: names the model in what is told of a request. */
  readonly sha256: string
  /** Above `logit` lies no more than this share of the honest requests it was calibrated with. */
  readonly thresholds: readonly Threshold[]
}
export type Threshold = { readonly falsePositives: number; readonly logit: number }

/** The model of this release. */
const ofRelease = join(import.meta.dirname, '../../../model')

/**
 * Opens the model of a folder as `npm run train` writes it, by plain calls. Throws MODEL_UNREADABLE, MODEL_MANIFEST, MODEL_SHAPE or
 * MODEL_HASH; whoever calls judges on without a model then, and says so.
 */
export const openModel = (folder: string = ofRelease): LoadedModel =>
  loadModel(read(join(folder, 'request.onnx')), read(join(folder, 'request.json')).toString())

function read(path: string): Buffer {
  const attempted = `reading ${path}`
  try {
    const { size } = statSync(path)
    if (size <= modelLimits.fileBytesMax) return readFileSync(path)
    throw modelError('MODEL_SHAPE', { attempted, received: `${size} bytes` })
  } catch (cause) {
    if (isSealwatchError(cause)) throw cause
    throw modelError('MODEL_UNREADABLE', { attempted, received: messageOf(cause), cause })
  }
}

/** Throws MODEL_MANIFEST, MODEL_SHAPE or MODEL_HASH. */
export function loadModel(file: Uint8Array, manifestText: string): LoadedModel {
  const { sha256, thresholds } = readManifest(manifestText)
  return { ...createModel(readModel(file, sha256)), sha256, thresholds }
}

const manifestForm = z.object({
  version: z.literal(1),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  thresholds: z.array(z.object({ falsePositives: z.number().min(0).max(1), logit: z.number() })),
})

function readManifest(text: string): z.infer<typeof manifestForm> {
  const { data, error } = z.string().transform(parsed).pipe(manifestForm).safeParse(text)
  if (error === undefined) return data
  throw modelError('MODEL_MANIFEST', { attempted: 'loading the request model', received: z.prettifyError(error) })
}

function parsed(text: string, context: z.RefinementCtx): unknown {
  try {
    return JSON.parse(text)
  } catch {
    context.addIssue('it is no JSON')
    return z.NEVER
  }
}
