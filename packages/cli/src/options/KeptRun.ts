/**
 * A kept run: how commands name it, and its events.
 */
import * as Args from "@effect/cli/Args"
import type { AgentEvent } from "@lms-bridge/core/AgentEvent"
import { RunAccount, RunJournal, RunNotFound } from "@lms-bridge/core/RunJournal"
import * as Effect from "effect/Effect"

export const id = Args.text({ name: "ID" }).pipe(
  Args.withDescription("The id of a run, the beginning of an id, or `last`. `lms-bridge runs ls` lists them.")
)

export interface KeptRun {
  readonly runId: string
  readonly events: ReadonlyArray<AgentEvent>
  readonly account: RunAccount.RunAccount
}

export const find = Effect.fnUntraced(function* (text: string) {
  const journal = yield* RunJournal
  const runId = yield* journal.find(text)
  const events = yield* journal.read(runId)
  const account = yield* Effect.mapError(RunAccount.of(events), () => new RunNotFound({ runId }))
  return { runId, events, account } satisfies KeptRun
})
