/**
 * The life cycle over several hosts: a request goes where its model is in memory, else where it fits and the queue is
 * shortest. A host that does not answer is left out until it does; what was asked of it is asked again elsewhere, unless
 * output was delivered.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Random from "effect/Random"
import * as Ref from "effect/Ref"
import * as Scope from "effect/Scope"
import type { Values } from "../../configuration/Settings.ts"
import type { ApiModel } from "../../lmstudio/ApiModel.ts"
import type { ChatEvent, ChatReply } from "../../lmstudio/Chat.ts"
import type { RequestLimits } from "../../lmstudio/ApiRequests.ts"
import { LmStudioUnreachable, ModelNotLoaded, type ApiError } from "../../lmstudio/LmStudioError.ts"
import * as ModelName from "../../lmstudio/ModelName.ts"
import * as ModelSelection from "../catalog/ModelSelection.ts"
import type { Ensured } from "../Ensured.ts"
import type { EnsureOptions } from "../EnsureOptions.ts"
import type { ModelLease } from "../LoadedModel.ts"
import type { ModelLifecycleError } from "../ModelLifecycleError.ts"
import type { Ability } from "../ModelUnfit.ts"
import type { Inner } from "../aliases/AliasedLifecycle.ts"
import * as HostChoice from "./HostChoice.ts"
import { asked, type Host, lookFor } from "./Hosts.ts"
import type * as HostUse from "./HostUse.ts"

export const make = (hosts: ReadonlyArray<Host>, use: HostUse.HostUse, settings: Values): Inner => {
  /** The hosts that answer, with their models. Fails when none does. */
  const up = Effect.gen(function* () {
    const mayBe = yield* asked(hosts)
    const looks = yield* Effect.forEach(
      mayBe,
      (host) => Effect.map(Effect.either(host.look), (seen) => ({ host, seen })),
      { concurrency: "unbounded" }
    )
    const answering = looks.flatMap(({ host, seen }) => (Either.isRight(seen) ? [{ host, models: seen.right }] : []))
    if (answering.length > 0) return answering
    const [failure] = looks.flatMap(({ seen }) => (Either.isLeft(seen) ? [seen.left] : []))
    return yield* failure ?? new LmStudioUnreachable({ baseUrl: "no host", reason: "Refused" })
  })

  /** When all hosts are gone that answered before, one may come back, as a single one may. */
  const upAgain = Effect.gen(function* () {
    const until = (yield* Clock.currentTimeMillis) + Duration.toMillis(settings.comebackTimeout)
    while (true) {
      const found = yield* Effect.either(up)
      if (Either.isRight(found)) return found.right
      const mayComeBack = use.answered.size > 0 && isAboutHost(found.left)
      if (!mayComeBack || (yield* Clock.currentTimeMillis) >= until) return yield* found.left
      yield* Effect.sleep("1 second")
    }
  }).pipe(Effect.tap((found) => Effect.sync(() => found.forEach(({ host }) => use.answered.add(host.name)))))

  /** The key that a name means on each host that has it, in the order in which they should be asked. */
  const candidates = Effect.fnUntraced(function* (name: string | undefined) {
    const answering = yield* upAgain
    const wanted = ModelName.isDefault(name) ? Option.getOrUndefined(settings.defaultModel) : name
    const allowed = answering.map(({ host, models }) => ({
      host,
      models: models.filter(({ key }) => host.serves(key))
    }))
    const everything = union(allowed.map(({ models }) => models))
    const chosen = ModelName.isDefault(wanted) ? ModelSelection.choose(everything)?.key : wanted
    if (chosen === undefined) return yield* ModelName.notFound(everything, "default")
    const having = allowed.flatMap(({ host, models }) => {
      const meaning = ModelName.find(models, chosen)
      return meaning === undefined ? [] : [{ host, name: chosen, model: meaning.model }]
    })
    if (having.length === 0) return yield* ModelName.notFound(everything, chosen)
    const draws = yield* Effect.replicateEffect(Random.next, having.length)
    const rated = having.map((one) => ({
      ...one,
      weight: one.host.weight,
      resident: one.model.instances.length > 0 || use.isWanted(one.host.name, one.model.key),
      active: use.active(one.host.name),
      slots: settings.modelConcurrency * one.host.weight
    }))
    return HostChoice.inOrder(rated, () => draws.pop() ?? 0)
  })

  /** Tries the hosts in turn until one can. Refusals for want of memory come last where room may be made. */
  const onSome = <A, R>(
    attempt: (host: Host, name: string, key: string, options: EnsureOptions) => Effect.Effect<A, ModelLifecycleError, R>
  ) =>
    Effect.fnUntraced(function* (name: string | undefined, options: EnsureOptions = {}) {
      const chain = [name, ...(options.fallback ?? [])]
      const steppedDown: Array<Ensured["steppedDown"][number]> = []
      let first: ModelLifecycleError | undefined
      for (const [index, candidate] of chain.entries()) {
        const result = yield* Effect.either(onOne(attempt, candidate, options))
        if (Either.isRight(result)) return { result: result.right, steppedDown }
        first ??= result.left
        const to = chain[index + 1]
        if (to === undefined || isAboutHost(result.left)) return yield* first
        const model = candidate ?? "default"
        steppedDown.push({ model, reason: result.left.message })
        yield* options.onProgress?.({ _tag: "SteppedDown", model, to, reason: result.left.message }) ?? Effect.void
      }
      return yield* first ?? ModelName.notFound([], name ?? "default")
    })

  const onOne = Effect.fnUntraced(function* <A, R>(
    attempt: (
      host: Host,
      name: string,
      key: string,
      options: EnsureOptions
    ) => Effect.Effect<A, ModelLifecycleError, R>,
    name: string | undefined,
    { fallback: _fallback, ...options }: EnsureOptions
  ) {
    const inOrder = yield* candidates(name)
    // first where nothing has to go for it
    const rounds =
      options.makeRoom === true && inOrder.length > 1 ? [{ ...options, makeRoom: false }, options] : [options]
    let told: ModelLifecycleError | undefined
    for (const round of rounds) {
      for (const { host, model, name } of inOrder) {
        const result = yield* Effect.either(attempt(host, name, model.key, round))
        if (Either.isRight(result)) return result.right
        if (isAboutHost(result.left)) yield* host.leaveOut(result.left)
        // what a host says of the model says more than that another does not answer
        if (told === undefined || (isAboutHost(told) && !isAboutHost(result.left))) told = result.left
        if (!isAboutHost(result.left) && !isAboutPlace(result.left)) return yield* result.left
        yield* Effect.logInfo("trying another host", { host: host.name, model: model.key, error: result.left.message })
      }
    }
    return yield* told ?? ModelName.notFound([], name ?? "default")
  })

  const ensureOnSome = onSome((host, name, key, options) =>
    use
      .wanting(
        host.name,
        key
      )(host.lifecycle.ensureLoaded(name, options))
      .pipe(Effect.map((ensured): Ensured => ({ ...ensured, host: host.name })))
  )

  /** A lease in a scope of its own, so that it can be left for one on another host. */
  const acquireOnSome = (scope: Scope.Scope) =>
    onSome((host, name, key, options) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.gen(function* () {
          const own = yield* Scope.fork(scope, ExecutionStrategy.sequential)
          yield* Scope.extend(use.working(host.name, key), own)
          const lease = yield* restore(Scope.extend(host.lifecycle.lease(name, options), own)).pipe(
            Effect.onError((cause) => Scope.close(own, Exit.failCause(cause)))
          )
          const { instanceId } = yield* lease.ensured
          yield* Scope.extend(use.holding(host.name, instanceId), own)
          return { host, lease, own }
        })
      )
    )

  const lease = Effect.fn("HostedLifecycle.lease")(function* (name: string | undefined, options: EnsureOptions = {}) {
    const scope = yield* Effect.scope
    const first = yield* acquireOnSome(scope)(name, options)
    const current = yield* Ref.make(first.result)
    const oneMove = yield* Effect.makeSemaphore(1)

    /** Leaves a host that is gone; unless another request of this lease has done so already. */
    const moved = (gone: Host, why: HostFailure) =>
      oneMove.withPermits(1)(
        Effect.gen(function* () {
          const { host, lease: old, own } = yield* Ref.get(current)
          if (host !== gone) return
          const { model } = yield* old.ensured
          yield* host.leaveOut(why)
          yield* Scope.close(own, Exit.void)
          yield* Effect.logInfo("a request is asked again on another host", { host: host.name, model })
          const next = yield* acquireOnSome(scope)(model, { ...options, fallback: [] })
          yield* Ref.set(current, next.result)
        })
      )

    const chatWith = <E>(
      request: Parameters<ModelLease["chat"]>[0],
      onEvent: (event: ChatEvent) => Effect.Effect<void, E>,
      limits?: RequestLimits
    ) => {
      let delivered = false
      const deliver = (event: ChatEvent) => {
        delivered ||= isOutput(event)
        return onEvent(event)
      }
      const asking = (left: number): Effect.Effect<ChatReply, ModelLifecycleError | E> =>
        Effect.flatMap(Ref.get(current), ({ host, lease: held }) =>
          Effect.catchAll(held.chatWith(request, deliver, limits), (error) =>
            delivered || left === 0
              ? Effect.fail(error)
              : Effect.flatMap(
                  goneBy(host, error),
                  Option.match({
                    onNone: () => Effect.fail(error),
                    onSome: (why) => Effect.zipRight(moved(host, why), asking(left - 1))
                  })
                )
          )
        )
      return asking(hosts.length)
    }

    const held: ModelLease = {
      ensured: Effect.flatMap(Ref.get(current), ({ host, lease: now }) =>
        Effect.map(now.ensured, (ensured): Ensured => ({
          ...ensured,
          host: host.name,
          steppedDown: [...first.steppedDown, ...ensured.steppedDown]
        }))
      ),
      chat: (request, limits) => chatWith(request, () => Effect.void, limits),
      chatWith
    }
    return held
  })

  const onEach = <A>(look: (host: Host) => Effect.Effect<ReadonlyArray<A>, ModelLifecycleError>) =>
    Effect.flatMap(up, (answering) =>
      Effect.map(
        Effect.forEach(answering, ({ host }) => look(host), { concurrency: "unbounded" }),
        (all) => all.flat()
      )
    )
  const loaded = onEach((host) =>
    Effect.map(host.lifecycle.loaded, (all) => all.map((one) => ({ ...one, host: host.name })))
  )

  return {
    resolve: (name: string | undefined, ability?: Ability) =>
      Effect.flatMap(candidates(name), (having) =>
        Effect.firstSuccessOf(having.map(({ host, name }) => host.lifecycle.resolve(name, ability)))
      ),
    ensureLoaded: (name: string | undefined, options?: EnsureOptions) =>
      Effect.map(ensureOnSome(name, options), ({ result, steppedDown }): Ensured => ({
        ...result,
        steppedDown: [...steppedDown, ...result.steppedDown]
      })),
    lease,
    withModel:
      (name: string | undefined, options?: EnsureOptions) =>
      <A, E, R>(run: (held: ModelLease) => Effect.Effect<A, E, R>) =>
        Effect.scoped(Effect.flatMap(lease(name, options), run)),
    loaded,
    unload: Effect.fnUntraced(function* (instanceId: string, options: { readonly force?: boolean | undefined } = {}) {
      const all = yield* loaded
      const having = all.filter((one) => ModelName.sameName(one.instanceId, instanceId) || one.model === instanceId)
      const names = new Set(having.map(({ host }) => host))
      if (names.size === 0) return yield* new ModelNotLoaded({ model: instanceId })
      for (const host of hosts) {
        if (names.has(host.name)) yield* host.lifecycle.unload(instanceId, options)
      }
    })
  }
}

/** The models of several hosts as one list: each key once, with the copies of all. */
export const union = (lists: ReadonlyArray<ReadonlyArray<ApiModel>>): ReadonlyArray<ApiModel> => {
  const byKey = new Map<string, ApiModel>()
  for (const model of lists.flat()) {
    const known = byKey.get(model.key)
    byKey.set(
      model.key,
      known === undefined ? model : { ...known, instances: [...known.instances, ...model.instances] }
    )
  }
  return [...byKey.values()]
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const isOutput = ({ _tag }: ChatEvent) =>
  _tag === "TextDelta" || _tag === "ReasoningDelta" || _tag === "ToolCallStarted" || _tag === "Completed"

type HostFailure = Extract<
  ApiError,
  { readonly _tag: "LmStudioUnreachable" | "CircuitOpen" | "Unauthorized" | "ServerFault" }
>

/** Failures of the host, not of the model or the request. */
const isAboutHost = (error: unknown): error is HostFailure =>
  Predicate.isTagged(error, "LmStudioUnreachable") ||
  Predicate.isTagged(error, "CircuitOpen") ||
  Predicate.isTagged(error, "Unauthorized") ||
  (Predicate.isTagged(error, "ServerFault") && Predicate.hasProperty(error, "reason") && error.reason === "Gateway")

/** Failures that another host may not have: it may have more memory, or a shorter queue. */
const isAboutPlace = ({ _tag }: ModelLifecycleError) =>
  _tag === "ModelLoadRefused" ||
  _tag === "ModelLoadFailed" ||
  _tag === "ModelNotFound" ||
  _tag === "ModelUnfit" ||
  _tag === "Unsupported" ||
  _tag === "Overloaded" ||
  _tag === "LmsCliError"

/** Why the host counts as gone. A connection that broke says nothing of who broke it: then the host is looked at. */
const goneBy = (host: Host, error: unknown): Effect.Effect<Option.Option<HostFailure>> => {
  if (isAboutHost(error)) return Effect.succeedSome(error)
  if (!Predicate.isTagged(error, "StreamCut") && !Predicate.isTagged(error, "RequestTimeout")) return Effect.succeedNone
  return host.api.ping.pipe(
    Effect.timeoutFail({
      duration: lookFor,
      onTimeout: () => new LmStudioUnreachable({ baseUrl: host.url, reason: "Timeout" })
    }),
    Effect.match({ onFailure: (found) => Option.liftPredicate(isAboutHost)(found), onSuccess: () => Option.none() })
  )
}
