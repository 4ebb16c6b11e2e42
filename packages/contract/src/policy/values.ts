// SPDX-License-Identifier: Apache-2.0
// What the values of a policy mean, for who judges by accepted ones: without the schema, and what that takes of memory.

export { addressKey, parsePrefix } from './address.ts'
export { type FileReach, fileReaches, isPlainPath, placeOf } from './enforced.ts'
export { resolveLists } from './lists.ts'
export { compilePaths, pathFault } from './path-pattern.ts'
export { type KeyRange, mergeRanges, portKey, portRange, rangeWith } from './ranges.ts'
