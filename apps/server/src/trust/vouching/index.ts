// SPDX-License-Identifier: Apache-2.0

export {
  type Acknowledged,
  type AcknowledgedRow,
  acknowledgedCode,
  acknowledgedIn,
  digestOfAcknowledgement,
  unsaidOfAcknowledgement,
} from './acknowledgements.ts'
export { type FleetBook, newFleetBook, takeFleetLine, unsaidOfGroup, unsaidOfMember } from './fleet-acts.ts'
export { createFleetVouching, type FleetVouching } from './fleet-vouching.ts'
export { type KeyBook, takeKeyLine, unsaidOf } from './key-lines.ts'
export { actIn, type OwnAct } from './own-act.ts'
export { actsOf } from './own-lines.ts'
export { strictActIn, unsaidOfStrict } from './strict-acts.ts'
export { tellUnvouched } from './tell.ts'
export { createVouching, type Vouching, waitingFor } from './vouching.ts'
