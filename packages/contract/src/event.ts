// SPDX-License-Identifier: Apache-2.0
// The event vocabulary: docs/formats/event.md. No node: imports, for verifiers run in browsers too.

export * from './event/alike.ts'
export * from './event/capabilities.ts'
export * from './event/classes.ts'
export * from './event/events.ts'
export * from './event/fields.ts'
export * from './event/finding.ts'
export * from './event/fit.ts'
export * from './event/guard.ts'
export * from './event/objects.ts'
export * from './event/personal.ts'
