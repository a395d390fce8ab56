/**
 * The simulated machine: models on disk, loaded instances with idle TTL and queues, loads in flight, server and app.
 * Both front ends and the `lms` command act on one value of this; time is Effect's clock, so a test can drive it.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberMap from "effect/FiberMap"
import * as Ref from "effect/Ref"
import type * as Scope from "effect/Scope"
import * as SubscriptionRef from "effect/SubscriptionRef"
import type { ModelOnDisk } from "./Catalogue.ts"
import { defaultCatalogue, defaultDownloadable } from "./Catalogue.ts"
import type { Instance, Listener, Loading, LoadOutcome, LoadRequest, Machine, PortTaken } from "./Machine.ts"
import type { InstanceGone } from "./Machine.ts"
import { freeIdentifier, goneBy, isVariantOf, LoadFailed, NoSuchInstance, notOnDisk, sigabrt } from "./Machine.ts"
import type { EventFact, InstanceStatus, SimulatorEvent, Unloader } from "./SimulatorEvent.ts"
import { settle, type Engine } from "./Engine.ts"
import * as Guardrail from "./Guardrail.ts"
import type { Settings } from "../Settings.ts"
import { defaultSettings } from "../Settings.ts"

export type * from "./Machine.ts"

/** A load that has begun: it continues whether or not anybody waits for `result`. */
export interface BegunLoad {
  readonly loading: Loading
  readonly result: Effect.Effect<Instance, LoadFailed>
  readonly cancel: Effect.Effect<void>
}

/** One request's slot on an instance; released when the scope closes. */
export interface Occupation {
  readonly setStatus: (status: InstanceStatus) => Effect.Effect<void>
  /** Fails when the instance is unloaded or crashes. */
  readonly gone: Effect.Effect<never, InstanceGone>
  /** Fails at once if that has already happened. */
  readonly present: Effect.Effect<void, InstanceGone>
}

export interface LmStudioState {
  readonly machine: SubscriptionRef.SubscriptionRef<Machine>
  readonly get: Effect.Effect<Machine>
  readonly settings: Effect.Effect<Settings>
  readonly events: Effect.Effect<ReadonlyArray<SimulatorEvent>>
  readonly record: (fact: EventFact) => Effect.Effect<void>
  readonly beginLoad: (request: LoadRequest) => Effect.Effect<BegunLoad, LoadFailed>
  readonly load: (request: LoadRequest) => Effect.Effect<Instance, LoadFailed>
  /** Loads like a request: evicts other just-in-time instances first, and races unless configured otherwise. */
  readonly beginJustInTime: (request: Omit<LoadRequest, "by">) => Effect.Effect<BegunLoad, LoadFailed>
  readonly unload: (id: string, by: Unloader) => Effect.Effect<Instance, NoSuchInstance>
  readonly crash: (id: string) => Effect.Effect<void, NoSuchInstance>
  readonly occupy: (id: string) => Effect.Effect<Occupation, InstanceGone, Scope.Scope>
  readonly setBusy: (id: string, status: InstanceStatus) => Effect.Effect<void, NoSuchInstance>
  readonly scriptLoads: (key: string, outcomes: ReadonlyArray<LoadOutcome>) => Effect.Effect<void>
  readonly updateSettings: (patch: Partial<Settings>) => Effect.Effect<void, PortTaken>
  readonly addModel: (model: ModelOnDisk) => Effect.Effect<void>
  readonly removeModel: (key: string) => Effect.Effect<void>
  /** Opens the listener; without a port on the last one, else 1234. Returns the port. */
  readonly startServer: (port?: number) => Effect.Effect<number, PortTaken>
  readonly stopServer: Effect.Effect<void>
  readonly startApp: Effect.Effect<void>
  /** Ends LM Studio: the server stops and every model is unloaded. */
  readonly stopApp: Effect.Effect<void>
  /** The real listener of the HTTP server; without one it only seems to listen. */
  readonly useListener: (listener: Listener) => Effect.Effect<void>
  /** Completes when the current HTTP server stops. */
  readonly serverStopped: Effect.Effect<void>
  /** Runs in the simulator's own scope, so that it outlives its caller. */
  readonly fork: <A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<Fiber.RuntimeFiber<A, E>>
}

export interface StateOptions {
  readonly settings?: Partial<Settings> | undefined
  readonly models?: ReadonlyArray<ModelOnDisk> | undefined
  readonly downloadable?: ReadonlyArray<ModelOnDisk> | undefined
  readonly port?: number | undefined
}

/** Only the latest are kept, because a simulator may run for days. */
const keptEvents = 5000

export const make = Effect.fnUntraced(function* (options: StateOptions = {}) {
  const scope = yield* Effect.scope
  const settings = { ...defaultSettings, ...options.settings }
  const machine = yield* SubscriptionRef.make<Machine>({
    settings,
    port: options.port ?? null,
    models: options.models ?? defaultCatalogue,
    downloadable: options.downloadable ?? defaultDownloadable,
    instances: [],
    loading: []
  })
  const log = yield* Ref.make<ReadonlyArray<SimulatorEvent>>([])
  const loadScript = yield* Ref.make<ReadonlyMap<string, ReadonlyArray<LoadOutcome>>>(new Map())
  const session = yield* Effect.flatMap(Deferred.make<void>(), Ref.make)
  const listener = yield* Ref.make<Listener>({ open: Effect.succeed, close: Effect.void })
  const ttl = yield* FiberMap.make<string>()
  const oneReservation = yield* Effect.makeSemaphore(1)
  const oneJustInTime = yield* Effect.makeSemaphore(1)
  const engines = new Map<string, Engine>()
  const justInTime = new Map<string, BegunLoad>()

  const get = SubscriptionRef.get(machine)
  const update = (change: (machine: Machine) => Machine) => SubscriptionRef.update(machine, change)
  const fork = <A, E>(effect: Effect.Effect<A, E>) => Effect.forkIn(effect, scope)
  const record = (fact: EventFact) =>
    Effect.flatMap(Clock.currentTimeMillis, (at) =>
      Ref.update(log, (events) => [...events.slice(-keptEvents), { at, ...fact }])
    )
  const patchInstance = (id: string, change: (instance: Instance) => Instance) =>
    update((state) => ({
      ...state,
      instances: state.instances.map((instance) => (instance.id === id ? change(instance) : instance))
    }))
  const find = (id: string) =>
    Effect.flatMap(get, (state) => {
      const instance = state.instances.find((candidate) => candidate.id === id)
      return instance === undefined ? new NoSuchInstance({ id }) : Effect.succeed(instance)
    })

  const remove = Effect.fnUntraced(function* (id: string, by: Unloader) {
    const instance = yield* find(id)
    yield* update((state) => ({ ...state, instances: state.instances.filter((other) => other.id !== id) }))
    const engine = engines.get(id)
    engines.delete(id)
    yield* record({
      type: "unloaded",
      id,
      key: instance.key,
      by,
      loadedBy: instance.by,
      busy: instance.status !== "idle" || instance.queued > 0
    })
    if (engine !== undefined) {
      yield* Deferred.fail(engine.gone, goneBy(id, by === "crash", (yield* get).settings))
    }
    return instance
  })

  // The TTL fiber itself may be the caller, so it is only removed from the map otherwise.
  const unload = (id: string, by: Unloader) => Effect.zipLeft(remove(id, by), FiberMap.remove(ttl, id))

  const startTtl = Effect.fnUntraced(
    function* (id: string) {
      const instance = yield* find(id)
      const { api, router } = (yield* get).settings
      const sleeps = api === "llama-router"
      const after = sleeps ? router.sleepAfter : instance.ttlMs
      if (after === null) return
      yield* FiberMap.run(
        ttl,
        id,
        Effect.sleep(after).pipe(
          Effect.zipRight(
            sleeps ? patchInstance(id, (other) => ({ ...other, status: "sleeping" as const })) : remove(id, "ttl")
          ),
          // Already gone: then there is nothing left to expire.
          Effect.catchTag("SimulatedNoSuchInstance", () => Effect.void)
        )
      )
    },
    Effect.catchTag("SimulatedNoSuchInstance", () => Effect.void)
  )

  const nextOutcome = (key: string) =>
    Ref.modify(loadScript, (script): readonly [LoadOutcome, ReadonlyMap<string, ReadonlyArray<LoadOutcome>>] => {
      const name = script.has(key) ? key : "*"
      const [first, ...rest] = script.get(name) ?? []
      const next = new Map(script)
      if (rest.length === 0) next.delete(name)
      else next.set(name, rest)
      return [first ?? { _tag: "Ok" }, next]
    })

  const engage = Effect.fnUntraced(function* (loading: Loading, request: LoadRequest, model: ModelOnDisk) {
    const now = yield* Clock.currentTimeMillis
    const parallel = request.parallel ?? (yield* get).settings.parallel
    engines.set(loading.id, {
      slots: yield* Effect.makeSemaphore(parallel),
      gone: yield* Deferred.make<never, InstanceGone>()
    })
    const instance: Instance = {
      id: loading.id,
      key: model.key,
      type: model.type,
      contextLength: loading.contextLength,
      ttlMs: request.ttlMs,
      loadedAt: now,
      lastUsedTime: null,
      idleSince: now,
      jit: request.by === "jit",
      by: request.by,
      status: "idle",
      queued: 0,
      parallel,
      config: request.config ?? {}
    }
    yield* update((state) => ({ ...state, instances: [...state.instances, instance] }))
    yield* record({ type: "loadFinished", id: loading.id, key: model.key, by: request.by, ttlMs: request.ttlMs })
    yield* startTtl(loading.id)
    return instance
  })

  const beginLoad = Effect.fnUntraced(function* (request: LoadRequest) {
    const state = yield* get
    const model = state.models.find((candidate) => candidate.key === request.key || isVariantOf(candidate, request.key))
    if (model === undefined) {
      return yield* new LoadFailed({ reason: "NotOnDisk", key: request.key, text: notOnDisk(request.key, state) })
    }
    const taken = new Set([...state.instances, ...state.loading].map((entry) => entry.id))
    if (request.identifier !== undefined && taken.has(request.identifier)) {
      return yield* new LoadFailed({
        reason: "IdentifierInUse",
        key: request.key,
        text: `A model with the identifier "${request.identifier}" is already loaded. Please use a different identifier.`
      })
    }
    const outcome = yield* nextOutcome(model.key)
    const contextLength = Math.min(request.contextLength ?? model.defaultContextLength, model.maxContextLength)
    const loading: Loading = {
      id: request.identifier ?? freeIdentifier(model.key, taken),
      key: model.key,
      by: request.by,
      contextLength,
      startedAt: yield* Clock.currentTimeMillis,
      durationMs: outcome._tag === "Slow" ? outcome.ms : Duration.toMillis(state.settings.loadTime)
    }
    yield* record({ type: "loadStarted", id: loading.id, key: model.key, by: request.by, ttlMs: request.ttlMs })
    const refused = (reason: "Guardrail" | "Crashed" | "Failed", text: string) =>
      record({ type: "loadFailed", id: loading.id, key: model.key, by: request.by, reason }).pipe(
        Effect.zipRight(new LoadFailed({ reason, key: model.key, text }))
      )
    const needed = Guardrail.bytesNeeded(model, contextLength)
    if (outcome._tag === "Guardrail" || !Guardrail.fits(state, needed)) {
      return yield* refused("Guardrail", Guardrail.refusal(needed))
    }
    yield* update((current) => ({ ...current, loading: [...current.loading, loading] }))
    const unlist = update((current) => ({ ...current, loading: current.loading.filter((other) => other !== loading) }))
    const work = Effect.gen(function* () {
      if (outcome._tag === "Never") return yield* Effect.never
      if (loading.durationMs > 0) yield* Effect.sleep(Duration.millis(loading.durationMs))
      if (outcome._tag === "Sigabrt") return yield* refused("Crashed", sigabrt(model.key))
      if (outcome._tag === "Fails") return yield* refused("Failed", outcome.message)
      return yield* Effect.uninterruptible(engage(loading, request, model))
    })
    const done = yield* Deferred.make<Instance, LoadFailed>()
    const fiber = yield* fork(Effect.onExit(Effect.ensuring(work, unlist), (exit) => settle(done, exit, model.key)))
    const cancel = Fiber.interrupt(fiber).pipe(
      Effect.zipRight(
        record({ type: "loadFailed", id: loading.id, key: model.key, by: request.by, reason: "Cancelled" })
      )
    )
    const result =
      request.by === "jit" || state.settings.loadOutlivesClient
        ? Deferred.await(done)
        : Effect.onInterrupt(Deferred.await(done), () => cancel)
    return { loading, result, cancel }
  }, oneReservation.withPermits(1))

  const beginJustInTime = Effect.fnUntraced(function* (wanted: Omit<LoadRequest, "by">) {
    const { instances, settings: current } = yield* get
    const running = justInTime.get(wanted.key)
    if (!current.jitRace && running !== undefined) return running
    if (current.autoEvict) {
      yield* Effect.forEach(
        instances.filter((instance) => instance.jit),
        // If it is gone by now, the goal is reached.
        (instance) => Effect.ignore(unload(instance.id, "evict"))
      )
    }
    const begun = yield* beginLoad({ ...wanted, by: "jit" })
    justInTime.set(wanted.key, begun)
    yield* fork(
      Effect.ensuring(
        Effect.ignore(begun.result),
        Effect.sync(() => justInTime.get(wanted.key) === begun && justInTime.delete(wanted.key))
      )
    )
    return begun
  }, oneJustInTime.withPermits(1))

  const settleIdle = Effect.fnUntraced(function* (id: string) {
    const now = yield* Clock.currentTimeMillis
    yield* patchInstance(id, (instance) => {
      const queued = Math.max(0, instance.queued - 1)
      return {
        ...instance,
        queued,
        lastUsedTime: now,
        ...(queued === 0 ? { status: "idle" as const, idleSince: now } : {})
      }
    })
    const instance = (yield* get).instances.find((candidate) => candidate.id === id)
    if (instance?.queued === 0) yield* startTtl(id)
  })

  const occupy = (id: string) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        const engine = engines.get(id)
        if (engine === undefined) return yield* goneBy(id, false, (yield* get).settings)
        const gone = Deferred.await(engine.gone)
        yield* FiberMap.remove(ttl, id)
        yield* patchInstance(id, (instance) => ({ ...instance, queued: instance.queued + 1 }))
        yield* Effect.addFinalizer(() => settleIdle(id))
        if ((yield* get).instances.some((instance) => instance.id === id && instance.status === "sleeping")) {
          yield* restore(Effect.raceFirst(Effect.sleep((yield* get).settings.loadTime), gone))
          yield* patchInstance(id, (instance) => ({ ...instance, status: "idle" }))
        }
        yield* restore(Effect.raceFirst(engine.slots.take(1), gone))
        yield* Effect.addFinalizer(() => engine.slots.release(1))
        return {
          setStatus: (status: InstanceStatus) => patchInstance(id, (instance) => ({ ...instance, status })),
          gone,
          present: Effect.whenEffect(gone, Deferred.isDone(engine.gone)).pipe(Effect.asVoid)
        }
      })
    )

  const stopServer = Effect.gen(function* () {
    yield* update((state) => ({ ...state, settings: { ...state.settings, serverRunning: false } }))
    yield* record({ type: "serverStopped" })
    yield* Effect.flatMap(Ref.get(session), (running) => Deferred.succeed(running, undefined))
    yield* Effect.flatMap(Ref.get(listener), (open) => open.close)
    yield* Effect.flatMap(Deferred.make<void>(), (next) => Ref.set(session, next))
  })

  const state: LmStudioState = {
    machine,
    get,
    settings: Effect.map(get, (current) => current.settings),
    events: Ref.get(log),
    record,
    beginLoad,
    load: (request) => Effect.flatMap(beginLoad(request), (begun) => begun.result),
    beginJustInTime,
    unload,
    crash: (id) => Effect.asVoid(unload(id, "crash")),
    occupy,
    setBusy: (id, status) =>
      find(id).pipe(
        Effect.zipRight(patchInstance(id, (other) => ({ ...other, status, queued: status === "idle" ? 0 : 1 }))),
        Effect.zipRight(status === "idle" ? startTtl(id) : FiberMap.remove(ttl, id))
      ),
    scriptLoads: (key, outcomes) => Ref.update(loadScript, (script) => new Map(script).set(key, outcomes)),
    updateSettings: Effect.fnUntraced(function* (patch: Partial<Settings>) {
      const before = (yield* get).settings
      const { appRunning, serverRunning, ...rest } = patch
      yield* update((current) => ({ ...current, settings: { ...current.settings, ...rest } }))
      if (serverRunning === false && before.serverRunning) yield* stopServer
      if (serverRunning === true && !before.serverRunning) yield* state.startServer()
      if (appRunning === false && before.appRunning) yield* state.stopApp
      if (appRunning === true && !before.appRunning) yield* state.startApp
    }),
    addModel: (model) =>
      update((current) => ({
        ...current,
        models: [...current.models.filter((other) => other.key !== model.key), model]
      })),
    removeModel: (key) =>
      update((current) => ({ ...current, models: current.models.filter((other) => other.key !== key) })),
    startServer: Effect.fnUntraced(function* (port?: number) {
      const before = yield* get
      const wanted = port ?? before.port ?? 1234
      const open = yield* Ref.get(listener)
      const actual = yield* open.open(wanted)
      yield* update((current) => ({
        ...current,
        port: actual,
        settings: { ...current.settings, serverRunning: true }
      }))
      yield* record({ type: "serverStarted" })
      return actual
    }),
    useListener: (next) => Ref.set(listener, next),
    stopServer,
    startApp: update((current) => ({ ...current, settings: { ...current.settings, appRunning: true } })),
    stopApp: Effect.gen(function* () {
      yield* stopServer
      yield* Effect.forEach((yield* get).instances, (instance) => Effect.ignore(unload(instance.id, "stop")))
      yield* update((current) => ({ ...current, settings: { ...current.settings, appRunning: false } }))
    }),
    serverStopped: Effect.flatMap(Ref.get(session), (running) => Deferred.await(running)),
    fork
  }
  return state
})
