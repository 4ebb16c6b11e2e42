// SPDX-License-Identifier: Apache-2.0
// Made by tools/gen from the routes of the API. Do not edit.

/** What each operation takes and answers. */
export type Operations = {
  /** What rules and the server itself found. Needs `alert:list` in the tenant. */
  readonly listAlerts: {
    readonly query?: {
      readonly limit?: number
      readonly cursor?: string
      readonly order?: "newest" | "oldest"
      readonly since?: string
      readonly until?: string
      readonly reveal?: "true" | "false"
    }
    readonly answer: {
      readonly items: readonly ({
        readonly leaf_index: number
        readonly leaf_hash: string
        readonly time: string
        readonly kind: string
        readonly source: "host" | "server"
        readonly host: {
          readonly id: string
          readonly name: string
        } | null
        readonly class_uid: number | null
        readonly activity_id: number | null
        readonly severity_id: number | null
        readonly mark: string | null
        readonly proof: "durable" | "signed" | "published"
        readonly line: {
          readonly chain: string
          readonly seq: number
          readonly time: string
          readonly event?: { readonly [member: string]: unknown }
        }
        readonly personal?: { readonly [member: string]: {
          readonly salt: string
          readonly value: string
        } }
      })[]
      readonly next: string | null
    }
  }
  /** Events, or whatever lines the filter asks for. Needs `event:list` in the tenant. */
  readonly listEvents: {
    readonly query?: {
      readonly limit?: number
      readonly cursor?: string
      readonly order?: "newest" | "oldest"
      readonly since?: string
      readonly until?: string
      readonly reveal?: "true" | "false"
      readonly filter?: string
    }
    readonly answer: {
      readonly items: readonly ({
        readonly leaf_index: number
        readonly leaf_hash: string
        readonly time: string
        readonly kind: string
        readonly source: "host" | "server"
        readonly host: {
          readonly id: string
          readonly name: string
        } | null
        readonly class_uid: number | null
        readonly activity_id: number | null
        readonly severity_id: number | null
        readonly mark: string | null
        readonly proof: "durable" | "signed" | "published"
        readonly line: {
          readonly chain: string
          readonly seq: number
          readonly time: string
          readonly event?: { readonly [member: string]: unknown }
        }
        readonly personal?: { readonly [member: string]: {
          readonly salt: string
          readonly value: string
        } }
      })[]
      readonly next: string | null
    }
  }
  /** What somebody did in the tenant, or was denied. Needs `audit:list` in the tenant. */
  readonly listActs: {
    readonly query?: {
      readonly limit?: number
      readonly cursor?: string
      readonly order?: "newest" | "oldest"
      readonly since?: string
      readonly until?: string
      readonly reveal?: "true" | "false"
    }
    readonly answer: {
      readonly items: readonly ({
        readonly leaf_index: number
        readonly leaf_hash: string
        readonly time: string
        readonly kind: string
        readonly source: "host" | "server"
        readonly host: {
          readonly id: string
          readonly name: string
        } | null
        readonly class_uid: number | null
        readonly activity_id: number | null
        readonly severity_id: number | null
        readonly mark: string | null
        readonly proof: "durable" | "signed" | "published"
        readonly line: {
          readonly chain: string
          readonly seq: number
          readonly time: string
          readonly event?: { readonly [member: string]: unknown }
        }
        readonly personal?: { readonly [member: string]: {
          readonly salt: string
          readonly value: string
        } }
      })[]
      readonly next: string | null
    }
  }
  /** A line with the reason it was found for, the processes it comes from, and its proof. Needs `event:list` in the tenant. */
  readonly getEvent: {
    readonly params: {
      readonly leaf: number
    }
    readonly query?: {
      readonly reveal?: "true" | "false"
    }
    readonly answer: {
      readonly leaf_index: number
      readonly leaf_hash: string
      readonly time: string
      readonly kind: string
      readonly source: "host" | "server"
      readonly host: {
        readonly id: string
        readonly name: string
      } | null
      readonly class_uid: number | null
      readonly activity_id: number | null
      readonly severity_id: number | null
      readonly mark: string | null
      readonly proof: "durable" | "signed" | "published"
      readonly line: {
        readonly chain: string
        readonly seq: number
        readonly time: string
        readonly event?: { readonly [member: string]: unknown }
      }
      readonly personal?: { readonly [member: string]: {
        readonly salt: string
        readonly value: string
      } }
      readonly reason: {
        readonly rule_id: string
        readonly name: string
        readonly description: string | null
        readonly version: string | null
        readonly reference: string | null
        readonly techniques: readonly ({
          readonly id: string
          readonly name: string | null
        })[]
        readonly false_positives: readonly string[]
        readonly matched: readonly ({
          readonly selection: string
          readonly field: string
          readonly attribute: string
          readonly value: string | number | boolean | null
        })[]
        readonly evidence: readonly ({
          readonly leaf_index: number
          readonly leaf_hash: string | null
        })[]
      } | null
      readonly ancestry: readonly ({
        readonly pid: number | null
        readonly uid: string | null
        readonly name: string | null
        readonly path: string | null
        readonly cmd_line: string | null
        readonly user_uid: string | null
        readonly started_at: string | null
      })[]
      readonly inclusion: {
        readonly leaf_hash: string
        readonly state: "durable" | "signed" | "published"
        readonly checkpoint: {
          readonly size: number
          readonly root: string
          readonly note: string
          readonly path: readonly string[]
        } | null
        readonly published: {
          readonly size: number
          readonly root: string
          readonly path: readonly string[]
          readonly head: {
            readonly leaf_index: number
            readonly line: string
            readonly path: readonly string[]
          }
          readonly root_checkpoint: {
            readonly size: number
            readonly note: string
            readonly published_at: string
            readonly quorum: "met" | "below" | "none"
            readonly witnesses: readonly string[]
            readonly countersigned: {
              readonly at: string
              readonly key_ids: readonly string[]
            }
          }
        } | null
      }
    }
  }
  /** A WebSocket that tells what comes into the ledger (docs/api.md, Feed). Needs `feed:subscribe` in the tenant. */
  readonly listen: {
    readonly query?: {
      readonly cursor?: number
      readonly filter?: string
    }
    readonly answer: undefined
  }
  /** What the guards of hosts made of attempts upon protected processes, newest first. Needs `incident:read` in the tenant. */
  readonly listIncidents: {
    readonly query?: {
      readonly limit?: number
      readonly cursor?: string
    }
    readonly answer: {
      readonly items: readonly ({
        readonly incident: string
        readonly state: "open" | "closed" | "unheard"
        readonly cause: string | null
        readonly severity_id: number
        readonly name: string
        readonly way: string
        readonly technique: string | null
        readonly message: string | null
        readonly opened: string
        readonly last: string
        readonly acts: number
        readonly actors: number
        readonly host: {
          readonly id: string
          readonly name: string
        } | null
        readonly actor: {
          readonly pid: number | null
          readonly uid: string | null
          readonly name: string | null
          readonly path: string | null
          readonly cmd_line: string | null
          readonly user: {
            readonly uid: string | null
            readonly name: string | null
          } | null
          readonly session: string | null
          readonly container: {
            readonly uid: string | null
            readonly name: string | null
            readonly image: string | null
          } | null
          readonly unit: string | null
        } | null
        readonly target: {
          readonly pid: number | null
          readonly uid: string | null
          readonly name: string | null
          readonly path: string | null
        } | null
        readonly agent_away: string | null
        readonly responses: readonly ({
          readonly time: string
          readonly step: string
          readonly state: string
          readonly suspect: {
            readonly pid: number | null
            readonly uid: string | null
            readonly name: string | null
            readonly path: string | null
          } | null
          readonly detail: string | null
          readonly since_act_ms: number | null
          readonly took_ms: number | null
          readonly leaf_index: number
        })[]
        readonly first_leaf: number
        readonly last_leaf: number
      })[]
      readonly next: string | null
    }
  }
  /** Open an incident (not yet built). Needs `incident:open` in the tenant. */
  readonly openIncident: {
    readonly body: { readonly [member: string]: unknown }
    readonly answer: undefined
  }
  /** An incident: who, what was reached, what was done about it, and the lines that prove it. Needs `incident:read` in the tenant. */
  readonly getIncident: {
    readonly params: {
      readonly incident: string
    }
    readonly answer: {
      readonly incident: {
        readonly incident: string
        readonly state: "open" | "closed" | "unheard"
        readonly cause: string | null
        readonly severity_id: number
        readonly name: string
        readonly way: string
        readonly technique: string | null
        readonly message: string | null
        readonly opened: string
        readonly last: string
        readonly acts: number
        readonly actors: number
        readonly host: {
          readonly id: string
          readonly name: string
        } | null
        readonly actor: {
          readonly pid: number | null
          readonly uid: string | null
          readonly name: string | null
          readonly path: string | null
          readonly cmd_line: string | null
          readonly user: {
            readonly uid: string | null
            readonly name: string | null
          } | null
          readonly session: string | null
          readonly container: {
            readonly uid: string | null
            readonly name: string | null
            readonly image: string | null
          } | null
          readonly unit: string | null
        } | null
        readonly target: {
          readonly pid: number | null
          readonly uid: string | null
          readonly name: string | null
          readonly path: string | null
        } | null
        readonly agent_away: string | null
        readonly responses: readonly ({
          readonly time: string
          readonly step: string
          readonly state: string
          readonly suspect: {
            readonly pid: number | null
            readonly uid: string | null
            readonly name: string | null
            readonly path: string | null
          } | null
          readonly detail: string | null
          readonly since_act_ms: number | null
          readonly took_ms: number | null
          readonly leaf_index: number
        })[]
        readonly first_leaf: number
        readonly last_leaf: number
        readonly reached: readonly ({
          readonly way: string
          readonly count: number
          readonly bytes: number | null
          readonly refused: number
          readonly first: string | null
          readonly last: string | null
        })[]
        readonly readers: readonly ({
          readonly pid: number | null
          readonly uid: string | null
          readonly name: string | null
          readonly path: string | null
        })[]
        readonly lineages: readonly ({
          readonly pid: number | null
          readonly uid: string | null
          readonly name: string | null
          readonly path: string | null
          readonly cmd_line: string | null
          readonly user: {
            readonly uid: string | null
            readonly name: string | null
          } | null
          readonly session: string | null
          readonly container: {
            readonly uid: string | null
            readonly name: string | null
            readonly image: string | null
          } | null
          readonly unit: string | null
          readonly ancestry: readonly ({
            readonly pid: number | null
            readonly uid: string | null
            readonly name: string | null
            readonly path: string | null
            readonly cmd_line: string | null
            readonly user_uid: string | null
            readonly started_at: string | null
          })[]
        })[]
        readonly more_acts: number
      }
      readonly timeline: readonly ({
        readonly time: string
        readonly kind: "opened" | "graver" | "act" | "response" | "agent_away" | "closed"
        readonly text: string
        readonly severity_id: number | null
        readonly way: string | null
        readonly by: string | null
        readonly times: number
        readonly bytes: number | null
        readonly error: string | null
        readonly step: string | null
        readonly state: string | null
        readonly since_act_ms: number | null
        readonly took_ms: number | null
        readonly leaf_index: number
      })[]
      readonly evidence: readonly ({
        readonly leaf_index: number
        readonly leaf_hash: string
        readonly time: string
        readonly code: string
        readonly proof: "durable" | "signed" | "published"
        readonly mark: string | null
      })[]
      readonly lines_left_out: number
    }
  }
  /** How far the ledger goes, and how far it is proven. Needs `ledger:read` in the tenant. */
  readonly getLedger: {
    readonly answer: {
      readonly tenant: string
      readonly origin: string
      readonly deployment: string
      readonly vkey: string
      readonly size: number
      readonly signed: {
        readonly size: number
        readonly root: string
        readonly note: string
      } | null
      readonly published: {
        readonly size: number
        readonly root: string
        readonly root_checkpoint: {
          readonly size: number
          readonly note: string
          readonly published_at: string
          readonly quorum: "met" | "below" | "none"
          readonly witnesses: readonly string[]
          readonly countersigned: {
            readonly at: string
            readonly key_ids: readonly string[]
          }
        }
      } | null
      readonly problem: string | null
      readonly integrity: {
        readonly checked: number
        readonly size: number
        readonly problem: {
          readonly leaf: number
          readonly text: string
        } | null
      } | null
    }
  }
  /** The newest signed checkpoint of the ledger, as it is (C2SP tlog-checkpoint). Needs `ledger:read` in the tenant. */
  readonly getCheckpoint: {
    readonly answer: string
  }
  /** A bundle that proves itself (docs/formats/bundle.md); the ledger says that it was asked for. Needs `event:export` in the tenant. */
  readonly exportBundle: {
    readonly body: {
      readonly what: {
        readonly all: true
      } | {
        readonly alert: string
      } | {
        readonly incident: string
      } | {
        readonly leaf: number
      } | {
        readonly since: string
      }
      readonly reveal?: boolean
    }
    readonly answer: string
  }
  /** The hosts of the tenant, and what their sensors see. Needs `host:list` in the tenant. */
  readonly listHosts: {
    readonly query?: {
      readonly limit?: number
      readonly cursor?: string
    }
    readonly answer: {
      readonly items: readonly ({
        readonly host_id: string
        readonly hostname: string
        readonly renamed: {
          readonly from: string
          readonly at: string
        } | null
        readonly os: string | null
        readonly kernel: string | null
        readonly agent_version: string | null
        readonly connected: boolean
        readonly presence: {
          readonly life: "expected" | "alive" | "silent" | "stopped"
          readonly since: string
          readonly heard_at: string | null
          readonly waiting: number | null
          readonly incidents: readonly ("silent" | "stopped" | "sensor_gone" | "sites_closed" | "withholds" | "cannot_seal" | "clock_off" | "certificate_ending" | "policy_not_enforced")[]
        } | null
        readonly groups: readonly string[]
        readonly config: {
          readonly desired: {
            readonly version: number
            readonly digest: string
            readonly issued_at: string
          } | null
          readonly reported: {
            readonly version: number
            readonly digest: string
            readonly on_trial: boolean
            readonly refused_version: number
            readonly refused_why: string
            readonly policies: readonly ({
              readonly policy: string
              readonly version: number
              readonly means: "kernel" | "told" | "none"
              readonly hindrance: string
            })[] | null
            readonly at: string
          } | null
          readonly drifts: boolean
        }
        readonly hands: {
          readonly version: number
          readonly steps: readonly ("kill" | "kill_tree")[]
          readonly issued_at: string
          readonly expires_at: string
          readonly guard_key_id: string
          readonly held: {
            readonly version: number
            readonly refused_why: string
            readonly at: string
          }
        } | null
        readonly enrolled_at: string
        readonly registered_at: string | null
        readonly last_line_at: string | null
        readonly lines: number
        readonly revoked_at: string | null
        readonly certificate: {
          readonly serial: string
          readonly expires_at: string
          readonly ending: boolean
        }
        readonly unknown: {
          readonly since: string
          readonly intervals: number
          readonly length_ms: number
          readonly newest: {
            readonly from: string
            readonly to: string
            readonly cause: string
            readonly leaf_index: number
          } | null
        }
        readonly posture: {
          readonly since: string
          readonly settings: readonly ({
            readonly name: string
            readonly value: string | null
          })[]
        } | null
        readonly guard: {
          readonly since: string
          readonly mode: "on" | "observe" | "off"
          readonly by: string
          readonly tier: string
          readonly responses: {
            readonly kill: "on" | "dry-run" | "off" | null
            readonly evict: "on" | "dry-run" | "off" | null
            readonly rotate: "on" | "dry-run" | "off" | null
          }
        } | null
        readonly sensor: {
          readonly mode: "full" | "partial" | "none" | "lost" | "stopped" | "unknown"
          readonly since: string | null
          readonly kernel: string | null
          readonly modes: {
            readonly process: string
            readonly file: string
            readonly network: string
          } | null
          readonly unseen: readonly string[]
          readonly sites: readonly ({
            readonly name: string
            readonly attached: boolean | null
            readonly reason: string | null
            readonly stands_by: boolean
            readonly produced: string | null
            readonly dropped: string | null
            readonly sent: string | null
            readonly sealed: string | null
            readonly shed: string | null
          })[]
        }
      })[]
      readonly next: string | null
    }
  }
  /** A host, and what its sensor sees. Needs `host:list` in the tenant. */
  readonly getHost: {
    readonly params: {
      readonly host_id: string
    }
    readonly answer: {
      readonly host_id: string
      readonly hostname: string
      readonly renamed: {
        readonly from: string
        readonly at: string
      } | null
      readonly os: string | null
      readonly kernel: string | null
      readonly agent_version: string | null
      readonly connected: boolean
      readonly presence: {
        readonly life: "expected" | "alive" | "silent" | "stopped"
        readonly since: string
        readonly heard_at: string | null
        readonly waiting: number | null
        readonly incidents: readonly ("silent" | "stopped" | "sensor_gone" | "sites_closed" | "withholds" | "cannot_seal" | "clock_off" | "certificate_ending" | "policy_not_enforced")[]
      } | null
      readonly groups: readonly string[]
      readonly config: {
        readonly desired: {
          readonly version: number
          readonly digest: string
          readonly issued_at: string
        } | null
        readonly reported: {
          readonly version: number
          readonly digest: string
          readonly on_trial: boolean
          readonly refused_version: number
          readonly refused_why: string
          readonly policies: readonly ({
            readonly policy: string
            readonly version: number
            readonly means: "kernel" | "told" | "none"
            readonly hindrance: string
          })[] | null
          readonly at: string
        } | null
        readonly drifts: boolean
      }
      readonly hands: {
        readonly version: number
        readonly steps: readonly ("kill" | "kill_tree")[]
        readonly issued_at: string
        readonly expires_at: string
        readonly guard_key_id: string
        readonly held: {
          readonly version: number
          readonly refused_why: string
          readonly at: string
        }
      } | null
      readonly enrolled_at: string
      readonly registered_at: string | null
      readonly last_line_at: string | null
      readonly lines: number
      readonly revoked_at: string | null
      readonly certificate: {
        readonly serial: string
        readonly expires_at: string
        readonly ending: boolean
      }
      readonly unknown: {
        readonly since: string
        readonly intervals: number
        readonly length_ms: number
        readonly newest: {
          readonly from: string
          readonly to: string
          readonly cause: string
          readonly leaf_index: number
        } | null
      }
      readonly posture: {
        readonly since: string
        readonly settings: readonly ({
          readonly name: string
          readonly value: string | null
        })[]
      } | null
      readonly guard: {
        readonly since: string
        readonly mode: "on" | "observe" | "off"
        readonly by: string
        readonly tier: string
        readonly responses: {
          readonly kill: "on" | "dry-run" | "off" | null
          readonly evict: "on" | "dry-run" | "off" | null
          readonly rotate: "on" | "dry-run" | "off" | null
        }
      } | null
      readonly sensor: {
        readonly mode: "full" | "partial" | "none" | "lost" | "stopped" | "unknown"
        readonly since: string | null
        readonly kernel: string | null
        readonly modes: {
          readonly process: string
          readonly file: string
          readonly network: string
        } | null
        readonly unseen: readonly string[]
        readonly sites: readonly ({
          readonly name: string
          readonly attached: boolean | null
          readonly reason: string | null
          readonly stands_by: boolean
          readonly produced: string | null
          readonly dropped: string | null
          readonly sent: string | null
          readonly sealed: string | null
          readonly shed: string | null
        })[]
      }
    }
  }
  /** What a host told of itself last: starts and ends of its agent and sensor, gaps, and what was lost. Needs `host:list` in the tenant. */
  readonly listHostRecords: {
    readonly params: {
      readonly host_id: string
    }
    readonly answer: {
      readonly items: readonly ({
        readonly time: string
        readonly code: string
        readonly severity: string
        readonly message: string
        readonly ledger: {
          readonly tenant: string
          readonly leaf_index: number
        }
      })[]
    }
  }
  /** A join token for one host; it is shown this once. Needs `host:invite` in the tenant. */
  readonly inviteHost: {
    readonly body: {
      readonly ttl_seconds?: number
    }
    readonly answer: {
      readonly token: string
      readonly expires_at: string
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** Revoke a host and its keys for good; it counts at once. Needs `host:revoke` in the tenant. */
  readonly revokeHost: {
    readonly params: {
      readonly host_id: string
    }
    readonly body: {
      readonly cause: string
      readonly compromised_since?: string
    }
    readonly answer: {
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** The groups of hosts of the tenant, and what each says. Needs `host:list` in the tenant. */
  readonly listHostGroups: {
    readonly answer: {
      readonly items: readonly ({
        readonly group: string
        readonly version: number
        readonly change: "set" | "rolled_back"
        readonly config: { readonly [member: string]: unknown }
        readonly digest: string
        readonly cause: string
        readonly changed_at: string
        readonly changed_by: string
      })[]
    }
  }
  /** The versions of the configuration of a group of hosts. Needs `host:list` in the tenant. */
  readonly listHostGroupVersions: {
    readonly params: {
      readonly group: string
    }
    readonly query?: {
      readonly limit?: number
    }
    readonly answer: {
      readonly items: readonly ({
        readonly group: string
        readonly version: number
        readonly change: "set" | "rolled_back"
        readonly config: { readonly [member: string]: unknown }
        readonly digest: string
        readonly cause: string
        readonly changed_at: string
        readonly changed_by: string
      })[]
    }
  }
  /** Make the next version of the configuration of a group of hosts, or the group; its hosts are told at once. Needs `host:configure` in the tenant. */
  readonly setHostGroupConfig: {
    readonly params: {
      readonly group: string
    }
    readonly body: {
      readonly config: { readonly [member: string]: unknown }
      readonly cause: string
      readonly base_version?: number
    }
    readonly answer: {
      readonly group: {
        readonly group: string
        readonly version: number
        readonly change: "set" | "rolled_back"
        readonly config: { readonly [member: string]: unknown }
        readonly digest: string
        readonly cause: string
        readonly changed_at: string
        readonly changed_by: string
      }
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** Make the next version of the configuration of a group of hosts of what an earlier one says. Needs `host:configure` in the tenant. */
  readonly rollBackHostGroup: {
    readonly params: {
      readonly group: string
    }
    readonly body: {
      readonly version: number
      readonly cause: string
    }
    readonly answer: {
      readonly group: {
        readonly group: string
        readonly version: number
        readonly change: "set" | "rolled_back"
        readonly config: { readonly [member: string]: unknown }
        readonly digest: string
        readonly cause: string
        readonly changed_at: string
        readonly changed_by: string
      }
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** Say in which groups a host is; where two of them set the same number, the later one counts. Needs `host:configure` in the tenant. */
  readonly assignHostGroups: {
    readonly params: {
      readonly host_id: string
    }
    readonly body: {
      readonly groups: readonly string[]
      readonly cause: string
    }
    readonly answer: {
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** Whom the guards of hosts let do what would else be an incident, and until when. Needs `host:list` in the tenant. */
  readonly listAllowances: {
    readonly answer: {
      readonly items: readonly ({
        readonly id: string
        readonly group: string
        readonly exe: string | null
        readonly uid: number | null
        readonly user: string | null
        readonly target: string | null
        readonly until: string
        readonly by: string
        readonly why: string
      })[]
    }
  }
  /** Let somebody past the guards of a group of hosts until a moment; what is let is recorded. Needs `host:configure` in the tenant. */
  readonly giveAllowance: {
    readonly body: {
      readonly group: string
      readonly exe?: string
      readonly uid?: number
      readonly user?: string
      readonly target?: string
      readonly until: string
      readonly cause: string
    }
    readonly answer: {
      readonly allowance: {
        readonly id: string
        readonly group: string
        readonly exe: string | null
        readonly uid: number | null
        readonly user: string | null
        readonly target: string | null
        readonly until: string
        readonly by: string
        readonly why: string
      }
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** End an allowance before its time; its hosts are told at once. Needs `host:configure` in the tenant. */
  readonly endAllowance: {
    readonly params: {
      readonly allowance: string
    }
    readonly body: {
      readonly cause: string
    }
    readonly answer: {
      readonly allowance: {
        readonly id: string
        readonly group: string
        readonly exe: string | null
        readonly uid: number | null
        readonly user: string | null
        readonly target: string | null
        readonly until: string
        readonly by: string
        readonly why: string
      }
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** The services of the tenant that send rows. Needs `producer:read` in the tenant. */
  readonly listProducers: {
    readonly answer: {
      readonly items: readonly ({
        readonly producer: string
        readonly created_at: string
        readonly created_by: string
        readonly halted_at: string | null
        readonly halted_by: string | null
        readonly keys: number
      })[]
    }
  }
  /** Let a service send rows, as far as keys are added for it. Needs `producer:manage` in the tenant. */
  readonly addProducer: {
    readonly body: {
      readonly producer: string
    }
    readonly answer: {
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** A service, and its keys. Needs `producer:read` in the tenant. */
  readonly getProducer: {
    readonly params: {
      readonly producer: string
    }
    readonly answer: {
      readonly producer: string
      readonly created_at: string
      readonly created_by: string
      readonly halted_at: string | null
      readonly halted_by: string | null
      readonly keys: number
      readonly signing_keys: readonly ({
        readonly key_id: string
        readonly producer: string
        readonly producer_kind: "host" | "service"
        readonly algorithm: "ed25519" | "rsa-sha256"
        readonly public_key: string
        readonly valid_from: string
        readonly valid_until: string | null
        readonly revoked_at: string | null
        readonly compromised_since: string | null
        readonly state: "candidate" | "staged" | "active"
        readonly source: "enrolment" | "api" | "file"
      })[]
    }
  }
  /** Take nothing of a service until it is resumed; it counts at once, and what it has stays there. Needs `producer:halt` in the tenant. */
  readonly haltProducer: {
    readonly params: {
      readonly producer: string
    }
    readonly body: {
      readonly cause: string
    }
    readonly answer: {
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** Take again what a service sends. Needs `producer:halt` in the tenant. */
  readonly resumeProducer: {
    readonly params: {
      readonly producer: string
    }
    readonly answer: {
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** Take nothing of a host until it is resumed; it counts at once, and what it has stays there. Needs `producer:halt` in the tenant. */
  readonly haltHost: {
    readonly params: {
      readonly host_id: string
    }
    readonly body: {
      readonly cause: string
    }
    readonly answer: {
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** Take again what a host sends. Needs `producer:halt` in the tenant. */
  readonly resumeHost: {
    readonly params: {
      readonly host_id: string
    }
    readonly answer: {
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** Add a key that the service signs with; windows may overlap. Needs `producer:manage` in the tenant. */
  readonly addSigningKey: {
    readonly params: {
      readonly producer: string
    }
    readonly body: {
      readonly key_id: string
      readonly algorithm: string
      readonly public_key: string
      readonly valid_from?: string
      readonly valid_until?: string | null
      readonly state?: "candidate" | "active"
    }
    readonly answer: {
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** The keys that the rows of the tenant are signed with, of hosts too. Needs `producer:read` in the tenant. */
  readonly listSigningKeys: {
    readonly query?: {
      readonly producer?: string
    }
    readonly answer: {
      readonly items: readonly ({
        readonly key_id: string
        readonly producer: string
        readonly producer_kind: "host" | "service"
        readonly algorithm: "ed25519" | "rsa-sha256"
        readonly public_key: string
        readonly valid_from: string
        readonly valid_until: string | null
        readonly revoked_at: string | null
        readonly compromised_since: string | null
        readonly state: "candidate" | "staged" | "active"
        readonly source: "enrolment" | "api" | "file"
      })[]
    }
  }
  /** A key. Needs `producer:read` in the tenant. */
  readonly getSigningKey: {
    readonly params: {
      readonly key_id: string
    }
    readonly answer: {
      readonly key_id: string
      readonly producer: string
      readonly producer_kind: "host" | "service"
      readonly algorithm: "ed25519" | "rsa-sha256"
      readonly public_key: string
      readonly valid_from: string
      readonly valid_until: string | null
      readonly revoked_at: string | null
      readonly compromised_since: string | null
      readonly state: "candidate" | "staged" | "active"
      readonly source: "enrolment" | "api" | "file"
    }
  }
  /** Change when a key is valid; what is left out stays. Needs `producer:manage` in the tenant. */
  readonly setSigningKeyWindow: {
    readonly params: {
      readonly key_id: string
    }
    readonly body: {
      readonly valid_from?: string
      readonly valid_until?: string | null
    }
    readonly answer: {
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** Revoke a key for good; it counts at once. Needs `producer:manage` in the tenant. */
  readonly revokeSigningKey: {
    readonly params: {
      readonly key_id: string
    }
    readonly body: {
      readonly cause: string
      readonly compromised_since?: string
    }
    readonly answer: {
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** The certificates that a service comes with. Needs `producer:read` in the tenant. */
  readonly listCertificates: {
    readonly params: {
      readonly producer: string
    }
    readonly answer: {
      readonly items: readonly ({
        readonly certificate_id: string
        readonly producer: string
        readonly serial: string
        readonly issued_at: string
        readonly issued_by: string
        readonly renewed_at: string | null
        readonly expires_at: string
        readonly revoked_at: string | null
      })[]
    }
  }
  /** Certify the key of a service: with it, it brings rows over TLS. It lives for a day, and the client renews it. Needs `producer:manage` in the tenant. */
  readonly certifyProducer: {
    readonly params: {
      readonly producer: string
    }
    readonly body: {
      readonly request: string
    }
    readonly answer: {
      readonly certificate: {
        readonly certificate_id: string
        readonly producer: string
        readonly serial: string
        readonly issued_at: string
        readonly issued_by: string
        readonly renewed_at: string | null
        readonly expires_at: string
        readonly revoked_at: string | null
      }
      readonly chain: string
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** Revoke a certificate for good, with its renewals; it counts at once, and its connections end. Needs `producer:manage` in the tenant. */
  readonly revokeCertificate: {
    readonly params: {
      readonly producer: string
      readonly certificate_id: string
    }
    readonly body: {
      readonly cause: string
    }
    readonly answer: {
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** Where each key of a service is on its way to count. Needs `producer:read` in the tenant. */
  readonly getRotation: {
    readonly params: {
      readonly producer: string
    }
    readonly answer: {
      readonly deployment: string
      readonly items: readonly ({
        readonly key_id: string
        readonly producer: string
        readonly producer_kind: "host" | "service"
        readonly algorithm: "ed25519" | "rsa-sha256"
        readonly public_key: string
        readonly valid_from: string
        readonly valid_until: string | null
        readonly revoked_at: string | null
        readonly compromised_since: string | null
        readonly state: "candidate" | "staged" | "active"
        readonly source: "enrolment" | "api" | "file"
        readonly tested_at: string | null
        readonly promotion_digest: string
      })[]
    }
  }
  /** What a candidate is to sign, to show that its private half is there. Needs `producer:read` in the tenant. */
  readonly getKeyProbe: {
    readonly params: {
      readonly key_id: string
    }
    readonly answer: {
      readonly type: "key-probe"
      readonly deployment: string
      readonly tenant: string
      readonly producer: string
      readonly key_id: string
      readonly public_key: string
    }
  }
  /** Show that the private half of a candidate is there; it counts for nothing yet. Needs `producer:manage` in the tenant. */
  readonly testSigningKey: {
    readonly params: {
      readonly key_id: string
    }
    readonly body: {
      readonly signature: string
    }
    readonly answer: {
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** Say that a tested candidate is to be promoted; it counts for nothing yet. Needs `producer:manage` in the tenant. */
  readonly stageSigningKey: {
    readonly params: {
      readonly key_id: string
    }
    readonly answer: {
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** Let a staged key count, as enough people have agreed in a manifest. Needs `producer:manage` in the tenant. */
  readonly promoteSigningKey: {
    readonly params: {
      readonly key_id: string
    }
    readonly answer: {
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** Begin to verify everything again that a key ever signed; it goes on by itself. Needs `producer:manage` in the tenant. */
  readonly examineSigningKey: {
    readonly params: {
      readonly key_id: string
    }
    readonly answer: {
      readonly state: "none" | "running" | "done" | "failed"
      readonly leaf: number
      readonly size: number
      readonly detail: string | null
    }
  }
  /** How far that has come. Needs `producer:read` in the tenant. */
  readonly getKeyExamination: {
    readonly params: {
      readonly key_id: string
    }
    readonly answer: {
      readonly state: "none" | "running" | "done" | "failed"
      readonly leaf: number
      readonly size: number
      readonly detail: string | null
    }
  }
  /** The newest report of what a key ever signed: which leaves can be relied on, and which cannot. Needs `producer:read` in the tenant. */
  readonly getKeyReport: {
    readonly params: {
      readonly key_id: string
    }
    readonly answer: {
      readonly id: string
      readonly key_id: string
      readonly made_at: string
      readonly text: string
      readonly envelope: {
        readonly payloadType: string
        readonly payload: string
        readonly signatures: readonly ({
          readonly keyid: string
          readonly sig: string
        })[]
      }
    }
  }
  /** The tenants of the deployment, by name. Needs `tenant:list` in the tenant `cluster`. */
  readonly listTenants: {
    readonly query?: {
      readonly limit?: number
      readonly cursor?: string
      readonly erased?: "true" | "false"
    }
    readonly answer: {
      readonly items: readonly ({
        readonly name: string
        readonly title: string
        readonly state: "active" | "suspended" | "erasing" | "erased"
        readonly created_at: string
        readonly lines_per_second: number | null
        readonly has_admin: boolean
      })[]
      readonly next: string | null
    }
  }
  /** Create a tenant, with a ledger of its own. Needs `tenant:create` in the tenant `cluster`. */
  readonly createTenant: {
    readonly body: {
      readonly name: string
      readonly title?: string
    }
    readonly answer: {
      readonly tenant: {
        readonly name: string
        readonly title: string
        readonly state: "active" | "suspended" | "erasing" | "erased"
        readonly created_at: string
        readonly lines_per_second: number | null
      }
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** Give a tenant another title. Needs `tenant:rename` in the tenant `cluster`. */
  readonly renameTenant: {
    readonly params: {
      readonly tenant_name: string
    }
    readonly body: {
      readonly title: string
    }
    readonly answer: {
      readonly tenant: {
        readonly name: string
        readonly title: string
        readonly state: "active" | "suspended" | "erasing" | "erased"
        readonly created_at: string
        readonly lines_per_second: number | null
      }
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** Let nothing come in for a tenant, and nobody act in it; it counts at once. Needs `tenant:suspend` in the tenant `cluster`. */
  readonly suspendTenant: {
    readonly params: {
      readonly tenant_name: string
    }
    readonly answer: {
      readonly tenant: {
        readonly name: string
        readonly title: string
        readonly state: "active" | "suspended" | "erasing" | "erased"
        readonly created_at: string
        readonly lines_per_second: number | null
      }
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** Let a suspended tenant go on. Needs `tenant:suspend` in the tenant `cluster`. */
  readonly resumeTenant: {
    readonly params: {
      readonly tenant_name: string
    }
    readonly answer: {
      readonly tenant: {
        readonly name: string
        readonly title: string
        readonly state: "active" | "suspended" | "erasing" | "erased"
        readonly created_at: string
        readonly lines_per_second: number | null
      }
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** Erase a tenant for good: hosts, keys and data; what the root ledger says of it stays. Needs `tenant:erase` in the tenant `cluster`. */
  readonly eraseTenant: {
    readonly params: {
      readonly tenant_name: string
    }
    readonly answer: {
      readonly keys: number
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      } | null
    }
  }
  /** Set how much the hosts of a tenant may ship. Needs `tenant:limit` in the tenant `cluster`. */
  readonly limitTenant: {
    readonly params: {
      readonly tenant_name: string
    }
    readonly body: {
      readonly lines_per_second: number | null
    }
    readonly answer: {
      readonly tenant: {
        readonly name: string
        readonly title: string
        readonly state: "active" | "suspended" | "erasing" | "erased"
        readonly created_at: string
        readonly lines_per_second: number | null
      }
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** Who holds which role in the tenant. Needs `member:list` in the tenant. */
  readonly listMembers: {
    readonly answer: {
      readonly items: readonly ({
        readonly person_id: string
        readonly name: string
        readonly email: string
        readonly role: string
        readonly granted_at: string
        readonly granted_by: string
      })[]
    }
  }
  /** Appoint the first admin of a tenant that has none: somebody else than oneself. Needs `tenant:appoint` in the tenant `cluster`. */
  readonly appointAdmin: {
    readonly params: {
      readonly tenant_name: string
      readonly person_id: string
    }
    readonly answer: {
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** Grant a role to a person. Needs `member:grant` in the tenant. */
  readonly grantRole: {
    readonly params: {
      readonly person_id: string
      readonly role: string
    }
    readonly answer: {
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** Take a role from a person; it counts at once. Needs `member:grant` in the tenant. */
  readonly takeRole: {
    readonly params: {
      readonly person_id: string
      readonly role: string
    }
    readonly answer: {
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** The roles of the tenant, what each may, and all that a custom one may be made of. Needs `role:list` in the tenant. */
  readonly listRoles: {
    readonly answer: {
      readonly items: readonly ({
        readonly name: string
        readonly custom: boolean
        readonly actions: readonly string[]
      })[]
      readonly grantable_actions: readonly string[]
    }
  }
  /** Make or change a custom role. Needs `role:write` in the tenant. */
  readonly putRole: {
    readonly params: {
      readonly name: string
    }
    readonly body: {
      readonly actions: readonly string[]
    }
    readonly answer: {
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** Remove a custom role that nobody holds. Needs `role:write` in the tenant. */
  readonly removeRole: {
    readonly params: {
      readonly name: string
    }
    readonly answer: {
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** The API tokens of the tenant. Needs `token:list` in the tenant. */
  readonly listTokens: {
    readonly answer: {
      readonly items: readonly ({
        readonly token_id: string
        readonly name: string
        readonly actions: readonly string[]
        readonly service: string | null
        readonly created_at: string
        readonly created_by: string
        readonly expires_at: string
        readonly last_used_at: string | null
        readonly revoked_at: string | null
      })[]
    }
  }
  /** Make an API token; it is shown this once. Needs `token:create` in the tenant. */
  readonly createToken: {
    readonly body: {
      readonly name: string
      readonly actions: readonly string[]
      readonly ttl_seconds: number
      readonly service?: string
    }
    readonly answer: {
      readonly token: string
      readonly info: {
        readonly token_id: string
        readonly name: string
        readonly actions: readonly string[]
        readonly service: string | null
        readonly created_at: string
        readonly created_by: string
        readonly expires_at: string
        readonly last_used_at: string | null
        readonly revoked_at: string | null
      }
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** Revoke a token; it counts at once. Needs `token:revoke` in the tenant. */
  readonly revokeToken: {
    readonly params: {
      readonly token_id: string
    }
    readonly answer: {
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** Everybody who has signed in. Needs `person:list` in the tenant `cluster`. */
  readonly listPeople: {
    readonly query?: {
      readonly limit?: number
      readonly cursor?: string
    }
    readonly answer: {
      readonly items: readonly ({
        readonly person_id: string
        readonly name: string
        readonly email: string
        readonly created_at: string
        readonly last_login_at: string | null
        readonly disabled_at: string | null
        readonly grants: readonly ({
          readonly tenant: string
          readonly role: string
        })[]
      })[]
      readonly next: string | null
    }
  }
  /** Disable a person, who is signed out everywhere at once, or enable them again. Needs `person:disable` in the tenant `cluster`. */
  readonly changePerson: {
    readonly params: {
      readonly person_id: string
    }
    readonly body: {
      readonly disabled: boolean
    }
    readonly answer: {
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** Forget a person: who the provider said that it was, name, address and roles. The ledgers keep the id. Needs `person:erase` in the tenant `cluster`. */
  readonly erasePerson: {
    readonly params: {
      readonly person_id: string
    }
    readonly answer: {
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** End all sessions of a person, who may sign in again. Needs `person:sign-out` in the tenant `cluster`. */
  readonly signOutPerson: {
    readonly params: {
      readonly person_id: string
    }
    readonly answer: {
      readonly sessions: number
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** A one-time link for somebody new, with a role of the tenant. Needs `member:invite` in the tenant. */
  readonly invitePerson: {
    readonly body: {
      readonly name: string
      readonly role: string
    }
    readonly answer: {
      readonly url: string
      readonly expires_at: string
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** Invitations that nobody has come by, and that can still be used. Needs `member:list` in the tenant. */
  readonly listInvitations: {
    readonly answer: {
      readonly items: readonly ({
        readonly id: string
        readonly name: string
        readonly role: string
        readonly created_at: string
        readonly created_by: string
        readonly expires_at: string
      })[]
    }
  }
  /** Withdraw an invitation: its link is none from then on. Needs `member:invite` in the tenant. */
  readonly withdrawInvitation: {
    readonly params: {
      readonly invitation_id: string
    }
    readonly answer: {
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** For root alone: a one-time link for the local operator, or for somebody whom the built-in provider knows. Needs `login-link:create` in the tenant `cluster`. */
  readonly createLoginLink: {
    readonly body: {
      readonly person_id?: string
    }
    readonly answer: {
      readonly url: string
      readonly expires_at: string
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** Break-glass access that nobody has acknowledged. Needs `deployment:read` in the tenant `cluster`. */
  readonly listBreakGlass: {
    readonly answer: {
      readonly items: readonly ({
        readonly id: string
        readonly person_id: string
        readonly reason: string
        readonly opened_at: string
        readonly link_expires_at: string
        readonly used_at: string | null
        readonly ends_at: string | null
      })[]
    }
  }
  /** For root alone, in an emergency: a one-time link to a session as cluster admin; a critical alert. Needs `break-glass:open` in the tenant `cluster`. */
  readonly openBreakGlass: {
    readonly body: {
      readonly name: string
      readonly reason: string
      readonly minutes: number
    }
    readonly answer: {
      readonly url: string
      readonly expires_at: string
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
      readonly id: string
    }
  }
  /** Say that somebody has looked at it. Needs `break-glass:acknowledge` in the tenant `cluster`. */
  readonly acknowledgeBreakGlass: {
    readonly params: {
      readonly id: string
    }
    readonly answer: {
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** What the provider's groups stand for in the tenant; asked in `cluster`, in all tenants. Needs `member:list` in the tenant. */
  readonly listGroupRoles: {
    readonly answer: {
      readonly items: readonly ({
        readonly group: string
        readonly role: string
        readonly tenant: string
      })[]
    }
  }
  /** Let a group of the provider stand for a role in a tenant, from the next log-in of each of its people on. Needs `group:map` in the tenant `cluster`. */
  readonly addGroupRole: {
    readonly params: {
      readonly tenant_name: string
    }
    readonly body: {
      readonly group: string
      readonly role: string
    }
    readonly answer: {
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** Take from everybody at once what a group of the provider gave them in a tenant. Needs `group:map` in the tenant `cluster`. */
  readonly removeGroupRole: {
    readonly params: {
      readonly tenant_name: string
    }
    readonly query: {
      readonly group: string
      readonly role: string
    }
    readonly answer: {
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** Sign in: leads a browser to the provider. Open: who asks is about to be proven. */
  readonly beginLogin: {
    readonly query?: {
      readonly return_to?: string
    }
    readonly answer: undefined
  }
  /** Takes the provider's answer, in the browser that began the log-in. Open: the provider's answer is what proves who asks. */
  readonly finishLogin: {
    readonly answer: undefined
  }
  /** Who asks, in which tenant, and what they need to go on. Of the caller's own session: who it is. */
  readonly getSession: {
    readonly answer: {
      readonly principal: {
        readonly kind: "person" | "machine" | "operator" | "agent" | "service"
        readonly id: string
      }
      readonly tenant: string
      readonly actions: readonly ("tenant:list" | "tenant:create" | "tenant:rename" | "tenant:limit" | "tenant:suspend" | "tenant:erase" | "tenant:appoint" | "group:map" | "person:list" | "person:disable" | "person:sign-out" | "person:erase" | "deployment:read" | "keys:read" | "keys:rotate" | "keys:evict" | "manifest:read" | "manifest:sign" | "manifest:apply" | "trust-root:install" | "login-link:create" | "break-glass:open" | "break-glass:acknowledge" | "alert:list" | "event:list" | "event:reveal" | "event:export" | "feed:subscribe" | "ledger:read" | "audit:list" | "host:list" | "host:invite" | "host:revoke" | "host:configure" | "producer:read" | "producer:manage" | "producer:halt" | "signoff:read" | "signoff:write" | "strict:read" | "strict:switch" | "member:list" | "member:invite" | "member:grant" | "role:list" | "role:write" | "token:list" | "token:create" | "token:revoke" | "rule:read" | "rule:except" | "policy:read" | "policy:try" | "policy:write" | "rows:write" | "subject:erase" | "quarantine:read" | "notification:read" | "notification:manage" | "drill:read" | "drill:run" | "quarantine:replay" | "quarantine:release" | "threat:analyze" | "threat:read" | "threat:feedback" | "threat:tune" | "vulnerability:list" | "vulnerability:scan" | "incident:read" | "incident:open" | "agent:report")[]
      readonly person: {
        readonly person_id: string
        readonly name: string
        readonly email: string
      } | null
      readonly tenants: readonly string[]
      readonly csrf_token: string | null
      readonly session_id: string | null
      readonly sessions: readonly ({
        readonly session_id: string
        readonly tenant: string
        readonly method: "oidc" | "break_glass"
        readonly source: string
        readonly began_at: string
        readonly seen_at: string
        readonly ends_at: string
      })[]
    }
  }
  /** Go on in another tenant, under a new session id. Of the caller's own session: the tenant it acts in. */
  readonly switchTenant: {
    readonly body: {
      readonly tenant: string
    }
    readonly answer: {
      readonly tenant: string
      readonly csrf_token: string
    }
  }
  /** End one of one's own sessions. Of the caller's own session: its companions of the same person. */
  readonly endSession: {
    readonly params: {
      readonly session_id: string
    }
    readonly answer: undefined
  }
  /** Sign out here. Of the caller's own session: its end. */
  readonly logout: {
    readonly answer: {
      readonly redirect: string
    }
  }
  /** Sign out of every session. Of the caller's own session: the end of all of the same person. */
  readonly logoutEverywhere: {
    readonly answer: {
      readonly redirect: string
    }
  }
  /** What a one-time link is for, on a page whose button uses it; looking uses nothing up. Open: whoever holds the link is told what it is for. */
  readonly showLink: {
    readonly query: {
      readonly code: string
    }
    readonly answer: string
  }
  /** Uses a one-time link: the button of its page, from our own origin alone. Open: the link is what proves who asks, or leads to the provider, which does. */
  readonly followLink: {
    readonly answer: string
  }
  /** The detection rules that are in force, and what of them is not. Needs `rule:read` in the tenant. */
  readonly listRules: {
    readonly query?: {
      readonly limit?: number
      readonly cursor?: string
      readonly days?: number
      readonly text?: "true" | "false"
    }
    readonly answer: {
      readonly items: readonly ({
        readonly rule_id: string
        readonly title: string
        readonly description: string | null
        readonly severity: string
        readonly tags: readonly string[]
        readonly source: "program" | "operator"
        readonly path: string
        readonly version: string | null
        readonly sha256: string
        readonly notices: readonly string[]
        readonly fired: number
        readonly excepted: number
        readonly text?: string
      })[]
      readonly next: string | null
      readonly digest: string
      readonly since: string
      readonly wrong: readonly ({
        readonly path: string
        readonly line: number
        readonly code: string
        readonly reason: string
        readonly advice: string
        readonly earlier_in_force: boolean
      })[]
      readonly others: readonly ({
        readonly path: string
        readonly text: string
      })[]
    }
  }
  /** A detection rule that is in force, with its file. Needs `rule:read` in the tenant. */
  readonly getRule: {
    readonly params: {
      readonly rule_id: string
    }
    readonly query?: {
      readonly days?: number
    }
    readonly answer: {
      readonly rule_id: string
      readonly title: string
      readonly description: string | null
      readonly severity: string
      readonly tags: readonly string[]
      readonly source: "program" | "operator"
      readonly path: string
      readonly version: string | null
      readonly sha256: string
      readonly notices: readonly string[]
      readonly fired: number
      readonly excepted: number
      readonly text: string
    }
  }
  /** Matches of rules of which no alert is made, and until when. Needs `rule:read` in the tenant. */
  readonly listRuleExceptions: {
    readonly answer: {
      readonly items: readonly ({
        readonly exception_id: string
        readonly rule_id: string | null
        readonly tag: string | null
        readonly selection: { readonly [member: string]: unknown } | readonly ({ readonly [member: string]: unknown })[] | null
        readonly reason: string
        readonly owner: string
        readonly created_at: string
        readonly expires_at: string
        readonly state: "standing" | "ending"
        readonly excepted: number
        readonly excepted_since: string
      })[]
    }
  }
  /** Have no alert made of some matches of a rule, until a moment. Needs `rule:except` in the tenant. */
  readonly addRuleException: {
    readonly body: {
      readonly rule_id?: string
      readonly tag?: string
      readonly selection: { readonly [member: string]: unknown } | readonly ({ readonly [member: string]: unknown })[] | null
      readonly reason: string
      readonly expires_at: string
    }
    readonly answer: {
      readonly exception: {
        readonly exception_id: string
        readonly rule_id: string | null
        readonly tag: string | null
        readonly selection: { readonly [member: string]: unknown } | readonly ({ readonly [member: string]: unknown })[] | null
        readonly reason: string
        readonly owner: string
        readonly created_at: string
        readonly expires_at: string
        readonly state: "standing" | "ending"
        readonly excepted: number
        readonly excepted_since: string
      }
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** Have alerts made again of what an exception kept quiet. Needs `rule:except` in the tenant. */
  readonly removeRuleException: {
    readonly params: {
      readonly exception_id: string
    }
    readonly answer: {
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** Judge a request of a service; a threat is an alert in the ledger of the tenant. Needs `threat:analyze` in the tenant. */
  readonly analyzeThreat: {
    readonly body: {
      readonly request_context: {
        readonly method: string
        readonly url: string
        readonly version?: string
        readonly headers?: readonly (readonly string[])[]
        readonly body?: string
        readonly body_base64?: string
        readonly body_is_cut?: boolean
        readonly address: string
        readonly user?: string
        readonly route?: string
      }
      readonly outcome?: {
        readonly status: number
      }
    }
    readonly answer: {
      readonly threat_detected: boolean
      readonly threat?: {
        readonly type: string
        readonly severity: "informational" | "low" | "medium" | "high" | "critical"
        readonly score: number
        readonly confidence: number
        readonly reasons: readonly ({
          readonly detector: string
          readonly what: string
          readonly id?: string
          readonly where?: string
          readonly matched?: string
          readonly weight: number
        })[]
        readonly signals: readonly ({
          readonly kind: string
          readonly where: string
        })[]
      }
      readonly action: "allow" | "observe" | "challenge" | "block"
      readonly recommendation?: "allow" | "observe" | "challenge" | "block"
      readonly excepted: readonly ({
        readonly detector: string
        readonly what: string
        readonly id?: string
        readonly where?: string
        readonly matched?: string
        readonly weight: number
        readonly exception: string
      })[]
      readonly detectors: {
        readonly absent: readonly string[]
        readonly cut: readonly string[]
      }
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      } | null
      readonly unwritten?: "many" | "failed"
    }
  }
  /** What becomes of a request by its score, and what did before. Needs `threat:read` in the tenant. */
  readonly getThreatSettings: {
    readonly answer: {
      readonly mode: "observe" | "block"
      readonly thresholds: {
        readonly observe: number
        readonly challenge: number
        readonly block: number
      }
      readonly version: number
      readonly reason: string | null
      readonly changed_at: string | null
      readonly changed_by: string | null
      readonly earlier: readonly ({
        readonly mode: "observe" | "block"
        readonly thresholds: {
          readonly observe: number
          readonly challenge: number
          readonly block: number
        }
        readonly version: number
        readonly reason: string | null
        readonly changed_at: string | null
        readonly changed_by: string | null
      })[]
    }
  }
  /** Change what becomes of a request by its score; what is left out stays. Needs `threat:tune` in the tenant. */
  readonly setThreatSettings: {
    readonly body: {
      readonly mode?: "observe" | "block"
      readonly thresholds?: {
        readonly observe?: number
        readonly challenge?: number
        readonly block?: number
      }
      readonly reason: string
    }
    readonly answer: {
      readonly settings: {
        readonly mode: "observe" | "block"
        readonly thresholds: {
          readonly observe: number
          readonly challenge: number
          readonly block: number
        }
        readonly version: number
        readonly reason: string | null
        readonly changed_at: string | null
        readonly changed_by: string | null
      }
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** Which scores the requests of a tenant had, and what weighed most in threats. Needs `threat:read` in the tenant. */
  readonly getThreatCalibration: {
    readonly query?: {
      readonly days?: number
    }
    readonly answer: {
      readonly days: number
      readonly scores: readonly number[]
      readonly reasons: readonly ({
        readonly detector: string
        readonly id: string
        readonly threats: number
        readonly false_alarms: number
      })[]
      readonly feedback: {
        readonly false_alarms: number
        readonly right: number
      }
      readonly suggestions: readonly ({
        readonly detector: "rules" | "model" | "reputation" | "behaviour" | "signals"
        readonly id: string | null
        readonly method: string | null
        readonly route: string
        readonly where: string | null
        readonly false_alarms: number
      })[]
      readonly mode: "observe" | "block"
      readonly thresholds: {
        readonly observe: number
        readonly challenge: number
        readonly block: number
      }
    }
  }
  /** Say whether a threat was one; calibration and suggested exceptions go by it. Needs `threat:feedback` in the tenant. */
  readonly giveThreatFeedback: {
    readonly params: {
      readonly leaf: number
    }
    readonly body: {
      readonly verdict: "false_alarm" | "right"
      readonly reason?: string
    }
    readonly answer: {
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** What does not count against requests, where, and until when. Needs `rule:read` in the tenant. */
  readonly listThreatExceptions: {
    readonly answer: {
      readonly items: readonly ({
        readonly exception_id: string
        readonly detector: "rules" | "model" | "reputation" | "behaviour" | "signals"
        readonly id: string | null
        readonly method: string | null
        readonly route: string
        readonly where: string | null
        readonly reason: string
        readonly owner: string
        readonly created_at: string
        readonly expires_at: string
        readonly state: "standing" | "ending"
        readonly excepted: number
        readonly excepted_since: string
      })[]
    }
  }
  /** Have what a rule or a detector says of a route not count, until a moment. Needs `rule:except` in the tenant. */
  readonly addThreatException: {
    readonly body: {
      readonly detector: "rules" | "model" | "reputation" | "behaviour" | "signals"
      readonly id?: string | null
      readonly method?: string | null
      readonly route: string
      readonly where?: string | null
      readonly reason: string
      readonly expires_at: string
    }
    readonly answer: {
      readonly exception: {
        readonly exception_id: string
        readonly detector: "rules" | "model" | "reputation" | "behaviour" | "signals"
        readonly id: string | null
        readonly method: string | null
        readonly route: string
        readonly where: string | null
        readonly reason: string
        readonly owner: string
        readonly created_at: string
        readonly expires_at: string
        readonly state: "standing" | "ending"
        readonly excepted: number
        readonly excepted_since: string
      }
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** Have count again what an exception kept from it. Needs `rule:except` in the tenant. */
  readonly removeThreatException: {
    readonly params: {
      readonly exception_id: string
    }
    readonly answer: {
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** Judge a request that a proxy holds, named by X-Original-URI or X-Forwarded-Uri: 204 passes it, 403 blocks it. Needs `threat:analyze` in the tenant. */
  readonly forwardAuth: {
    readonly answer: undefined
  }
  /** The security policies of the tenant. Needs `policy:read` in the tenant. */
  readonly listPolicies: {
    readonly query?: {
      readonly limit?: number
      readonly cursor?: string
      readonly type?: "network" | "file" | "process" | "detection" | "response" | "retention"
    }
    readonly answer: {
      readonly items: readonly ({
        readonly id: string
        readonly name: string
        readonly type: "network" | "file" | "process" | "detection" | "response" | "retention"
        readonly enabled: boolean
        readonly rule_count: number
        readonly version: number
        readonly etag: string
        readonly digest: string
        readonly created_at: string
        readonly created_by: string
        readonly updated_at: string
        readonly updated_by: string
      })[]
      readonly next: string | null
    }
  }
  /** What a policy would have done in the last days. Needs `policy:try` in the tenant. */
  readonly dryRunPolicy: {
    readonly body: {
      readonly policy?: string | { readonly [member: string]: unknown }
      readonly id?: string
      readonly days?: number
    }
    readonly answer: {
      readonly days: number
      readonly from: string
      readonly to: string
      readonly events: number
      readonly total: number
      readonly stopped: "time" | "cancelled" | null
      readonly rules: readonly ({
        readonly rule: string | null
        readonly fired: number
        readonly held: number
        readonly undecided: number
        readonly effects: { readonly [member: string]: number }
        readonly examples: readonly ({
          readonly leaf_index: number
          readonly time: string
          readonly host: string
          readonly what: string
          readonly why: readonly string[]
        })[]
        readonly unclear: readonly ({
          readonly leaf_index: number
          readonly time: string
          readonly host: string
          readonly what: string
          readonly why: readonly string[]
        })[]
      })[]
      readonly notices: readonly string[]
    }
  }
  /** How far the run is that somebody in the tenant waits for. Needs `policy:try` in the tenant. */
  readonly getDryRun: {
    readonly answer: {
      readonly running: {
        readonly done: number
        readonly total: number
      } | null
    }
  }
  /** A security policy; its ETag is for If-Match. Needs `policy:read` in the tenant. */
  readonly getPolicy: {
    readonly params: {
      readonly id: string
    }
    readonly answer: {
      readonly id: string
      readonly name: string
      readonly type: "network" | "file" | "process" | "detection" | "response" | "retention"
      readonly enabled: boolean
      readonly version: number
      readonly etag: string
      readonly digest: string
      readonly created_at: string
      readonly created_by: string
      readonly updated_at: string
      readonly updated_by: string
      readonly rules: readonly ({
        readonly id: string
      })[]
      readonly signature: {
        readonly payloadType: string
        readonly payload: string
        readonly signatures: readonly ({
          readonly keyid: string
          readonly sig: string
        })[]
      }
    }
  }
  /** Make or replace a security policy, with If-Match the version that was read. Needs `policy:write` in the tenant. */
  readonly putPolicy: {
    readonly params: {
      readonly id: string
    }
    readonly body: {
      readonly policy: string | { readonly [member: string]: unknown }
    }
    readonly answer: {
      readonly updated: boolean
      readonly validation: {
        readonly ok: boolean
        readonly problems: readonly ({
          readonly severity: "error" | "warning"
          readonly code: string
          readonly path: string
          readonly rule: string
          readonly value?: string
          readonly suggestion: string
          readonly line?: number
          readonly column?: number
        })[]
        readonly omitted: number
      }
      readonly version: number
      readonly etag: string
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      } | null
    }
  }
  /** Delete a security policy; its versions are kept. Needs `policy:write` in the tenant. */
  readonly deletePolicy: {
    readonly params: {
      readonly id: string
    }
    readonly answer: {
      readonly version: number
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** On how many hosts the newest version of a policy is enforced, told alone, or not followed. Needs `policy:read` in the tenant. */
  readonly getPolicyReach: {
    readonly params: {
      readonly id: string
    }
    readonly answer: {
      readonly version: number
      readonly hosts: {
        readonly kernel: number
        readonly told: number
        readonly not_enforced: number
        readonly elsewhere: number
        readonly behind: number
        readonly unknown: number
      } | null
    }
  }
  /** Versions of a policy, newest first: what changed it, when, and where the ledger says so. Needs `policy:read` in the tenant. */
  readonly listPolicyVersions: {
    readonly params: {
      readonly id: string
    }
    readonly query?: {
      readonly limit?: number
      readonly cursor?: number
    }
    readonly answer: {
      readonly items: readonly ({
        readonly version: number
        readonly change: "created" | "replaced" | "enabled" | "disabled" | "deleted"
        readonly changed_at: string
        readonly changed_by: string
        readonly digest: string | null
        readonly statement_digest: string
        readonly leaf_index: number | null
      })[]
      readonly next: string | null
    }
  }
  /** What differs between two versions, as a patch (RFC 6902) and in words. Needs `policy:read` in the tenant. */
  readonly diffPolicy: {
    readonly params: {
      readonly id: string
    }
    readonly query?: {
      readonly from?: number
      readonly to?: number
    }
    readonly answer: {
      readonly from: number
      readonly to: number
      readonly patch: readonly ({
        readonly op: string
        readonly path: string
      })[]
      readonly text: readonly ({
        readonly sign: "+" | "-" | "~" | ">"
        readonly text: string
      })[]
    }
  }
  /** A version as agents get it: the document in canonical form, and the envelope that signs it. Needs `policy:read` in the tenant. */
  readonly getSignedPolicy: {
    readonly params: {
      readonly id: string
    }
    readonly query?: {
      readonly version?: number
    }
    readonly answer: {
      readonly document: string | null
      readonly envelope: {
        readonly payloadType: string
        readonly payload: string
        readonly signatures: readonly ({
          readonly keyid: string
          readonly sig: string
        })[]
      }
    }
  }
  /** Whose signatures critical changes need: every version of the trust root, the first one first. Needs `manifest:read` in the tenant `cluster`. */
  readonly listTrustRoots: {
    readonly answer: {
      readonly deployment: string
      readonly items: readonly ({
        readonly version: number
        readonly digest: string
        readonly applied_at: string
        readonly applied_by: string
        readonly envelope: {
          readonly payload: string
          readonly payloadType: string
          readonly signatures: readonly ({
            readonly keyid: string
            readonly sig: string
          })[]
        }
      })[]
    }
  }
  /** Follow the trust root to its next version, which the thresholds of both have signed. Needs `manifest:apply` in the tenant `cluster`. */
  readonly followTrustRoot: {
    readonly body: {
      readonly envelope: {
        readonly payload: string
        readonly payloadType: string
        readonly signatures: readonly ({
          readonly keyid: string
          readonly sig: string
        })[]
      }
    }
    readonly answer: {
      readonly version: number
      readonly digest: string
      readonly expires: string
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** Begin with a trust root: by root on the machine of the control plane alone, once. Needs `trust-root:install` in the tenant `cluster`. */
  readonly installTrustRoot: {
    readonly body: {
      readonly envelope: {
        readonly payload: string
        readonly payloadType: string
        readonly signatures: readonly ({
          readonly keyid: string
          readonly sig: string
        })[]
      }
    }
    readonly answer: {
      readonly version: number
      readonly digest: string
      readonly expires: string
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** Critical changes that collect signatures, or were made, newest first. Needs `manifest:read` in the tenant `cluster`. */
  readonly listManifests: {
    readonly answer: {
      readonly items: readonly ({
        readonly id: string
        readonly action: "key-promotion" | "rollback" | "strict-off" | "upgrade"
        readonly subject: string
        readonly digest: string
        readonly created: string
        readonly expires: string
        readonly state: "collecting" | "complete" | "applied" | "expired"
        readonly opened_at: string
        readonly opened_by: string
        readonly applied_at: string | null
        readonly applied_by: string | null
        readonly proof: {
          readonly digestHex: string
          readonly signatures: readonly ({
            readonly keyid: string
            readonly owner: string
            readonly sig: string
          })[]
          readonly threshold: number
        } | null
        readonly envelope: {
          readonly payload: string
          readonly payloadType: string
          readonly signatures: readonly ({
            readonly keyid: string
            readonly sig: string
          })[]
        }
      })[]
    }
  }
  /** A manifest with its combined proof. Needs `manifest:read` in the tenant `cluster`. */
  readonly getManifest: {
    readonly params: {
      readonly id: string
    }
    readonly answer: {
      readonly id: string
      readonly action: "key-promotion" | "rollback" | "strict-off" | "upgrade"
      readonly subject: string
      readonly digest: string
      readonly created: string
      readonly expires: string
      readonly state: "collecting" | "complete" | "applied" | "expired"
      readonly opened_at: string
      readonly opened_by: string
      readonly applied_at: string | null
      readonly applied_by: string | null
      readonly proof: {
        readonly digestHex: string
        readonly signatures: readonly ({
          readonly keyid: string
          readonly owner: string
          readonly sig: string
        })[]
        readonly threshold: number
      } | null
      readonly envelope: {
        readonly payload: string
        readonly payloadType: string
        readonly signatures: readonly ({
          readonly keyid: string
          readonly sig: string
        })[]
      }
    }
  }
  /** Hand in signatures of a manifest, which is opened by the first; each that is new is a line of the ledger. Needs `manifest:sign` in the tenant `cluster`. */
  readonly addManifestSignatures: {
    readonly body: {
      readonly envelope: {
        readonly payload: string
        readonly payloadType: string
        readonly signatures: readonly ({
          readonly keyid: string
          readonly sig: string
        })[]
      }
    }
    readonly answer: {
      readonly manifest: {
        readonly id: string
        readonly action: "key-promotion" | "rollback" | "strict-off" | "upgrade"
        readonly subject: string
        readonly digest: string
        readonly created: string
        readonly expires: string
        readonly state: "collecting" | "complete" | "applied" | "expired"
        readonly opened_at: string
        readonly opened_by: string
        readonly applied_at: string | null
        readonly applied_by: string | null
        readonly proof: {
          readonly digestHex: string
          readonly signatures: readonly ({
            readonly keyid: string
            readonly owner: string
            readonly sig: string
          })[]
          readonly threshold: number
        } | null
        readonly envelope: {
          readonly payload: string
          readonly payloadType: string
          readonly signatures: readonly ({
            readonly keyid: string
            readonly sig: string
          })[]
        }
      }
      readonly added: readonly ({
        readonly keyid: string
        readonly ledger: {
          readonly tenant: string
          readonly leaf_index: number | null
        }
      })[]
    }
  }
  /** Use up the manifest of an upgrade or a rollback, which is then made by hand; once. Needs `manifest:apply` in the tenant `cluster`. */
  readonly applyManifest: {
    readonly params: {
      readonly id: string
    }
    readonly body: {
      readonly digest: string
    }
    readonly answer: {
      readonly manifest: {
        readonly id: string
        readonly action: "key-promotion" | "rollback" | "strict-off" | "upgrade"
        readonly subject: string
        readonly digest: string
        readonly created: string
        readonly expires: string
        readonly state: "collecting" | "complete" | "applied" | "expired"
        readonly opened_at: string
        readonly opened_by: string
        readonly applied_at: string | null
        readonly applied_by: string | null
        readonly proof: {
          readonly digestHex: string
          readonly signatures: readonly ({
            readonly keyid: string
            readonly owner: string
            readonly sig: string
          })[]
          readonly threshold: number
        } | null
        readonly envelope: {
          readonly payload: string
          readonly payloadType: string
          readonly signatures: readonly ({
            readonly keyid: string
            readonly sig: string
          })[]
        }
      }
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** What was not admitted, in the order of its stubs. Needs `quarantine:read` in the tenant. */
  readonly listQuarantine: {
    readonly query?: {
      readonly state?: "waiting" | "admitted" | "duplicate"
      readonly reason?: "unknown_key" | "invalid_signature" | "key_revoked" | "key_not_yet_valid" | "key_expired"
      readonly key_id?: string
      readonly producer?: string
      readonly since?: string
      readonly until?: string
      readonly limit?: number
      readonly cursor?: number
    }
    readonly answer: {
      readonly items: readonly ({
        readonly leaf_index: number
        readonly item: string
        readonly state: "waiting" | "admitted" | "duplicate"
        readonly reason: string
        readonly detail: string
        readonly producer: string
        readonly key_id: string | null
        readonly chain: string
        readonly first_seq: number
        readonly next_seq: number
        readonly quarantined_at: string
        readonly received_at: string | null
        readonly peer: string | null
        readonly registry_version: number | null
        readonly admitted_at: string | null
        readonly admitted_leaf_index: number | null
        readonly admitted_how: "verified" | "released" | "non_strict" | null
      })[]
      readonly next: string | null
    }
  }
  /** How much of it there is, by reason. Needs `quarantine:read` in the tenant. */
  readonly countQuarantine: {
    readonly answer: {
      readonly items: readonly ({
        readonly reason: string
        readonly state: string
        readonly items: number
        readonly rows: number
      })[]
    }
  }
  /** How much waits, by reason, and how many releases wait for a second person. Needs `quarantine:read` in the tenant. */
  readonly getQuarantineWaiting: {
    readonly answer: {
      readonly items: number
      readonly rows: {
        readonly unknown_key: number
        readonly invalid_signature: number
        readonly key_revoked: number
        readonly key_not_yet_valid: number
        readonly key_expired: number
      }
      readonly releases: number
    }
  }
  /** What waits, added up: by reason over time, by producer and by key; a moment old where there is much of it. Needs `quarantine:read` in the tenant. */
  readonly getQuarantinePicture: {
    readonly query?: {
      readonly reason?: "unknown_key" | "invalid_signature" | "key_revoked" | "key_not_yet_valid" | "key_expired"
      readonly key_id?: string
      readonly producer?: string
      readonly since?: string
      readonly until?: string
    }
    readonly answer: {
      readonly items: number
      readonly rows: {
        readonly unknown_key: number
        readonly invalid_signature: number
        readonly key_revoked: number
        readonly key_not_yet_valid: number
        readonly key_expired: number
      }
      readonly bucket_seconds: number
      readonly buckets: readonly ({
        readonly at: string
        readonly rows: {
          readonly unknown_key: number
          readonly invalid_signature: number
          readonly key_revoked: number
          readonly key_not_yet_valid: number
          readonly key_expired: number
        }
      })[]
      readonly producers: {
        readonly groups: readonly ({
          readonly name: string | null
          readonly items: number
          readonly rows: {
            readonly unknown_key: number
            readonly invalid_signature: number
            readonly key_revoked: number
            readonly key_not_yet_valid: number
            readonly key_expired: number
          }
        })[]
        readonly others: {
          readonly names: number
          readonly items: number
          readonly rows: {
            readonly unknown_key: number
            readonly invalid_signature: number
            readonly key_revoked: number
            readonly key_not_yet_valid: number
            readonly key_expired: number
          }
        }
      }
      readonly keys: {
        readonly groups: readonly ({
          readonly name: string | null
          readonly items: number
          readonly rows: {
            readonly unknown_key: number
            readonly invalid_signature: number
            readonly key_revoked: number
            readonly key_not_yet_valid: number
            readonly key_expired: number
          }
        })[]
        readonly others: {
          readonly names: number
          readonly items: number
          readonly rows: {
            readonly unknown_key: number
            readonly invalid_signature: number
            readonly key_revoked: number
            readonly key_not_yet_valid: number
            readonly key_expired: number
          }
        }
      }
    }
  }
  /** One item, without its bytes. Needs `quarantine:read` in the tenant. */
  readonly showQuarantined: {
    readonly params: {
      readonly leaf_index: number
    }
    readonly answer: {
      readonly item: {
        readonly leaf_index: number
        readonly item: string
        readonly state: "waiting" | "admitted" | "duplicate"
        readonly reason: string
        readonly detail: string
        readonly producer: string
        readonly key_id: string | null
        readonly chain: string
        readonly first_seq: number
        readonly next_seq: number
        readonly quarantined_at: string
        readonly received_at: string | null
        readonly peer: string | null
        readonly registry_version: number | null
        readonly admitted_at: string | null
        readonly admitted_leaf_index: number | null
        readonly admitted_how: "verified" | "released" | "non_strict" | null
      }
      readonly release: {
        readonly request: string
        readonly cause: string
        readonly requested_at: string
        readonly requested_by: string
        readonly expires_at: string
        readonly approved_at: string | null
        readonly approved_by: string | null
        readonly rejected_at: string | null
        readonly rejected_by: string | null
        readonly rejected_cause: string | null
      } | null
    }
  }
  /** The exact bytes of an item; that they were read stands in the ledger. Needs `quarantine:read` in the tenant. */
  readonly readQuarantined: {
    readonly params: {
      readonly leaf_index: number
    }
    readonly answer: {
      readonly bytes: string
      readonly encoding: string | null
      readonly peer: {
        readonly address: string
        readonly certificate: string | null
        readonly token: string | null
      } | null
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** Judge what waits again, as of its receipt, and admit what holds: a page of items, dry unless told. Needs `quarantine:replay` in the tenant. */
  readonly replayQuarantine: {
    readonly body: {
      readonly state?: "waiting" | "admitted" | "duplicate"
      readonly reason?: "unknown_key" | "invalid_signature" | "key_revoked" | "key_not_yet_valid" | "key_expired"
      readonly key_id?: string
      readonly producer?: string
      readonly since?: string
      readonly until?: string
      readonly limit?: number
      readonly cursor?: number
      readonly dry_run?: boolean
    }
    readonly answer: {
      readonly items: readonly ({
        readonly leaf_index: number
        readonly outcome: "admitted" | "already" | "waiting" | "release" | "taken" | "altered"
        readonly lines: number
        readonly reason: string | null
        readonly detail: string
        readonly admitted_leaf_index: number | null
      })[]
      readonly next: string | null
    }
  }
  /** Releases that were asked for, and wait for somebody else. Needs `quarantine:read` in the tenant. */
  readonly listReleases: {
    readonly query?: {
      readonly limit?: number
      readonly cursor?: number
    }
    readonly answer: {
      readonly items: readonly ({
        readonly leaf_index: number
        readonly release: {
          readonly request: string
          readonly cause: string
          readonly requested_at: string
          readonly requested_by: string
          readonly expires_at: string
          readonly approved_at: string | null
          readonly approved_by: string | null
          readonly rejected_at: string | null
          readonly rejected_by: string | null
          readonly rejected_cause: string | null
        }
      })[]
      readonly next: string | null
    }
  }
  /** Ask for an item to be admitted though its signature does not hold; somebody else has to approve it. Needs `quarantine:release` in the tenant. */
  readonly askForRelease: {
    readonly params: {
      readonly leaf_index: number
    }
    readonly body: {
      readonly cause: string
    }
    readonly answer: {
      readonly release: {
        readonly request: string
        readonly cause: string
        readonly requested_at: string
        readonly requested_by: string
        readonly expires_at: string
        readonly approved_at: string | null
        readonly approved_by: string | null
        readonly rejected_at: string | null
        readonly rejected_by: string | null
        readonly rejected_cause: string | null
      }
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** Approve what somebody else asked for; the item is admitted, and marked. Needs `quarantine:release` in the tenant. */
  readonly approveRelease: {
    readonly params: {
      readonly leaf_index: number
    }
    readonly body: {
      readonly request: string
    }
    readonly answer: {
      readonly leaf_index: number
      readonly outcome: "admitted" | "already" | "waiting" | "release" | "taken" | "altered"
      readonly lines: number
      readonly reason: string | null
      readonly detail: string
      readonly admitted_leaf_index: number | null
    }
  }
  /** Turn down what was asked for: the item stays, and a release of it can be asked for anew. Needs `quarantine:release` in the tenant. */
  readonly rejectRelease: {
    readonly params: {
      readonly leaf_index: number
    }
    readonly body: {
      readonly request: string
      readonly cause: string
    }
    readonly answer: {
      readonly release: {
        readonly request: string
        readonly cause: string
        readonly requested_at: string
        readonly requested_by: string
        readonly expires_at: string
        readonly approved_at: string | null
        readonly approved_by: string | null
        readonly rejected_at: string | null
        readonly rejected_by: string | null
        readonly rejected_cause: string | null
      }
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** Whether rows that fail verification stay out of the ledger. Needs `strict:read` in the tenant. */
  readonly getStrictSignatures: {
    readonly answer: {
      readonly strict: boolean
      readonly off: {
        readonly since: string
        readonly by: string
        readonly ends_at: string
        readonly manifest: string | null
        readonly rows_admitted: number
      } | null
    }
  }
  /** Admit rows that fail verification, marked, for a time; for more than 24 hours of any 7 days with a manifest. Needs `strict:switch` in the tenant. */
  readonly switchStrictOff: {
    readonly body: {
      readonly seconds?: number
      readonly acknowledgement: string
    }
    readonly answer: {
      readonly strict: boolean
      readonly off: {
        readonly since: string
        readonly by: string
        readonly ends_at: string
        readonly manifest: string | null
        readonly rows_admitted: number
      } | null
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** Keep rows that fail verification out again; it counts at once. Needs `strict:switch` in the tenant. */
  readonly switchStrictOn: {
    readonly answer: {
      readonly strict: boolean
      readonly off: {
        readonly since: string
        readonly by: string
        readonly ends_at: string
        readonly manifest: string | null
        readonly rows_admitted: number
      } | null
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** Sign-offs, newest first, at most 500. Needs `signoff:read` in the tenant. */
  readonly listSignoffs: {
    readonly query?: {
      readonly name?: string
    }
    readonly answer: {
      readonly items: readonly ({
        readonly id: string
        readonly name: string
        readonly checklist_digest: string
        readonly checklist: string | null
        readonly commit: string | null
        readonly pull_request: string | null
        readonly approver: string
        readonly signed_by: string
        readonly signed_at: string
        readonly envelope: {
          readonly payloadType: string
          readonly payload: string
          readonly signatures: readonly ({
            readonly keyid: string
            readonly sig: string
          })[]
        }
      })[]
    }
  }
  /** Sign off: whoever asks is the final approver, and the deployment signs that they said so. Needs `signoff:write` in the tenant. */
  readonly addSignoff: {
    readonly body: {
      readonly name: string
      readonly checklist: {
        readonly text: string
      } | {
        readonly digest: string
      }
      readonly commit?: string
      readonly pull_request?: string
      readonly approver?: string
    }
    readonly answer: {
      readonly signoff: {
        readonly id: string
        readonly name: string
        readonly checklist_digest: string
        readonly checklist: string | null
        readonly commit: string | null
        readonly pull_request: string | null
        readonly approver: string
        readonly signed_by: string
        readonly signed_at: string
        readonly envelope: {
          readonly payloadType: string
          readonly payload: string
          readonly signatures: readonly ({
            readonly keyid: string
            readonly sig: string
          })[]
        }
      }
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** A sign-off, with the envelope that signs it. Needs `signoff:read` in the tenant. */
  readonly getSignoff: {
    readonly params: {
      readonly signoff: string
    }
    readonly answer: {
      readonly id: string
      readonly name: string
      readonly checklist_digest: string
      readonly checklist: string | null
      readonly commit: string | null
      readonly pull_request: string | null
      readonly approver: string
      readonly signed_by: string
      readonly signed_at: string
      readonly envelope: {
        readonly payloadType: string
        readonly payload: string
        readonly signatures: readonly ({
          readonly keyid: string
          readonly sig: string
        })[]
      }
    }
  }
  /** Drills that were run, newest first. Needs `drill:read` in the tenant. */
  readonly listDrills: {
    readonly answer: {
      readonly items: readonly ({
        readonly run: string
        readonly drill: string
        readonly begun_at: string
        readonly begun_by: string
        readonly held_until: string
        readonly ended_at: string | null
        readonly outcome: "passed" | "failed" | "abandoned" | null
      })[]
    }
  }
  /** Begin a drill; one runs in a tenant at a time. Needs `drill:run` in the tenant. */
  readonly beginDrill: {
    readonly body: {
      readonly drill: "strict-signature" | "key-compromise" | "key-theft"
    }
    readonly answer: {
      readonly run: string
      readonly held_until: string
      readonly abandoned: readonly ({
        readonly run: string
        readonly drill: string
        readonly begun_at: string
        readonly begun_by: string
        readonly held_until: string
        readonly ended_at: string | null
        readonly outcome: "passed" | "failed" | "abandoned" | null
      })[]
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** A drill, with its signed report as far as that is kept. Needs `drill:read` in the tenant. */
  readonly getDrill: {
    readonly params: {
      readonly run: string
    }
    readonly answer: {
      readonly run: {
        readonly run: string
        readonly drill: string
        readonly begun_at: string
        readonly begun_by: string
        readonly held_until: string
        readonly ended_at: string | null
        readonly outcome: "passed" | "failed" | "abandoned" | null
      }
      readonly report: string | null
      readonly envelope: {
        readonly payload: string
        readonly payloadType: string
        readonly signatures: readonly ({
          readonly keyid: string
          readonly sig: string
        })[]
      } | null
    }
  }
  /** Say that a drill is still going on. Needs `drill:run` in the tenant. */
  readonly holdDrill: {
    readonly params: {
      readonly run: string
    }
    readonly answer: {
      readonly held_until: string
    }
  }
  /** Have the guard of a host answer the attackers of a drill in earnest, for five minutes at most and upon its decoy alone. Needs `host:configure` in the tenant. */
  readonly rehearseDrill: {
    readonly params: {
      readonly run: string
    }
    readonly body: {
      readonly host: string
      readonly name: string
      readonly decoy: {
        readonly pid: number
        readonly start_ns: string
      }
      readonly runner: {
        readonly pid: number
        readonly start_ns: string
      }
    }
    readonly answer: {
      readonly until: string
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** End a drill with its report, which is kept, signed, and stands in the ledger by its digest. Needs `drill:run` in the tenant. */
  readonly reportDrill: {
    readonly params: {
      readonly run: string
    }
    readonly body: {
      readonly outcome: "passed" | "failed"
      readonly report: string
    }
    readonly answer: {
      readonly envelope: {
        readonly payload: string
        readonly payloadType: string
        readonly signatures: readonly ({
          readonly keyid: string
          readonly sig: string
        })[]
      }
      readonly statement_digest: string
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** Who is told at once of alerts of the tenant; of cluster: of every tenant. Needs `notification:read` in the tenant. */
  readonly listNotificationChannels: {
    readonly answer: {
      readonly items: readonly ({
        readonly channel_id: string
        readonly kind: "webhook" | "mail"
        readonly name: string
        readonly target: string
        readonly least_severity: string
        readonly created_at: string
        readonly created_by: string
        readonly failing_since: string | null
        readonly problem: string
        readonly waiting: number
        readonly given_up: number
        readonly last: {
          readonly delivery_id: string
          readonly taken: boolean
          readonly time: string
          readonly tries: number
          readonly problem: string
        } | null
        readonly old_secret_until: string | null
      })[]
    }
  }
  /** Add a webhook, or mail; the secret by which a webhook proves our messages is shown this once. Needs `notification:manage` in the tenant. */
  readonly createNotificationChannel: {
    readonly body: {
      readonly name: string
      readonly target: string
      readonly least_severity?: "informational" | "low" | "medium" | "high" | "critical"
    }
    readonly answer: {
      readonly secret: string
      readonly channel: {
        readonly channel_id: string
        readonly kind: "webhook" | "mail"
        readonly name: string
        readonly target: string
        readonly least_severity: string
        readonly created_at: string
        readonly created_by: string
        readonly failing_since: string | null
        readonly problem: string
        readonly waiting: number
        readonly given_up: number
        readonly last: {
          readonly delivery_id: string
          readonly taken: boolean
          readonly time: string
          readonly tries: number
          readonly problem: string
        } | null
        readonly old_secret_until: string | null
      }
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** Give a webhook another secret, which is shown this once; the one before signs for a day, too. Needs `notification:manage` in the tenant. */
  readonly rotateNotificationSecret: {
    readonly params: {
      readonly channel_id: string
    }
    readonly answer: {
      readonly secret: string
      readonly old_secret_until: string
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** Send a message that says it is a test, once and now. Needs `notification:manage` in the tenant. */
  readonly testNotificationChannel: {
    readonly params: {
      readonly channel_id: string
    }
    readonly answer: {
      readonly taken: boolean
      readonly problem: string
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** Tell a channel nothing more, and drop what waits for it. Needs `notification:manage` in the tenant. */
  readonly removeNotificationChannel: {
    readonly params: {
      readonly channel_id: string
    }
    readonly answer: {
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** Destroy the keys of a person: what was sealed under them cannot be read again, and every proof holds. Needs `subject:erase` in the tenant. */
  readonly eraseSubject: {
    readonly body: {
      readonly name: string
    } | {
      readonly uid: string
    }
    readonly answer: {
      readonly label: string
      readonly subject_keys: number
      readonly first_layout: boolean
    }
  }
  /** Send signed rows of a service. Needs `rows:write` in the tenant. */
  readonly submitRows: {
    readonly body: {
      readonly submissions: readonly ({
        readonly id: string
        readonly form: "detached" | "dsse"
        readonly payload: string
        readonly payload_type: string
        readonly key_id: string
        readonly algorithm: string
        readonly signature: string
      })[]
    }
    readonly answer: {
      readonly outcomes: readonly ({
        readonly outcome: "admitted"
        readonly leaf_index: number
        readonly mark?: "unknown_key" | "invalid_signature" | "key_revoked" | "key_not_yet_valid" | "key_expired"
      } | {
        readonly outcome: "duplicate"
        readonly leaf_index: number
      } | {
        readonly outcome: "quarantined"
        readonly reason: string
        readonly item: string
      } | {
        readonly outcome: "refused"
        readonly code: string
        readonly detail: string
        readonly retry_after?: number
      })[]
    }
  }
  /** The state of the deployment (docs/reference/status.md). Needs `deployment:read` in the tenant `cluster`. */
  readonly getStatus: {
    readonly answer: {
      readonly time: string
      readonly deployment: string
      readonly health: string
      readonly api: string
      readonly hardening: {
        readonly applied: readonly string[]
        readonly missing: readonly ({
          readonly measure: string
          readonly reason: string
        })[]
      }
      readonly trust: {
        readonly deployment: string
        readonly ledger_keys: readonly string[]
        readonly ca_fingerprint: string
      }
      readonly ca: {
        readonly subject: string
        readonly ends_at: string
        readonly state: "good" | "ending" | "ended"
        readonly problem: string | null
      }
      readonly ledgers: readonly ({
        readonly tenant: string
        readonly size: number
        readonly signed_size: number
        readonly root: string
        readonly checkpoint: string | null
      })[]
      readonly hosts: readonly ({
        readonly host_id: string
        readonly hostname: string
        readonly connected: boolean
      })[]
      readonly chains: readonly ({
        readonly chain: string
        readonly tenant: string
        readonly host_id: string
        readonly next_seq: number
      })[]
      readonly ingest: { readonly [member: string]: number }
      readonly quarantine: readonly ({
        readonly tenant: string
        readonly items: number
        readonly rows: number
      })[]
      readonly strict_off: readonly ({
        readonly tenant: string
        readonly ends_at: string
      })[]
      readonly integrity: readonly ({
        readonly tenant: string
        readonly checked: number
        readonly size: number
      })[]
      readonly signing: {
        readonly quorum: string
        readonly problem: string | null
      }
      readonly gaps: number
      readonly break_glass: readonly ({ readonly [member: string]: unknown })[]
    }
  }
  /** The keys that values at rest are sealed under. Needs `keys:read` in the tenant `cluster`. */
  readonly getKeys: {
    readonly answer: {
      readonly epoch: number
      readonly epochs: readonly ({
        readonly epoch: number
        readonly kind: "local" | "kms"
        readonly asked: string
        readonly key_id: string
        readonly created_at: string
        readonly retired_at: string | null
        readonly tenant_keys: number
      })[]
      readonly to_rewrap: number
      readonly subject_keys: number
      readonly cached: number
      readonly memory: string
    }
  }
  /** Begin a new epoch of the system master key, and wrap the keys of all tenants anew. Needs `keys:rotate` in the tenant `cluster`. */
  readonly rotateKeys: {
    readonly answer: {
      readonly epoch: number
      readonly rewrapped: number
    }
  }
  /** Wrap anew what older epochs still hold. Needs `keys:rotate` in the tenant `cluster`. */
  readonly rewrapKeys: {
    readonly answer: {
      readonly epoch: number
      readonly rewrapped: number
    }
  }
  /** Wipe the keys in memory, of a tenant or all; they are fetched again when needed. Needs `keys:evict` in the tenant `cluster`. */
  readonly evictKeys: {
    readonly body: {
      readonly tenant?: string
    }
    readonly answer: {
      readonly keys: number
      readonly ledger: {
        readonly tenant: string
        readonly leaf_index: number | null
      }
    }
  }
  /** Vulnerabilities found (not yet built). Needs `vulnerability:list` in the tenant. */
  readonly listVulnerabilities: {
    readonly answer: undefined
  }
  /** Scan a target (not yet built). Needs `vulnerability:scan` in the tenant. */
  readonly scanVulnerabilities: {
    readonly body: { readonly [member: string]: unknown }
    readonly answer: undefined
  }
  /** This document. Open: it says what is written in the sources. */
  readonly getOpenApi: {
    readonly answer: string
  }
}

/** Method and path of each. */
export const operations = {
  listAlerts: ['GET', '/api/v1/alerts'],
  listEvents: ['GET', '/api/v1/events'],
  listActs: ['GET', '/api/v1/audit'],
  getEvent: ['GET', '/api/v1/events/{leaf}'],
  listen: ['GET', '/api/v1/feed'],
  listIncidents: ['GET', '/api/v1/security/incidents'],
  openIncident: ['POST', '/api/v1/security/incidents'],
  getIncident: ['GET', '/api/v1/security/incidents/{incident}'],
  getLedger: ['GET', '/api/v1/ledger'],
  getCheckpoint: ['GET', '/api/v1/ledger/checkpoint'],
  exportBundle: ['POST', '/api/v1/exports'],
  listHosts: ['GET', '/api/v1/hosts'],
  getHost: ['GET', '/api/v1/hosts/{host_id}'],
  listHostRecords: ['GET', '/api/v1/hosts/{host_id}/records'],
  inviteHost: ['POST', '/api/v1/hosts/invitations'],
  revokeHost: ['POST', '/api/v1/hosts/{host_id}/revoke'],
  listHostGroups: ['GET', '/api/v1/host-groups'],
  listHostGroupVersions: ['GET', '/api/v1/host-groups/{group}/versions'],
  setHostGroupConfig: ['PUT', '/api/v1/host-groups/{group}/config'],
  rollBackHostGroup: ['POST', '/api/v1/host-groups/{group}/rollback'],
  assignHostGroups: ['PUT', '/api/v1/hosts/{host_id}/groups'],
  listAllowances: ['GET', '/api/v1/guard/allowances'],
  giveAllowance: ['POST', '/api/v1/guard/allowances'],
  endAllowance: ['POST', '/api/v1/guard/allowances/{allowance}/end'],
  listProducers: ['GET', '/api/v1/producers'],
  addProducer: ['POST', '/api/v1/producers'],
  getProducer: ['GET', '/api/v1/producers/{producer}'],
  haltProducer: ['POST', '/api/v1/producers/{producer}/halt'],
  resumeProducer: ['POST', '/api/v1/producers/{producer}/resume'],
  haltHost: ['POST', '/api/v1/hosts/{host_id}/halt'],
  resumeHost: ['POST', '/api/v1/hosts/{host_id}/resume'],
  addSigningKey: ['POST', '/api/v1/producers/{producer}/signing-keys'],
  listSigningKeys: ['GET', '/api/v1/signing-keys'],
  getSigningKey: ['GET', '/api/v1/signing-keys/{key_id}'],
  setSigningKeyWindow: ['PATCH', '/api/v1/signing-keys/{key_id}'],
  revokeSigningKey: ['POST', '/api/v1/signing-keys/{key_id}/revoke'],
  listCertificates: ['GET', '/api/v1/producers/{producer}/certificates'],
  certifyProducer: ['POST', '/api/v1/producers/{producer}/certificates'],
  revokeCertificate: ['POST', '/api/v1/producers/{producer}/certificates/{certificate_id}/revoke'],
  getRotation: ['GET', '/api/v1/producers/{producer}/rotation'],
  getKeyProbe: ['GET', '/api/v1/signing-keys/{key_id}/probe'],
  testSigningKey: ['POST', '/api/v1/signing-keys/{key_id}/test'],
  stageSigningKey: ['POST', '/api/v1/signing-keys/{key_id}/stage'],
  promoteSigningKey: ['POST', '/api/v1/signing-keys/{key_id}/promote'],
  examineSigningKey: ['POST', '/api/v1/signing-keys/{key_id}/examination'],
  getKeyExamination: ['GET', '/api/v1/signing-keys/{key_id}/examination'],
  getKeyReport: ['GET', '/api/v1/signing-keys/{key_id}/report'],
  listTenants: ['GET', '/api/v1/tenants'],
  createTenant: ['POST', '/api/v1/tenants'],
  renameTenant: ['PUT', '/api/v1/tenants/{tenant_name}/title'],
  suspendTenant: ['POST', '/api/v1/tenants/{tenant_name}/suspend'],
  resumeTenant: ['POST', '/api/v1/tenants/{tenant_name}/resume'],
  eraseTenant: ['DELETE', '/api/v1/tenants/{tenant_name}'],
  limitTenant: ['PUT', '/api/v1/tenants/{tenant_name}/limits'],
  listMembers: ['GET', '/api/v1/members'],
  appointAdmin: ['PUT', '/api/v1/tenants/{tenant_name}/admins/{person_id}'],
  grantRole: ['PUT', '/api/v1/members/{person_id}/roles/{role}'],
  takeRole: ['DELETE', '/api/v1/members/{person_id}/roles/{role}'],
  listRoles: ['GET', '/api/v1/roles'],
  putRole: ['PUT', '/api/v1/roles/{name}'],
  removeRole: ['DELETE', '/api/v1/roles/{name}'],
  listTokens: ['GET', '/api/v1/tokens'],
  createToken: ['POST', '/api/v1/tokens'],
  revokeToken: ['DELETE', '/api/v1/tokens/{token_id}'],
  listPeople: ['GET', '/api/v1/people'],
  changePerson: ['PATCH', '/api/v1/people/{person_id}'],
  erasePerson: ['DELETE', '/api/v1/people/{person_id}'],
  signOutPerson: ['POST', '/api/v1/people/{person_id}/sign-out'],
  invitePerson: ['POST', '/api/v1/members/invitations'],
  listInvitations: ['GET', '/api/v1/members/invitations'],
  withdrawInvitation: ['DELETE', '/api/v1/members/invitations/{invitation_id}'],
  createLoginLink: ['POST', '/api/v1/login-links'],
  listBreakGlass: ['GET', '/api/v1/break-glass'],
  openBreakGlass: ['POST', '/api/v1/break-glass'],
  acknowledgeBreakGlass: ['POST', '/api/v1/break-glass/{id}/acknowledge'],
  listGroupRoles: ['GET', '/api/v1/group-roles'],
  addGroupRole: ['POST', '/api/v1/tenants/{tenant_name}/group-roles'],
  removeGroupRole: ['DELETE', '/api/v1/tenants/{tenant_name}/group-roles'],
  beginLogin: ['GET', '/auth/login'],
  finishLogin: ['GET', '/auth/callback'],
  getSession: ['GET', '/api/v1/session'],
  switchTenant: ['POST', '/api/v1/session/tenant'],
  endSession: ['DELETE', '/api/v1/sessions/{session_id}'],
  logout: ['POST', '/auth/logout'],
  logoutEverywhere: ['POST', '/auth/logout-everywhere'],
  showLink: ['GET', '/auth/link'],
  followLink: ['POST', '/auth/link'],
  listRules: ['GET', '/api/v1/rules'],
  getRule: ['GET', '/api/v1/rules/{rule_id}'],
  listRuleExceptions: ['GET', '/api/v1/rule-exceptions'],
  addRuleException: ['POST', '/api/v1/rule-exceptions'],
  removeRuleException: ['DELETE', '/api/v1/rule-exceptions/{exception_id}'],
  analyzeThreat: ['POST', '/api/v1/security/threats/analyze'],
  getThreatSettings: ['GET', '/api/v1/security/threats/settings'],
  setThreatSettings: ['PUT', '/api/v1/security/threats/settings'],
  getThreatCalibration: ['GET', '/api/v1/security/threats/calibration'],
  giveThreatFeedback: ['POST', '/api/v1/security/threats/{leaf}/feedback'],
  listThreatExceptions: ['GET', '/api/v1/security/threats/exceptions'],
  addThreatException: ['POST', '/api/v1/security/threats/exceptions'],
  removeThreatException: ['DELETE', '/api/v1/security/threats/exceptions/{exception_id}'],
  forwardAuth: ['GET', '/api/v1/security/threats/forward-auth'],
  listPolicies: ['GET', '/api/v1/security/policies'],
  dryRunPolicy: ['POST', '/api/v1/security/policies/dry-run'],
  getDryRun: ['GET', '/api/v1/security/policies/dry-run'],
  getPolicy: ['GET', '/api/v1/security/policies/{id}'],
  putPolicy: ['PUT', '/api/v1/security/policies/{id}'],
  deletePolicy: ['DELETE', '/api/v1/security/policies/{id}'],
  getPolicyReach: ['GET', '/api/v1/security/policies/{id}/hosts'],
  listPolicyVersions: ['GET', '/api/v1/security/policies/{id}/versions'],
  diffPolicy: ['GET', '/api/v1/security/policies/{id}/diff'],
  getSignedPolicy: ['GET', '/api/v1/security/policies/{id}/signed'],
  listTrustRoots: ['GET', '/api/v1/trust-roots'],
  followTrustRoot: ['POST', '/api/v1/trust-roots'],
  installTrustRoot: ['POST', '/api/v1/trust-roots/install'],
  listManifests: ['GET', '/api/v1/manifests'],
  getManifest: ['GET', '/api/v1/manifests/{id}'],
  addManifestSignatures: ['POST', '/api/v1/manifests/signatures'],
  applyManifest: ['POST', '/api/v1/manifests/{id}/apply'],
  listQuarantine: ['GET', '/api/v1/quarantine'],
  countQuarantine: ['GET', '/api/v1/quarantine/counts'],
  getQuarantineWaiting: ['GET', '/api/v1/quarantine/waiting'],
  getQuarantinePicture: ['GET', '/api/v1/quarantine/picture'],
  showQuarantined: ['GET', '/api/v1/quarantine/items/{leaf_index}'],
  readQuarantined: ['POST', '/api/v1/quarantine/items/{leaf_index}/bytes'],
  replayQuarantine: ['POST', '/api/v1/quarantine/replay'],
  listReleases: ['GET', '/api/v1/quarantine/releases'],
  askForRelease: ['POST', '/api/v1/quarantine/items/{leaf_index}/release'],
  approveRelease: ['POST', '/api/v1/quarantine/items/{leaf_index}/release/approve'],
  rejectRelease: ['POST', '/api/v1/quarantine/items/{leaf_index}/release/reject'],
  getStrictSignatures: ['GET', '/api/v1/strict-signatures'],
  switchStrictOff: ['POST', '/api/v1/strict-signatures/off'],
  switchStrictOn: ['POST', '/api/v1/strict-signatures/on'],
  listSignoffs: ['GET', '/api/v1/signoffs'],
  addSignoff: ['POST', '/api/v1/signoffs'],
  getSignoff: ['GET', '/api/v1/signoffs/{signoff}'],
  listDrills: ['GET', '/api/v1/drills'],
  beginDrill: ['POST', '/api/v1/drills'],
  getDrill: ['GET', '/api/v1/drills/{run}'],
  holdDrill: ['POST', '/api/v1/drills/{run}/hold'],
  rehearseDrill: ['POST', '/api/v1/drills/{run}/rehearsal'],
  reportDrill: ['POST', '/api/v1/drills/{run}/report'],
  listNotificationChannels: ['GET', '/api/v1/notification-channels'],
  createNotificationChannel: ['POST', '/api/v1/notification-channels'],
  rotateNotificationSecret: ['POST', '/api/v1/notification-channels/{channel_id}/secret'],
  testNotificationChannel: ['POST', '/api/v1/notification-channels/{channel_id}/test'],
  removeNotificationChannel: ['DELETE', '/api/v1/notification-channels/{channel_id}'],
  eraseSubject: ['POST', '/api/v1/subjects/erase'],
  submitRows: ['POST', '/api/v1/ingest/submissions'],
  getStatus: ['GET', '/api/v1/status'],
  getKeys: ['GET', '/api/v1/keys'],
  rotateKeys: ['POST', '/api/v1/keys/rotate'],
  rewrapKeys: ['POST', '/api/v1/keys/rewrap'],
  evictKeys: ['POST', '/api/v1/keys/evict'],
  listVulnerabilities: ['GET', '/api/v1/security/vulnerabilities'],
  scanVulnerabilities: ['POST', '/api/v1/security/vulnerabilities/scan'],
  getOpenApi: ['GET', '/api/v1/openapi.json'],
} as const satisfies { readonly [Id in keyof Operations]: readonly [string, string] }
