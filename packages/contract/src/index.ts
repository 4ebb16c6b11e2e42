// SPDX-License-Identifier: Apache-2.0

export * from './audit-policy.ts'
export * from './event.ts'
export * from './gen/sealwatch/agent/v1/agent_pb.ts'
export * from './gen/sealwatch/api/v1/admin_pb.ts'
export * from './gen/sealwatch/ingest/v1/ingest_pb.ts'
export * from './limits.ts'
export * from './look-alike.ts'
export * from './name-form.ts'
export * from './policy-standing.ts'
export * from './strictness.ts'
export * from './submission.ts'
export * from './supervision.ts'
