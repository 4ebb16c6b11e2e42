// SPDX-License-Identifier: Apache-2.0

export { createHostBook } from './data/host-names.ts'
export { exportRecorder, revealRecorder } from './data/records.ts'
export { apiErrors } from './errors.ts'
export { createFeed, type Feed } from './feed/feed.ts'
export { createSockets } from './feed/socket.ts'
export {
  authenticateNetwork,
  authenticateOperator,
  bearerReader,
  checkForm,
  type DashboardFile,
  dashboardDir,
  httpApp,
  openHttpDoor,
  prepareHttp,
  readDashboard,
  readSession,
  serveUpgrades,
} from './http/index.ts'
export type { ApiLedgers, ApiPorts, ServerFacts } from './ports.ts'
export { type ApiSocket, openApiSocket } from './socket.ts'
