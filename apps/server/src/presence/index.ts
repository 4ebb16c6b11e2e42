// SPDX-License-Identifier: Apache-2.0

export { presenceErrors } from './errors.ts'
export { type HostWatch, openHostWatch, type ShownPresence } from './watch-hosts.ts'
