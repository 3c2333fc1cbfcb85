// An MCP server for the app. Without Redis it does not start, in either mode; SIGTERM and SIGINT end it at once.
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js'
import type { Express } from 'express'
import { config } from './config.js'
import { healthApp, mcpApp } from './http.js'
import { log } from './log.js'
import { redis } from './store.js'
import { tools } from './tools.js'

function give(error: unknown): never {
  log('error', 'Failed to start server', { error: String(error) })
  process.exit(1)
}

function listen(app: Express, port: number, host?: string) {
  const server = host ? app.listen(port, host) : app.listen(port)
  server.on('error', give)
  server.on('listening', () => log('info', `HTTP server listening on ${host ?? '*'}:${port}`))
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => process.exit(0))
process.on('uncaughtException', give)
process.on('unhandledRejection', give)

await redis.connect().catch(give)
if (config.http) {
  listen(mcpApp(), config.httpPort, config.httpHost)
} else {
  listen(healthApp(), config.healthPort)
  await tools(process.env.VIKUNJA_API_TOKEN ?? '').connect(new StdioServerTransport())
}
