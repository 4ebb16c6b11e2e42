// SPDX-License-Identifier: Apache-2.0

export { signoffLimits, signoffsError, signoffsErrors } from './errors.ts'
export { createSignoffs, type GivenSignoff, type Signoff, type Signoffs } from './signoffs.ts'
