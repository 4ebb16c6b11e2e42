// SPDX-License-Identifier: Apache-2.0

import type { Figure } from './figure.ts'

export async function* benchIngest(): AsyncGenerator<Figure> {}
