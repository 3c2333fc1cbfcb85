// The server over HTTP. `/health` asks Redis and nobody else, as in the original: it is well while every call fails.
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import express, { type Express, type Request, type Response } from 'express'
import { Refused, rightBackend, userOf } from './backend.js'
import { config } from './config.js'
import { log } from './log.js'
import { allowed, knownUser, redisAnswers, rememberUser } from './store.js'
import { tools, version } from './tools.js'

export function healthApp(): Express {
  const app = express()
  app.get('/health', async (_request, response) => {
    const well = await redisAnswers()
    response.status(well ? 200 : 503).json({
      status: well ? 'ok' : 'degraded', version, uptime: process.uptime(),
      redis: well ? 'connected' : 'disconnected', timestamp: new Date().toISOString(),
    })
  })
  app.get('/metrics', (_request, response) => void response.json({ requests: 0, connections: 0, errors: 0, uptime: process.uptime() }))
  app.get('/info', (_request, response) =>
    void response.json({ name: 'vikunja-mcp', version, protocol: 'MCP 2024-11-05', vikunjaApiUrl: config.backend }))
  return app
}

// Whose token it is, asked of the backend unless it was asked a while ago.
async function admit(request: Request): Promise<string> {
  const token = /^Bearer (tk_\S+)$/.exec(request.headers.authorization ?? '')?.[1]
  if (!token) throw new Refused(401, 'a bearer token that begins with tk_ is needed')
  if (!(await knownUser(token))) {
    await rightBackend()
    await rememberUser(token, await userOf(token))
  }
  if (!(await allowed(token))) throw new Refused(429, 'too many requests')
  return token
}

async function serve(request: Request, response: Response) {
  const server = tools(await admit(request))
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined, enableJsonResponse: config.jsonResponse })
  response.on('close', () => void server.close())
  await server.connect(transport)
  await transport.handleRequest(request, response, request.body)
}

export function mcpApp(): Express {
  const app = healthApp()
  app.post('/mcp', express.json(), (request, response) => {
    serve(request, response).catch(error => {
      const refused = error instanceof Refused ? error : new Refused(502, `the backend does not answer: ${error}`)
      if (refused.status >= 500) log('error', refused.message)
      if (!response.headersSent)
        response.status(refused.status).json({ jsonrpc: '2.0', error: { code: -32001, message: refused.message }, id: null })
    })
  })
  return app
}
