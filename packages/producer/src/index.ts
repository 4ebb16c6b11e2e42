// SPDX-License-Identifier: Apache-2.0

export { type CertificateOptions, fileCertificate, type ServiceCertificate } from './certificate/certificate.ts'
export * from './errors.ts'
export * from './forwarder.ts'
export * from './outbox/outbox.ts'
export * from './outbox/postgres.ts'
export * from './outbox/sqlite.ts'
export * from './outbox-metrics.ts'
export { type CertifiedOptions, grpcSender } from './send/grpc.ts'
export { httpSender } from './send/http.ts'
export type { Sender, SenderOptions } from './send/sender.ts'
export * from './sign-rows.ts'
export * from './signer.ts'
