// SPDX-License-Identifier: Apache-2.0

import { integer, optional, text } from '@sealwatch/base'

export const devLoginConfigPrefix = 'SEALWATCH_DEV_LOGIN_'

/** What the built-in provider is told by `sealwatch up`. */
export const devLoginSettings = {
  environment: optional({
    env: 'NODE_ENV',
    form: /^(development|test|ci|local)$/,
    mustBe: 'development, test, ci, local or empty: the built-in provider asks nobody for a password',
    help: 'The built-in provider does not start with any other',
  }),
  port: integer({
    env: 'SEALWATCH_DEV_LOGIN_PORT',
    default: 0,
    min: 0,
    max: 65_535,
    help: 'Port on 127.0.0.1 to listen on; 0 takes a free one',
  }),
  origin: text({
    env: 'SEALWATCH_DEV_LOGIN_ORIGIN',
    form: /^http:\/\/localhost:\d{1,5}$/,
    mustBe: 'http://localhost:PORT',
    help: 'Where the dashboard is: the one place that a log-in leads back to',
  }),
  uid: integer({
    env: 'SEALWATCH_DEV_LOGIN_UID',
    default: 64_706,
    min: 1,
    max: 4_294_967_294,
    help: 'User the provider runs as when started by root',
  }),
  gid: integer({
    env: 'SEALWATCH_DEV_LOGIN_GID',
    default: 64_706,
    min: 1,
    max: 4_294_967_294,
    help: 'Group the provider runs as when started by root',
  }),
} as const
