// One JSON object per line on standard error: standard output belongs to MCP in its other mode.

export function log(level: 'info' | 'warn' | 'error', message: string, more: object = {}) {
  process.stderr.write(JSON.stringify({ timestamp: new Date().toISOString(), level, message, ...more }) + '\n')
}
