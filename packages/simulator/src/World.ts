/** All parts of one simulated LM Studio, shared by the HTTP routes, the `lms` command and the control. */
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import type { Faults } from "./Faults.ts"
import * as FaultScripts from "./Faults.ts"
import type { ResponseHistory } from "./http/responses/ResponseHistory.ts"
import * as History from "./http/responses/ResponseHistory.ts"
import type { Downloads } from "./state/Downloads.ts"
import * as DownloadJobs from "./state/Downloads.ts"
import type { LmStudioState, StateOptions } from "./state/LmStudioState.ts"
import * as State from "./state/LmStudioState.ts"
import type { LogStream } from "./state/LogStream.ts"
import * as Logs from "./state/LogStream.ts"
import type { Recorder } from "./Recorder.ts"
import * as Records from "./Recorder.ts"
import * as RuleBasedModel from "./model/RuleBasedModel.ts"
import type { TurnInput } from "./model/Script.ts"
import type { SimulatedModel } from "./model/SimulatedModel.ts"
import { scripted } from "./model/SimulatedModel.ts"

export interface World {
  readonly state: LmStudioState
  /** The model that answers; a test may replace it at any time. */
  readonly model: Ref.Ref<SimulatedModel>
  readonly faults: Faults
  readonly recorder: Recorder
  readonly history: ResponseHistory
  readonly downloads: Downloads
  readonly logs: LogStream
}

/** The initial state of a simulator. Without a model the rule-based stand-in answers. */
export interface WorldOptions extends StateOptions {
  readonly model?: SimulatedModel | undefined
  /** Turns of a scripted model; takes precedence over `model`. */
  readonly script?: ReadonlyArray<TurnInput> | undefined
}

export const make = Effect.fnUntraced(function* (options: WorldOptions = {}) {
  const state = yield* State.make(options)
  const world: World = {
    state,
    model: yield* Ref.make(
      options.script === undefined ? (options.model ?? RuleBasedModel.ruleBased) : yield* scripted(options.script)
    ),
    faults: yield* FaultScripts.make,
    recorder: yield* Records.make,
    history: yield* History.make,
    downloads: yield* DownloadJobs.make(state),
    logs: yield* Logs.make
  }
  return world
})
