/** Work in a scope of its own, within the scope of its caller. */
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"

/** What is made, and its scope, which can be closed before the outer one. Work that fails leaves nothing open. */
export const inOwnScope = <A, E, R>(
  self: Effect.Effect<A, E, R>
): Effect.Effect<readonly [A, Scope.CloseableScope], E, Exclude<R, Scope.Scope> | Scope.Scope> =>
  Effect.flatMap(
    Effect.flatMap(Effect.scope, (outer) => Scope.fork(outer, ExecutionStrategy.sequential)),
    (own) =>
      Scope.extend(self, own).pipe(
        Effect.onError((cause) => Scope.close(own, Exit.failCause(cause))),
        Effect.map((made) => [made, own])
      )
  )

/** Work that fails leaves nothing open: what it made is closed at once, not with the scope. */
export const closedOnFailure = <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.map(inOwnScope(self), ([made]) => made)
