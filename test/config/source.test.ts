import { test } from 'tap'
import { configOf, problemsOf, smallConfig } from '../helpers/config-file.ts'

test('names the place when YAML itself is broken', async t => {
  t.match(await problemsOf(t, 'routes:\n  a: [1, 2\n'), [/^sluice\.yaml:\d+:\d+: not valid YAML/])
  t.match(await problemsOf(t, 'routes:\n\ta: 1\n'), [/^sluice\.yaml:2:1: a tab is no indentation/])
})

test('refuses duplicate keys, aliases, tags, second documents and odd keys when YAML would allow them', async t => {
  t.match(await problemsOf(t, `listen: a:1\n${smallConfig('', 'listen: b:1')}`), [
    /^sluice\.yaml:2:1: this key is there twice/
  ])
  t.same(await problemsOf(t, smallConfig('onUnavailable: &a champion\nsalt: *a')), [
    'sluice.yaml:8:11 routes.fraud.salt: aliases (*) are not supported; write the value out'
  ])
  t.match(await problemsOf(t, smallConfig('salt: !secret x')), [/tags are not supported/])
  t.match(await problemsOf(t, `${smallConfig()}---\na: 1\n`), [/more than one YAML document/])
  t.match(await problemsOf(t, `? [a]\n: 1\n${smallConfig()}`), [/a key must be a plain word/])
  t.match(await problemsOf(t, `"__proto__": { a: 1 }\n${smallConfig()}`), [
    /__proto__ is not allowed/
  ])
})

test('stays small when a file would grow by aliases of aliases', async t => {
  const levels = Array.from({ length: 9 }, (_, i) => {
    const inner =
      i === 0
        ? '"lol"'
        : Array(9)
            .fill(`*l${i - 1}`)
            .join(', ')
    return `l${i}: &l${i} [${inner}]`
  })
  const problems = await problemsOf(t, `${levels.join('\n')}\n${smallConfig()}`)
  t.ok(problems.some(line => line.includes('aliases (*) are not supported')))
  t.ok(problems.length < 200, `${problems.length} problems`)
})

test('says that a file is too deep when it is nested without end', async t => {
  t.match(await problemsOf(t, '['.repeat(50_000)), [/nested too deeply|not valid YAML/])
  const deep = `${'{ not: '.repeat(80)}{ unit: { exact: a } }${' }'.repeat(80)}`
  const problems = await problemsOf(
    t,
    smallConfig(`overrides: [{ name: a, variant: v4, when: ${deep} }]`)
  )
  t.ok(problems.some(line => line.includes('nested deeper than 64 levels')))
})

test('takes values from the environment when a string names them', async t => {
  const config = await configOf(
    t,
    smallConfig(
      `salt: "\${SALT:-fraud.1}"`,
      `listen: \${HOST}:\${PORT:-8080}\nthreads: \${THREADS}`
    ),
    { HOST: '127.0.0.1', PORT: '', THREADS: '1' }
  )
  t.match(config.listen, { host: '127.0.0.1', port: 8080 })
  t.equal(config.threads, 1)
  t.equal(config.routes[0]?.salt, 'fraud.1')
})

test('keeps text from the environment a string when the schema wants a string', async t => {
  const config = await configOf(t, smallConfig(`salt: \${SALT}`), { SALT: '17' })
  t.equal(config.routes[0]?.salt, '17')
})

test('writes the dollar and the brace as they are when the dollar is doubled', async t => {
  const config = await configOf(
    t,
    smallConfig(
      `overrides: [{ name: a, variant: v4, when: { unit: { exact: "a$\${B}c\${D}$$" } } }]`
    ),
    { D: '!' }
  )
  t.match(config.routes[0]?.overrides, [{ when: { unit: { exact: `a\${B}c!$$` } } }])
})

test('names every variable that is not set, with its place, when there is no default', async t => {
  t.same(await problemsOf(t, smallConfig(`salt: \${SALT_A}`, `listen: \${HOST_A}:8080`)), [
    `sluice.yaml:1:9 listen: the environment variable HOST_A is not set; set it, or give a default: \${HOST_A:-…}`,
    `sluice.yaml:8:11 routes.fraud.salt: the environment variable SALT_A is not set; set it, or give a default: \${SALT_A:-…}`
  ])
  t.match(await problemsOf(t, smallConfig(`salt: \${1A}`)), [
    /salt: a reference .* is written \$\{NAME\}/
  ])
  t.match(await problemsOf(t, smallConfig(`salt: "\${A"`)), [
    /salt: a reference .* is written \$\{NAME\}/
  ])
})
