// SPDX-License-Identifier: Apache-2.0

/**
 * Who asks, proven. `person`: by a session that began with a log-in; `machine`: by an API token; `operator`: root on the
 * machine of the control plane, by the control socket; `agent`: a host, by its certificate; `service`: one that sends rows, by
 * its own, whose id is the principal's. In a ledger each is named by its id alone (LOG-5).
 */
export type Principal =
  | { readonly kind: 'person'; readonly id: string; readonly session: string }
  | {
      readonly kind: 'machine'
      readonly id: string
      readonly tenant: string
      readonly actions: readonly string[]
      readonly service?: string
    }
  | { readonly kind: 'operator'; readonly id: 'root' }
  | { readonly kind: 'agent'; readonly id: string; readonly tenant: string }
  | { readonly kind: 'service'; readonly id: string; readonly tenant: string; readonly service: string }

/** The same principal has the same name, another has another. */
export const nameOf = ({ kind, id }: Principal): string => `${kind}:${id}`
