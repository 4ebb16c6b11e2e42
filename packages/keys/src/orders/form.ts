// SPDX-License-Identifier: Apache-2.0

import type { Json, JsonObject } from '@sealwatch/base'

export const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export const hasOnly = (object: JsonObject, members: readonly string[]): boolean =>
  Object.keys(object).length === members.length && members.every((member) => Object.hasOwn(object, member))
