import { assert, describe, it } from "@effect/vitest"
import type { CallOptions, Session } from "#src/mcp/McpConnection.ts"
import * as SessionWithoutSecrets from "#src/mcp/redaction/SessionWithoutSecrets.ts"
import { Effect } from "effect"

const secret = "s3cr3t"

/** A server that includes its secret in everything it sends. */
const talkative: Session = {
  server: "main",
  implementation: { name: `srv ${secret}`, version: "1" },
  instructions: `Use ${secret}`,
  tools: Effect.succeed([
    {
      server: "main",
      name: "read",
      description: `With ${secret}`,
      inputSchema: JSON.parse(
        `{"type":"object","properties":{"q":{"default":"${secret}"},"__proto__":{"title":"${secret}"}}}`
      ),
      annotations: {}
    }
  ]),
  toolsEdition: Effect.succeed("1"),
  call: (_tool, _args, options) =>
    told(options, { content: [{ type: "text", text: secret }], structured: { [secret]: [secret] }, isError: false }),
  resources: Effect.succeed([{ server: "main", uri: `x://${secret}`, name: secret }]),
  resourceTemplates: Effect.succeed([{ server: "main", uriTemplate: `x://${secret}/{id}`, name: secret }]),
  readResource: (uri, options) => told(options, [{ uri, text: secret }]),
  prompts: Effect.succeed([{ server: "main", name: "p", description: secret, arguments: [] }]),
  getPrompt: (_name, _args, options) =>
    told(options, { messages: [{ role: "user", content: { type: "text", text: secret } }] }),
  stderrTail: Effect.succeed(""),
  isOpen: Effect.succeed(true),
  closed: Effect.void,
  rootsChanged: Effect.void
}

function told<A>(options: CallOptions | undefined, result: A) {
  return Effect.as(options?.onProgress?.({ progress: 1, total: undefined, message: secret }) ?? Effect.void, result)
}

describe("SessionWithoutSecrets", () => {
  it.effect("does not reveal a server's secret anywhere", () =>
    Effect.gen(function* () {
      const session = SessionWithoutSecrets.make(talkative, (text) => text.replaceAll(secret, "<redacted>"))
      const heard: Array<unknown> = []
      const options: CallOptions = { onProgress: (progress) => Effect.sync(() => void heard.push(progress)) }
      heard.push(
        session.implementation,
        session.instructions,
        yield* session.tools,
        yield* session.resources,
        yield* session.resourceTemplates,
        yield* session.prompts,
        yield* session.call("read", {}, options),
        yield* session.readResource("x://1", options),
        yield* session.getPrompt("p", {}, options)
      )
      assert.lengthOf(heard, 12)
      for (const one of heard) {
        assert.notInclude(JSON.stringify(one), secret)
        assert.include(JSON.stringify(one), "<redacted>")
      }
      assert.include(JSON.stringify(heard), '"__proto__":{"title":"<redacted>"}')
    })
  )

  it.effect("returns the same object if there is nothing to hide, so that it does not look changed", () =>
    Effect.gen(function* () {
      const tools = yield* talkative.tools
      const session = SessionWithoutSecrets.make({ ...talkative, tools: Effect.succeed(tools) }, (text) => text)
      assert.strictEqual(yield* session.tools, tools)
    })
  )
})
