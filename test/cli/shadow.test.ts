/** `sluice shadow` against the real admin listener: what it prints, what it changes, and its exit code. */
import t from 'tap'
import type { Controller } from '../../src/control-plane/controller.ts'
import type { AgreementView, FieldAgreement } from '../../src/domain/compare/agreement.ts'
import type { Control, ShadowView } from '../../src/ports.ts'
import { startAdmin, TOKENS } from '../helpers/admin.ts'
import { runSluice } from '../helpers/sluice.ts'

t.setTimeout(400_000) // ends a hung run; nothing is measured by it

const SAME: FieldAgreement = {
  field: 'status',
  agree: 1180,
  of: 1180,
  ratio: 1,
  low: 0.9968,
  high: 1,
  kinds: {},
  meanDifference: null,
  meanLow: null,
  meanHigh: null,
  noise: { of: 60, differs: 0, onlyShadow: 0, onlyNoise: 0, p: null },
  reported: false
}
const OTHER: FieldAgreement = {
  ...SAME,
  field: 'predictions',
  agree: 590,
  ratio: 0.5,
  low: 0.4715,
  high: 0.5285,
  kinds: { number: 580, size: 10 },
  meanDifference: 0.125,
  meanLow: 0.1,
  meanHigh: 0.15,
  noise: { of: 60, differs: 2, onlyShadow: 30, onlyNoise: 1, p: 1.49e-8 },
  reported: true
}
const AGREEMENT: AgreementView = {
  pairs: 1200,
  compared: 1180,
  refused: { truncated: 18, coding: 2, off: 0 },
  noiseMissed: { timeout: 3 },
  overall: { agree: 590, of: 1180, ratio: 0.5, low: 0.4715, high: 0.5285 },
  fields: [OTHER, SAME],
  latency: { pairs: 1190, ratio: 1.1234, low: 1.1, high: 1.1478 },
  exemplars: {
    predictions: [
      {
        requestId: 'req-1',
        at: '2026-01-01T00:00:00.000Z',
        kind: 'number',
        primary: '0.5',
        shadow: '0.625\u001b[31m'
      },
      {
        requestId: 'req-2',
        at: '2026-01-01T00:00:01.000Z',
        kind: 'size',
        primary: null,
        shadow: null
      }
    ]
  }
}
const NOTHING: AgreementView = {
  ...AGREEMENT,
  pairs: 0,
  compared: 0,
  refused: {},
  noiseMissed: {},
  overall: { agree: 0, of: 0, ratio: null, low: null, high: null },
  fields: [],
  latency: { pairs: 0, ratio: null, low: null, high: null },
  exemplars: {}
}

/** The real control, whose shadows have found something. */
function found(facts: Partial<ShadowView>): (real: Controller) => Control {
  return real => ({
    ...real,
    shadow: async (route, name) => ({ ...(await real.shadow(route, name)), ...facts })
  })
}

async function cliOver(t: Tap, control?: (real: Controller) => Control) {
  const admin = await startAdmin(t, control ? { control } : {})
  const env = { SLUICE_ADMIN: `http://127.0.0.1:${admin.port}`, SLUICE_TOKEN: TOKENS.operator }
  return { admin, cli: (...words: string[]) => runSluice(['shadow', ...words], { env }) }
}

type Tap = { teardown(done: () => unknown): unknown }

const RUNNING: Partial<ShadowView> = {
  considered: 13_500,
  dropped: { sampled_out: 12_000, size: 300, credit: 0 },
  outcomes: { ok: 1190, timeout: 7, reset: 3 },
  agreement: AGREEMENT
}

t.test(
  'shows every shadow in a line with what became of its requests when status is asked',
  async t => {
    const { cli } = await cliOver(t, found(RUNNING))
    const all = await cli('status')
    t.equal(all.code, 0)
    t.match(all.stdout, /^ROUTE +SHADOW +VARIANT +STATE +PERCENT +CONSIDERED +COPIED +DROPPED/)
    t.match(
      all.stdout,
      /^demo +canary-try +canary +on +10 % +13500 +1200 +sampled_out 12000, size 300 +timeout 7, reset 3 +50 % \(47\.15 to 52\.85 %, 1180 pairs\) +1\.12 times \(1\.1 to 1\.15\)$/m
    )
    t.match(all.stdout, /^demo +all +canary +on +100 %/m)
    t.equal((await cli('status', 'demo')).stdout, all.stdout)
    t.equal((await cli('status', 'other')).stdout, 'there are no shadows\n')
  }
)

t.test('shows how one shadow stands and where to look next when it is named', async t => {
  const { cli } = await cliOver(t, found(RUNNING))
  const { code, stdout } = await cli('status', 'demo', 'canary-try')
  t.equal(code, 0)
  t.match(stdout, /^revision 1-1, 1 of 1 data threads work with it$/m)
  t.match(stdout, /^copies 10 % of units, bodies up to 1048576 bytes; 64 at once, 5000 ms each$/m)
  t.match(stdout, /^1 field differs more than noise: sluice shadow diff demo canary-try$/m)
  t.notMatch(stdout, 'it pauses')
})

t.test('gives the documents of the API unchanged when JSON is asked for', async t => {
  const { admin, cli } = await cliOver(t, found(RUNNING))
  const list = await admin.ask('GET', '/admin/v1/routes/demo/shadows')
  const one = await admin.ask('GET', '/admin/v1/routes/demo/shadows/all')
  t.same(JSON.parse((await cli('status', '--json')).stdout), list.body)
  t.same(JSON.parse((await cli('status', 'demo', '--json')).stdout), list.body)
  t.same(JSON.parse((await cli('status', 'demo', 'all', '--json')).stdout), one.body)
  const diff = await cli('diff', 'demo', 'all', '--json')
  t.same(JSON.parse(diff.stdout), one.body)
  t.equal(diff.code, 1)
})

t.test(
  'says which fields differ more than the champion from itself when a diff is asked for',
  async t => {
    const { cli } = await cliOver(t, found(RUNNING))
    const { code, stdout } = await cli('diff', 'demo', 'canary-try')
    t.equal(code, 1, 'a field differs more than noise')
    t.match(stdout, /^demo {2}canary-try {2}canary and the champion$/m)
    t.match(stdout, /^1200 pairs, 1180 compared; bodies not compared: truncated 18, coding 2$/m)
    t.match(stdout, /^agreement 50 % \(.*\); latency 1\.12 times \(1\.1 to 1\.15\)$/m)
    t.match(
      stdout,
      /^of some noise pairs .* is not known: timeout 3; it has \d+ ms, as a copy has$/m
    )
    t.match(
      stdout,
      /^! +predictions +50 % \(.*\) +number 580, size 10 +0\.125 \(0\.100 to 0\.150\) +2 of 60 +30 to 1 +1\.5e-8$/m
    )
    t.match(stdout, /^ +status +100 % \(99\.68 to 100 %, 1180 pairs\) +0 of 60 +0 to 0$/m)
    t.match(stdout, /^predictions +2026-01-01T00:00:00.000Z +req-1 +number +0\.5 -> 0\.625 \[31m$/m)
    t.match(stdout, /^predictions +2026-01-01T00:00:01.000Z +req-2 +size$/m)
    t.notMatch(stdout, '\u001b', 'nothing of an answer moves a cursor')
  }
)

t.test('ends with 3 when answers differ and noise pairs are missing or too few', async t => {
  const noise = { of: 0, differs: 0, onlyShadow: 0, onlyNoise: 0, p: null }
  const unmeasured = { ...OTHER, agree: 0, ratio: 0, low: 0, high: 0.0032, reported: false, noise }
  const fields = [unmeasured, { ...SAME, noise }]
  const without = await cliOver(t, found({ agreement: { ...AGREEMENT, fields } }))
  const { code, stdout, stderr } = await without.cli('diff', 'demo', 'all')
  t.equal(code, 3)
  t.match(
    stderr,
    /^sluice: 1 field differs, and without noise pairs nobody can say whether more than the champion from itself\n$/
  )
  t.match(stdout, /^\? +predictions +0 %/m)
  t.match(stdout, /^ +status +100 %/m, 'what agrees needs no noise pairs')
  const status = await without.cli('status', 'demo', 'all')
  t.match(status.stdout, /^1 field differs, and without .*itself: sluice shadow diff demo all$/m)

  const few = {
    ...unmeasured,
    noise: { of: 9, differs: 0, onlyShadow: 9, onlyNoise: 0, p: 0.00195 }
  }
  const real = found({ agreement: { ...AGREEMENT, fields: [few, { ...few, field: 'text' }] } })
  const off = await cliOver(t, control => ({
    ...control,
    shadow: async (route, name) => {
      const view = await real(control).shadow(route, name)
      return { ...view, settings: { ...view.settings, noise: 0 } }
    }
  }))
  t.match(await off.cli('diff', 'demo', 'all'), {
    code: 3,
    stderr:
      /2 fields differ, and with 9 noise pairs, of about 11 needed, .*; noise of this shadow is 0\n$/
  })
})

t.test('ends with 0 when nothing differs beyond noise, and with 3 when nobody can say', async t => {
  const well = await cliOver(t, found({ agreement: { ...AGREEMENT, fields: [SAME] } }))
  t.equal((await well.cli('diff', 'demo', 'all')).code, 0)
  const noisy = { ...OTHER, reported: false, noise: { ...OTHER.noise, differs: 31, onlyNoise: 30 } }
  const same = await cliOver(t, found({ agreement: { ...AGREEMENT, fields: [noisy, SAME] } }))
  t.match(await same.cli('diff', 'demo', 'all'), { code: 0, stderr: '' }, 'as the champion itself')
  const none = await (await cliOver(t, found({ agreement: NOTHING }))).cli('diff', 'demo', 'all')
  t.match(none, {
    code: 3,
    stderr: /no pair has been compared yet/,
    stdout: /no field was compared/
  })
  const mute = await (await cliOver(t, found({ agreement: null }))).cli('diff', 'demo', 'all')
  t.match(mute, { code: 3, stderr: /the shadow process does not answer/ })
})

t.test(
  'switches a shadow off and on when it is told to, and says when it was so already',
  async t => {
    const { admin, cli } = await cliOver(t)
    const off = await cli('off', 'demo', 'canary-try', '--reason', 'v4 is overloaded')
    t.match(off, {
      code: 0,
      stdout: /^canary-try of demo is off\nrevision 1-2, 1 of 1 data threads/
    })
    t.match(await cli('status', 'demo'), { stdout: /^demo +canary-try +canary +off/m })
    t.match(await cli('off', 'demo', 'canary-try'), { code: 0, stdout: /was off already/ })
    const on = await cli('on', 'demo', 'canary-try', '--json')
    t.match(JSON.parse(on.stdout), { on: true, state: 'on', revision: '1-3' })
    const entries = (await admin.audit()).filter(({ type }) => type === 'shadow')
    t.match(entries, [{ reason: 'v4 is overloaded', by: 'the-operator' }, { reason: '' }])
    t.equal(entries.length, 2)

    const env = { SLUICE_ADMIN: `http://127.0.0.1:${admin.port}`, SLUICE_TOKEN: TOKENS.viewer }
    const decisions = await runSluice(['decisions', 'demo'], { env })
    t.match(decisions.stdout, /shadow +the-operator +1-3 +shadow canary-try on$/m)
    t.match(
      decisions.stdout,
      /shadow +the-operator +1-2 +shadow canary-try off +v4 is overloaded$/m
    )
    await cli('off', 'demo', 'all')
    const status = await runSluice(['status', 'demo'], { env })
    t.match(status.stdout, /^ {2}shadows: canary-try on, all off$/m)
    t.equal((await runSluice(['shadow', 'on', 'demo', 'all'], { env })).code, 4, 'a viewer may not')
  }
)

t.test('is refused and not tried again when somebody changed the route in between', async t => {
  const { admin, cli } = await cliOver(t, real => ({
    ...real,
    setShadow: async (route, _expect, name, on, actor) =>
      real.setShadow(route, '1-9', name, on, actor)
  }))
  const refused = await cli('off', 'demo', 'canary-try')
  t.match(refused, { code: 1, stdout: '', stderr: /SLC_STALE/ })
  t.equal(admin.etag(), '"1-1"')
})

t.test('says that a shadow pauses when its variant has traffic', async t => {
  const { admin, cli } = await cliOver(t)
  const body = { weights: { stable: 90, canary: 10 } }
  await admin.ask('PUT', '/admin/v1/routes/demo', { ifMatch: admin.etag(), body })
  const { stdout } = await cli('status', 'demo', 'canary-try')
  t.match(stdout, /^demo +canary-try +canary +live/m)
  t.match(stdout, /^it pauses, because canary has traffic of its own; whileLive: true/m)
  const look = async () => {
    const env = { SLUICE_ADMIN: `http://127.0.0.1:${admin.port}`, SLUICE_TOKEN: TOKENS.operator }
    return (await runSluice(['status', 'demo'], { env })).stdout
  }
  const paused = 'canary-try live (paused: canary has traffic of its own)'
  t.match(await look(), `  shadows: ${paused}, all on\n`, 'the other goes on while live')
  await cli('off', 'demo', 'canary-try')
  t.match(await look(), '  shadows: canary-try off, all on\n')
  await cli('on', 'demo', 'canary-try')
  await admin.ask('POST', '/admin/v1/routes/demo/rollback', { body: {} })
  t.match(
    await look(),
    '  shadows: canary-try on, all on\n',
    'a variant that is out has no traffic'
  )
})

t.test('shows status again each second when it is asked to watch, until Ctrl-C', async t => {
  const { admin } = await cliOver(t, found(RUNNING))
  let stdout = ''
  const { code } = await runSluice(['shadow', 'status', 'demo', '-w', '--json'], {
    env: { SLUICE_ADMIN: `http://127.0.0.1:${admin.port}`, SLUICE_TOKEN: TOKENS.viewer },
    onStart(child) {
      child.stdout?.on('data', (text: string) => {
        stdout += text
        if (stdout.split('\n').length > 2) child.kill('SIGINT')
      })
    }
  })
  t.equal(code, 0)
  const lines = stdout.trim().split('\n')
  t.ok(lines.length >= 2)
  for (const line of lines) t.match(JSON.parse(line), [{ shadow: 'canary-try' }, { shadow: 'all' }])
})

t.test('tells the nearest right word when a word is wrong', async t => {
  const { cli } = await cliOver(t)
  for (const [words, expected] of [
    [['statsu'], /there is no "shadow statsu", did you mean "status"/],
    [['constructor'], /there is no "shadow constructor"; known are status, diff, on, off/],
    [[], /something is missing/],
    [['diff', 'demo'], /something is missing: sluice shadow diff ROUTE SHADOW/],
    [['off', 'demo'], /something is missing: sluice shadow off/],
    [['on', 'demo', 'a', 'b'], /too many words/],
    [
      ['diff', 'demo', 'canary-tri'],
      /route demo has no shadow "canary-tri", did you mean "canary-/
    ],
    [['status', 'demo', 'constructor'], /route demo has no shadow "constructor"/],
    [['off', 'other', 'all'], /route other has no shadow "all"; it has none/],
    [['status', 'dmo'], /there is no route "dmo", did you mean "demo"/],
    [['diff', 'demo', 'all', '-w'], /--watch says nothing to shadow diff/],
    [['status', '--reason', 'x'], /--reason says nothing to shadow status/]
  ] as const) {
    const { code, stderr, stdout } = await cli(...words)
    t.equal(code, 2, words.join(' '))
    t.equal(stdout, '')
    t.match(stderr, expected)
  }
})
