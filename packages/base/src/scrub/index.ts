// SPDX-License-Identifier: Apache-2.0

export { scrubArguments, scrubText, scrubTexts } from './arguments.ts'
export { redacted } from './names.ts'
export { scrubUnitsMax } from './places.ts'
