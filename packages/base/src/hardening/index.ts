// SPDX-License-Identifier: Apache-2.0

export { hardeningErrors, refuseForeignEnvironment } from './environment.ts'
export { confine, type Hardening, together } from './hardening.ts'
export { CallFailed } from './libc.ts'
export { placesOf } from './places.ts'
export { callsOutward } from './syscalls.ts'
