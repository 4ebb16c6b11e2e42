// SPDX-License-Identifier: Apache-2.0
// What a value must look like, and an object by its members.

import type { Json, JsonObject } from '@sealwatch/base/json'
import { parseRfc3339 } from '@sealwatch/base/time'
import { slugName } from '@sealwatch/contract/name-form'

export type Check = ((value: Json | undefined) => boolean) & { optional?: boolean }
export type Shape = Readonly<Record<string, Check>>

export const isHex = (length: number) => (value: Json | undefined) =>
  typeof value === 'string' && value.length === length && /^[0-9a-f]*$/.test(value)
export const isCount = (value: Json | undefined) => Number.isSafeInteger(value) && (value as number) >= 0
export const isString = (value: Json | undefined) => typeof value === 'string'
export const isText = (value: Json | undefined) => typeof value === 'string' && value.length > 0 && value.length <= 256
export const isTime = (value: Json | undefined) => typeof value === 'string' && parseRfc3339(value) !== undefined
export const isSlug = (value: Json | undefined) => typeof value === 'string' && slugName.form.test(value)
export const isPrintable = (value: Json | undefined) => typeof value === 'string' && /^[\x21-\x7e]{1,128}$/.test(value)
export const isObject = (value: Json | undefined) =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
export const isOneOf = (values: readonly Json[]) => (value: Json | undefined) =>
  value !== undefined && values.includes(value)
export const orNull = (check: Check) => (value: Json | undefined) => value === null || check(value)
export const optional = (check: Check) => Object.assign((value: Json | undefined) => check(value), { optional: true })
export const isOf = (shape: Shape) => (value: Json | undefined) =>
  isObject(value) && faultOf(value as JsonObject, shape) === undefined

/** The first member that is missing, unknown, or of another form. */
export function faultOf(object: JsonObject, shape: Shape): string | undefined {
  for (const member in object) if (!Object.hasOwn(shape, member)) return member
  for (const member in shape) {
    const check = shape[member] as Check
    if (!(Object.hasOwn(object, member) ? check(object[member]) : check.optional === true)) return member
  }
  return undefined
}
