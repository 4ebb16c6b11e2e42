// SPDX-License-Identifier: Apache-2.0

/**
 * LOG-6: what becomes of an act whose line cannot be made durable. Both keep the line in the outbox, in the transaction
 * of the act itself, and bring it into the ledger as soon as that takes it.
 *
 * `fail`: whoever asked gets an error, and nothing is handed out or carried out before the line is durable.
 * `park`: the act holds at once, for to wait would be worse: a revocation, an alarm.
 */
export type AuditPolicy = 'fail' | 'park'

/** By `metadata.event_code`; what is not named here parks. */
export const auditPolicies: Readonly<Record<string, AuditPolicy>> = {
  join_token_created: 'fail',
  host_enrolled: 'fail',
  host_enrolled_again: 'fail',
  subject_erased: 'fail',
  tenant_created: 'fail',
  tenant_renamed: 'fail',
  tenant_resumed: 'fail',
  tenant_limited: 'fail',
  tenant_erasing: 'fail',
  tenant_erased: 'fail',
  tenant_suspended: 'park',
  role_granted: 'fail',
  role_written: 'fail',
  rule_exception_added: 'fail',
  request_settings_set: 'fail',
  token_created: 'fail',
  login_link_created: 'fail',
  break_glass_opened: 'fail',
  quarantine_bytes_shown: 'fail',
  quarantine_release_requested: 'fail',
  quarantine_release_approved: 'fail',
  quarantine_release_rejected: 'fail',
  drill_begun: 'fail',
  drill_abandoned: 'fail',
  drill_reported: 'fail',
  manifest_opened: 'fail',
  manifest_signed: 'fail',
  manifest_applied: 'fail',
  trust_root_installed: 'fail',
  trust_root_followed: 'fail',
  policy_created: 'fail',
  policy_replaced: 'fail',
  policy_enabled: 'fail',
  policy_disabled: 'fail',
  policy_deleted: 'fail',
  producer_added: 'fail',
  producer_resumed: 'fail',
  signing_key_added: 'fail',
  signing_key_tested: 'fail',
  signing_key_staged: 'fail',
  signing_key_promoted: 'fail',
  strict_off: 'fail',
  strict_acknowledged: 'fail',
  signing_key_examined: 'fail',
  host_revoked: 'park',
  master_key_epoch_begun: 'park',
  keys_evicted: 'park',
  keys_rotated: 'park',
}

/** Of a line's body: an event by its code; a key that is registered fails as the enrolment it belongs to. */
export function auditPolicyOf(body: object): AuditPolicy {
  if ('key' in body) return 'fail'
  const { metadata } = ((body as { event?: object }).event ?? {}) as { metadata?: { event_code?: string } }
  const code = metadata?.event_code ?? ''
  // Of sign-offs the names are people's own (SIG-7).
  return code.endsWith('.signoff') ? 'fail' : (auditPolicies[code] ?? 'park')
}
