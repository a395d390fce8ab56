/** The routes by which llama.cpp's router is looked at and told what to load (contract R). */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Json from "../../internal/json.ts"
import type { Instance, LmStudioState } from "../../state/LmStudioState.ts"
import type { SimulatorEvent } from "../../state/SimulatorEvent.ts"
import { bodyOf, type Exchange, type Handler } from "../Exchange.ts"
import { json } from "../Reply.ts"
import { fault, notFound } from "./RouterFaults.ts"
import * as RouterLoads from "./RouterLoads.ts"

export const list: Handler = Effect.fnUntraced(function* ({ world: { state } }) {
  const { instances, loading, models, settings } = yield* state.get
  const events = yield* state.events
  return json(200, {
    data: models.map((model) => {
      const instance = instances.find(({ key }) => key === model.key)
      const context = settings.router.contextLength
      return {
        id: model.key,
        aliases: [],
        tags: [],
        object: "model",
        owned_by: "llamacpp",
        created: 0,
        status: {
          value: loading.some(({ key }) => key === model.key)
            ? "loading"
            : instance === undefined
              ? "unloaded"
              : instance.status === "sleeping"
                ? "sleeping"
                : "loaded",
          args: [
            "llama-server",
            "--port",
            "0",
            "--alias",
            model.key,
            ...(context === 0 ? [] : ["--ctx-size", String(context)]),
            ...(model.type === "embedding" ? ["--embedding"] : [])
          ],
          preset: `[${model.key}]\nctx-size = ${context}\n\n`,
          ...(instance === undefined && hasFailed(events, model.key) ? { exit_code: 1, failed: true } : {})
        },
        architecture: { input_modalities: ["text", ...(model.vision ? ["image"] : [])], output_modalities: ["text"] },
        source: "models_dir",
        can_remove: false,
        ...(instance === undefined
          ? {}
          : { meta: { n_ctx: instance.contextLength, n_ctx_train: model.maxContextLength, size: model.sizeBytes } })
      }
    }),
    object: "list"
  })
})

export const properties: Handler = ({ world }) =>
  Effect.map(world.state.settings, ({ router }) =>
    json(200, {
      role: "router",
      max_instances: router.places,
      models_autoload: router.autoload,
      model_alias: "llama-server",
      model_path: "none"
    })
  )

/** To be asked is a use: it wakes one that sleeps, and puts off its next sleep. */
export const slots: Handler = Effect.fnUntraced(function* ({ request, world: { state } }) {
  const asked = new URLSearchParams(request.path.replace(/^[^?]*/, ""))
  const name = asked.get("model") ?? ""
  const { instances, settings } = yield* state.get
  if (!settings.router.slots) {
    return yield* fault(
      501,
      "This server does not support slots endpoint. Start it with `--slots`",
      "not_supported_error"
    )
  }
  const there = instances.find(({ key }) => key === name)
  if (there === undefined && asked.get("autoload") === "false") return yield* fault(400, "model is not loaded")
  const instance = there ?? (yield* RouterLoads.resolve(state, name))
  const busy = instance.status !== "idle" && instance.status !== "sleeping"
  if (!busy) yield* Effect.ignore(Effect.scoped(state.occupy(instance.id)))
  return json(200, [{ id: 0, n_ctx: instance.contextLength, speculative: false, is_processing: busy }])
})

export const load: Handler = Effect.fnUntraced(function* (exchange) {
  const { state } = exchange.world
  const name = yield* named(exchange)
  const machine = yield* state.get
  if (!machine.models.some(({ key }) => key === name)) return yield* notFound
  if (RouterLoads.isRunning(machine, name)) return yield* fault(400, "model is already running")
  // how it ends is seen in the list only
  yield* Effect.catchTag(RouterLoads.begin(state, name), "SimulatedLoadFailed", () => Effect.void)
  return json(200, { success: true })
})

export const unload: Handler = Effect.fnUntraced(function* (exchange) {
  const { state } = exchange.world
  const name = yield* named(exchange)
  const machine = yield* state.get
  if (!machine.models.some(({ key }) => key === name)) return yield* fault(400, "model is not found")
  if (!RouterLoads.isRunning(machine, name)) return yield* fault(400, "model is not running")
  yield* state.fork(stopped(state, name))
  return json(200, { success: true })
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const named = (exchange: Exchange) => Effect.map(bodyOf(exchange), (body) => Json.stringOf(body["model"]) ?? "")

/** How long a process that is at work is waited for. */
const patience = Duration.seconds(10)

const stopped = Effect.fnUntraced(function* (state: LmStudioState, key: string) {
  yield* RouterLoads.settled(state, key)
  const instance = (yield* state.get).instances.find((one) => one.key === key)
  if (instance === undefined) return
  if (isAtWork(instance)) {
    const idle = state.machine.changes.pipe(
      Stream.takeUntil(({ instances }) => !instances.some((one) => one.id === instance.id && isAtWork(one))),
      Stream.runDrain
    )
    yield* Effect.raceFirst(idle, Effect.sleep(patience))
  } else yield* Effect.sleep("100 millis")
  yield* state.unload(instance.id, "rest")
}, Effect.ignore)

const isAtWork = ({ queued }: Instance) => queued > 0

/** Its process ended by itself, or before it was ready. */
const hasFailed = (events: ReadonlyArray<SimulatorEvent>, wanted: string): boolean => {
  const last = events.findLast((event) => "key" in event && event.key === wanted)
  return last?.type === "loadFailed" || (last?.type === "unloaded" && last.by === "crash")
}
