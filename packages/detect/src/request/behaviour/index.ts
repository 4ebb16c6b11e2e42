// SPDX-License-Identifier: Apache-2.0

export {
  type Behaviour,
  type BehaviourContext,
  type BehaviourJudgement,
  type BehaviourOptions,
  type BehaviourOutcome,
  createBehaviour,
} from './behaviour.ts'
export { behaviourErrors } from './errors.ts'
export type { Seed } from './hash.ts'
export { type BehaviourReason, behaviourFeatures, type Feature } from './judge.ts'
export { behaviourLimits } from './limits.ts'
