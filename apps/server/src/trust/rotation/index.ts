// SPDX-License-Identifier: Apache-2.0

export { createRotations, type RotatingKey, type Rotations } from './rotations.ts'
