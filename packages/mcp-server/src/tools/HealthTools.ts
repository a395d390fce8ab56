/**
 * Tools that say whether LM Studio is available, and what to do if it is not.
 */
import { baseUrl, Settings } from "@lms-bridge/core/Settings"
import { isAwake, LmStudioApi, productOf } from "@lms-bridge/core/LmStudioApi"
import { LmsCli } from "@lms-bridge/core/LmsCli"
import { McpRegistry, type ServerSummary } from "@lms-bridge/core/McpRegistry"
import { Resilience } from "@lms-bridge/core/Resilience"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { present } from "@lms-bridge/core/Json"
import { readiness } from "../Readiness.ts"
import { brief, optional } from "./Fields.ts"
import { count } from "../runs/RunProgress.ts"
import * as Tool from "./Tool.ts"

export const serverStatus = Tool.make({
  name: "lms_server_status",
  title: "LM Studio server status",
  description:
    "Whether LM Studio's server answers and where, and what its `lms` says; starts nothing. Use it when a tool could not reach LM Studio.",
  annotations: Tool.looks,
  input: Schema.Struct({}),
  output: Schema.Struct({
    serverRunning: Schema.Boolean,
    status: Schema.Literal("running", "unreachable"),
    baseUrl: Schema.String,
    dialect: optional(Schema.String),
    isLmStudio: optional(Schema.Boolean),
    lms: Schema.Struct({
      available: Schema.Boolean,
      running: optional(Schema.Boolean),
      port: optional(Schema.Int),
      problem: optional(Schema.String)
    }).annotations(brief("object")),
    message: Schema.String
  }),
  success: ({ serverRunning }) => serverRunning,
  text: ({ lms, message }) => [`${message}\n${saidByLms(lms)}`],
  handler: Effect.fnUntraced(function* () {
    const api = yield* LmStudioApi
    const lms = yield* LmsCli
    const address = baseUrl(yield* Settings)
    const [answer, said] = yield* Effect.all([Effect.either(api.ping), Effect.either(lms.serverStatus)], {
      concurrency: 2
    })
    const lmsSays = Either.match(said, {
      onLeft: ({ message }) => ({ available: false, problem: message }),
      onRight: ({ port, running }) => ({ available: true, running, ...present({ port }) })
    })
    return Either.match(answer, {
      onLeft: ({ message }) => ({
        serverRunning: false,
        status: "unreachable" as const,
        baseUrl: address,
        lms: lmsSays,
        message
      }),
      onRight: (server) => ({
        serverRunning: true,
        status: "running" as const,
        ...server,
        lms: lmsSays,
        message: `${productOf(server)} answers at ${server.baseUrl} (${server.dialect}).`
      })
    })
  })
})

export const healthCheck = Tool.make({
  name: "health_check",
  title: "Health check",
  description:
    "Whether work can be delegated now: LM Studio, its models, the MCP servers, and what is paused after failures. Use it first when something does not work.",
  annotations: Tool.looks,
  input: Schema.Struct({}),
  output: Schema.Struct({
    healthy: Schema.Boolean,
    models: Schema.Int,
    loaded: Schema.Int,
    /** MCP servers in the configuration; absent where it cannot be read. */
    mcpServers: optional(Schema.Struct({ usable: Schema.Int, configured: Schema.Int }).annotations(brief("object"))),
    breakers: Schema.Array(
      Schema.Struct({ name: Schema.String, state: Schema.Literal("Closed", "Open", "HalfOpen") })
    ).annotations(brief("array")),
    message: Schema.String
  }),
  text: ({ message }) => [message],
  handler: Effect.fnUntraced(function* () {
    const resilience = yield* Resilience
    const registry = yield* McpRegistry
    const [answer, servers] = yield* Effect.all([Effect.either(readiness), Effect.either(registry.servers)], {
      concurrency: 2
    })
    const mcpServers = Either.match(servers, {
      onLeft: () => undefined,
      onRight: (all) => ({ usable: all.filter(({ state }) => state === "usable").length, configured: all.length })
    })
    const mcp = Either.match(servers, { onLeft: ({ message }) => message, onRight: servedBy })
    const breakers = (yield* resilience.breakers).map(({ name, state }) => ({ name, state: state._tag }))
    return Either.match(answer, {
      onLeft: ({ message }) => ({
        healthy: false,
        models: 0,
        loaded: 0,
        breakers,
        ...present({ mcpServers }),
        message: `${message}\n${mcp}`
      }),
      onRight: ([server, models]) => {
        const loaded = models.reduce((sum, { instances }) => sum + instances.filter(isAwake).length, 0)
        return {
          healthy: true,
          models: models.length,
          loaded,
          breakers,
          ...present({ mcpServers }),
          message: `${productOf(server)} is running and accessible at ${server.baseUrl}: ${count(models.length, "model")}, ${loaded} loaded.\n${mcp}`
        }
      }
    })
  })
})

export const tools: ReadonlyArray<Tool.Tool<LmStudioApi | LmsCli | McpRegistry | Resilience | Settings>> = [
  serverStatus,
  healthCheck
]

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface SaidByLms {
  readonly available: boolean
  readonly running?: boolean
  readonly port?: number
  readonly problem?: string
}

const saidByLms = ({ available, port, problem = "", running = false }: SaidByLms): string =>
  available
    ? `\`lms\` says that the server ${running ? `runs${port === undefined ? "" : ` on port ${port}`}` : "is off"}.`
    : `\`lms\` says nothing: ${problem}`

const servedBy = (all: ReadonlyArray<Pick<ServerSummary, "name" | "state">>): string => {
  if (all.length === 0) return "There are no MCP servers."
  const usable = all.filter(({ state }) => state === "usable")
  const others = all.length === usable.length ? "" : ` of ${all.length}`
  return `MCP servers: ${usable.length}${others} usable${usable.length === 0 ? "" : ` (${usable.map(({ name }) => name).join(", ")})`}. list_available_mcps has the details.`
}
