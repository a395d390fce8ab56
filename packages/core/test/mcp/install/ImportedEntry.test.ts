import { assert, describe, it } from "@effect/vitest"
import { Either } from "effect"
import * as McpConfig from "#src/mcp/config/McpConfig.ts"
import * as ImportedEntry from "#src/mcp/install/ImportedEntry.ts"

/** The first entry of a file, in the words of an mcp.json of ours. */
const taken = (path: string, file: unknown, options: { readonly secrets?: boolean } = {}) => {
  const [entry] = Either.getOrThrow(McpConfig.parse(path, JSON.stringify(file)))
  if (entry === undefined) return assert.fail("there is no entry")
  const settings = Either.getOrThrowWith(entry.settings, ({ detail }) => new Error(detail))
  return ImportedEntry.of(entry, settings, { cwd: undefined, secrets: options.secrets ?? false, known: [] })
}

describe("an entry of another client", () => {
  it("keeps what it means: limits, lists of tools, logins, inputs that a client asks for", () => {
    const { carried, entry } = taken("/h/.config/Code/User/mcp.json", {
      inputs: [{ id: "api-key" }, { id: "zone", default: "eu" }],
      servers: {
        web: {
          type: "http",
          url: "https://${input:zone}.example.org/mcp",
          headers: { "X-Key": "${input:api-key}" },
          oauth: { clientId: "me", clientSecret: "drawn-Secret-0123456789", callbackPort: 8080 },
          timeout: 500,
          disabledTools: ["wipe"]
        }
      }
    })
    assert.deepStrictEqual(entry, {
      type: "http",
      url: "https://${LMS_BRIDGE_INPUT_ZONE:-eu}.example.org/mcp",
      headers: { "X-Key": "${LMS_BRIDGE_INPUT_API_KEY}" },
      oauth: { clientId: "me", clientSecret: "${env:WEB_CLIENT_SECRET}", callbackPort: 8080 },
      timeout: 500_000,
      excludedTools: ["wipe"]
    })
    assert.deepStrictEqual(carried, [{ variable: "WEB_CLIENT_SECRET", value: "drawn-Secret-0123456789" }])
    assert.deepStrictEqual(ImportedEntry.needs(entry), ["LMS_BRIDGE_INPUT_API_KEY", "WEB_CLIENT_SECRET"])
  })

  it("refers to a secret wherever it stands, and leaves the rest of the text", () => {
    const token = "ghp_0123456789abcdefghijABCDEFGHIJ012345"
    const { carried, entry } = taken("/h/.claude.json", {
      mcpServers: {
        "my db": {
          command: "npx",
          args: ["db", `--token=${token}`, "postgres://me:hunter2secret@host/db", "--root", "~/data"],
          env: { DATABASE_URL: "postgres://me:hunter2secret@${DB_HOST}/db", DEBUG: "1" }
        }
      }
    })
    assert.deepStrictEqual(entry, {
      command: "npx",
      args: ["db", "--token=${env:MY_DB_TOKEN}", "postgres://me:${env:MY_DB_SECRET}@host/db", "--root", "~/data"],
      env: { DATABASE_URL: "postgres://me:${env:MY_DB_DATABASE_URL}@${DB_HOST}/db", DEBUG: "1" }
    })
    assert.strictEqual(carried.length, 3)
    const copied = taken(
      "/h/.claude.json",
      { mcpServers: { a: { command: "a", args: [`--token=${token}`] } } },
      { secrets: true }
    )
    assert.deepStrictEqual(copied, { entry: { command: "a", args: [`--token=${token}`] }, carried: [] })
  })
})
