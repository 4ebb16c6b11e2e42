#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A job of continuous integration: packages are installed from their registry, a clone is built and tested.
set -eu
mkdir origin
cd origin
git init -q -b main
cat > package.json << 'END'
{
  "name": "job",
  "version": "1.0.0",
  "scripts": { "postinstall": "node -e 0", "build": "tsc --version && node --check app.js", "test": "npm run build && node --test" },
  "dependencies": { "fastify": "5" },
  "devDependencies": { "typescript": "5", "mocha": "11" }
}
END
cat > app.js << 'END'
const { createServer } = require('node:http')
exports.serve = () => new Promise((done) => { const server = createServer((_, r) => r.end('ok')).listen(0, '127.0.0.1', () => done(server)) })
END
cat > app.test.js << 'END'
const { test } = require('node:test')
const { execFileSync, execSync } = require('node:child_process')
test('it answers', async () => {
  const server = await require('./app.js').serve()
  await (await fetch('http://127.0.0.1:' + server.address().port)).text()
  server.close()
})
test('what it starts ends', () => {
  execSync('git status && uname -a | cat')
  execFileSync(process.execPath, ['-e', '0'])
})
END
echo node_modules > .gitignore
npm install --no-fund --no-audit || cannot 'no registry of npm answers'
git add . && git -c user.name=ci -c user.email=ci@example.org commit -q -m job
again() {
  rm -rf job && git clone -q . job
  (cd job && npm ci --no-fund --no-audit && npm test && npx mocha --version && npm pack && npm ls --all > tree)
}
while_time again
