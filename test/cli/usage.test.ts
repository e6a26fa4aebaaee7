/** Command lines that need no router: words, options, help, version, and their exit codes. */
import { spawnSync } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import t from 'tap'
import { BIN, runSluice } from '../helpers/sluice.ts'

t.setTimeout(400_000) // ends a hung run; nothing is measured by it

const VERBS = [
  'serve',
  'check',
  'status',
  'routes',
  'weights',
  'pause',
  'resume',
  'rollback',
  'clear',
  'shadow',
  'explain',
  'decisions',
  'healthcheck',
  'version'
]

t.test('help names every verb, the options and the exit codes when it is asked for', async t => {
  for (const args of [['help'], ['--help'], ['-h']]) {
    const { code, stdout, stderr } = await runSluice(args)
    t.equal(code, 0)
    t.equal(stderr, '')
    for (const verb of VERBS) t.match(stdout, new RegExp(`^ {2}${verb} `, 'm'))
    for (const exit of [0, 1, 2, 3, 4, 69]) t.match(stdout, new RegExp(`^ {2}${exit} `, 'm'))
    t.match(stdout, '--token-file')
  }
})

t.test('help of a verb shows examples first when it is asked for', async t => {
  for (const verb of VERBS) {
    const [asked, option] = await Promise.all([
      runSluice(['help', verb]),
      runSluice([verb, '--help'])
    ])
    t.equal(asked.code, 0, verb)
    t.equal(asked.stdout, option.stdout, `${verb} --help says the same`)
    t.match(asked.stdout.split('\n')[2], new RegExp(`^ {2}sluice ${verb}`), 'an example')
  }
})

t.test('help shows only what applies when a verb asks no admin API', async t => {
  for (const verb of ['serve', 'check', 'version']) {
    const { stdout } = await runSluice(['help', verb])
    t.notMatch(stdout, /--(admin|token-file|state|timeout)/, verb)
  }
  t.match((await runSluice(['help', 'status'])).stdout, /--admin URL.*--state DIRECTORY/s)
  const twice = await runSluice(['help', 'help'])
  t.equal(twice.code, 0)
  t.equal(twice.stdout, (await runSluice(['help'])).stdout)
})

t.test('one sentence and exit code 3 say so when the output cannot be written', async t => {
  const full = openSync('/dev/full', 'w')
  t.teardown(() => closeSync(full))
  const { status, stderr } = spawnSync(process.execPath, [BIN, 'help'], {
    encoding: 'utf8',
    stdio: ['ignore', full, 'pipe']
  })
  t.equal(status, 3)
  t.match(stderr, /^sluice: the output could not be written \(ENOSPC\).*\n$/)
})

t.test('help is printed to stderr with exit code 2 when nothing was asked', async t => {
  const { code, stdout, stderr } = await runSluice([])
  t.equal(code, 2)
  t.equal(stdout, '')
  t.match(stderr, 'sluice rollback fraud')
})

t.test('the version is told with its Node when it is asked for', async t => {
  const [plain, json, short] = await Promise.all([
    runSluice(['version']),
    runSluice(['version', '--json']),
    runSluice(['-v'])
  ])
  t.match(plain.stdout, /^sluice \d+\.\d+\.\d+ \(Node v\d+\.\d+\.\d+\)\n$/)
  t.match(JSON.parse(json.stdout), { version: /^\d+\.\d+\.\d+$/, node: process.version })
  t.equal(short.stdout, plain.stdout)
})

const WRONG: readonly (readonly [args: string[], says: RegExp])[] = [
  [['statu'], /no verb "statu", did you mean "status"\? See sluice help\./],
  [['frobnicate'], /no verb "frobnicate"; verbs are serve, .*, version\. See/],
  [['serve', '--state', 'x'], /no option "--state"/],
  [['check', '--admin', 'x'], /no option "--admin"/],
  [['version', '--timeout', '1'], /no option "--timeout"/],
  [['status', '--jsno'], /no option "--jsno", did you mean "--json"\? See sluice help status\./],
  [['rollback', 'fraud', '--model-versoin', '4'], /did you mean "--model-version"/],
  [['status', 'a', 'b'], /too many words/],
  [['weights'], /something is missing/],
  [['weights', 'fraud', 'v4'], /"v4" is not VARIANT=PERCENT/],
  [['weights', 'fraud', 'v4=101'], /"101" is not a share/],
  [['weights', 'fraud', 'v4=0.125'], /"0.125" is not a share/],
  [['weights', 'fraud', 'v4=-5'], /"-5" is not a share/],
  [['weights', 'fraud', 'v4='], /"" is not a share/],
  [['rollback'], /either a route or a --model-version/],
  [['rollback', 'fraud', '--model-version', '4'], /either a route or a --model-version/],
  [['rollback', '--model-version'], /--model-version needs a value/],
  [['rollback', '--model-version', '--json'], /--model-version needs a value/],
  [['status', '--json=yes'], /--json takes no value/],
  [['status', '--admin', 'a', '--admin', 'b'], /--admin was given twice/],
  [['status', '--admin', 'nonsense'], /"nonsense" is not the URL of an admin API/],
  [['status', '--admin', 'ftp://127.0.0.1'], /is not the URL of an admin API/],
  [['status', '--timeout', '0'], /--timeout is a number of seconds/],
  [['decisions', 'fraud', '--limit', '0'], /--limit is a number/],
  [['decisions', 'fraud', '--since', 'yesterday'], /--since is a time or a duration/],
  [['explain', 'fraud', 'u', '--header', 'x-staff'], /--header needs NAME=VALUE/]
]

t.test('nothing is asked of the router when a command line cannot be meant', async t => {
  for (const [args, says] of WRONG) {
    const { code, stdout, stderr } = await runSluice(args, { env: { SLUICE_TOKEN: 'x' } })
    t.equal(code, 2, args.join(' '))
    t.match(stderr, says)
    t.match(stderr, 'See sluice help')
    t.equal(stdout, '', 'nothing on stdout')
  }
})

t.test('an option counts when it stands before the verb', async t => {
  const { stdout } = await runSluice(['--json', 'version'])
  t.match(JSON.parse(stdout), { node: process.version })
})
