/**
 * What can be asked of a run, whoever carries it out.
 */
import type { AgentError } from "@lms-bridge/core/AgentLoop"
import type { AgentEvent } from "@lms-bridge/core/AgentEvent"
import type { RunInProgress } from "@lms-bridge/core/RunJournal"
import type * as Effect from "effect/Effect"
import type * as RunReport from "./RunReport.ts"

export interface Handle {
  readonly record: Effect.Effect<RunReport.Record>
  /** All events but text and reasoning as they are generated, oldest first. */
  readonly events: Effect.Effect<ReadonlyArray<AgentEvent>>
  /** The record when the run has ended, however it ended. Fails when it could not start. */
  readonly await: Effect.Effect<RunReport.Record, AgentError>
  /** From now on nobody listens. */
  readonly detach: Effect.Effect<void>
  /**
   * Stops the run and everything beneath it; nothing happens to one that has ended. One that another process carries out
   * can only be stopped there.
   */
  readonly cancel: Effect.Effect<RunReport.Record, RunInProgress>
}

/** A run that this process carries out. */
export interface OwnHandle extends Handle {
  readonly cancel: Effect.Effect<RunReport.Record>
}
