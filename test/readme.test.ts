/** The first page keeps its word: files exist, the configuration is the one that is checked, scripts are there. */
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { ROOT } from './helpers/sluice.ts'

const read = (file: string) => readFileSync(join(ROOT, file), 'utf8')
const README = read('README.md')

t.test('every link leads to a file when a page is read', async t => {
  const pages = ['README.md', 'CHANGELOG.md', ...globSync('docs/**/*.md', { cwd: ROOT })]
  for (const page of pages) {
    for (const [, link = ''] of read(page).matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)) {
      if (/^https?:/.test(link)) continue
      t.ok(existsSync(join(ROOT, dirname(page), link)), `${page}: ${link}`)
    }
  }
})

t.test('the configuration of the README is config/sluice.yaml when somebody copies it', async t => {
  const [, shown = ''] = /```yaml\n([\s\S]*?)```/.exec(README) ?? []
  t.equal(shown, read('config/sluice.yaml'))
  const lines = shown.split('\n').filter(line => line.trim() !== '')
  t.ok(lines.length <= 26, `${lines.length} lines`)
})

t.test('the commands of the README exist when they are typed', async t => {
  t.match(README, 'npm ci && npm run demo')
  t.match(README, 'npm ci && npm test')
  const { scripts } = JSON.parse(read('package.json'))
  for (const [, script = ''] of README.matchAll(/npm run (\w+)/g)) t.ok(script in scripts, script)
  for (const file of ['bin/sluice.js', 'bin/rollback.sh']) t.ok(existsSync(join(ROOT, file)), file)
})

t.test('what the image copies is in the repository when it is built', async t => {
  for (const [, words = ''] of read('Dockerfile').matchAll(/^COPY (?!--from)(.*) \S+$/gm)) {
    for (const word of words.split(' ')) {
      t.ok(existsSync(join(ROOT, word)), word)
      t.match(read('.dockerignore'), `!${word.split('/')[0]}`)
    }
  }
})
