// SPDX-License-Identifier: Apache-2.0

import { type ValidatedPolicy, validatePolicy } from '@sealwatch/contract/policy'

/** `isValue`: what was parsed elsewhere, as JSON; else the text of a policy. */
export type PolicyQuestion = { readonly text: string; readonly isValue: boolean; readonly nowMs: number }

/** What is asked on a thread of its own, or in place where little is to be checked. */
export const checkPolicy = ({ text, isValue, nowMs }: PolicyQuestion): ValidatedPolicy =>
  validatePolicy(isValue ? (JSON.parse(text) as unknown) : text, { nowMs })
