// SPDX-License-Identifier: Apache-2.0

export { type Act, type ActBy, type ActVerb, actEvent } from './act.ts'
export { type AlertMatter, alertEvent } from './alert-event.ts'
export { type AuditMatter, auditEvent, type ServerVoice } from './audit-event.ts'
export type { Authority } from './authority.ts'
export { type CaState, caStateOf } from './ca-state.ts'
export {
  certificateIdForm,
  checkValidity,
  type HostCertificate,
  renewalGraceMs,
  type ServiceCertificate,
  verifyHostCertificate,
  verifyServiceCertificate,
} from './certificate.ts'
export { isEnding } from './certificate-end.ts'
export { verifyCertificateRequest } from './certificate-request.ts'
export { identityError, identityErrors } from './errors.ts'
export { auditTenant, ledgersOf } from './events.ts'
export { checkHostFacts, type HostFacts } from './host-facts.ts'
export type { Host, Hosts } from './hosts.ts'
export { type Identity, type IdentityOptions, openIdentity } from './identity.ts'
export { lifetimesMs } from './issuing.ts'
export type { CreatedJoinToken } from './join-tokens.ts'
export { type CertificateKeeper, type CertificateState, keepCertificate } from './keep-certificate.ts'
export { type Follows, type HostKeys, type Reader, type Recorded, type RecordOptions, recordAct } from './record-act.ts'
export { causeCharsMax, type KeyChange, type KeyColumns, registryLine } from './registry-line.ts'
export type { Renamed } from './rename-host.ts'
