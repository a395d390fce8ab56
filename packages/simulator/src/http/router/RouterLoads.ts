/** How llama.cpp's router starts the processes of models: places, whom a load pushes out, loads by a request (contract R). */
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import type { Instance, LmStudioState, Machine } from "../../state/LmStudioState.ts"
import type { ApiFault } from "../Reply.ts"
import { fault } from "./RouterFaults.ts"

export const isRunning = ({ instances, loading }: Machine, key: string): boolean =>
  [...instances, ...loading].some((entry) => entry.key === key)

/** Pushes out the one that was used least recently and is not at work, if there is no place. */
export const makePlace = Effect.fnUntraced(function* (state: LmStudioState) {
  const { instances, loading, settings } = yield* state.get
  const { places } = settings.router
  if (places === 0 || instances.length + loading.length < places) return
  const [oldest] = instances
    .filter(({ queued }) => queued === 0)
    .toSorted((left, right) => lastUse(left) - lastUse(right))
  if (oldest === undefined) return yield* fault(500, "model limit reached, try again later", "server_error")
  yield* Effect.ignore(state.unload(oldest.id, "evict"))
})

/** Begins a load, whose end is seen in the list only. */
export const begin = Effect.fnUntraced(function* (state: LmStudioState, key: string) {
  yield* makePlace(state)
  const { models, settings } = yield* state.get
  const trained = models.find((model) => model.key === key)?.maxContextLength
  return yield* state.beginLoad({
    key,
    by: "rest",
    ttlMs: null,
    contextLength: settings.router.contextLength === 0 ? trained : settings.router.contextLength
  })
})

/** The instance that answers a request. A request waits for a place, and for the load that it begins. */
export const resolve = Effect.fnUntraced(function* (state: LmStudioState, name: string) {
  if (name === "") return yield* fault(400, "model name is missing from the request")
  const { models, settings } = yield* state.get
  if (!models.some(({ key }) => key === name)) return yield* fault(400, `model '${name}' not found`)
  const there = yield* instanceOf(state, name)
  if (there !== undefined) return there
  if (!settings.router.autoload) return yield* fault(400, "model is not loaded")
  if (!isRunning(yield* state.get, name)) {
    yield* Effect.retry(
      Effect.catchTag(begin(state, name), "SimulatedLoadFailed", () => Effect.void),
      Schedule.spaced("100 millis")
    )
  }
  yield* settled(state, name)
  const loaded = yield* instanceOf(state, name)
  return loaded ?? (yield* fault(500, `model name=${name} failed to load`, "server_error"))
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const lastUse = ({ lastUsedTime, loadedAt }: Instance) => lastUsedTime ?? loadedAt

const instanceOf = (state: LmStudioState, key: string) =>
  Effect.map(state.get, ({ instances }) => instances.find((instance) => instance.key === key))

/** Waits until the model is no longer being loaded. */
export const settled = (state: LmStudioState, key: string): Effect.Effect<void, ApiFault> =>
  state.machine.changes.pipe(
    Stream.takeUntil(({ loading }) => !loading.some((entry) => entry.key === key)),
    Stream.runDrain
  )
