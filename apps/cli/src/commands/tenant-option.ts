// SPDX-License-Identifier: Apache-2.0

import { slugName } from '@sealwatch/contract'
import { form, type Option } from '../command.ts'

export const tenantOption = (help: string): Option<string | undefined> =>
  form({
    takes: 'NAME',
    help: `${help} (default: default)`,
    form: slugName.form,
    mustBe: `a tenant name: ${slugName.words}`,
  })
