/**
 * Tools that say whether LM Studio is available, and what to do if it is not.
 */
import { baseUrl, Settings } from "@lms-bridge/core/Settings"
import { isAwake, LmStudioApi, productOf } from "@lms-bridge/core/LmStudioApi"
import { LmsCli } from "@lms-bridge/core/LmsCli"
import { Resilience } from "@lms-bridge/core/Resilience"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { present } from "@lms-bridge/core/Json"
import { brief, optional } from "./Fields.ts"
import * as Tool from "./Tool.ts"

export const serverStatus = Tool.make({
  name: "lms_server_status",
  title: "LM Studio server status",
  description: "Whether LM Studio's server answers, and where. Starts nothing.",
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
  text: ({ message }) => [message],
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
        message: Either.match(said, {
          onLeft: () => message,
          onRight: ({ port, running }) =>
            running && port !== undefined ? `${message} \`lms\` says that it runs on port ${port}.` : message
        })
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
  description: "Whether LM Studio can be used now: server, models, circuit breakers.",
  annotations: Tool.looks,
  input: Schema.Struct({}),
  output: Schema.Struct({
    healthy: Schema.Boolean,
    models: Schema.Int,
    loaded: Schema.Int,
    breakers: Schema.Array(
      Schema.Struct({ name: Schema.String, state: Schema.Literal("Closed", "Open", "HalfOpen") })
    ).annotations(brief("array")),
    message: Schema.String
  }),
  text: ({ message }) => [message],
  handler: Effect.fnUntraced(function* () {
    const api = yield* LmStudioApi
    const resilience = yield* Resilience
    const answer = yield* Effect.either(Effect.zip(api.ping, api.models))
    const breakers = (yield* resilience.breakers).map(({ name, state }) => ({ name, state: state._tag }))
    return Either.match(answer, {
      onLeft: ({ message }) => ({ healthy: false, models: 0, loaded: 0, breakers, message }),
      onRight: ([server, models]) => {
        const loaded = models.reduce((sum, { instances }) => sum + instances.filter(isAwake).length, 0)
        return {
          healthy: true,
          models: models.length,
          loaded,
          breakers,
          message: `${productOf(server)} is running and accessible at ${server.baseUrl}: ${models.length} models, ${loaded} loaded.`
        }
      }
    })
  })
})

export const tools: ReadonlyArray<Tool.Tool<LmStudioApi | LmsCli | Resilience | Settings>> = [serverStatus, healthCheck]
