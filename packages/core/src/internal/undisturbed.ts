/** For work of a finalizer that must finish, whatever happens to the fiber that runs it. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"

/**
 * Runs `self` in a fiber of its own and waits for it. A fiber that is interrupted again while its finalizers run passes
 * the interruption on to its children, and a time limit runs in child fibers: their interruptible work would end there,
 * with a cause that skips everything after it.
 *
 * @internal
 */
export const undisturbed = <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(Effect.forkDaemon(self), Fiber.join)
