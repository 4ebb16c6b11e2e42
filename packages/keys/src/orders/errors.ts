// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf } from '@sealwatch/base'

export const orderErrors = {
  ORDER_INVALID: {
    kind: 'invalid',
    rule: 'a standing order is of the form of docs/formats/orders.md, 2, and signed by the CA of the deployment',
    advice: 'Look where it comes from: it was altered, or is of another deployment',
  },
  ORDER_FOREIGN: {
    kind: 'denied',
    rule: 'a standing order is for one host',
    advice:
      'If this machine was enrolled anew, remove standing-order.json from the folder of the hands, and start them again',
  },
  ORDER_EXPIRED: {
    kind: 'denied',
    rule: 'a standing order counts until its end, 30 days at most',
    advice: 'Let the host reach its server, which renews it; or look at the clock of the host',
  },
  ORDER_NOT_YET: {
    kind: 'denied',
    rule: 'a standing order counts from when it was issued, with five minutes for clocks that differ',
    advice: 'Look at the clocks of the host and of its server',
  },
  ORDER_REPLAYED: {
    kind: 'conflict',
    rule: 'a standing order has no smaller version than any that was taken before',
    advice: 'Look who sends older ones: a server that was restored, or somebody who kept one',
  },
  ORDER_MISSING: {
    kind: 'denied',
    rule: 'hands do nothing without a standing order that counts',
    advice: 'See `sealwatch host show HOST`: the server issues one when the guard of the host has told its key',
  },
  COMMAND_INVALID: {
    kind: 'invalid',
    rule: 'a command is of the form of docs/formats/orders.md, 3, and signed by the key that the standing order names',
    advice: 'Look who sends it: the guard alone has that key',
  },
  COMMAND_UNKNOWN_ACT: {
    kind: 'invalid',
    rule: 'a command is for one act of those that docs/formats/orders.md, 3.3, names',
    advice: 'Let guard and hands be of one version',
  },
  COMMAND_FOREIGN: {
    kind: 'denied',
    rule: 'a command is for this host, under the standing order that counts now',
    advice: 'Nothing, where the order was replaced meanwhile: the guard commands anew; otherwise look who sends it',
  },
  COMMAND_REPLAYED: {
    kind: 'conflict',
    rule: 'a command carries the nonce of this life of the hands, and a greater number than all before it',
    advice: 'Look who sends it again',
  },
  COMMAND_EXPIRED: {
    kind: 'denied',
    rule: 'a command counts for 30 seconds at most, by the clock that nobody sets',
    advice: 'See why it was under way so long: the machine may be overloaded',
  },
  COMMAND_OUT_OF_SCOPE: {
    kind: 'denied',
    rule: 'a command does what the standing order allows, in defence of what it names',
    advice: 'Change what the groups of the host say (`sealwatch host config set`), and the server orders anew',
  },
  COMMAND_TOO_MANY: {
    kind: 'exhausted',
    rule: 'hands act no more often in a minute than the standing order says',
    advice: 'Look at the incidents of the host: something attacks again and again, or is taken for it',
  },
} as const satisfies ErrorTable
export const orderError = errorsOf(orderErrors)
