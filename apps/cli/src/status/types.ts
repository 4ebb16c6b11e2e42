// SPDX-License-Identifier: Apache-2.0

/** What the agent writes to RUN/agent/status.json. Counts are decimal strings, for they pass 2^53. */
export type AgentStatus = {
  readonly time: string
  readonly pid: number
  readonly state: 'unenrolled' | 'connecting' | 'registered'
  readonly hostId: string | null
  /** What stands between this host and its server; `refuses`: it will say the same again. */
  readonly trouble: { readonly text: string; readonly refuses: boolean } | null
  /** Stem of the URLs of /healthz, /readyz and /metrics. */
  readonly health: string
  readonly hardening: HardeningStatus
  readonly sensor: SensorStatus | null
  readonly chains: readonly {
    readonly chain: string
    readonly tenant: string
    /** Left out: the agent itself. */
    readonly writer?: 'guard'
    readonly toSeal: number
    readonly nextSeq: number
    readonly acknowledged: number
  }[]
  /** null: this machine has none; left out by an older agent. */
  readonly guard?: GuardStatus | null
  /** Unknown intervals sealed since the agent started. */
  readonly gaps: number
  /** The last look at the machine's files that was sealed; left out by an older agent. */
  readonly baseline?: BaselineStatus | null
}

/** `refused`: why it does not take what the server told it. */
/** Of what the agent says of its server (HOST_REVOKED). */
export const saysRevoked = (trouble: string): boolean => /\brevoked host\b/.test(trouble)

export type GuardStatus = { readonly refused: string | null } & (
  | { readonly connected: false }
  | {
      readonly connected: true
      readonly mode: 'on' | 'observe' | 'off'
      /** By what it hears of protected processes. */
      readonly tier: 'events' | 'polling' | 'none'
      readonly protected: number
      /** Under which names; left out by an older agent. */
      readonly names?: readonly { readonly name: string; readonly processes: number }[]
      readonly incidents: number
      /** Whether a suspect is ended. */
      readonly kill: 'on' | 'dry-run' | 'off'
      /** Whether the kernel refuses who reaches for them, and why it cannot; null: it can. */
      readonly prevent: 'on' | 'dry-run' | 'off'
      readonly preventsNothing: string | null
      /** null: this machine has none. */
      readonly hands: HandsStatus | null
      readonly configVersion: number
    }
)

/** `orderUntil`: of the standing order that counts; null: none does. `refused`: why they did not take the newest. */
/** For a person: what the kernel said stands in `preventsNothing`. */
export const cannotPrevent =
  'this kernel can refuse nobody: it has no LSM of BPF, or lets no program onto its functions (docs/kernels.md, What can be prevented)'

export type HandsStatus = {
  readonly connected: boolean
  readonly orderUntil: string | null
  readonly refused: string | null
}

/** `untold`: watched files that differ otherwise than any event told; null: nobody knows. */
export type BaselineStatus = {
  readonly checkedAt: string
  readonly digest: string
  readonly rows: number
  readonly untold: number | null
  /** It was held against other rows than were sealed before. */
  readonly altered: boolean
}

/** What protects a process of ours (docs/privileges.md). */
export type HardeningStatus = {
  readonly applied: readonly string[]
  readonly missing: readonly { readonly measure: string; readonly reason: string }[]
}

export type SensorStatus = {
  readonly connected: boolean
  readonly version: string
  readonly era: string
  readonly kernel: string
  /** What watches each domain (docs/fallbacks.md), and what that does not see, in words. */
  readonly modes: Readonly<Record<'process' | 'file' | 'network', string>>
  readonly unseen: readonly string[]
  readonly sites: Readonly<Record<string, SiteStatus>>
}

export type SiteStatus = {
  readonly attached: boolean
  /** Why not, where it is not; empty: it stands by, for nothing in these modes needs it. */
  readonly reason: string
  readonly produced: string
  readonly dropped: string
  readonly sent: string
  /** Of those sent, left out before sealing. */
  readonly shed: string
}

/** What the server answers to GetStatus. */
export type ServerStatus = {
  readonly time: string
  readonly deployment: string
  /** Stem of the URLs of /healthz, /readyz and /metrics. */
  readonly health: string
  /** Where the API and the dashboard are. */
  readonly api?: string
  /** Where it listens for agents. */
  readonly agents: { readonly address: string; readonly port: number }
  readonly hardening?: HardeningStatus
  readonly trust: Trust
  /** `root` and `checkpoint` (a C2SP signed note) are those of the newest signature, over `signedSize` leaves. */
  readonly ledgers: readonly {
    tenant: string
    size: number
    signedSize: number
    root: string
    checkpoint: string | null
  }[]
  readonly hosts: readonly {
    hostId: string
    hostname: string
    connected: boolean
    /** null: it never came, or was revoked; left out by an older server. */
    presence?: Presence | null
    /** It has another configuration than it is to have. */
    configDrifts?: boolean
    lastSeen: string | null
    certificateExpires: string | null
  }[]
  readonly chains: readonly { chain: string; tenant: string; hostId: string; nextSeq: number }[]
  /** What waits there now. */
  readonly quarantine?: readonly { readonly tenant: string; readonly items: number; readonly rows: number }[]
  /** Tenants in which what fails verification is admitted. */
  readonly strictOff?: readonly { readonly tenant: string; readonly endsAt: string }[]
  /** The CA that certifies hosts, and why what lies in the file of the operator is not it. */
  readonly ca?: {
    readonly subject: string
    readonly endsAt: string
    readonly state: 'good' | 'ending' | 'ended'
    readonly problem: string | null
  }
  /** The file that names services and their keys, since when it is what counts, or why it is not; null: there is none. */
  readonly trustStore?: {
    readonly path: string
    readonly since: string | null
    readonly problem: string | null
  } | null
  /** What of the rules over events and requests is not in force as it stands: how many, and the first of them. */
  readonly wrongRules?: { readonly count: number; readonly first: readonly string[] }
  /** Channels that take no messages, those that fail longest first. */
  readonly notifications?: {
    readonly failing: readonly {
      readonly tenant: string
      readonly channel: string
      readonly name: string
      readonly since: string
      readonly problem: string
    }[]
  }
  /** Keys that ended ahead of the clock, and the one that did so farthest; null: none. */
  readonly judgingAhead?: {
    readonly keys: number
    readonly latest: { readonly tenant: string; readonly keyId: string; readonly until: string }
  } | null
  /** Rows since the server's start. */
  readonly ingest: {
    readonly received: number
    readonly admitted: number
    readonly quarantined: number
    readonly refused: number
    readonly duplicate: number
  }
  /** What the walk over each ledger after the start found. */
  readonly integrity?: readonly {
    readonly tenant: string
    readonly problem?: { readonly leaf: number; readonly text: string }
  }[]
  /** The root ledger's checkpoint as the world sees it, and who cosigns it. */
  readonly signing?: {
    readonly publishedSize: number
    readonly publishedAt: string | null
    readonly quorum: 'met' | 'below' | 'none'
    readonly problem: string | null
    readonly signer?: {
      readonly configured: boolean
      readonly backend: string
      readonly algorithm: string
      readonly keyId: string
      readonly location: string
    }
    readonly witnesses: readonly {
      readonly name: string
      readonly url: string
      readonly size: number | null
      readonly cosignedAt: string | null
      readonly failing: string | null
    }[]
  }
  readonly gaps: number
  /** Break-glass access that nobody has acknowledged. */
  readonly breakGlass?: readonly {
    readonly id: string
    readonly personId: string
    readonly reason: string
    readonly openedAt: string
    readonly usedAt: string | null
    readonly endsAt: string | null
  }[]
}

export type Presence = {
  readonly life: 'expected' | 'alive' | 'silent' | 'stopped'
  readonly since: string
  /** Open now. */
  readonly incidents: readonly string[]
}

/** DATA/trust.json: all that a verifier elsewhere has to know. */
export type Trust = {
  readonly deployment: string
  readonly ledgerKeys: readonly string[]
  readonly caFingerprint: string
}
