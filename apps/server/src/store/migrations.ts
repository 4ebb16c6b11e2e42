// SPDX-License-Identifier: Apache-2.0

/** Applied in order, each in its own transaction; `user_version` counts them. Never edited once released. */
export const migrations: readonly string[] = [
  `CREATE TABLE hosts (
     host_id TEXT PRIMARY KEY, hostname TEXT NOT NULL, machine_id TEXT NOT NULL, facts TEXT NOT NULL,
     enrolled_at TEXT NOT NULL, agent_version TEXT, last_seen_at TEXT,
     cert_serial TEXT NOT NULL, cert_expires_at TEXT NOT NULL, revoked_at TEXT) STRICT;
   CREATE TABLE join_tokens (
     secret_hash TEXT PRIMARY KEY, created_at TEXT NOT NULL, expires_at TEXT NOT NULL, used_at TEXT, host_id TEXT) STRICT;
   CREATE TABLE signing_keys (
     key_id TEXT PRIMARY KEY, algorithm TEXT NOT NULL, public_key TEXT NOT NULL, host_id TEXT NOT NULL,
     valid_from TEXT NOT NULL, valid_until TEXT, revoked_at TEXT) STRICT;
   CREATE TABLE signing_key_revocations (
     key_id TEXT NOT NULL REFERENCES signing_keys, revoked_at TEXT NOT NULL, cause TEXT NOT NULL,
     PRIMARY KEY (key_id, revoked_at)) STRICT;
   CREATE TABLE chains (
     chain TEXT PRIMARY KEY, tenant TEXT NOT NULL, host_id TEXT NOT NULL, registered_at TEXT NOT NULL) STRICT;
   CREATE INDEX chains_by_host ON chains (host_id);
   CREATE TABLE cursors (
     follower TEXT NOT NULL, tenant TEXT NOT NULL, position INTEGER NOT NULL, side_position INTEGER NOT NULL DEFAULT 0,
     PRIMARY KEY (follower, tenant)) STRICT, WITHOUT ROWID;
   CREATE TABLE entries (
     tenant TEXT NOT NULL, leaf_index INTEGER NOT NULL, chain TEXT NOT NULL, seq INTEGER NOT NULL,
     time_ms INTEGER NOT NULL, kind TEXT NOT NULL, class_uid INTEGER, activity_id INTEGER, severity_id INTEGER,
     event_uid TEXT, own_uid TEXT, PRIMARY KEY (tenant, leaf_index)) STRICT, WITHOUT ROWID;
   CREATE INDEX entries_by_time ON entries (tenant, time_ms);
   CREATE INDEX entries_by_class ON entries (tenant, class_uid, leaf_index) WHERE class_uid IS NOT NULL;
   CREATE INDEX entries_by_chain ON entries (chain, seq);
   CREATE INDEX entries_by_uid ON entries (tenant, event_uid) WHERE event_uid IS NOT NULL;
   CREATE INDEX entries_by_own_uid ON entries (own_uid) WHERE own_uid IS NOT NULL;
   CREATE TABLE side_values (
     tenant TEXT NOT NULL, leaf_index INTEGER NOT NULL, sealed BLOB NOT NULL,
     PRIMARY KEY (tenant, leaf_index)) STRICT, WITHOUT ROWID;
   CREATE TABLE outbox (
     id INTEGER PRIMARY KEY AUTOINCREMENT, uid TEXT NOT NULL UNIQUE, tenant TEXT NOT NULL, body TEXT NOT NULL) STRICT;
   CREATE TABLE audit_signature_quarantine (
     item TEXT NOT NULL, tenant TEXT NOT NULL, host_id TEXT NOT NULL, chain TEXT NOT NULL,
     first_seq INTEGER NOT NULL, next_seq INTEGER NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL,
     signing_key_id TEXT, quarantined_at TEXT NOT NULL, stub_leaf_index INTEGER,
     PRIMARY KEY (item, chain, first_seq)) STRICT;`,
  // The index is built again from the ledgers. Of a batch one row is enough: its lines stand side by side.
  `DROP TABLE entries;
   CREATE TABLE entries (
     tenant TEXT NOT NULL, leaf_index INTEGER NOT NULL, time_ms INTEGER NOT NULL, kind TEXT NOT NULL,
     class_uid INTEGER, activity_id INTEGER, severity_id INTEGER, event_uid TEXT, own_uid TEXT,
     PRIMARY KEY (tenant, leaf_index)) STRICT, WITHOUT ROWID;
   CREATE INDEX entries_by_time ON entries (tenant, time_ms);
   CREATE INDEX entries_by_class ON entries (tenant, class_uid, leaf_index) WHERE class_uid IS NOT NULL;
   CREATE INDEX entries_by_uid ON entries (tenant, event_uid) WHERE event_uid IS NOT NULL;
   CREATE INDEX entries_by_own_uid ON entries (own_uid) WHERE own_uid IS NOT NULL;
   CREATE TABLE batches (
     chain TEXT NOT NULL, last_seq INTEGER NOT NULL, tenant TEXT NOT NULL, leaf_index INTEGER NOT NULL,
     kind TEXT NOT NULL, PRIMARY KEY (chain, last_seq)) STRICT, WITHOUT ROWID;
   DELETE FROM side_values;
   UPDATE cursors SET position = 0, side_position = 0 WHERE follower = 'index';`,
  `CREATE TABLE signed_heads (ledger TEXT PRIMARY KEY, size INTEGER NOT NULL, root TEXT NOT NULL) STRICT, WITHOUT ROWID;`,
  `CREATE TABLE grants (
     tenant TEXT NOT NULL, person_id TEXT NOT NULL, role TEXT NOT NULL, granted_at TEXT NOT NULL, granted_by TEXT NOT NULL,
     PRIMARY KEY (tenant, person_id, role)) STRICT, WITHOUT ROWID;
   CREATE TABLE custom_roles (
     tenant TEXT NOT NULL, name TEXT NOT NULL, actions TEXT NOT NULL, updated_at TEXT NOT NULL,
     PRIMARY KEY (tenant, name)) STRICT, WITHOUT ROWID;
   CREATE TABLE api_tokens (
     tenant TEXT NOT NULL, token_id TEXT NOT NULL, name TEXT NOT NULL, secret_hash TEXT NOT NULL UNIQUE, actions TEXT NOT NULL,
     created_at TEXT NOT NULL, created_by TEXT NOT NULL, expires_at TEXT NOT NULL, last_used_at TEXT, revoked_at TEXT,
     PRIMARY KEY (tenant, token_id)) STRICT, WITHOUT ROWID;`,
  `CREATE TABLE idempotency_keys (
     tenant TEXT NOT NULL, key_hash TEXT NOT NULL, request_hash TEXT NOT NULL, status INTEGER NOT NULL, answer TEXT,
     created_at TEXT NOT NULL, PRIMARY KEY (tenant, key_hash)) STRICT, WITHOUT ROWID;`,
  // The index has a file of its own, and is built there. What it has seen stays known.
  `DROP TABLE entries; DROP TABLE batches; DROP TABLE side_values;`,
  `CREATE TABLE group_roles (
     tenant TEXT NOT NULL, group_name TEXT NOT NULL, role TEXT NOT NULL,
     PRIMARY KEY (tenant, group_name, role)) STRICT, WITHOUT ROWID;
   CREATE TABLE people (
     person_id TEXT PRIMARY KEY, issuer TEXT NOT NULL, subject TEXT NOT NULL, name TEXT NOT NULL, email TEXT NOT NULL,
     created_at TEXT NOT NULL, last_login_at TEXT, disabled_at TEXT, UNIQUE (issuer, subject)) STRICT;
   CREATE TABLE sessions (
     token_hash TEXT PRIMARY KEY, session_id TEXT NOT NULL UNIQUE, person_id TEXT NOT NULL REFERENCES people,
     active_tenant TEXT NOT NULL, method TEXT NOT NULL, source TEXT NOT NULL,
     began_at TEXT NOT NULL, ends_at TEXT NOT NULL, seen_at TEXT NOT NULL) STRICT;
   CREATE INDEX sessions_by_person ON sessions (person_id);
   CREATE TABLE login_links (
     code_hash TEXT PRIMARY KEY, kind TEXT NOT NULL, subject TEXT NOT NULL, name TEXT NOT NULL, grants TEXT NOT NULL,
     created_at TEXT NOT NULL, created_by TEXT NOT NULL, expires_at TEXT NOT NULL, used_at TEXT, used_by TEXT) STRICT;
   CREATE TABLE break_glass (
     id TEXT PRIMARY KEY, person_id TEXT NOT NULL REFERENCES people, reason TEXT NOT NULL, minutes INTEGER NOT NULL,
     code_hash TEXT NOT NULL, opened_at TEXT NOT NULL, link_expires_at TEXT NOT NULL, used_at TEXT, ends_at TEXT,
     acknowledged_at TEXT, acknowledged_by TEXT) STRICT;`,
  `CREATE TABLE security_policies (
     tenant TEXT NOT NULL, policy_id TEXT NOT NULL, version INTEGER NOT NULL, type TEXT NOT NULL, name TEXT NOT NULL,
     name_key TEXT NOT NULL, enabled INTEGER NOT NULL, rules INTEGER NOT NULL, digest TEXT, statement_digest TEXT NOT NULL,
     created_at TEXT NOT NULL, created_by TEXT NOT NULL, updated_at TEXT NOT NULL, updated_by TEXT NOT NULL, deleted_at TEXT,
     PRIMARY KEY (tenant, policy_id)) STRICT, WITHOUT ROWID;
   CREATE UNIQUE INDEX security_policies_by_name ON security_policies (tenant, name_key) WHERE deleted_at IS NULL;
   CREATE TABLE security_policy_versions (
     tenant TEXT NOT NULL, policy_id TEXT NOT NULL, version INTEGER NOT NULL, change TEXT NOT NULL, document TEXT, digest TEXT,
     statement_digest TEXT NOT NULL, envelope TEXT NOT NULL, changed_at TEXT NOT NULL, changed_by TEXT NOT NULL,
     line_uid TEXT NOT NULL, bytes INTEGER NOT NULL, PRIMARY KEY (tenant, policy_id, version)) STRICT;
   CREATE INDEX security_policy_versions_by_time ON security_policy_versions (tenant, changed_at);`,
  `CREATE TABLE tenants (
     tenant TEXT PRIMARY KEY, title TEXT NOT NULL, state TEXT NOT NULL, created_at TEXT NOT NULL,
     lines_per_second INTEGER) STRICT, WITHOUT ROWID;`,
  // A host and a join token belong to one tenant each. A host that shipped for one besides `cluster` belongs to that.
  `CREATE TABLE hosts_of_tenants (
     host_id TEXT PRIMARY KEY, tenant TEXT NOT NULL, hostname TEXT NOT NULL, machine_id TEXT NOT NULL, facts TEXT NOT NULL,
     enrolled_at TEXT NOT NULL, agent_version TEXT, last_seen_at TEXT,
     cert_serial TEXT NOT NULL, cert_expires_at TEXT NOT NULL, revoked_at TEXT) STRICT;
   INSERT INTO hosts_of_tenants
     SELECT host_id, coalesce((SELECT min(chains.tenant) FROM chains
         WHERE chains.host_id = hosts.host_id AND chains.tenant <> 'cluster'
         HAVING count(DISTINCT chains.tenant) = 1), 'default'),
       hostname, machine_id, facts, enrolled_at, agent_version, last_seen_at, cert_serial, cert_expires_at, revoked_at
     FROM hosts;
   DROP TABLE hosts;
   ALTER TABLE hosts_of_tenants RENAME TO hosts;
   CREATE INDEX hosts_by_tenant ON hosts (tenant, hostname);
   CREATE INDEX hosts_by_machine ON hosts (tenant, machine_id);
   CREATE TABLE join_tokens_of_tenants (
     secret_hash TEXT PRIMARY KEY, tenant TEXT NOT NULL, created_at TEXT NOT NULL, expires_at TEXT NOT NULL, used_at TEXT,
     host_id TEXT) STRICT;
   INSERT INTO join_tokens_of_tenants
     SELECT secret_hash, 'default', created_at, expires_at, used_at, host_id FROM join_tokens;
   DROP TABLE join_tokens;
   ALTER TABLE join_tokens_of_tenants RENAME TO join_tokens;
   CREATE INDEX join_tokens_by_tenant ON join_tokens (tenant, expires_at);`,
  // When it was ordered to be erased.
  `ALTER TABLE tenants ADD COLUMN erasing_at TEXT;`,
  `ALTER TABLE people ADD COLUMN last_tenant TEXT;`,
  `ALTER TABLE login_links ADD COLUMN made_in TEXT NOT NULL DEFAULT 'cluster';
   CREATE INDEX login_links_open ON login_links (made_in, kind, created_by) WHERE used_at IS NULL;
   CREATE INDEX login_links_by_end ON login_links (expires_at);`,
  `ALTER TABLE api_tokens ADD COLUMN ended_at TEXT;`,
  `ALTER TABLE join_tokens ADD COLUMN ended_at TEXT;`,
  // Keys belong to producers, hosts and services, and each producer to one tenant.
  `CREATE TABLE signing_keys_of_producers (
     tenant TEXT NOT NULL, key_id TEXT NOT NULL, producer TEXT NOT NULL, producer_kind TEXT NOT NULL,
     algorithm TEXT NOT NULL, public_key TEXT NOT NULL, valid_from TEXT NOT NULL, valid_until TEXT, revoked_at TEXT,
     state TEXT NOT NULL, source TEXT NOT NULL, PRIMARY KEY (tenant, key_id), UNIQUE (tenant, public_key)) STRICT;
   INSERT INTO signing_keys_of_producers
     SELECT coalesce(hosts.tenant, 'default'), key_id, signing_keys.host_id, 'host', algorithm, public_key, valid_from,
       valid_until, signing_keys.revoked_at, 'active', 'enrolment'
     FROM signing_keys LEFT JOIN hosts ON hosts.host_id = signing_keys.host_id;
   CREATE TABLE revocations_of_producers (
     tenant TEXT NOT NULL, key_id TEXT NOT NULL, revoked_at TEXT NOT NULL, cause TEXT NOT NULL, compromised_since TEXT,
     PRIMARY KEY (tenant, key_id, revoked_at)) STRICT;
   INSERT INTO revocations_of_producers
     SELECT kept.tenant, kept.key_id, gone.revoked_at, gone.cause, NULL
     FROM signing_key_revocations AS gone JOIN signing_keys_of_producers AS kept ON kept.key_id = gone.key_id;
   DROP TABLE signing_key_revocations;
   DROP TABLE signing_keys;
   ALTER TABLE signing_keys_of_producers RENAME TO signing_keys;
   ALTER TABLE revocations_of_producers RENAME TO signing_key_revocations;
   CREATE INDEX signing_keys_by_producer ON signing_keys (tenant, producer_kind, producer);
   CREATE TABLE producers (
     tenant TEXT NOT NULL, producer TEXT NOT NULL, created_at TEXT NOT NULL, created_by TEXT NOT NULL,
     PRIMARY KEY (tenant, producer)) STRICT, WITHOUT ROWID;
   CREATE TABLE producer_halts (
     tenant TEXT NOT NULL, producer_kind TEXT NOT NULL, producer TEXT NOT NULL, halted_at TEXT NOT NULL, halted_by TEXT NOT NULL,
     PRIMARY KEY (tenant, producer_kind, producer)) STRICT, WITHOUT ROWID;`,
  // Of the deployment: no tenant has one of its own.
  `CREATE TABLE trust_roots (
     version INTEGER PRIMARY KEY, digest TEXT NOT NULL, envelope TEXT NOT NULL, applied_at TEXT NOT NULL, applied_by TEXT NOT NULL
   ) STRICT;
   CREATE TABLE manifests (
     manifest TEXT PRIMARY KEY, nonce TEXT NOT NULL UNIQUE, action TEXT NOT NULL, digest TEXT NOT NULL, payload TEXT NOT NULL,
     expires_at TEXT NOT NULL, opened_at TEXT NOT NULL, opened_by TEXT NOT NULL, applied_at TEXT, applied_by TEXT, proof TEXT
   ) STRICT;
   CREATE INDEX manifests_by_change ON manifests (action, digest);
   CREATE TABLE manifest_signatures (
     manifest TEXT NOT NULL REFERENCES manifests ON DELETE CASCADE, key_id TEXT NOT NULL, signature TEXT NOT NULL,
     added_at TEXT NOT NULL, added_by TEXT NOT NULL, PRIMARY KEY (manifest, key_id)) STRICT, WITHOUT ROWID;`,
  `ALTER TABLE api_tokens ADD COLUMN service TEXT;`,
  // What is quarantined can come in after all. An item is named by the leaf of its stub.
  `ALTER TABLE audit_signature_quarantine ADD COLUMN received_at TEXT;
   ALTER TABLE audit_signature_quarantine ADD COLUMN peer TEXT;
   ALTER TABLE audit_signature_quarantine ADD COLUMN registry_version INTEGER;
   ALTER TABLE audit_signature_quarantine ADD COLUMN state TEXT NOT NULL DEFAULT 'waiting';
   ALTER TABLE audit_signature_quarantine ADD COLUMN admitted_at TEXT;
   ALTER TABLE audit_signature_quarantine ADD COLUMN admitted_leaf_index INTEGER;
   CREATE UNIQUE INDEX quarantine_by_stub ON audit_signature_quarantine (tenant, stub_leaf_index)
     WHERE stub_leaf_index IS NOT NULL;
   CREATE INDEX quarantine_by_reason ON audit_signature_quarantine (tenant, state, reason);
   CREATE TABLE quarantine_releases (
     tenant TEXT NOT NULL, stub_leaf_index INTEGER NOT NULL, cause TEXT NOT NULL, requested_at TEXT NOT NULL,
     requested_by TEXT NOT NULL, expires_at TEXT NOT NULL, approved_at TEXT, approved_by TEXT,
     PRIMARY KEY (tenant, stub_leaf_index)) STRICT, WITHOUT ROWID;`,
  `CREATE TABLE signoffs (
     tenant TEXT NOT NULL, signoff TEXT NOT NULL, name TEXT NOT NULL, signed_at TEXT NOT NULL, checklist TEXT,
     envelope TEXT NOT NULL, PRIMARY KEY (tenant, signoff)) STRICT;
   CREATE INDEX signoffs_by_time ON signoffs (tenant, signed_at);`,
  // Sealed items lie behind one another. Null: in a file of its own, as before.
  `ALTER TABLE audit_signature_quarantine ADD COLUMN segment INTEGER;
   ALTER TABLE audit_signature_quarantine ADD COLUMN segment_at INTEGER;
   ALTER TABLE audit_signature_quarantine ADD COLUMN kept_bytes INTEGER;`,
  // That the private half of a candidate was there.
  `CREATE TABLE signing_key_tests (
     tenant TEXT NOT NULL, key_id TEXT NOT NULL, tested_at TEXT NOT NULL, signature TEXT NOT NULL,
     PRIMARY KEY (tenant, key_id)) STRICT, WITHOUT ROWID;`,
  // Which tenants were switched, by whom, and until when. NULL ends_at: as long as the server is configured so.
  `CREATE TABLE strict_modes (
     tenant TEXT PRIMARY KEY, state TEXT NOT NULL, since TEXT NOT NULL, switched_by TEXT NOT NULL, ends_at TEXT,
     seen_at TEXT NOT NULL, from_leaf INTEGER NOT NULL, manifest TEXT) STRICT, WITHOUT ROWID;`,
  `CREATE TABLE key_reports (
     tenant TEXT NOT NULL, report TEXT NOT NULL, key_id TEXT NOT NULL, made_at TEXT NOT NULL, text TEXT NOT NULL,
     envelope TEXT NOT NULL, PRIMARY KEY (tenant, report)) STRICT;
   CREATE INDEX key_reports_by_key ON key_reports (tenant, key_id, made_at);`,
  // A release is approved by the id of its request: whoever approves means the one they saw.
  `ALTER TABLE quarantine_releases ADD COLUMN request TEXT NOT NULL DEFAULT '';
   UPDATE quarantine_releases SET request = 'rel_' || lower(hex(randomblob(10)));`,
  `CREATE TABLE service_certificates (
     tenant TEXT NOT NULL, certificate_id TEXT NOT NULL, producer TEXT NOT NULL, serial TEXT NOT NULL, issued_at TEXT NOT NULL,
     issued_by TEXT NOT NULL, renewed_at TEXT, expires_at TEXT NOT NULL, revoked_at TEXT,
     PRIMARY KEY (tenant, certificate_id)) STRICT, WITHOUT ROWID;`,
  // A drill holds its place while whoever runs it says so; what it found is kept with the envelope that signs it.
  `CREATE TABLE drill_runs (
     tenant TEXT NOT NULL, run TEXT NOT NULL, drill TEXT NOT NULL, begun_at TEXT NOT NULL, begun_by TEXT NOT NULL,
     held_until TEXT NOT NULL, ended_at TEXT, outcome TEXT, report TEXT, envelope TEXT, PRIMARY KEY (tenant, run)) STRICT;
   CREATE INDEX drill_runs_by_time ON drill_runs (tenant, begun_at);`,
  // What waits is read in its order, however much came in before it. A request can be turned down.
  `DROP INDEX quarantine_by_reason;
   CREATE INDEX quarantine_by_state ON audit_signature_quarantine (tenant, state, reason, stub_leaf_index);
   ALTER TABLE audit_signature_quarantine ADD COLUMN admitted_how TEXT;
   ALTER TABLE quarantine_releases ADD COLUMN rejected_at TEXT;
   ALTER TABLE quarantine_releases ADD COLUMN rejected_by TEXT;
   ALTER TABLE quarantine_releases ADD COLUMN rejected_cause TEXT;`,
  // STRICT_SIGNATURES=false ends, and is not renewed by a start: of each acknowledgement, from when to when it counts.
  `CREATE TABLE strict_acknowledgements (
     acknowledgement TEXT PRIMARY KEY, since TEXT NOT NULL, ends_at TEXT NOT NULL, seen_at TEXT NOT NULL) STRICT, WITHOUT ROWID;`,
  // An end that has come stays, though the clock is set back.
  `ALTER TABLE signing_keys ADD COLUMN ended_at TEXT;`,
  // Two tenants may have been sent the same bytes: each has its own item.
  `CREATE TABLE quarantine_anew (
     item TEXT NOT NULL, tenant TEXT NOT NULL, host_id TEXT NOT NULL, chain TEXT NOT NULL,
     first_seq INTEGER NOT NULL, next_seq INTEGER NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL,
     signing_key_id TEXT, quarantined_at TEXT NOT NULL, stub_leaf_index INTEGER, received_at TEXT, peer TEXT,
     registry_version INTEGER, state TEXT NOT NULL DEFAULT 'waiting', admitted_at TEXT, admitted_leaf_index INTEGER,
     segment INTEGER, segment_at INTEGER, kept_bytes INTEGER, admitted_how TEXT,
     PRIMARY KEY (item, tenant, chain, first_seq)) STRICT;
   INSERT INTO quarantine_anew SELECT item, tenant, host_id, chain, first_seq, next_seq, reason, detail, signing_key_id, quarantined_at, stub_leaf_index,
     received_at, peer, registry_version, state, admitted_at, admitted_leaf_index, segment, segment_at, kept_bytes, admitted_how
     FROM audit_signature_quarantine;
   DROP TABLE audit_signature_quarantine;
   ALTER TABLE quarantine_anew RENAME TO audit_signature_quarantine;
   CREATE UNIQUE INDEX quarantine_by_stub ON audit_signature_quarantine (tenant, stub_leaf_index)
     WHERE stub_leaf_index IS NOT NULL;
   CREATE INDEX quarantine_by_state ON audit_signature_quarantine (tenant, state, reason, stub_leaf_index);`,
  // Who is expected after a start of the server, and what of them was alerted of already.
  `ALTER TABLE hosts ADD COLUMN presence TEXT;`,
  // What hosts are told, by groups; a row counts as far as the ledger says it. Of a host what it was told last, and what it has.
  `CREATE TABLE host_group_versions (
     tenant TEXT NOT NULL, group_name TEXT NOT NULL, version INTEGER NOT NULL, change TEXT NOT NULL, document TEXT NOT NULL,
     digest TEXT NOT NULL, cause TEXT NOT NULL, changed_at TEXT NOT NULL, changed_by TEXT NOT NULL,
     PRIMARY KEY (tenant, group_name, version)) STRICT, WITHOUT ROWID;
   CREATE TABLE host_groups (
     tenant TEXT NOT NULL, host_id TEXT NOT NULL, groups TEXT NOT NULL, changed_at TEXT NOT NULL, changed_by TEXT NOT NULL,
     PRIMARY KEY (tenant, host_id)) STRICT, WITHOUT ROWID;
   CREATE TABLE host_configs (
     tenant TEXT NOT NULL, host_id TEXT NOT NULL, version INTEGER NOT NULL, digest TEXT NOT NULL, issued_at TEXT NOT NULL,
     reported_version INTEGER, reported_digest TEXT, on_trial INTEGER, refused_version INTEGER, refused_why TEXT,
     reported_at TEXT, PRIMARY KEY (tenant, host_id)) STRICT, WITHOUT ROWID;`,
  // How long a certificate lives says when it should have been renewed.
  `ALTER TABLE hosts ADD COLUMN cert_begins_at TEXT;`,
  // How a host follows the policies that it was told.
  `ALTER TABLE host_configs ADD COLUMN reported_policies TEXT;`,
  // A host's guard seals chains of its own beside those of its agent.
  `ALTER TABLE chains ADD COLUMN writer TEXT NOT NULL DEFAULT '';`,
  // What the hands of a host may do, as it was signed last, and what they say that they have.
  `CREATE TABLE standing_orders (
     tenant TEXT NOT NULL, host_id TEXT NOT NULL, version INTEGER NOT NULL, guard_key TEXT NOT NULL, steps TEXT NOT NULL,
     digest TEXT NOT NULL, envelope TEXT NOT NULL, issued_at TEXT NOT NULL, expires_at TEXT NOT NULL, reported_version INTEGER NOT NULL,
     reported_digest TEXT NOT NULL, refused_why TEXT NOT NULL, reported_at TEXT NOT NULL, PRIMARY KEY (tenant, host_id)) STRICT, WITHOUT ROWID;`,
  // What is done to the keys for an incident is done once, and is not forgotten before it is done.
  `CREATE TABLE key_orders (
     incident TEXT NOT NULL, step TEXT NOT NULL, way TEXT NOT NULL, source TEXT NOT NULL, ordered_at TEXT NOT NULL,
     epoch_before INTEGER NOT NULL, done_at TEXT, epoch INTEGER, alarmed_ns TEXT,
     PRIMARY KEY (incident, step)) STRICT, WITHOUT ROWID;`,
  // Who is told at once, and what waits to be told them. `about`: whose host it is of.
  `CREATE TABLE notification_channels (
     tenant TEXT NOT NULL, channel TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, target TEXT NOT NULL, least TEXT NOT NULL,
     secret BLOB NOT NULL, created_at TEXT NOT NULL, created_by TEXT NOT NULL, failing_since TEXT, problem TEXT NOT NULL,
     PRIMARY KEY (tenant, channel)) STRICT, WITHOUT ROWID;
   CREATE TABLE notification_deliveries (
     tenant TEXT NOT NULL, channel TEXT NOT NULL, delivery TEXT NOT NULL, about TEXT NOT NULL, body TEXT NOT NULL,
     made_ms INTEGER NOT NULL, due_ms INTEGER NOT NULL, tries INTEGER NOT NULL, state TEXT NOT NULL, problem TEXT NOT NULL,
     PRIMARY KEY (tenant, channel, delivery)) STRICT, WITHOUT ROWID;
   CREATE INDEX notification_deliveries_by_state ON notification_deliveries (state, tenant, channel, due_ms);`,
  // The secret before signs on for a while.
  `ALTER TABLE notification_channels ADD COLUMN old_secret BLOB;
   ALTER TABLE notification_channels ADD COLUMN old_until_ms INTEGER;`,
  // What a host was called before.
  `ALTER TABLE hosts ADD COLUMN renamed TEXT;`,
  // What the ledger was told of the rules in force: the next change is told against it.
  `CREATE TABLE rules_recorded (
     only INTEGER PRIMARY KEY CHECK (only = 1), state TEXT NOT NULL, rules TEXT NOT NULL, recorded_at TEXT NOT NULL) STRICT;`,
  // How often rules matched, by day.
  `CREATE TABLE rule_counts (
     tenant TEXT NOT NULL, day TEXT NOT NULL, rule_id TEXT NOT NULL, fired INTEGER NOT NULL, excepted INTEGER NOT NULL,
     PRIMARY KEY (tenant, day, rule_id)) STRICT, WITHOUT ROWID;`,
  // What correlations hold of events that matched: by which rules, and where in the ledger; JSON.
  `CREATE TABLE correlations (tenant TEXT PRIMARY KEY, held TEXT NOT NULL) STRICT, WITHOUT ROWID;`,
  // Of which matches of rules a tenant wants no alert; a row counts as far as the ledger says it.
  `CREATE TABLE rule_exceptions (
     tenant TEXT NOT NULL, exception_id TEXT NOT NULL, rule_id TEXT, tag TEXT, selection TEXT NOT NULL, reason TEXT NOT NULL,
     owner TEXT NOT NULL, created_at TEXT NOT NULL, expires_at TEXT NOT NULL, ending_told INTEGER NOT NULL,
     PRIMARY KEY (tenant, exception_id)) STRICT, WITHOUT ROWID;`,
  // How requests of services are judged; a row counts as far as the ledger says it.
  `CREATE TABLE request_settings (
     tenant TEXT NOT NULL, version INTEGER NOT NULL, mode TEXT NOT NULL, observe INTEGER NOT NULL, challenge INTEGER NOT NULL,
     block INTEGER NOT NULL, reason TEXT NOT NULL, changed_at TEXT NOT NULL, changed_by TEXT NOT NULL,
     PRIMARY KEY (tenant, version)) STRICT, WITHOUT ROWID;`,
  // An exception may be about requests.
  `ALTER TABLE rule_exceptions ADD COLUMN request TEXT;`,
  // Which scores requests had, by day, and what weighed most in threats.
  `CREATE TABLE request_scores (
     tenant TEXT NOT NULL, day TEXT NOT NULL, score INTEGER NOT NULL, requests INTEGER NOT NULL,
     PRIMARY KEY (tenant, day, score)) STRICT, WITHOUT ROWID;
   CREATE TABLE request_reasons (
     tenant TEXT NOT NULL, day TEXT NOT NULL, detector TEXT NOT NULL, id TEXT NOT NULL, threats INTEGER NOT NULL,
     PRIMARY KEY (tenant, day, detector, id)) STRICT, WITHOUT ROWID;`,
  // What people said of threats.
  `CREATE TABLE request_feedback (
     tenant TEXT NOT NULL, leaf_index INTEGER NOT NULL, word TEXT NOT NULL, day TEXT NOT NULL, score INTEGER NOT NULL,
     threat TEXT NOT NULL, told_at TEXT NOT NULL, told_by TEXT NOT NULL,
     PRIMARY KEY (tenant, leaf_index)) STRICT, WITHOUT ROWID;`,
]
