// SPDX-License-Identifier: Apache-2.0

/** That nobody vouches for a line, or for what it rests on, and why. */
export const Unverified = ({ why }: { readonly why: string | undefined }) =>
  why === undefined ? null : (
    <span className="chip warn" title="It failed verification and was admitted all the same">
      unverified: {why}
    </span>
  )
