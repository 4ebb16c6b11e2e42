// SPDX-License-Identifier: Apache-2.0

import type { PolicyDocument } from '@sealwatch/contract/policy'
import { type CompiledPolicy, compilePolicy, membersOf } from './compile.ts'

/**
 * A policy as a host was told it (docs/formats/host-config.md, 2): accepted before it was signed. Undefined where it holds what
 * nobody here understands, for none is followed in part (policy.md, 6.3).
 */
export function openPolicy(document: string): CompiledPolicy | undefined {
  const policy = parsed(document)
  return policy === undefined ? undefined : compilePolicy(policy)
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isOneOf =
  (...words: readonly string[]) =>
  (value: unknown) =>
    words.includes(value as string)
const isText = (value: unknown) => typeof value === 'string'
const isList = (value: unknown) =>
  Array.isArray(value) && value.every((each) => typeof each === 'string' || typeof each === 'number')
const isLists = (value: unknown) =>
  isObject(value) && Object.values(value).every((named) => isObject(named) && Object.values(named).every(isList))

type Form = (value: unknown) => boolean
type Members = Readonly<Record<string, Form>>

const isFormed = (value: unknown, forms: Members, due: readonly string[]) =>
  isObject(value) &&
  due.every((member) => value[member] !== undefined) &&
  Object.entries(value).every(([member, each]) => Object.hasOwn(forms, member) && forms[member]?.(each) === true)

const rulesOf =
  (forms: Members, due: readonly string[]): Form =>
  (value) =>
    Array.isArray(value) && value.every((rule) => isFormed(rule, forms, due))

function parsed(document: string): PolicyDocument | undefined {
  let value: unknown
  try {
    value = JSON.parse(document)
  } catch {
    return undefined
  }
  const type = isObject(value) ? value.type : undefined
  if (type !== 'network' && type !== 'file' && type !== 'process') return undefined
  const action = isOneOf('allow', 'deny')
  const asked = Object.fromEntries(membersOf(type).map((member) => [member, isList as Form]))
  const who = Object.fromEntries(['executables', 'users', 'units'].map((member) => [member, isList as Form]))
  const own: Members = type === 'file' ? { may: rulesOf(who, []) } : { action }
  const rule: Members = {
    id: isText,
    description: isText,
    ...asked,
    ...own,
    ...(asked.direction && { direction: isText }),
  }
  const forms: Members = {
    ...{ type: isText, name: isText, description: isText, enabled: (flag) => typeof flag === 'boolean' },
    ...{ hosts: isList, mode: isOneOf('observe', 'enforce'), lists: isLists },
    ...(type !== 'file' && { default: action }),
    rules: rulesOf(rule, ['id', ...Object.keys(own)]),
  }
  return isFormed(value, forms, ['name', 'enabled', 'rules']) ? (value as PolicyDocument) : undefined
}
