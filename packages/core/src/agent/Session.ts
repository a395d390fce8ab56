/**
 * Several tasks one after another with memory: each goes on from the conversation of the one before. One that fails
 * takes nothing from the others.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"
import type { AgentEvent, AgentOutcome, Problem } from "./AgentEvent.ts"
import { AgentLoop } from "./AgentLoop.ts"
import type { AgentTask } from "./AgentTask.ts"

/**
 * What came of one task: the outcome of its run, or why it could not begin.
 *
 * @since 0.1.0
 * @category models
 */
export type SessionResult =
  | { readonly _tag: "Ran"; readonly runId: string; readonly outcome: AgentOutcome }
  | { readonly _tag: "Refused"; readonly problem: Problem }

/**
 * Runs the tasks in order and gives one result for each. `index` of `onEvent` is the task's place. A task that could not
 * begin is left out of the memory; what a failed one has said is kept.
 *
 * @since 0.1.0
 * @category constructors
 */
export const run = Effect.fn("Session.run")(function* (
  tasks: ReadonlyArray<AgentTask>,
  onEvent: (event: AgentEvent, index: number) => Effect.Effect<void> = () => Effect.void
) {
  const loop = yield* AgentLoop
  let previous: string | undefined
  return yield* Effect.forEach(tasks, (task, index) =>
    Effect.gen(function* () {
      const last = yield* Ref.make(Option.none<SessionResult>())
      const follows = task.follows ?? (previous === undefined ? undefined : { run: previous })
      yield* Stream.runForEach(loop.run(follows === undefined ? task : { ...task, follows }), (event) =>
        Effect.zipRight(
          event._tag === "RunFinished"
            ? Ref.set(last, Option.some<SessionResult>({ _tag: "Ran", runId: event.runId, outcome: event.outcome }))
            : Effect.void,
          onEvent(event, index)
        )
      )
      const result = yield* Ref.get(last)
      if (Option.isSome(result) && result.value._tag === "Ran") previous = result.value.runId
      return Option.getOrElse(result, () => unfinished)
    }).pipe(
      Effect.catchAll((error) =>
        Effect.succeed<SessionResult>({ _tag: "Refused", problem: { tag: error._tag, message: error.message } })
      )
    )
  )
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** A stream that ends without `RunFinished` breaks its promise; the other tasks go on all the same. */
const unfinished: SessionResult = {
  _tag: "Refused",
  problem: { tag: "RunUnfinished", message: "The run ended without an outcome." }
}
