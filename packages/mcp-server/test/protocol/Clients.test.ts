import { assert, describe, it } from "@effect/vitest"
import { Settings, table } from "@lms-bridge/core/Settings"
import { instructions } from "#src/About.ts"
import { approver } from "#src/protocol/Approval.ts"
import * as ClientLog from "#src/protocol/ClientLog.ts"
import { detachAfter } from "#src/protocol/Clients.ts"
import { listed } from "#src/protocol/Server.ts"
import * as Tool from "#src/tools/Tool.ts"
import { allTools, chosen, describesOutput, toolsets } from "#src/tools/Tools.ts"
import { ElicitRequestSchema, LoggingMessageNotificationSchema } from "@modelcontextprotocol/sdk/types.js"
import { ConfigProvider, Duration, Effect, Layer, LogLevel, Option, Redacted, Schema } from "effect"
import { callTool, connected, settle } from "../connected.ts"

const seconds = (asked: Parameters<typeof detachAfter>[0]) =>
  Option.match(detachAfter(asked), { onNone: () => "never", onSome: Duration.toSeconds })

describe("how long a client waits", () => {
  it("is known for some by name, is the SDK's limit for those that see no progress, and can be set", () => {
    const ask = (client: string | undefined, wantsProgress: boolean) =>
      seconds({ setting: "auto", client, wantsProgress })
    assert.strictEqual(ask("claude-ai", true), 50)
    assert.strictEqual(ask("claude-code", false), "never")
    assert.strictEqual(ask("Visual Studio Code - Insiders", true), "never")
    assert.strictEqual(ask("anybody", true), "never")
    assert.strictEqual(ask("anybody", false), 50)
    assert.strictEqual(ask(undefined, false), 50)
    assert.strictEqual(seconds({ setting: "never", client: "claude-ai", wantsProgress: false }), "never")
    assert.strictEqual(seconds({ setting: Duration.minutes(3), client: "claude-code", wantsProgress: true }), 180)
  })
})

const tool = <R>(handler: Effect.Effect<boolean, never, R>) =>
  Tool.make({
    name: "ask",
    title: "Ask",
    description: "Asks.",
    annotations: Tool.looks,
    input: Schema.Struct({}),
    output: Schema.Struct({ allowed: Schema.Boolean }),
    text: ({ allowed }) => [String(allowed)],
    handler: () => Effect.map(handler, (allowed) => ({ allowed }))
  })

const asks = tool(
  Effect.flatMap(
    approver,
    Option.match({
      onNone: () => Effect.succeed(false),
      onSome: (ask) =>
        Effect.map(
          ask({ server: "files", tool: "delete", arguments: { path: "/a" }, reason: "it is destructive" }),
          (answer) => answer === true
        )
    })
  )
)

describe("approval by the person at the other end", () => {
  const asking = Effect.fnUntraced(function* (answer: { action: "accept" | "decline" | "cancel"; choice?: string }) {
    const questions: Array<string> = []
    const { client } = yield* connected([asks], { capabilities: { elicitation: {} } })
    client.setRequestHandler(ElicitRequestSchema, ({ params }) => {
      questions.push(params.message)
      return { action: answer.action, ...(answer.choice === undefined ? {} : { content: { answer: answer.choice } }) }
    })
    const result = yield* callTool(client, "ask")
    return { allowed: result.structuredContent?.["allowed"], questions }
  })

  it.scoped("is a question with the call and the reason, and only a clear yes allows it", () =>
    Effect.gen(function* () {
      const yes = yield* asking({ action: "accept", choice: "Allow once" })
      assert.isTrue(yes.allowed)
      assert.deepStrictEqual(yes.questions, [
        "The local model wants to call delete of files with path: /a. It is destructive."
      ])
      assert.isFalse((yield* asking({ action: "accept", choice: "Refuse" })).allowed)
      assert.isFalse((yield* asking({ action: "decline" })).allowed)
      assert.isFalse((yield* asking({ action: "cancel" })).allowed)
    })
  )

  it.scoped("is impossible where the client cannot ask", () =>
    Effect.gen(function* () {
      const { client } = yield* connected([asks])
      assert.isFalse((yield* callTool(client, "ask")).structuredContent?.["allowed"])
    })
  )
})

describe("logging to the client", () => {
  it.scoped("sends nothing until a level is set, then lines from that level on with their facts, secrets hidden", () =>
    Effect.gen(function* () {
      const seen: Array<unknown> = []
      const speaks = tool(
        Effect.zipRight(
          Effect.zipRight(Effect.logInfo("quiet"), Effect.logWarning("loud", { token: Redacted.make("s3cret") })),
          Effect.succeed(true)
        )
      )
      const { client } = yield* connected([speaks])
      client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => void seen.push(params))
      yield* callTool(client, "ask")
      yield* settle
      assert.deepStrictEqual(seen, [])
      yield* Effect.promise(() => client.setLoggingLevel("warning"))
      yield* callTool(client, "ask")
      yield* settle
      assert.strictEqual(seen.length, 1)
      assert.deepNestedInclude(seen[0], { level: "warning", logger: "lms-bridge", "data.message": "loud" })
      assert.notInclude(JSON.stringify(seen), "s3cret")
    })
  )

  it("maps levels", () => {
    assert.deepStrictEqual(
      [LogLevel.Trace, LogLevel.Debug, LogLevel.Info, LogLevel.Warning, LogLevel.Error, LogLevel.Fatal].map(
        ClientLog.levelOf
      ),
      ["debug", "debug", "info", "warning", "error", "critical"]
    )
  })
})

describe("toolsets", () => {
  const size = (names: ReadonlyArray<string>) => JSON.stringify(listed(chosen(names), describesOutput(names))).length

  it("name in what they say no tool that they have not got", () => {
    for (const [set, tools] of Object.entries(toolsets)) {
      const absent = allTools.filter((tool) => !tools.includes(tool)).map(({ name }) => name)
      for (const tool of listed(chosen([set]), true)) {
        const named = new Set(JSON.stringify(tool).match(/\w+/g))
        assert.deepStrictEqual(
          absent.filter((name) => named.has(name)),
          [],
          `${tool.name} in ${set}`
        )
      }
    }
  })

  it("are told of by name only where every tool is offered", () => {
    assert.include(instructions(["all"]), "run_start")
    for (const { name } of allTools) assert.notInclude(instructions(["lean"]), name)
  })

  it("have no default for an argument that would override a setting", () => {
    const settings = new Set(
      Object.keys(table).map((key) => key.replaceAll(/[A-Z]/g, (big) => `_${big.toLowerCase()}`))
    )
    for (const { inputSchema, name } of allTools) {
      for (const [argument, schema] of Object.entries(inputSchema.properties)) {
        if (settings.has(argument)) assert.notProperty(schema, "default", `${argument} of ${name}`)
      }
    }
  })

  it("hold every tool once, and the names that the setting allows", () => {
    assert.deepStrictEqual(chosen(["all", "vision"]), allTools)
    assert.deepStrictEqual(chosen(["models", "agent", "inference", "runs"]), chosen(["all"]))
    assert.deepStrictEqual(
      chosen(["runs"]).map(({ name }) => name),
      ["run_start", "run_status", "run_result", "run_cancel"]
    )
    for (const tools of Object.values(toolsets)) assert.isAtLeast(tools.length, 1)
  })

  it("lean stays within 4 kB, all within 24 kB", () => {
    assert.isAtMost(size(["lean"]), 4096)
    assert.isAtMost(size(["all"]), 24_576)
  })

  it.effect("refuse an unknown name, and list the known ones", () =>
    Effect.gen(function* () {
      const provider = ConfigProvider.fromMap(new Map([["LMS_BRIDGE_TOOLSETS", "agent,agnt"]]))
      const error = yield* Layer.build(Settings.layer).pipe(
        Effect.scoped,
        Effect.withConfigProvider(provider),
        Effect.flip
      )
      assert.include(error.message, 'LMS_BRIDGE_TOOLSETS is "agent,agnt"')
      for (const name of Object.keys(toolsets)) assert.include(error.message, `\`${name}\``)
    })
  )
})
