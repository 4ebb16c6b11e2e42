// SPDX-License-Identifier: Apache-2.0
// What the hands of a host may do, signed in advance by its server, and what its guard commands under that
// (docs/formats/orders.md).

export {
  type Act,
  type Command,
  type CommandEnds,
  commandLimits,
  commandType,
  type OpenedCommand,
  openCommand,
  signCommand,
} from './command.ts'
export { orderError, orderErrors } from './errors.ts'
export {
  isInTime,
  type OpenedOrder,
  type OrderStep,
  openStandingOrder,
  orderLimits,
  orderSteps,
  type StandingOrder,
  signStandingOrder,
  standingOrderType,
} from './standing-order.ts'
