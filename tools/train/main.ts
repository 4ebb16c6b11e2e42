// SPDX-License-Identifier: Apache-2.0
// `npm run train -- --corpus DIR` writes the request model; with `--evaluate` it measures instead. See docs/model-card.md.

import { hash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { writeModel } from '../../packages/detect/src/request/model/weights.ts'
import { calibrated } from './calibrate.ts'
import { corpusManifest, readCorpus } from './corpus.ts'
import { heldOut, rates } from './evaluate.ts'
import { fit, fitOptions } from './fit.ts'
import { amounts, madeExamples } from './written.ts'

const { values, positionals } = parseArgs({
  options: { corpus: { type: 'string' }, evaluate: { type: 'boolean' } },
  allowPositionals: true,
})
if (values.corpus === undefined) {
  console.error(
    'npm run train -- --corpus DIR [--evaluate [SOURCE…]]: DIR holds the files that tools/train/corpus.json pins',
  )
  process.exit(2)
}
const corpus = readCorpus(values.corpus)
if (values.evaluate) evaluate()
else train()

function evaluate(): void {
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`
  console.log(`| left out | attacks | AUC | ${rates.map((rate) => `found at ${100 * rate} %`).join(' | ')} |`)
  console.log(`|---|---|---|${rates.map(() => '---|').join('')}`)
  for (const { source, attacks, area, found } of heldOut(corpus, positionals.length > 0 ? positionals : undefined)) {
    const shares = found.map(({ threshold, share }) => `${percent(share)} (${threshold.toFixed(1)})`)
    console.log(`| ${source} | ${attacks} | ${area.toFixed(4)} | ${shares.join(' | ')} |`)
  }
}

function train(): void {
  const { weights, thresholds } = calibrated(fit([...corpus.train, ...madeExamples(corpus.train)]), corpus.calibrate)
  const file = writeModel(weights)
  const folder = new URL('../../packages/detect/model/', import.meta.url)
  const manifest = {
    version: 1,
    sha256: hash('sha256', file),
    thresholds,
    trained: { corpus: corpusManifest.files, made: amounts, options: fitOptions },
  }
  writeFileSync(new URL('request.onnx', folder), file)
  writeFileSync(new URL('request.json', folder), `${JSON.stringify(manifest, undefined, 2)}\n`)
  console.log(`${manifest.sha256}, ${file.length} bytes`)
}
