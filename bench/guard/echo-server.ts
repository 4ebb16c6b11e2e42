// SPDX-License-Identifier: Apache-2.0
// A service that holds a key: says its port, and sends back over TLS whatever comes.

import { createServer } from 'node:tls'
import { psk, suite } from './echoes.ts'

const server = createServer({ ...suite, pskCallback: () => psk }, (socket) => socket.pipe(socket))
server.listen(0, '127.0.0.1', () => console.log((server.address() as { readonly port: number }).port))
