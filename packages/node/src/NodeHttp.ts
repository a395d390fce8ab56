/**
 * HTTP over undici, whose time limits are off: those of `LmStudioApi` count, and a model may read a prompt for longer
 * than any of them. Never through a proxy.
 */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { Agent, type Dispatcher } from "@effect/platform-node/Undici"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/** The client of the platform allows an hour for headers; each request is given what the agent has instead. */
export const unlimited: Dispatcher.DispatcherComposeInterceptor = (dispatch) => (options, handler) =>
  dispatch({ ...options, headersTimeout: 0, bodyTimeout: 0 }, handler)

export const layer = NodeHttpClient.layerUndiciWithoutDispatcher.pipe(
  Layer.provide(
    Layer.scoped(
      NodeHttpClient.Dispatcher,
      Effect.map(
        Effect.acquireRelease(
          Effect.sync(() => new Agent()),
          (agent) => Effect.promise(() => agent.destroy())
        ),
        (agent) => agent.compose(unlimited)
      )
    )
  )
)
