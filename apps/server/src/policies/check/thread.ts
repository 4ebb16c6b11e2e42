// SPDX-License-Identifier: Apache-2.0
// The thread that checks policies: one after the other, each answered.

import { parentPort } from 'node:worker_threads'
import { checkPolicy, type PolicyQuestion } from './check-policy.ts'

parentPort?.on('message', (question: PolicyQuestion) => parentPort?.postMessage(checkPolicy(question)))
