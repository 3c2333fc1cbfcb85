// Talks to the backend with the caller's own token.
import { config } from './config.js'
import { release } from './release.js'

export class Refused extends Error {
  constructor(readonly status: number, message: string) {
    super(message)
  }
}

export async function backend(token: string, method: string, path: string, body?: object): Promise<unknown> {
  const response = await fetch(`${config.backend}/api/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: body && JSON.stringify(body),
    signal: AbortSignal.timeout(10_000),
  })
  const answer = (await response.json()) as { message?: string }
  if (!response.ok) throw new Refused(response.status, answer.message ?? `status ${response.status}`)
  return answer
}

// Insists on the backend this release was made with, when it was made with a particular one.
export async function rightBackend() {
  const { version } = (await backend('', 'GET', '/info')) as { version: string }
  if (release.backend && version !== release.backend)
    throw new Refused(500, `made for the backend ${release.backend}, this one is ${version}`)
}

export async function userOf(token: string): Promise<string> {
  return ((await backend(token, 'GET', '/user')) as { username: string }).username
}
