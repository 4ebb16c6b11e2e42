// SPDX-License-Identifier: Apache-2.0

import { nearest } from '@sealwatch/contract/nearest'
import { policyExamples, policyTypes } from '@sealwatch/contract/policy'
import { command, exit } from '../command.ts'
import { cliError } from '../errors.ts'
import { safeJson } from '../terminal.ts'

export const policyExample = command({
  name: 'policy example',
  summary: 'A whole policy of a type, to start from',
  about: `TYPE is one of ${policyTypes.join(', ')}. The example is switched off: change it, try it, put it, then switch it on
(policy validate, policy dry-run, policy put, policy enable). The form is in docs/formats/policy.md.`,
  operands: [{ name: 'TYPE', required: true }],
  options: {},
  examples: ['./sealwatch policy example file > hashes.json', './sealwatch policy example network | jq .rules'],
  run: async (_options, [typed = ''], { io, json }) => {
    const type = policyTypes.find((one) => one === typed)
    if (type === undefined) {
      const meant = nearest(typed, policyTypes)
      const advice = `${meant === undefined ? '' : `Did you mean ${meant}? `}Name one of ${policyTypes.join(', ')}`
      throw cliError('CLI_USAGE', { attempted: 'showing an example', received: typed, advice })
    }
    io.out(`${safeJson(policyExamples[type], json ? undefined : 2)}\n`)
    return exit.ok
  },
})
