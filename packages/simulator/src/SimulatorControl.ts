/**
 * What a test does to the simulated machine behind the client's back, and what it can ask about it afterwards.
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"
import type { ModelOnDisk } from "./state/Catalogue.ts"
import type { Faults } from "./Faults.ts"
import type { Instance, LoadFailed, LoadOutcome, Machine, NoSuchInstance, PortTaken } from "./state/LmStudioState.ts"
import type { Seen } from "./Recorder.ts"
import type { TurnInput } from "./model/Script.ts"
import type { Settings } from "./Settings.ts"
import type { SimulatedModel } from "./model/SimulatedModel.ts"
import { scripted } from "./model/SimulatedModel.ts"
import type { InstanceStatus, Invariants, SimulatorEvent } from "./state/SimulatorEvent.ts"
import { invariantsOf } from "./state/SimulatorEvent.ts"
import type { World } from "./World.ts"

export type { LoadFailed, NoSuchInstance, PortTaken } from "./state/LmStudioState.ts"

export interface Control {
  /** Who answers, in words a person can read. */
  readonly whoAnswers: Effect.Effect<string>
  readonly setModel: (model: SimulatedModel) => Effect.Effect<void>
  /** The next requests get these turns in order; one too many is a clear failure. */
  readonly scriptModel: (turns: ReadonlyArray<TurnInput>) => Effect.Effect<void>
  /** As if the person loaded it in the app: no TTL unless one is given, never evicted. */
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
  /** Work of somebody else: the instance stays so, and its TTL stands still, until it is set to idle. */
  readonly setBusy: (instanceId: string, status: InstanceStatus) => Effect.Effect<void, NoSuchInstance>
  readonly crash: (instanceId: string) => Effect.Effect<void, NoSuchInstance>
  /** `serverRunning` and `appRunning` act at once: sockets close, models go. */
  readonly setSettings: (patch: Partial<Settings>) => Effect.Effect<void, PortTaken>
  readonly addModel: (model: ModelOnDisk) => Effect.Effect<void>
  readonly removeModel: (key: string) => Effect.Effect<void>
  /** Outcomes of the next calls of a route or an `lms` subcommand. */
  readonly script: Faults["script"]
  /** Outcomes of the next loads of a key, however they are asked for; `*` is any key. */
  readonly scriptLoads: (key: string, outcomes: ReadonlyArray<LoadOutcome>) => Effect.Effect<void>
  readonly clearFaults: Effect.Effect<void>
  /** Deletes the stored replies that `previous_response_id` refers to. */
  readonly clearHistory: Effect.Effect<void>
  readonly seen: Effect.Effect<Seen>
  readonly clearSeen: Effect.Effect<void>
  readonly events: Effect.Effect<ReadonlyArray<SimulatorEvent>>
  readonly invariants: Effect.Effect<Invariants>
  readonly snapshot: Effect.Effect<Machine>
  /** Waits until the machine is so, and returns it. */
  readonly until: (holds: (machine: Machine) => boolean) => Effect.Effect<Machine>
}

/** The control of the simulator that a layer runs. */
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
