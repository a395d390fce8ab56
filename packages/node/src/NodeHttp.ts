/**
 * HTTP over undici with its time limits off: those of `LmStudioApi` count, and a model may process a prompt for longer
 * than undici allows. Never uses a proxy.
 */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { Agent, type Dispatcher } from "@effect/platform-node/Undici"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/**
 * The platform's client sets a headers limit of an hour on each request; this replaces it with the agent's settings.
 */
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
