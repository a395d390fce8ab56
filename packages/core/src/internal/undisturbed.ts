/** Work of a finalizer that has to come to its end, whatever happens to the fiber that runs it. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"

/**
 * Runs `self` in a fiber of its own and waits for it. A fiber that is interrupted a second time, while its finalizers
 * run, passes the signal on to its children, and a time limit is made of children: what is interruptible in them would
 * end there, with a cause that skips all that follows.
 *
 * @internal
 */
export const undisturbed = <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(Effect.forkDaemon(self), Fiber.join)
