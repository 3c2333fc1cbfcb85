// What a model can do with the app.
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { z } from 'zod'
import { backend } from './backend.js'

export const version = '1.0.0'

const said = (value: unknown) => ({ content: [{ type: 'text' as const, text: JSON.stringify(value) }] })

export function tools(token: string): McpServer {
  const server = new McpServer({ name: 'vikunja-mcp', version })
  server.registerTool('list_projects', { description: 'List all projects.' }, async () =>
    said(await backend(token, 'GET', '/projects')))
  server.registerTool('list_tasks', { description: 'List the tasks of a project.', inputSchema: { project: z.number().int() } },
    async ({ project }) => said(await backend(token, 'GET', `/projects/${project}/tasks`)))
  server.registerTool('create_task',
    { description: 'Add a task to a project.', inputSchema: { project: z.number().int(), title: z.string().min(1) } },
    async ({ project, title }) => said(await backend(token, 'PUT', `/projects/${project}/tasks`, { title })))
  return server
}
