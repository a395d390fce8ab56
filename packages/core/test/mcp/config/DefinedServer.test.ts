import { assert, describe, it } from "@effect/vitest"
import { CurrentSecrets, DefinedServer } from "#src/mcp/config/DefinedServer.ts"
import type { McpRegistry } from "#src/mcp/McpRegistry.ts"
import { type Context, Effect, Either, Redacted, Schema } from "effect"
import { path, turns, who, withWorld } from "../registryWorld.ts"

const asked = (registry: Context.Tag.Service<typeof McpRegistry>, server: DefinedServer) =>
  Effect.flatMap(registry.connectDefined(server), (connection) => connection.call("who", {}))

describe("DefinedServer", () => {
  it.effect("shares one connection among equal definitions, however the configuration changes", () =>
    withWorld(
      (registry, { closed, files, opened }) =>
        Effect.gen(function* () {
          const first = yield* asked(registry, { name: "mine", command: "run", args: ["a"] })
          assert.deepStrictEqual(first.content, [{ type: "text", text: "run a" }])
          files.write(path, { mcpServers: { mine: { command: "other" } } })
          assert.strictEqual(yield* who(registry, "mine"), "other")
          yield* asked(registry, { name: "mine", command: "run", args: ["a"] })
          yield* asked(registry, { name: "mine", command: "run", args: ["b"] })
          assert.deepStrictEqual(
            opened.map(({ line }) => line),
            ["run a", "other", "run b"]
          )
          yield* turns
          assert.deepStrictEqual(closed, [])
        }).pipe(Effect.scoped),
      {}
    )
  )

  it.effect("gives a defined server the secrets it names, from the caller before the environment", () =>
    withWorld(
      (registry, { opened }) =>
        Effect.gen(function* () {
          const server = { name: "hub", command: "run", env: { HUB_TOKEN: "${HUB_TOKEN}" } }
          yield* asked(registry, server)
          yield* asked(registry, server).pipe(
            Effect.provideService(CurrentSecrets, { HUB_TOKEN: Redacted.make("for this run") })
          )
          assert.deepStrictEqual(
            opened.map(({ environment }) => environment["HUB_TOKEN"]),
            ["of the environment", "for this run"]
          )
          const missing = { name: "hub", command: "run", env: { OTHER_TOKEN: "${OTHER_TOKEN}" } }
          assert.strictEqual(
            (yield* Effect.flip(asked(registry, missing))).message,
            'MCP server "hub" (given with the task) cannot be used: The environment variable OTHER_TOKEN is not set. Set it, or write ${OTHER_TOKEN:-default}.'
          )
        }).pipe(Effect.scoped),
      {},
      { environment: { HUB_TOKEN: "of the environment" } }
    )
  )

  it("refuses a definition that contains a secret, and does not repeat it", () => {
    const decode = Schema.decodeUnknownEither(DefinedServer)
    for (const holding of [
      { name: "hub", command: "run", env: { HUB_TOKEN: "ghp_secret" } },
      { name: "hub", command: "run", args: ["--token", "ghp_secret"] },
      { name: "hub", url: "https://host/mcp", headers: { Authorization: "Bearer ghp_secret" } },
      { name: "hub", url: "https://me:ghp_secret@host/mcp" }
    ]) {
      const refused = decode(holding)
      assert.isTrue(Either.isLeft(refused))
      if (Either.isLeft(refused)) assert.notInclude(refused.left.message.split("must")[1] ?? "", "ghp_secret")
    }
    assert.isTrue(Either.isRight(decode({ name: "hub", command: "run", env: { HUB_TOKEN: "${HUB_TOKEN}" } })))
  })
})
