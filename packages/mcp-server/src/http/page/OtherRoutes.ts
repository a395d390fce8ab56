/**
 * What the page reads of models, servers and the state of health, and does with them. Models go the ways of the tools.
 */
import { McpRegistry } from "@lms-bridge/core/McpRegistry"
import type { Finding } from "@lms-bridge/page/Page"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { optional } from "../../tools/Fields.ts"
import * as ModelTools from "../../tools/ModelTools.ts"
import type * as Tool from "../../tools/Tool.ts"
import type { Keeping } from "./ModelActs.ts"
import { get, post, type Route } from "./Route.ts"

/** What only the program that serves the page can do. */
export interface Means {
  /** The checks of `doctor`. */
  readonly doctor: Effect.Effect<ReadonlyArray<Finding>>
  /** Switches a server on or off in the file that it stands in. */
  readonly switchServer: (
    server: string,
    on: boolean
  ) => Effect.Effect<void, { readonly _tag: string; readonly message: string }>
}

const Instance = Schema.Struct({ instanceId: Schema.NonEmptyString })

export const make = Effect.fnUntraced(function* (keeping: Keeping, means: Means) {
  const registry = yield* McpRegistry
  const asTool = yield* called

  const routes: ReadonlyArray<Route> = [
    get("/api/models", () => asTool(ModelTools.listModels, {})),
    post(
      "/api/models/load",
      Schema.Struct({ model: Schema.NonEmptyString, contextLength: optional(Schema.Int.pipe(Schema.positive())) }),
      ({ contextLength, model }) =>
        asTool(ModelTools.load, {
          model_name: model,
          ...(contextLength === undefined ? {} : { context_length: contextLength })
        })
    ),
    post(
      "/api/models/unload",
      Schema.Struct({ ...Instance.fields, force: optional(Schema.Boolean) }),
      ({ force = false, instanceId }) =>
        Effect.zipRight(
          keeping.release(instanceId),
          asTool(ModelTools.unload, { model_name: instanceId, ...(force ? { force } : {}) })
        )
    ),
    post("/api/models/keep", Instance, ({ instanceId }) => Effect.as(keeping.keep(instanceId), {})),
    post("/api/models/release", Instance, ({ instanceId }) => Effect.as(keeping.release(instanceId), {})),
    get("/api/servers/:name/tools", ({ words: [name = ""] }) =>
      Effect.map(registry.tools(name), (tools) => tools.map(({ description = "", name }) => ({ name, description })))
    ),
    post("/api/servers/:name/enable", Schema.Struct({}), (_, [name = ""]) =>
      Effect.as(means.switchServer(name, true), {})
    ),
    post("/api/servers/:name/disable", Schema.Struct({}), (_, [name = ""]) =>
      Effect.as(means.switchServer(name, false), {})
    ),
    post("/api/servers/:name/restart", Schema.Struct({}), (_, [name = ""]) =>
      registry.disconnect(name).pipe(
        Effect.zipRight(registry.tools(name)),
        Effect.map((tools) => ({ tools: tools.length }))
      )
    ),
    get("/api/doctor", () => means.doctor)
  ]
  return routes
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const silent: Tool.Progress = { tell: () => Effect.void, note: () => Effect.void }

/** The structured result of a tool, with the services of the page. */
const called = Effect.map(
  Effect.context<ModelServices>(),
  (context) =>
    <R extends ModelServices>(tool: Tool.Tool<R>, input: Readonly<Record<string, unknown>>) =>
      Effect.map(tool.call(input, silent), ({ structured }) => structured).pipe(Effect.provide(context))
)

type ModelServices = typeof ModelTools.tools extends ReadonlyArray<Tool.Tool<infer R>> ? R : never
