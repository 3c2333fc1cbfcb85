// What is kept in Redis: who a token belongs to, for a while, and how often it was used.
import { createHash } from 'node:crypto'
import { Redis } from 'ioredis'
import { config } from './config.js'
import { log } from './log.js'

const options = { lazyConnect: true, maxRetriesPerRequest: 1, enableOfflineQueue: false }
export const redis = config.redisUrl
  ? new Redis(config.redisUrl, options)
  : new Redis({ ...options, host: config.redisHost, port: config.redisPort, password: config.redisPassword })
redis.on('error', error => log('error', 'Redis error', { error: String(error) }))

export async function redisAnswers(): Promise<boolean> {
  try {
    return (await redis.ping()) === 'PONG'
  } catch {
    return false
  }
}

const key = (kind: string, token: string) => `${kind}:${createHash('sha256').update(token).digest('hex')}`

export const knownUser = (token: string) => redis.get(key('user', token))

export const rememberUser = (token: string, user: string) => redis.set(key('user', token), user, 'EX', config.tokenSeconds)

// Counts one use and tells whether it is still within the limit.
export async function allowed(token: string): Promise<boolean> {
  const name = key('uses', token)
  const uses = await redis.incr(name)
  if (uses === 1) await redis.expire(name, config.windowSeconds)
  return uses <= config.points
}
