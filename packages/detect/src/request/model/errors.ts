// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf } from '@sealwatch/base/errors'

export const modelErrors = {
  MODEL_UNREADABLE: {
    kind: 'not_found',
    rule: 'the request model is two files of one folder, request.onnx and request.json, that this process may read',
    advice: 'Take the folder packages/detect/model of this release; until then requests are judged without a model',
  },
  MODEL_SHAPE: {
    kind: 'invalid',
    rule: 'the request model is an ONNX file as `npm run train` writes it, of the same version',
    advice: 'Take the model of this release, or train one with it; until then requests are judged without a model',
  },
  MODEL_HASH: {
    kind: 'unverified',
    rule: 'the request model is the file whose SHA-256 its manifest pins',
    advice: 'Take model and manifest from one release; until then requests are judged without a model',
  },
  MODEL_MANIFEST: {
    kind: 'invalid',
    rule: 'the manifest of the request model is JSON as `npm run train` writes it',
    advice: 'Take model and manifest from one release; until then requests are judged without a model',
  },
} as const satisfies ErrorTable

export const modelError = errorsOf(modelErrors)
