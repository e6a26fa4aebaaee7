/**
 * Calls of the Open Inference Protocol as clients of Triton and KServe make them: tensors as JSON, or their bytes
 * behind the JSON (the binary extension).
 */
import { FEATURES } from '../../demo/models.ts'

export type Form = 'json' | 'binary'

export type Call = {
  readonly user: string
  readonly form?: Form // of both directions
  readonly unitIn?: 'header' | 'tensor' // where the user stands; a tensor has no header beside it
  readonly rows?: number // of the same features; 1
  readonly headers?: Readonly<Record<string, string>>
}

/** What both models give for a user's features: the second of two probabilities is of fraud. */
export type Prediction = readonly [number, number]

/** The bytes of a request and its fields. */
export function inferRequest(call: Call): {
  readonly body: Uint8Array
  readonly headers: Readonly<Record<string, string>>
} {
  const { user, form = 'json', unitIn = 'header', rows = 1 } = call
  const binary = form === 'binary'
  const features = Float32Array.from(Array.from({ length: rows }, () => featuresOf(user)).flat())
  const raw = [Buffer.from(features.buffer)]
  const inputs: object[] = [
    {
      name: 'features',
      shape: [rows, FEATURES],
      datatype: 'FP32',
      ...(binary
        ? { parameters: { binary_data_size: features.byteLength } }
        : { data: [...features] })
    }
  ]
  if (unitIn === 'tensor') {
    const bytes = Buffer.from(user)
    const length = Buffer.alloc(4)
    length.writeUInt32LE(bytes.length)
    raw.push(length, bytes)
    inputs.push({
      name: 'user_id',
      shape: [1],
      datatype: 'BYTES',
      ...(binary ? { parameters: { binary_data_size: 4 + bytes.length } } : { data: [user] })
    })
  }
  const head = Buffer.from(
    JSON.stringify({
      id: `call-${user}`, // KServe 0.21 answers 500 without one
      inputs,
      ...(binary ? { parameters: { binary_data_output: true } } : {})
    })
  )
  return {
    body: binary ? Buffer.concat([head, ...raw]) : head,
    headers: {
      'content-type': binary ? 'application/octet-stream' : 'application/json',
      ...(binary ? { 'inference-header-content-length': String(head.length) } : {}),
      ...(unitIn === 'header' ? { 'x-user-id': user } : {}),
      ...call.headers
    }
  }
}

/** Sends one call and gives its answer, the body unread. */
export function infer(origin: string, path: string, call: Call): Promise<Response> {
  const { body, headers } = inferRequest(call)
  return fetch(new URL(path, origin), { method: 'POST', headers, body: Buffer.from(body) })
}

/** The prediction in an answer of one row, in either form. Throws for anything else than two numbers. */
export async function predictionIn(answer: Response): Promise<Prediction> {
  const body = Buffer.from(await answer.arrayBuffer())
  const length = answer.headers.get('inference-header-content-length')
  if (length !== null) {
    const tensor = body.subarray(Number(length))
    if (tensor.length !== 8) throw new Error(`${tensor.length} bytes of two FP32`)
    return [tensor.readFloatLE(0), tensor.readFloatLE(4)]
  }
  const text = body.toString()
  const [, data = ''] = /"data":\[([^\]]*)\]/.exec(text) ?? []
  const [first, second, ...more] = data.split(',').map(Number)
  if (first === undefined || second === undefined || more.length > 0) throw new Error(text)
  return [first, second]
}

/** Four numbers that are a user's own. */
export function featuresOf(user: string): readonly number[] {
  const seed = [...user].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 9973, 7)
  return Array.from({ length: FEATURES }, (_, i) => ((seed * (i + 3)) % 101) / 101)
}

/** What models/fraud.py computes of them, as an oracle. */
export function expectedFor(user: string): Prediction {
  const weights = [0.8, -1.2, 0.5, 0.3]
  const dot = featuresOf(user).reduce((sum, x, i) => sum + x * (weights[i] ?? 0), 0)
  const fraud = 1 / (1 + Math.exp(-dot))
  return [1 - fraud, fraud]
}
