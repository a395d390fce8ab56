/** What a test can do to the simulated machine behind the client's back, and query afterwards. */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"
import type { ModelOnDisk } from "./state/Catalogue.ts"
import type { Faults } from "./Faults.ts"
import type { Instance, LoadFailed, LoadOutcome, Machine, NoSuchInstance, PortTaken } from "./state/LmStudioState.ts"
import type { Seen } from "./Recorder.ts"
import type { LogStream } from "./state/LogStream.ts"
import type { TurnInput } from "./model/Script.ts"
import type { Settings } from "./Settings.ts"
import type { SimulatedModel } from "./model/SimulatedModel.ts"
import { scripted } from "./model/SimulatedModel.ts"
import type { InstanceStatus, Invariants, SimulatorEvent } from "./state/SimulatorEvent.ts"
import { invariantsOf } from "./state/SimulatorEvent.ts"
import type { World } from "./World.ts"

export type { LogEntry } from "./state/LogStream.ts"
export type { LoadFailed, NoSuchInstance, PortTaken } from "./state/LmStudioState.ts"

export interface Control {
  /** The name of the model that answers, for people. */
  readonly whoAnswers: Effect.Effect<string>
  readonly setModel: (model: SimulatedModel) => Effect.Effect<void>
  /** The next requests get these turns in order; a request too many fails clearly. */
  readonly scriptModel: (turns: ReadonlyArray<TurnInput>) => Effect.Effect<void>
  /** As if the user loaded it in the app: no TTL unless one is given, never evicted. */
  readonly loadAsUser: (
    key: string,
    options?: {
      readonly contextLength?: number
      readonly identifier?: string
      readonly ttl?: Duration.DurationInput
      readonly parallel?: number
    }
  ) => Effect.Effect<Instance, LoadFailed>
  readonly unloadAsUser: (instanceId: string) => Effect.Effect<void, NoSuchInstance>
  /**
   * Simulates work of another client: the instance keeps this status, and its TTL is paused, until it is set to idle.
   */
  readonly setBusy: (instanceId: string, status: InstanceStatus) => Effect.Effect<void, NoSuchInstance>
  readonly crash: (instanceId: string) => Effect.Effect<void, NoSuchInstance>
  /** Changes of `serverRunning` and `appRunning` act at once: sockets close, models are unloaded. */
  readonly setSettings: (patch: Partial<Settings>) => Effect.Effect<void, PortTaken>
  readonly addModel: (model: ModelOnDisk) => Effect.Effect<void>
  readonly removeModel: (key: string) => Effect.Effect<void>
  /** Outcomes of the next calls of a route or an `lms` subcommand. */
  readonly script: Faults["script"]
  /** Outcomes of the next loads of a key, by whatever route; `*` is any key. */
  readonly scriptLoads: (key: string, outcomes: ReadonlyArray<LoadOutcome>) => Effect.Effect<void>
  readonly clearFaults: Effect.Effect<void>
  /** Deletes the stored replies that `previous_response_id` refers to. */
  readonly clearHistory: Effect.Effect<void>
  /** What `lms log stream` shows, from now on. */
  readonly logs: LogStream["subscribe"]
  readonly seen: Effect.Effect<Seen>
  readonly clearSeen: Effect.Effect<void>
  readonly events: Effect.Effect<ReadonlyArray<SimulatorEvent>>
  readonly invariants: Effect.Effect<Invariants>
  readonly snapshot: Effect.Effect<Machine>
  /** Waits until `holds` is true, and returns the machine. */
  readonly until: (holds: (machine: Machine) => boolean) => Effect.Effect<Machine>
}

/** The control of the simulator in a layer. */
export class SimulatorControl extends Context.Tag("@lms-bridge/simulator/SimulatorControl")<
  SimulatorControl,
  Control
>() {}

export const of = (world: World): Control => ({
  whoAnswers: Effect.map(Ref.get(world.model), (model) => model.name),
  setModel: (model) => Ref.set(world.model, model),
  scriptModel: (turns) => Effect.flatMap(scripted(turns), (model) => Ref.set(world.model, model)),
  loadAsUser: (key, options = {}) =>
    world.state.load({
      key,
      by: "user",
      ttlMs: options.ttl === undefined ? null : Duration.toMillis(options.ttl),
      contextLength: options.contextLength,
      identifier: options.identifier,
      parallel: options.parallel
    }),
  unloadAsUser: (id) => Effect.asVoid(world.state.unload(id, "user")),
  setBusy: world.state.setBusy,
  crash: world.state.crash,
  setSettings: world.state.updateSettings,
  addModel: world.state.addModel,
  removeModel: world.state.removeModel,
  script: world.faults.script,
  scriptLoads: world.state.scriptLoads,
  clearFaults: world.faults.clear,
  clearHistory: world.history.clear,
  logs: world.logs.subscribe,
  seen: world.recorder.seen,
  clearSeen: world.recorder.clear,
  events: world.state.events,
  invariants: Effect.map(world.state.events, invariantsOf),
  snapshot: world.state.get,
  until: (holds) =>
    world.state.machine.changes.pipe(
      Stream.filter(holds),
      Stream.runHead,
      Effect.flatMap((found) =>
        found._tag === "Some" ? Effect.succeed(found.value) : Effect.die("the machine's changes do not end")
      )
    )
})
