// SPDX-License-Identifier: Apache-2.0

export type { Judgement } from './model.ts'
export { type LoadedModel, loadModel, openModel, type Threshold } from './open-model.ts'
