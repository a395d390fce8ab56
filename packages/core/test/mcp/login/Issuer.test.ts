import { assert, describe, it } from "@effect/vitest"
import { otherThanNamed } from "#src/mcp/login/Issuer.ts"

const found = (issuer: string, named: string) =>
  otherThanNamed({
    authorizationServerUrl: named,
    authorizationServerMetadata: {
      issuer,
      authorization_endpoint: `${issuer}/authorize`,
      token_endpoint: `${issuer}/token`,
      response_types_supported: ["code"]
    },
    resourceMetadata: { resource: "https://mcp.example/mcp", authorization_servers: [named] }
  })

describe("Issuer", () => {
  it("distinguishes two login services on one host by their paths", () => {
    assert.strictEqual(
      found("https://id.example/realms/b", "https://id.example/realms/a"),
      "https://id.example/realms/b"
    )
    assert.isUndefined(found("https://id.example/realms/a/", "https://id.example/realms/a"))
    assert.isUndefined(found("https://id.example", "https://id.example/"))
  })
})
