// SPDX-License-Identifier: Apache-2.0

import { type Clock, isSealwatchError } from '@sealwatch/base'
import { createOutgoing, type OutgoingInit } from '@sealwatch/base/outgoing'
import type { CustomFetchOptions } from 'openid-client'
import { signInError } from './errors.ts'
import type { OidcPlan } from './settings.ts'

const attempted = 'calling the provider'

/** What the relying party's library calls in place of fetch. Throws PROVIDER_UNFIT or PROVIDER_UNAVAILABLE, and what the network throws. */
export function providerCall({ origins, ca }: Pick<OidcPlan, 'origins' | 'ca'>, clock: Clock) {
  const call = createOutgoing({ what: 'the provider', origins, ca, clock })
  return async (url: string, { method, headers, body, signal }: CustomFetchOptions): Promise<Response> => {
    try {
      // The library sends forms and JSON alone.
      return await call(url, { method, headers, body: body as OutgoingInit['body'], signal })
    } catch (cause) {
      if (!isSealwatchError(cause)) throw cause
      const { received } = cause
      if (cause.code === 'OUTGOING_LATE') throw signInError('PROVIDER_UNAVAILABLE', { attempted, received, cause })
      throw signInError('PROVIDER_UNFIT', {
        attempted,
        received,
        cause,
        ...(cause.code === 'OUTGOING_REFUSED' && {
          advice:
            'If the provider really has endpoints there, name the origin in SEALWATCH_SERVER_OIDC_ENDPOINT_ORIGINS',
        }),
      })
    }
  }
}
