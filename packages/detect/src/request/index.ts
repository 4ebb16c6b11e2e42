// SPDX-License-Identifier: Apache-2.0

export { type RequestContext, type RequestInput, readContext } from './context.ts'
export { type DecodedRequest, decodeRequest } from './decode/request.ts'
export type { Source, Value } from './decode/values.ts'
export { contextLimits, type DecodeLimits, decodeLimits } from './limits.ts'
export type { SecMatch, SecVerdict } from './seclang/evaluate.ts'
export { type LoadedSecRules, loadSecRules, type RuleProblem, type SecRuleOptions } from './seclang/load.ts'
export type { DataFiles, Injection } from './seclang/operators.ts'
export type { RuleText } from './seclang/parse.ts'
export { type Signal, type SignalKind, signalKinds } from './signals.ts'
export { contextOfHttp } from './wire/http-context.ts'
export { contextOfJson, type JsonContext } from './wire/json-context.ts'
export { contextOfProxy } from './wire/proxy-context.ts'
