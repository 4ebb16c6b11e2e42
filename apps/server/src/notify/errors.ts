// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf } from '@sealwatch/base'

export const notifyErrors = {
  CHANNEL_UNKNOWN: {
    kind: 'not_found',
    rule: 'there is such a channel in this tenant',
    advice: 'List them: sealwatch notify list',
  },
  CHANNEL_TARGET_UNFIT: {
    kind: 'invalid',
    rule: 'a channel leads to an https URL of at most 1,024 characters without a password or a fragment, to mailto: and one plain address, or to `admins`',
    advice:
      'Name the https URL that your receiver gave you, or admins for mail to whoever is one. On this machine and in a private network it is https, too: whoever runs the server names it by SEALWATCH_SERVER_WEBHOOK_ORIGINS, and its CA by SEALWATCH_SERVER_WEBHOOK_CA_FILE (docs/notifications.md)',
  },
  CHANNELS_TOO_MANY: {
    kind: 'exhausted',
    rule: 'a tenant has at most 16 channels',
    advice: 'Remove one that nobody reads: sealwatch notify remove',
  },
  CHANNEL_TESTS_TOO_MANY: {
    kind: 'exhausted',
    rule: 'the channels of a tenant are tested 5 times at once, and then once a minute',
    advice: 'Wait a minute; what real messages came to shows sealwatch notify list',
  },
  CHANNEL_UNSIGNED: {
    kind: 'conflict',
    rule: 'a webhook has a secret; mail has none',
    advice: 'Rotate the secret of a webhook',
  },
  MAIL_NOT_SET: {
    kind: 'conflict',
    rule: 'mail goes by the server that SEALWATCH_SERVER_SMTP_URL names',
    advice: 'Ask whoever runs the server to set it (docs/notifications.md), or add a webhook',
  },
  MAIL_REFUSED: {
    kind: 'denied',
    rule: 'a mail server has an address of a host that may be called, and by smtp-plain of this machine alone',
    advice: 'Look what SEALWATCH_SERVER_SMTP_URL names, and who answers for that name in DNS',
  },
  MAIL_SETTINGS: {
    kind: 'fatal',
    rule: 'SEALWATCH_SERVER_SMTP_URL is smtps://HOST[:PORT], smtp://HOST[:PORT] (STARTTLS) or smtp-plain://HOST[:PORT] (this machine alone), SEALWATCH_SERVER_SMTP_FROM a plain address, user and password are both set or neither, and a file of a password is closed to others',
    advice: 'Correct the setting that is named, or leave all of them empty: no mail is sent then',
  },
  WEBHOOK_SETTINGS: {
    kind: 'fatal',
    rule: 'SEALWATCH_SERVER_WEBHOOK_ORIGINS names at most 64 https origins, and SEALWATCH_SERVER_WEBHOOK_CA_FILE a file of PEM certificates of at most 256 KiB',
    advice: 'Correct the setting, or leave it empty: webhooks then lead to public places alone',
  },
} as const satisfies ErrorTable
export const notifyError = errorsOf(notifyErrors)
