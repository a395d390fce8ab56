/**
 * Several tasks one after another with memory: each goes on from the conversation of the one before. One that fails
 * takes nothing from the others.
 */
import * as Effect from "effect/Effect"
import type { Problem } from "./rules/AgentEvent.ts"
import type { AgentTask } from "./AgentTask.ts"

/** What came of one task: its run, as whoever carried it out tells of it, or why it could not begin. */
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
 * Carries out the tasks in order and gives one result for each. A task is found out when it is its turn. One that could
 * not begin is left out of the memory; what a failed one has said is kept.
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
