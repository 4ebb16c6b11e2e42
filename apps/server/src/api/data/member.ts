// SPDX-License-Identifier: Apache-2.0
// Members of what somebody else sealed: what has another form is as if it were not there.

import type { JsonObject } from '@sealwatch/base'
import { isObject } from './entry.ts'

export function objectIn(value: JsonObject | undefined, member: string): JsonObject | undefined {
  const inner = value !== undefined && Object.hasOwn(value, member) ? value[member] : undefined
  return isObject(inner) ? inner : undefined
}

export function listIn(value: JsonObject | undefined, member: string): JsonObject[] {
  const inner = value !== undefined && Object.hasOwn(value, member) ? value[member] : undefined
  return Array.isArray(inner) ? inner.filter(isObject) : []
}

export function textsIn(value: JsonObject | undefined, member: string): string[] {
  const inner = value?.[member]
  return Array.isArray(inner) ? inner.filter((text): text is string => typeof text === 'string') : []
}

export const textIn = (value: JsonObject | undefined, member: string): string | null => {
  const inner = value?.[member]
  return typeof inner === 'string' ? inner : null
}

export const numberIn = (value: JsonObject | undefined, member: string): number | null => {
  const inner = value?.[member]
  return Number.isSafeInteger(inner) && (inner as number) >= 0 ? (inner as number) : null
}
