// SPDX-License-Identifier: Apache-2.0

/** Numeric users of their own, so that no account has to be made and none is shared. */
export const serviceUsers = {
  server: { uid: 64701, gid: 64701 },
  agent: { uid: 64702, gid: 64702 },
  /** In the agent's group, for it connects to the agent's socket. */
  sensor: { uid: 64703, gid: 64702 },
  witness: { uid: 64704, gid: 64704 },
  signingProxy: { uid: 64705, gid: 64705 },
  devLogin: { uid: 64706, gid: 64706 },
  /** In the agent's group, for the sensor and the agent connect to its sockets, and it to that of the hands. */
  guard: { uid: 64707, gid: 64702 },
  hands: { uid: 64708, gid: 64708 },
} as const
