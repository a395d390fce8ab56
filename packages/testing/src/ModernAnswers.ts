/** What a server of revision 2026-07-28 answers whose one tool, `whoami`, names the token's user. */

interface Request {
  readonly id: unknown
  readonly method: string
}

/** To `initialize`, which it does not know. */
export const refusal = ({ id }: Request) => ({
  jsonrpc: "2.0",
  id,
  error: { code: -32_022, message: "Unsupported protocol version", data: { supported: ["2026-07-28"] } }
})

export const answer = ({ id, method }: Request, user: string) => {
  const results: Readonly<Record<string, object>> = {
    "server/discover": { supportedVersions: ["2026-07-28"], capabilities: { tools: {} } },
    "tools/list": { tools: [{ name: "whoami", inputSchema: { type: "object" } }] },
    "tools/call": { content: [{ type: "text", text: user }] }
  }
  return {
    jsonrpc: "2.0",
    id,
    result: { resultType: "complete", ttlMs: 0, cacheScope: "private", ...results[method] }
  }
}
