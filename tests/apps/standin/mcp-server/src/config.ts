// Settings, from the environment only. Names and defaults are those of the imitated server.

const text = (name: string, otherwise: string) => process.env[name] || otherwise
const whole = (name: string, otherwise: number) => Number.parseInt(text(name, ''), 10) || otherwise

export const config = {
  backend: text('VIKUNJA_API_URL', 'http://localhost:3456').replace(/\/+$/, ''),
  // Health only, beside MCP on standard input: used unless HTTP is on, and then not at all.
  healthPort: whole('MCP_PORT', 3457),
  http: text('MCP_HTTP_ENABLED', 'false') === 'true',
  httpHost: text('MCP_HTTP_HOST', '0.0.0.0'),
  httpPort: whole('MCP_HTTP_PORT', 3458),
  jsonResponse: text('MCP_HTTP_JSON_RESPONSE', 'true') === 'true',
  redisUrl: process.env.REDIS_URL,
  redisHost: text('REDIS_HOST', 'localhost'),
  redisPort: whole('REDIS_PORT', 6379),
  redisPassword: process.env.REDIS_PASSWORD,
  tokenSeconds: whole('AUTH_TOKEN_CACHE_TTL', 300),
  points: whole('RATE_LIMIT_POINTS', 100),
  windowSeconds: whole('RATE_LIMIT_WINDOW_SECONDS', 900),
}
