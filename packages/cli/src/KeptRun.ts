/**
 * A run that is kept, as commands name it, and its events.
 */
import * as Args from "@effect/cli/Args"
import type { AgentEvent } from "@lms-bridge/core/agent/AgentEvent"
import { rebuilt } from "@lms-bridge/core/agent/AgentEvolution"
import type { AgentState } from "@lms-bridge/core/agent/AgentState"
import { RunJournal, RunNotFound } from "@lms-bridge/core/agent/RunJournal"
import * as Effect from "effect/Effect"

export const id = Args.text({ name: "ID" }).pipe(
  Args.withDescription("A run: its id, the beginning of it, or `last`. `lms-bridge runs ls` lists them.")
)

export interface KeptRun {
  readonly runId: string
  readonly events: ReadonlyArray<AgentEvent>
  readonly state: AgentState
}

export const find = Effect.fnUntraced(function* (text: string) {
  const journal = yield* RunJournal
  const runId = yield* journal.find(text)
  const events = yield* journal.read(runId)
  const state = yield* Effect.mapError(rebuilt(events), () => new RunNotFound({ runId }))
  return { runId, events, state } satisfies KeptRun
})
