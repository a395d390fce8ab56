/**
 * The client that the official conformance suite starts for each of its scenarios: our registry, with the suite's server
 * as the only entry of its mcp.json, and a person who agrees to every login. Its last argument is the server's address.
 */
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { FileSystem } from "@effect/platform"
import { Settings } from "#src/configuration/Settings.ts"
import { McpRegistry } from "#src/mcp/McpRegistry.ts"
import { CurrentElicitation, type ElicitationHandler } from "#src/mcp/Elicitation.ts"
import { Config, Duration, Effect, Exit, Layer, Logger, Option, Schema } from "effect"
import { comesBack } from "../mcp/login/person.ts"

/** A person who is asked a third time for the same thing gives up. */
const patience = 2

const Context = Schema.parseJson(
  Schema.Struct({
    client_id: Schema.optional(Schema.String),
    client_secret: Schema.optional(Schema.String),
    private_key_pem: Schema.optional(Schema.String),
    toolCalls: Schema.optional(
      Schema.Array(
        Schema.Struct({ name: Schema.String, arguments: Schema.Record({ key: Schema.String, value: Schema.Unknown }) })
      )
    )
  })
)

const scenario = Config.string("MCP_CONFORMANCE_SCENARIO")
const context = Config.string("MCP_CONFORMANCE_CONTEXT").pipe(Config.withDefault("{}"))

/** As a user would write it who was told what the scenario says. */
const entry = Effect.gen(function* () {
  const {
    client_id: clientId,
    client_secret: secret,
    private_key_pem: key
  } = yield* Schema.decode(Context)(yield* context)
  const clientSecret = secret ?? key
  const grantType = (yield* scenario).startsWith("auth/client-credentials")
    ? "client_credentials"
    : "authorization_code"
  const document = "https://conformance-test.local/client-metadata.json"
  return { url: process.argv.at(-1), oauth: { clientId: clientId ?? document, clientSecret, grantType } }
})

const registry = Layer.unwrapScoped(
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const folder = yield* fs.makeTempDirectoryScoped()
    const mcpJson = `${folder}/mcp.json`
    yield* fs.writeFileString(mcpJson, JSON.stringify({ mcpServers: { suite: yield* entry } }))
    const settings = Settings.layerWith({ mcpJsonPath: Option.some(mcpJson), dataDir: Option.some(folder) })
    return McpRegistry.layer.pipe(Layer.provide(settings))
  })
).pipe(Layer.provide(NodeContext.layer))

const login = Effect.flatMap(McpRegistry, (mcp) =>
  mcp.login("suite", { openCallback: comesBack, timeout: Duration.seconds(20) })
)

/** What a person does at the terminal: what the error says, and then the same again. */
const asTold = <A, E extends { readonly _tag: string }, R>(self: Effect.Effect<A, E, R>, logins = patience) => {
  const again: Effect.Effect<A, E | Effect.Effect.Error<typeof login>, R | McpRegistry> = Effect.catchIf(
    self,
    (error) =>
      logins > 0 &&
      "reason" in error &&
      error.reason === "Unauthorized" &&
      !("lacks" in error && error.lacks === "refused"),
    () => Effect.zipRight(login, asTold(self, logins - 1))
  )
  return again
}

const use = Effect.gen(function* () {
  const mcp = yield* McpRegistry
  const tools = yield* asTold(mcp.tools("suite"))
  const schemaOf = (tool: string) => tools.find(({ name }) => name === tool)?.inputSchema
  const given: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
    add_numbers: { a: 5, b: 3 },
    json_schema_echo: { schema: schemaOf("json_schema_2020_12_tool") }
  }
  const { toolCalls } = yield* Schema.decode(Context)(yield* context)
  const calls = toolCalls ?? tools.map(({ name }) => ({ name, arguments: given[name] ?? {} }))
  for (const { arguments: args, name } of calls) yield* asTold(mcp.call("suite", name, args))
  const server = yield* mcp.connect("suite")
  for (const { uri } of yield* server.resources) yield* server.readResource(uri)
  for (const { name } of yield* server.prompts) yield* server.getPrompt(name, {})
}).pipe(Effect.scoped)

/** Presses Enter at each field, which takes what the server proposes. */
const agreeable: ElicitationHandler = {
  who: "the person",
  opensPages: false,
  ask: (question) =>
    Effect.succeed(
      question._tag === "Form"
        ? { action: "accept", content: proposed(question.schema.properties) }
        : { action: "decline" }
    )
}

const Proposal = Schema.Struct({ default: Schema.Union(Schema.String, Schema.Number, Schema.Boolean) })

const proposed = (properties: Readonly<Record<string, object>>) =>
  Object.fromEntries(
    Object.entries(properties).flatMap(([name, field]) =>
      Option.toArray(Schema.decodeUnknownOption(Proposal)(field)).map((found) => [name, found.default])
    )
  )

use.pipe(
  Effect.provideService(CurrentElicitation, Option.some(agreeable)),
  Effect.provide(registry),
  Effect.provide(Logger.replace(Logger.defaultLogger, Logger.withConsoleError(Logger.logfmtLogger))),
  // the suite's servers keep their sockets open
  NodeRuntime.runMain({
    disablePrettyLogger: true,
    teardown: (exit) => process.exit(Exit.isSuccess(exit) ? 0 : 1)
  })
)
