/**
 * Reads Prometheus text: the samples of one metric with their labels.
 */
export type Sample = { readonly labels: Readonly<Record<string, string>>; readonly value: number }

/** Fetches `/metrics` below `base` and gives the samples of `name`; throws when it does not answer 200. */
export async function samplesOf(
  base: string,
  name: string,
  token = ''
): Promise<readonly Sample[]> {
  const headers = token === '' ? undefined : { authorization: `Bearer ${token}` }
  const answer = await fetch(new URL('/metrics', base), headers === undefined ? {} : { headers })
  if (answer.status !== 200) throw new Error(`/metrics answered ${answer.status}`)
  return parseSamples(await answer.text(), name)
}

/** Sums the values by one label. */
export function sumBy(samples: readonly Sample[], label: string): Readonly<Record<string, number>> {
  const sums: Record<string, number> = {}
  for (const { labels, value } of samples) {
    const key = labels[label] ?? ''
    sums[key] = (sums[key] ?? 0) + value
  }
  return sums
}

function parseSamples(text: string, name: string): readonly Sample[] {
  const samples: Sample[] = []
  for (const line of text.split('\n')) {
    const found = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line)
    if (found === null || found[1] !== name) continue
    const labels: Record<string, string> = {}
    for (const [, key = '', value = ''] of (found[2] ?? '').matchAll(
      /(\w+)="((?:[^"\\]|\\.)*)"/g
    )) {
      labels[key] = value
    }
    samples.push({ labels, value: Number(found[3]) })
  }
  return samples
}
