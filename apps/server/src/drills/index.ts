// SPDX-License-Identifier: Apache-2.0

export { createDrills, type DrillRun, type Drills } from './drills.ts'
export { drillRunErrors } from './errors.ts'
export { drillLimits } from './limits.ts'
