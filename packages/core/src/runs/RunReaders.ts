/** Who reads the events of each run beside its journal: they see every event once, in order, and cannot hold it up. */
import * as Context from "effect/Context"
import type { AgentEvent } from "../agent/rules/AgentEvent.ts"

export interface RunReader {
  readonly on: (event: AgentEvent) => void
  /** After the last event, however the run ended. */
  readonly end: () => void
}

/** Makes a reader for each run; nobody reads by default. */
export class RunReaders extends Context.Reference<RunReaders>()("@lms-bridge/core/runs/RunReaders", {
  defaultValue: (): ReadonlyArray<() => RunReader> => []
}) {}
