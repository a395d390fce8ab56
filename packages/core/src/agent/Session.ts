/**
 * Several tasks in sequence with memory: each continues the conversation of the one before. A failure does not affect the
 * other tasks.
 */
import * as Effect from "effect/Effect"
import type { Problem } from "./rules/AgentEvent.ts"
import type { AgentTask } from "./AgentTask.ts"

/** The result of one task: its run, as `carryOut` returns it, or why it could not start. */
type SessionResult<Run extends Begun> =
  | ({ readonly _tag: "Ran" } & Run)
  | { readonly _tag: "Refused"; readonly problem: Problem }

interface Begun {
  readonly runId: string
}

interface Failure {
  readonly _tag: string
  readonly message: string
}

/**
 * Carries out the tasks in order and returns one result for each. A task is evaluated when its turn comes. The memory
 * leaves out tasks that could not start, but keeps what was said in runs that failed.
 */
export const inTurn = Effect.fn("Session.inTurn")(function* <Run extends Begun, R, R2>(
  tasks: ReadonlyArray<Effect.Effect<AgentTask, Failure, R>>,
  carryOut: (task: AgentTask, index: number) => Effect.Effect<Run, Failure, R2>,
  onResult: (result: SessionResult<Run>, index: number) => Effect.Effect<void> = () => Effect.void
) {
  let previous: string | undefined
  return yield* Effect.forEach(tasks, (found, index) =>
    Effect.gen(function* () {
      const task = yield* found
      const follows = task.follows ?? (previous === undefined ? undefined : { run: previous })
      const run = yield* carryOut(follows === undefined ? task : { ...task, follows }, index)
      previous = run.runId
      return { _tag: "Ran", ...run } satisfies SessionResult<Run>
    }).pipe(
      Effect.catchAll(({ _tag: tag, message }): Effect.Effect<SessionResult<Run>> =>
        Effect.succeed({ _tag: "Refused", problem: { tag, message } })
      ),
      Effect.tap((result) => onResult(result, index))
    )
  )
})
