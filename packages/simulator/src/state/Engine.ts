/** What a loaded instance works with, and how its load ends. */
import * as Deferred from "effect/Deferred"
import type * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { LoadFailed, type Instance, type InstanceGone } from "./Machine.ts"

export interface Engine {
  readonly slots: Effect.Semaphore
  readonly gone: Deferred.Deferred<never, InstanceGone>
}

export const settle = (
  done: Deferred.Deferred<Instance, LoadFailed>,
  exit: Exit.Exit<Instance, LoadFailed>,
  key: string
) =>
  Exit.isInterrupted(exit)
    ? Deferred.fail(done, new LoadFailed({ reason: "Cancelled", key, text: "Load cancelled." }))
    : Deferred.done(done, exit)
