/**
 * The life cycle with aliases in front: a name is followed to the model that has it now, requests wait while a switch needs
 * them to, and what a canary's requests came to is kept. Without aliases it is the life cycle itself.
 */
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as Path from "@effect/platform/Path"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Random from "effect/Random"
import * as Scope from "effect/Scope"
import { find, type Alias } from "../../configuration/AliasSetting.ts"
import type { Settings, Values } from "../../configuration/Settings.ts"
import type { ChatReply } from "../../lmstudio/Chat.ts"
import { inOwnScope } from "../../internal/ownScope.ts"
import { ModelNotFound } from "../../lmstudio/LmStudioError.ts"
import * as ModelName from "../../lmstudio/ModelName.ts"
import { nearest } from "../../names/nearest.ts"
import type { Ensured } from "../Ensured.ts"
import type { EnsureOptions } from "../EnsureOptions.ts"
import { countsAgainst } from "../Faults.ts"
import type { LoadedModel, ModelLease } from "../LoadedModel.ts"
import type { ModelLifecycleError } from "../ModelLifecycleError.ts"
import type { Ability } from "../ModelUnfit.ts"
import type * as Lifecycle from "../loading/Lifecycle.ts"
import * as AliasFiles from "./AliasFiles.ts"
import { currentOf, sideOf, targetsOf, verdict, type AliasState, type Sample } from "./AliasState.ts"

export type Inner = Omit<Effect.Effect.Success<typeof Lifecycle.make>, "loaded"> & {
  readonly loaded: Effect.Effect<ReadonlyArray<LoadedModel>, ModelLifecycleError>
}

/** How often a request that waits for a switch looks. */
export const lookEvery = Duration.millis(250)

export const over = (
  inner: Inner,
  settings: Values
): Effect.Effect<Inner, never, FileSystem.FileSystem | Path.Path | Settings> =>
  settings.aliases.size === 0
    ? Effect.succeed(inner)
    : Effect.map(AliasFiles.make, (files) => aliased(inner, settings, files))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Where an alias leads now. */
interface Way {
  readonly alias: Alias
  readonly model: string
  readonly instead: ReadonlyArray<string>
  /** All models that a request may get. */
  readonly possible: ReadonlyArray<string>
  /** What the requests wait for, if they do. */
  readonly waiting: AliasState | undefined
  /** The canary that the request counts for. */
  readonly canary: { readonly alias: Alias; readonly id: number; readonly isNew: boolean } | undefined
}

const aliased = (inner: Inner, settings: Values, files: AliasFiles.AliasFiles): Inner => {
  const { aliases } = settings

  const meant = (name: string | undefined): Alias | undefined => {
    const wanted = ModelName.isDefault(name) ? Option.getOrUndefined(settings.defaultModel) : name
    return wanted === undefined ? undefined : find(aliases, wanted)
  }

  /** `draw` sends a request of a canary to one of its sides; without it, to the old one. */
  const follow = Effect.fnUntraced(function* (alias: Alias, draw: boolean) {
    let way: Way = { alias, model: alias.name, instead: [], possible: [], waiting: undefined, canary: undefined }
    const seen = new Set<Alias>()
    for (let next: Alias | undefined = alias; next !== undefined && !seen.has(next);) {
      seen.add(next)
      const state: AliasState | undefined = yield* files.read(next)
      const counts: boolean = draw && way.canary === undefined && state?._tag === "Canary"
      const isNew: boolean = counts && state?._tag === "Canary" && (yield* Random.next) < state.share
      const model: string = isNew && state !== undefined ? state.to : currentOf(next, state)
      way = {
        alias,
        model,
        // a canary that cannot be loaded costs nobody an answer
        instead: [...(isNew ? [currentOf(next, state)] : []), ...way.instead, ...next.instead],
        possible: [...way.possible, ...targetsOf(next, state)],
        waiting: way.waiting ?? (state?._tag === "Waiting" ? state : undefined),
        canary: counts && state !== undefined ? { alias: next, id: state.since, isNew } : way.canary
      }
      next = find(aliases, model)
    }
    return way
  })

  /** The same once no switch needs the request to wait. */
  const settled = Effect.fnUntraced(function* (alias: Alias, onProgress: EnsureOptions["onProgress"]) {
    const first = yield* follow(alias, true)
    if (first.waiting === undefined) return first
    yield* (
      onProgress?.({
        _tag: "Waiting",
        model: alias.name,
        why: `it is being switched to ${first.waiting.to}, and there is memory for one model only`
      }) ?? Effect.void
    )
    return yield* Effect.repeat(Effect.delay(follow(alias, true), lookEvery), {
      until: ({ waiting }) => waiting === undefined
    })
  })

  /** Whether a request that went that way may still have gone it, now that others can see that it did. */
  const stillRight = Effect.fnUntraced(function* (way: Way) {
    const now = yield* follow(way.alias, false)
    return now.waiting === undefined && (now.possible.includes(way.model) || now.model === way.model)
  })

  const expanded = (names: ReadonlyArray<string> | undefined) =>
    Effect.forEach(names ?? [], (name) => {
      const alias = find(aliases, name)
      return alias === undefined
        ? Effect.succeed([name])
        : Effect.map(follow(alias, false), ({ instead, model }) => [model, ...instead])
    }).pipe(Effect.map((all) => all.flat()))

  /** Carries out a request on the model that the name leads to; again when a switch came between. */
  const along =
    <A, R>(
      use: (
        model: string | undefined,
        options: EnsureOptions,
        way: Way | undefined
      ) => Effect.Effect<A, ModelLifecycleError, R>
    ) =>
    (name: string | undefined, options: EnsureOptions = {}): Effect.Effect<A, ModelLifecycleError, R> => {
      const alias = meant(name)
      if (alias === undefined) {
        return Effect.mapError(
          Effect.flatMap(expanded(options.fallback), (fallback) => use(name, { ...options, fallback }, undefined)),
          withAliases([...aliases.values()])
        )
      }
      const attempt: Effect.Effect<A, ModelLifecycleError, R> = Effect.flatMap(
        settled(alias, options.onProgress),
        (way) =>
          Effect.flatMap(expanded([...way.instead, ...(options.fallback ?? [])]), (fallback) =>
            use(way.model, { ...options, fallback }, way)
          ).pipe(
            Effect.catchAll((error) =>
              Effect.if(stillRight(way), {
                onTrue: () => Effect.fail(ofAlias(error, alias, way.model)),
                onFalse: () => attempt
              })
            )
          )
      )
      return attempt
    }

  const letGo = Effect.fnUntraced(function* (alias: Alias) {
    const state = yield* files.read(alias)
    if (state?._tag !== "Switched" || !state.leaving) return
    const others = yield* Effect.forEach(
      [...aliases.values()].filter((other) => other !== alias),
      (other) => Effect.map(follow(other, false), ({ model }) => model)
    )
    const key = yield* inner.resolve(state.from)
    const keys = yield* Effect.forEach([...others, state.to], (name) => Effect.option(inner.resolve(name)))
    const stays = keys.some((other) => Option.contains(other, key))
    const copies = stays ? [] : (yield* inner.loaded).filter((one) => one.model === key && one.owner === "lms-bridge")
    // whoever still holds it lets it go in turn
    for (const { instanceId } of copies) yield* inner.unload(instanceId)
    yield* files.update(alias, (now) =>
      now?._tag === "Switched" && now.since === state.since ? { ...now, leaving: false } : now
    )
  })

  /** At the end of a lease: what a canary learns from it, and whether the old model can go. */
  const ended = Effect.fnUntraced(
    function* (way: Way, seen: Seen) {
      const { canary } = way
      if (canary !== undefined) {
        const { alias, id, isNew } = canary
        yield* files.record(alias, { canary: id, isNew, ...seen })
        const state = yield* files.read(alias)
        if (isNew && state?._tag === "Canary" && state.since === id) yield* judge(alias, state)
      }
      yield* letGo(way.alias)
    },
    Effect.timeout("5 seconds"),
    Effect.catchAll((error) => Effect.logDebug("the old model of an alias stays for now", { error: error.message })),
    Effect.interruptible,
    Effect.disconnect
  )

  const judge = Effect.fnUntraced(function* (alias: Alias, state: Extract<AliasState, { readonly _tag: "Canary" }>) {
    const samples = yield* files.samples(alias, state.since)
    const found = verdict(state, {
      old: sideOf(samples.filter(({ isNew }) => !isNew)),
      new: sideOf(samples.filter(({ isNew }) => isNew))
    })
    if (found._tag === "GoOn") return
    const { runs: _runs, share: _share, ...rest } = state
    const next: AliasState =
      found._tag === "Return"
        ? { ...rest, _tag: "Returned", reason: found.reason }
        : { ...rest, _tag: "Switched", leaving: true }
    yield* files.update(alias, (now) => (now?._tag === "Canary" && now.since === state.since ? next : now))
    const said = { alias: alias.name, from: state.from, to: state.to }
    yield* found._tag === "Return"
      ? Effect.logWarning("an alias was given back to its old model", { ...said, reason: found.reason })
      : Effect.logInfo("an alias has its new model", said)
  })

  const lease = Effect.fnUntraced(function* (model: string | undefined, options: EnsureOptions, way: Way | undefined) {
    if (way === undefined) return yield* inner.lease(model, options)
    const seen: Seen = { failed: null, requests: 0, millis: 0, tokens: 0 }
    const holding = { now: false }
    // runs when the lease itself has ended, so that the model is free by then
    yield* Effect.addFinalizer(() => (holding.now ? ended(way, seen) : Effect.void))
    const [held, own] = yield* inOwnScope(inner.lease(model, options))
    // others see the lease now: a switch that began before they could see it counts
    if (!(yield* stillRight(way))) {
      yield* Scope.close(own, Exit.void)
      return undefined
    }
    holding.now = true
    const { steppedDown } = yield* held.ensured
    if (way.canary?.isNew === true && steppedDown[0] !== undefined) seen.failed = steppedDown[0].reason
    return watched(held, way, seen)
  })

  const leased = along((model, options, way) => Effect.map(lease(model, options, way), Option.fromNullable))
  const leaseOf = (name: string | undefined, options?: EnsureOptions) =>
    Effect.map(Effect.repeat(leased(name, options), { until: Option.isSome }), Option.getOrThrow)

  return {
    ...inner,
    resolve: (name: string | undefined, ability?: Ability) => {
      const alias = meant(name)
      return alias === undefined
        ? Effect.mapError(inner.resolve(name, ability), withAliases([...aliases.values()]))
        : Effect.flatMap(follow(alias, false), ({ model }) =>
            Effect.mapError(inner.resolve(model, ability), (error) => ofAlias(error, alias, model))
          )
    },
    ensureLoaded: along((model, options, way) =>
      Effect.map(inner.ensureLoaded(model, options), (ensured) =>
        way === undefined ? ensured : { ...ensured, alias: way.alias.name }
      )
    ),
    lease: leaseOf,
    withModel:
      (name: string | undefined, options?: EnsureOptions) =>
      <A, E, R>(use: (held: ModelLease) => Effect.Effect<A, E, R>) =>
        Effect.scoped(Effect.flatMap(leaseOf(name, options), use))
  }
}

type Seen = { -readonly [K in Exclude<keyof Sample, "canary" | "isNew">]: Sample[K] }

/** The lease, with its alias, and what its requests came to written into `seen`. */
const watched = (held: ModelLease, way: Way, seen: Seen): ModelLease => {
  const timed = Effect.fnUntraced(function* <E>(request: Effect.Effect<ChatReply, E>) {
    const since = yield* Clock.currentTimeMillis
    const reply = yield* Effect.tapError(request, (error) =>
      Effect.sync(() => {
        if (isModelsFault(error)) seen.failed = error.message
      })
    )
    seen.requests += 1
    seen.millis += (yield* Clock.currentTimeMillis) - since
    seen.tokens += reply.usage?.outputTokens ?? 0
    return reply
  })
  return {
    ensured: Effect.map(held.ensured, (ensured): Ensured => ({ ...ensured, alias: way.alias.name })),
    chat: (request, limits) => timed(held.chat(request, limits)),
    chatWith: (request, onEvent, limits) => timed(held.chatWith(request, onEvent, limits)),
    spoiled: (why) =>
      Effect.sync(() => {
        seen.failed ??= why
      })
  }
}

/** A server that is away, or a request that is refused, does not speak against a model. */
const isModelsFault = (error: unknown): error is { readonly message: string } =>
  Predicate.hasProperty(error, "_tag") && typeof error._tag === "string" && countsAgainst(error._tag)

const ofAlias = (error: ModelLifecycleError, { name }: Alias, model: string): ModelLifecycleError =>
  error._tag === "ModelNotFound" && ModelName.sameName(error.model, model)
    ? new ModelNotFound({ ...error, alias: name })
    : error

/** A mistyped alias is told the aliases, too. */
const withAliases =
  (all: ReadonlyArray<Alias>) =>
  (error: ModelLifecycleError): ModelLifecycleError => {
    if (error._tag !== "ModelNotFound") return error
    const close = nearest(
      error.model,
      all.map(({ name }) => name)
    )
    return close.length === 0
      ? error
      : new ModelNotFound({ ...error, nearest: [...close, ...error.nearest].slice(0, 3) })
  }
