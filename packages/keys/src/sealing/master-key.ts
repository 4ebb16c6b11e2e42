// SPDX-License-Identifier: Apache-2.0

/** Which tenant key is wrapped, and under which epoch of the master key; bound to the wrapped bytes. */
export type WrapPlace = { readonly tenant: string; readonly epoch: number; readonly masterEpoch: number }

/** Keeper of one kind of system master key: a file of this machine, or a key that never leaves a KMS. */
export type MasterKey = {
  /** Makes the key of a new epoch; it is durable, and has been tried, when this resolves with what names it. */
  begin(epoch: number, asked: string): Promise<string>
  /** Throws KEYS_UNAVAILABLE. */
  wrap(keyId: string, place: WrapPlace, key: Uint8Array): Promise<Uint8Array>
  /** The caller zeroes the key. Throws KEYS_UNAVAILABLE, or SEALED_UNREADABLE for other bytes or another place. */
  unwrap(keyId: string, place: WrapPlace, wrapped: Uint8Array): Promise<Uint8Array>
  /** Throws KEYS_DAMAGED when the key of a living epoch is not there. */
  check(epoch: number): Promise<void>
  /** Tries the key. Throws KEYS_UNAVAILABLE. */
  probe(epoch: number, keyId: string): Promise<void>
  /** Destroys the key of an epoch under which nothing is wrapped any more. */
  destroy(epoch: number): Promise<void>
}
