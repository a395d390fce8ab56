// @effect-diagnostics strictEffectProvide:off
/**
 * Second half of the composition root of `lms-bridge-mcp`: the services on Node, and the surface over them.
 */
import * as Bridge from "@lms-bridge/core/Bridge"
import { Settings } from "@lms-bridge/core/Settings"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as NodePlatform from "@lms-bridge/node/NodePlatform"
import { Runs } from "./runs/Runs.ts"
import { surface } from "./protocol/Surface.ts"

const ServicesLayer = Runs.layer.pipe(Layer.provideMerge(Bridge.layerNoDeps), Layer.provide(NodePlatform.layer))

/** The services end with the scope. */
export const load = Effect.gen(function* () {
  const settings = yield* Settings
  const services = yield* Layer.build(ServicesLayer)
  return { surface: yield* surface, context: Context.add(services, Settings, settings) }
})
