// SPDX-License-Identifier: Apache-2.0

export { addTrustRootHealth } from './add-health.ts'
export { collectErrors } from './errors.ts'
export { type Added, type Approval, createManifests, type Manifests, type ManifestView } from './manifests.ts'
export { openTrustRoots, type TrustRootRow, type TrustRoots } from './trust-roots.ts'
