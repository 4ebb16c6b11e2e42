// SPDX-License-Identifier: Apache-2.0

/** Users of our own programs (docs/privileges.md), as apps/sensor/maps.h has them. */
export const ownUsers = { first: 64_701, last: 64_708 } as const

export const isOwnUser = (uid: number): boolean => uid >= ownUsers.first && uid <= ownUsers.last
