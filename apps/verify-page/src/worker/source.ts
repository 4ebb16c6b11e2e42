// SPDX-License-Identifier: Apache-2.0

/** The worker's code as text; the build puts it here (build.ts). */
export const workerSource = ''
