// SPDX-License-Identifier: Apache-2.0

export { type Act, type ActBy, type ActVerb, actEvent } from './act.ts'
export { type AlertMatter, alertEvent } from './alert-event.ts'
export { type AuditMatter, auditEvent, type ServerVoice } from './audit-event.ts'
export { type Authority, lifetimesMs } from './authority.ts'
export { checkValidity, type HostCertificate, verifyHostCertificate } from './certificate.ts'
export { identityError, identityErrors } from './errors.ts'
export { auditTenant, ledgersOf } from './events.ts'
export { checkHostFacts, type HostFacts } from './host-facts.ts'
export type { Host, Hosts } from './hosts.ts'
export { type CreatedJoinToken, type Identity, type IdentityOptions, openIdentity } from './identity.ts'
export { type CertificateKeeper, type CertificateState, keepCertificate } from './keep-certificate.ts'
export { type Follows, type Reader, type Recorded, type RecordOptions, recordAct } from './record-act.ts'
