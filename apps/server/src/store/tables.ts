// SPDX-License-Identifier: Apache-2.0

import type { Generated } from 'kysely'

export type ProducerKind = 'host' | 'service'
export type KeyAlgorithm = 'ed25519' | 'rsa-sha256'
export type KeyState = 'candidate' | 'staged' | 'active'
export type KeySource = 'enrolment' | 'api' | 'file'

/** Times are RFC 3339 in UTC, as text: they sort, and a runbook's plain SQL reads them. */
export type Tables = {
  tenants: {
    /** Its name, which is never given again. */
    tenant: string
    title: string
    state: 'active' | 'suspended' | 'erasing' | 'erased'
    created_at: string
    lines_per_second: number | null
    erasing_at: string | null
  }
  hosts: {
    host_id: string
    tenant: string
    hostname: string
    /** JSON: what it was called before; null: it always had this name. */
    renamed: string | null
    machine_id: string
    /** JSON: HostFacts of the wire. */
    facts: string
    enrolled_at: string
    agent_version: string | null
    last_seen_at: string | null
    cert_serial: string
    /** null: it was not written down then. */
    cert_begins_at: string | null
    cert_expires_at: string
    revoked_at: string | null
    /** JSON: whether it lives, and what is wrong with it; null: it never came. */
    presence: string | null
  }
  /** Of each group the versions of its configuration (docs/formats/host-config.md, 1). */
  host_group_versions: {
    tenant: string
    group_name: string
    version: number
    change: 'set' | 'rolled_back'
    /** Canonical JSON. */
    document: string
    /** Hex SHA-256 of it. */
    digest: string
    cause: string
    changed_at: string
    changed_by: string
  }
  host_groups: {
    tenant: string
    host_id: string
    /** JSON: their names, in the order in which they count. */
    groups: string
    changed_at: string
    changed_by: string
  }
  /** What a host is to have, and what it says that it has. */
  host_configs: {
    tenant: string
    host_id: string
    version: number
    digest: string
    issued_at: string
    reported_version: number | null
    reported_digest: string | null
    /** 1: it goes back to what it had, unless the server has said that it heard of it. */
    on_trial: number | null
    refused_version: number | null
    refused_why: string | null
    reported_at: string | null
    /** JSON: how it follows each policy; null: it does not say. */
    reported_policies: string | null
  }
  standing_orders: {
    tenant: string
    host_id: string
    version: number
    /** SPKI in DER, base64. */
    guard_key: string
    /** JSON: some of kill and kill_tree; none: it withdraws those before it. */
    steps: string
    /** Hex SHA-256 of its payload. */
    digest: string
    envelope: string
    issued_at: string
    expires_at: string
    /** What the hands hold; 0: none. */
    reported_version: number
    reported_digest: string
    refused_why: string
    reported_at: string
  }
  join_tokens: {
    secret_hash: string
    tenant: string
    created_at: string
    expires_at: string
    used_at: string | null
    host_id: string | null
    /** When it was seen to be over: from then on it is, whatever a clock says. */
    ended_at: string | null
  }
  /** Every version that ever counted (docs/formats/trust-root.md). */
  trust_roots: {
    version: number
    /** SHA-256 of what was signed. */
    digest: string
    /** DSSE, JSON. */
    envelope: string
    applied_at: string
    applied_by: string
  }
  /** Those that were applied stay for ever: that is how they are applied once (docs/formats/manifest.md, 5). */
  manifests: {
    /** SHA-256 of what is signed. */
    manifest: string
    nonce: string
    action: string
    digest: string
    /** Base64. */
    payload: string
    expires_at: string
    opened_at: string
    opened_by: string
    applied_at: string | null
    applied_by: string | null
    /** JSON: the view of the envelope when it was applied. */
    proof: string | null
  }
  /** docs/drills.md */
  drill_runs: {
    tenant: string
    run: string
    drill: string
    begun_at: string
    begun_by: string
    /** Until then nobody else begins one in this tenant. */
    held_until: string
    ended_at: string | null
    outcome: 'passed' | 'failed' | 'abandoned' | null
    /** Null: it is not over, was abandoned, or is too old to be kept. */
    report: string | null
    /** DSSE, JSON. */
    envelope: string | null
  }
  manifest_signatures: {
    manifest: string
    key_id: string
    /** Base64. */
    signature: string
    added_at: string
    added_by: string
  }
  signoffs: {
    tenant: string
    /** SHA-256 of what was signed. */
    signoff: string
    name: string
    signed_at: string
    /** Null: its digest alone is kept. */
    checklist: string | null
    /** DSSE, JSON. */
    envelope: string
  }
  /** Of the deployment as a whole: a person may hold roles in several tenants. */
  people: {
    person_id: string
    issuer: string
    subject: string
    name: string
    email: string
    created_at: string
    last_login_at: string | null
    /** Where a session of theirs acted last. */
    last_tenant: string | null
    disabled_at: string | null
  }
  sessions: {
    /** Hex SHA-256 of the cookie. */
    token_hash: string
    session_id: string
    person_id: string
    active_tenant: string
    method: string
    source: string
    began_at: string
    ends_at: string
    /** At most a minute behind. */
    seen_at: string
  }
  login_links: {
    /** Hex SHA-256 of what the link carries. */
    code_hash: string
    kind: 'operator' | 'invite' | 'break_glass'
    /** Who the built-in provider says comes by it. */
    subject: string
    /** How they are called there. */
    name: string
    /** JSON: what whoever comes by it is granted, [{tenant, role}]. */
    grants: string
    created_at: string
    created_by: string
    /** The tenant whose links it counts among. */
    made_in: string
    expires_at: string
    used_at: string | null
    used_by: string | null
  }
  break_glass: {
    id: string
    person_id: string
    reason: string
    minutes: number
    code_hash: string
    opened_at: string
    link_expires_at: string
    used_at: string | null
    /** Of the session. */
    ends_at: string | null
    acknowledged_at: string | null
    acknowledged_by: string | null
  }
  /** Services; a host is one by its enrolment. */
  producers: { tenant: string; producer: string; created_at: string; created_by: string }
  /** Tenants whose strict signatures were switched; one that is not here is as the server is configured. */
  strict_modes: {
    tenant: string
    state: 'on' | 'off'
    since: string
    switched_by: string
    /** Null: it has none, for it is on; or it was written before every switch had one. */
    ends_at: string | null
    /** The latest time that had come while it was off. */
    seen_at: string
    /** How far the ledger had come when it was switched. */
    from_leaf: number
    manifest: string | null
  }
  /** By what STRICT_SIGNATURES=false was acknowledged, of the deployment. */
  strict_acknowledgements: { acknowledgement: string; since: string; ends_at: string; seen_at: string }
  /** Whose rows are refused for the time being, a host's too. */
  producer_halts: {
    tenant: string
    producer_kind: ProducerKind
    producer: string
    halted_at: string
    halted_by: string
  }
  /** Of services: by which they come over TLS. A renewal replaces serial and end. */
  service_certificates: {
    tenant: string
    certificate_id: string
    producer: string
    /** Hex. */
    serial: string
    issued_at: string
    issued_by: string
    renewed_at: string | null
    expires_at: string
    revoked_at: string | null
  }
  signing_keys: {
    tenant: string
    /** A host's: hex SHA-256 of the raw key. A service's: as it calls it. */
    key_id: string
    /** A host's id, or a service's name. */
    producer: string
    producer_kind: ProducerKind
    algorithm: KeyAlgorithm
    /** Hex: raw for ed25519, the SubjectPublicKeyInfo (DER) for rsa-sha256. */
    public_key: string
    valid_from: string
    valid_until: string | null
    revoked_at: string | null
    /** Its `valid_until`, where that has passed for good, whatever the clock says (line.md, 5.6). */
    ended_at: string | null
    /** A candidate signs nothing that counts yet. */
    state: KeyState
    /** Who may change it: what one of them made the others leave alone. */
    source: KeySource
  }
  /** Who holds which role in which tenant; `custom/NAME` is one that the tenant made. */
  grants: { tenant: string; person_id: string; role: string; granted_at: string; granted_by: string }
  /** `actions`: JSON, a list of names. */
  /** Of the provider's groups. */
  group_roles: { tenant: string; group_name: string; role: string }
  custom_roles: { tenant: string; name: string; actions: string; updated_at: string }
  api_tokens: {
    tenant: string
    token_id: string
    name: string
    /** Hex SHA-256. */
    secret_hash: string
    /** JSON: names. */
    actions: string
    /** Whose rows come with it. */
    service: string | null
    created_at: string
    created_by: string
    expires_at: string
    last_used_at: string | null
    revoked_at: string | null
    /** When it was seen to be over: from then on it is, whatever a clock says. */
    ended_at: string | null
  }
  /** Answers to writes, for whoever asks again; null: it showed a secret. */
  idempotency_keys: {
    tenant: string
    /** Of the principal and its key. */
    key_hash: string
    request_hash: string
    status: number
    answer: string | null
    created_at: string
  }
  /** The newest version of each policy, deleted ones included. `enabled`: 0 or 1. */
  security_policies: {
    tenant: string
    policy_id: string
    version: number
    type: string
    name: string
    /** Names that look alike have the same one. */
    name_key: string
    enabled: number
    /** How many. */
    rules: number
    /** Hex SHA-256 of the document; null: deleted. */
    digest: string | null
    /** The same of what was signed. */
    statement_digest: string
    created_at: string
    created_by: string
    updated_at: string
    updated_by: string
    deleted_at: string | null
  }
  security_policy_versions: {
    tenant: string
    policy_id: string
    version: number
    change: string
    /** In canonical form; null: deleted. */
    document: string | null
    digest: string | null
    statement_digest: string
    /** DSSE, JSON. */
    envelope: string
    changed_at: string
    changed_by: string
    /** outboxUid of the line about it. */
    line_uid: string
    bytes: number
  }
  /** Over the probe of the key, in base64. */
  signing_key_tests: { tenant: string; key_id: string; tested_at: string; signature: string }
  /** What was found of a key, as it was signed. */
  key_reports: { tenant: string; report: string; key_id: string; made_at: string; text: string; envelope: string }
  signing_key_revocations: {
    tenant: string
    key_id: string
    revoked_at: string
    cause: string
    /** From then on somebody else may have signed under it. */
    compromised_since: string | null
  }
  /** Which program of which host seals a chain, and for which tenant; fixed at its first registration. `writer`: empty of the agent. */
  chains: { chain: string; tenant: string; host_id: string; registered_at: string; writer: string }
  /** How far each follower has come in each tenant's ledger; `index`: how far it had when lines left the outbox. */
  cursors: { follower: string; tenant: string; position: number; side_position: number }
  /** JSON: what the correlations of each tenant hold, as leaves of its ledger (Held). */
  correlations: { tenant: string; held: string }
  /** Size and root (hex) of what was signed last of each ledger, beside the ledgers themselves. */
  signed_heads: { ledger: string; size: number; root: string }
  /** Lines that must still enter a ledger; a row goes when its line is there. */
  outbox: { id: Generated<number>; uid: string; tenant: string; body: string }
  audit_signature_quarantine: {
    /** Hex SHA-256 of the bytes. */
    item: string
    tenant: string
    host_id: string
    chain: string
    first_seq: number
    next_seq: number
    reason: string
    detail: string
    signing_key_id: string | null
    quarantined_at: string
    /** As of then its key is judged. Null: kept before that was noted, and then it is `quarantined_at`. */
    received_at: string | null
    /** Address of whoever sent it. */
    peer: string | null
    /** The version of the key registry by which it was judged. */
    registry_version: number | null
    stub_leaf_index: number | null
    /** `duplicate`: its rows stand in the ledger by another way. */
    state: Generated<'waiting' | 'admitted' | 'duplicate'>
    admitted_at: string | null
    /** Of its replay; of a duplicate, of the submission that stands there. */
    admitted_leaf_index: number | null
    /** As its replay says. Null: it waits, or came in before that was noted. */
    admitted_how: 'verified' | 'released' | 'non_strict' | null
    /** Where the bytes lie, frame and all (quarantine.md, 6). Null: in a file that is named after the item. */
    segment: number | null
    segment_at: number | null
    kept_bytes: number | null
  }
  /** Who wants an item in without a signature that holds, and who agreed. */
  quarantine_releases: {
    tenant: string
    stub_leaf_index: number
    /** Names what was asked for, and by whom: who approves names it. */
    request: string
    cause: string
    requested_at: string
    requested_by: string
    expires_at: string
    approved_at: string | null
    approved_by: string | null
    rejected_at: string | null
    rejected_by: string | null
    rejected_cause: string | null
  }
  /** What was done to the keys for an incident of a guard, or is still to be done. Null `done_at`: it waits. */
  key_orders: {
    incident: string
    step: 'evict' | 'rotate'
    way: string
    source: 'guard' | 'ledger'
    ordered_at: string
    /** The newest when it was ordered: one after that is the answer. */
    epoch_before: number
    done_at: string | null
    epoch: number | null
    /** Since when an alert stands that it waits (Unix ns). */
    alarmed_ns: string | null
  }
  /** Of which matches of rules no alert is made, and what of requests does not count. */
  rule_exceptions: {
    tenant: string
    exception_id: string
    rule_id: string | null
    /** In the place of a rule. */
    tag: string | null
    /** JSON: a selection of Sigma; null: whatever the event. */
    selection: string
    /** JSON: a RequestMatter, in the place of rule, tag and selection; null: it is about events. */
    request: string | null
    reason: string
    owner: string
    created_at: string
    expires_at: string
    /** 1: that it is about to end stands in the ledger. */
    ending_told: number
  }
  /** How requests of services are judged: versions, of which the newest counts. */
  request_settings: {
    tenant: string
    version: number
    mode: 'observe' | 'block'
    /** Scores, of 100. */
    observe: number
    challenge: number
    block: number
    reason: string
    changed_at: string
    changed_by: string
  }
  /** How many requests of services had which score, of 100, on a day (UTC); and what weighed most in how many threats. */
  request_scores: { tenant: string; day: string; score: number; requests: number }
  request_reasons: { tenant: string; day: string; detector: string; id: string; threats: number }
  /** What people said of threats: whether they were any. */
  request_feedback: {
    tenant: string
    /** Of the alert. */
    leaf_index: number
    word: 'false_alarm' | 'right'
    /** Of the alert (UTC). */
    day: string
    score: number
    /** JSON: method, route and reasons, as the alert has them. */
    threat: string
    told_at: string
    told_by: string
  }
  /** How often a rule matched on a day (UTC), and whether that made an alert. */
  rule_counts: { tenant: string; day: string; rule_id: string; fired: number; excepted: number }
  /** The one row of what the ledger was told of the rules in force last. */
  rules_recorded: {
    only: number
    /** Hex SHA-256: which rules, and what is wrong with which files. */
    state: string
    /** JSON: the hex SHA-256 of the file of each rule, by its id. */
    rules: string
    recorded_at: string
  }
  /** Who is told at once of what is as grave as `least`. */
  notification_channels: {
    /** Whose admins are told; `cluster`: the deployment's, of every tenant. */
    tenant: string
    channel: string
    kind: 'webhook' | 'mail'
    name: string
    /** As `targetOf` of notify reads it. */
    target: string
    least: string
    /** Sealed; empty of mail. */
    secret: Uint8Array
    /** The one before, sealed, and until when it signs, too (Unix ms). */
    old_secret: Uint8Array | null
    old_until_ms: number | null
    created_at: string
    created_by: string
    /** Since when messages are not taken, and why the newest was not. */
    failing_since: string | null
    problem: string
  }
  /** What a channel is told, or was. Times are Unix ms; `due_ms` of what ended: when. */
  notification_deliveries: {
    tenant: string
    channel: string
    delivery: string
    /** The tenant whose host it is about. */
    about: string
    body: string
    made_ms: number
    due_ms: number
    tries: number
    /** `folded`: told together with others, by the message that `problem` names. */
    state: 'waiting' | 'sent' | 'given_up' | 'folded'
    problem: string
  }
}

/** The index over the ledgers, in a file of its own: computed from them, row by row. */
export type IndexTables = {
  cursors: { tenant: string; position: number; side_position: number }
  entries: {
    tenant: string
    leaf_index: number
    time_ms: number
    kind: string
    class_uid: number | null
    /** metadata.uid of a finding. */
    event_uid: string | null
  }
  /** Which of them the server wrote itself; `uid`: outboxUid. */
  own_entries: { tenant: string; leaf_index: number; uid: string }
  /** Between which times the entries of `spanLeaves` leaves lie, both included. */
  spans: { tenant: string; first_leaf: number; from_ms: number; to_ms: number }
  /** Which classes they are of, and how many of each. */
  span_classes: { tenant: string; first_leaf: number; class_uid: number; entries: number }
  /** Where the lines of a chain stand: up to `last_seq`, those of one batch side by side, the last at `leaf_index`; or the stub that stands for them. `kind`: `head`, `stub`, or how they came in out of turn unverified. */
  batches: { chain: string; last_seq: number; tenant: string; leaf_index: number; kind: string }
  /** Each submission that stands in a ledger, and each stub of one. */
  submissions: {
    tenant: string
    producer: string
    id: string
    kind: 'submission' | 'submission_stub'
    digest: string
    leaf_index: number
    reason: string | null
    item: string | null
  }
  /** Submissions that nobody vouches for: how many rows, and why. */
  marked_submissions: { tenant: string; leaf_index: number; rows: number; mark: string }
  /** Quarantined lines that came in after all: behind the replay at `leaf_index`, up to `next_leaf`. */
  fills: {
    tenant: string
    leaf_index: number
    next_leaf: number
    stub_leaf: number
    item: string
    how: 'verified' | 'released' | 'non_strict'
    reason: string
  }
  /** What guards told of incidents (docs/formats/event.md, 7.6); `code`: without `guard_`. */
  incident_entries: { tenant: string; incident: string; leaf_index: number; code: string }
  /** Each of them by the first line that named it. */
  incidents: { tenant: string; first_leaf: number; incident: string }
  /** Personal values, sealed under the tenant's key. */
  side_values: { tenant: string; leaf_index: number; sealed: Uint8Array }
}
