// SPDX-License-Identifier: Apache-2.0
// `npm run train -- --corpus DIR` writes the request model; with `--evaluate` it measures instead. See docs/model-card.md.

import { hash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { writeModel } from '../../packages/detect/src/request/model/weights.ts'
import { calibrated } from './calibrate.ts'
import { corpusManifest, readCorpus } from './corpus.ts'
import { type Held, heldOut, rates } from './evaluate.ts'
import { fit, fitOptions } from './fit.ts'
import { rulesOf } from './verdicts.ts'
import { amounts, madeExamples } from './written.ts'

const { values, positionals } = parseArgs({
  options: { corpus: { type: 'string' }, evaluate: { type: 'boolean' }, rules: { type: 'string' } },
  allowPositionals: true,
})
if (values.corpus === undefined) {
  console.error(
    'npm run train -- --corpus DIR [--evaluate [--rules CRS] [SOURCE…]]: DIR holds the files that tools/train/corpus.json pins',
  )
  process.exit(2)
}
const corpus = readCorpus(values.corpus)
if (values.evaluate) evaluate()
else train()

function evaluate(): void {
  const rules = [
    rulesOf('basic rules'),
    ...(values.rules === undefined ? [] : [rulesOf('basic and core rules', values.rules)]),
  ]
  const shares = rates.map((rate) => `found at ${100 * rate} %`)
  const blocked = rules.flatMap(({ name }) => [`blocked by ${name}`, 'of browsers', 'of honest ones left out'])
  const titles = ['left out', 'attacks', 'AUC', ...shares, ...blocked]
  row(titles)
  row(titles.map(() => '---'))
  for (const held of heldOut(corpus, rules, positionals.length > 0 ? positionals : undefined)) row(cellsOf(held))
}

function cellsOf({ source, attacks, area, found, blocked }: Held): string[] {
  const by = blocked.flatMap((one) => [percent(one.attacks), percent(one.honest, 2), percent(one.beside, 2)])
  return [source, `${attacks}`, area.toFixed(4), ...found.map((share) => percent(share)), ...by]
}

function row(cells: readonly string[]): void {
  console.log(`| ${cells.join(' | ')} |`)
}

function percent(share: number, digits = 1): string {
  return `${(100 * share).toFixed(digits)} %`
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
