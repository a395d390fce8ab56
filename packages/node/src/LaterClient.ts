/** HTTP clients that are loaded with their first request: a start does not need them, and an idle server need not keep them. */
import * as HttpClient from "@effect/platform/HttpClient"
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"

/** The client ends with the scope in which this runs. */
export const later = (
  load: Effect.Effect<HttpClient.HttpClient, never, Scope.Scope>
): Effect.Effect<HttpClient.HttpClient, never, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    // whoever asks first may leave before it is loaded
    const first = yield* Effect.cached(Effect.uninterruptible(Scope.extend(load, scope)))
    let loaded: HttpClient.HttpClient | undefined
    const client = Effect.suspend(() =>
      loaded === undefined ? Effect.map(first, (made) => (loaded = made)) : Effect.succeed(loaded)
    )
    return HttpClient.makeWith(
      (asked: Effect.Effect<HttpClientRequest>) =>
        Effect.flatMap(asked, (request) => Effect.flatMap(client, ({ execute }) => execute(request))),
      Effect.succeed
    )
  })
