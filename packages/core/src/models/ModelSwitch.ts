/**
 * Puts another model behind an alias while the alias is in use: the new one is loaded and tried, new requests take it, those
 * under way end on the old one, and then that is let go. Works across the processes of this machine.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as Path from "@effect/platform/Path"
import { find, type Alias } from "../configuration/AliasSetting.ts"
import { Settings } from "../configuration/Settings.ts"
import { LmsCli } from "../lmstudio/LmsCli.ts"
import type { DataFolderUnwritable } from "../machine/StateDirectory.ts"
import * as AliasFiles from "./aliases/AliasFiles.ts"
import { currentOf, sideOf, type AliasState, type Side } from "./aliases/AliasState.ts"
import type { EnsureOptions } from "./EnsureOptions.ts"
import * as Ledger from "./ledger/Ledger.ts"
import type { ModelLease } from "./LoadedModel.ts"
import { ModelLifecycle, type ModelLifecycleError } from "./ModelLifecycle.ts"

/** There is no such alias. */
export class AliasUnknown extends Schema.TaggedError<AliasUnknown>()("AliasUnknown", {
  alias: Schema.String,
  known: Schema.Array(Schema.String)
}) {
  readonly retryable = false
  override get message() {
    const known =
      this.known.length === 0
        ? 'None is set; add one to your settings, such as `lms-bridge config set aliases \'{"coder": "qwen/qwen3-8b"}\'`.'
        : `There are ${this.known.join(", ")}.`
    return `"${this.alias}" is not an alias. ${known}`
  }
}

/** The model was not switched; the alias is as it was. */
export class SwitchFailed extends Schema.TaggedError<SwitchFailed>()("SwitchFailed", {
  alias: Schema.String,
  model: Schema.String,
  reason: Schema.String
}) {
  readonly retryable = false
  override get message() {
    return `"${this.alias}" is still ${this.model}: ${this.reason}`
  }
}

export type SwitchError = AliasUnknown | SwitchFailed | DataFolderUnwritable | ModelLifecycleError

/** An alias as it is now. */
export interface AliasNow {
  readonly alias: string
  /** The model that has the name. */
  readonly model: string
  /** What the settings say. */
  readonly setting: string
  readonly instead: ReadonlyArray<string>
  readonly state: AliasState | undefined
  /** What a canary, or the last one, has shown. */
  readonly sides: { readonly old: Side; readonly new: Side } | undefined
}

export type Step =
  | { readonly _tag: "Loading"; readonly model: string; readonly beside: boolean }
  | { readonly _tag: "Trying"; readonly model: string }
  | { readonly _tag: "Waiting"; readonly model: string; readonly holds: number }
  | { readonly _tag: "Taken"; readonly model: string; readonly share: number }

export interface SwitchOptions extends Pick<EnsureOptions, "onProgress"> {
  /** Between 0 and 1: only this share of new requests gets it at first, until so many runs have ended. */
  readonly canary?: { readonly share: number; readonly runs: number } | undefined
  /** How long to wait for the old model's runs. */
  readonly patience: Duration.Duration
  /** Tries the model that was loaded, beyond that it answers. */
  readonly verify: (lease: ModelLease) => Effect.Effect<void, ModelLifecycleError>
  readonly onStep: (step: Step) => Effect.Effect<void>
}

export interface Plan {
  readonly alias: string
  readonly from: string
  readonly to: string
  /** Whether the new model has the name already. */
  readonly done: boolean
  readonly loaded: boolean
  /** Whether `lms` estimates that it fits beside what is in memory; undefined where nobody knows. */
  readonly fits: boolean | undefined
  /** How many copies of the old model are in use. */
  readonly holds: number
}

export interface Switched extends Plan {
  /** `both`: there was memory for both; `one`: new requests waited for the old model's runs. */
  readonly way: "both" | "one" | "canary" | "none"
  /** What became of the old model. */
  readonly old: "unloaded" | "stays" | "in use"
  readonly millis: number
}

export class ModelSwitch extends Context.Tag("@lms-bridge/core/models/ModelSwitch")<
  ModelSwitch,
  {
    readonly aliases: Effect.Effect<ReadonlyArray<AliasNow>>
    /** What a switch would do. Changes nothing. */
    readonly plan: (alias: string, model: string) => Effect.Effect<Plan, SwitchError>
    readonly run: (alias: string, model: string, options: SwitchOptions) => Effect.Effect<Switched, SwitchError>
  }
>() {
  static readonly layer: Layer.Layer<
    ModelSwitch,
    never,
    ModelLifecycle | LmsCli | Settings | FileSystem.FileSystem | Path.Path
  > = Layer.effect(
    this,
    Effect.suspend(() => make)
  )
}

/** The models that the aliases stand for now; during a canary, the alias stands for both. */
export const currentAliases = Effect.gen(function* () {
  const { aliases } = yield* Settings
  if (aliases.size === 0) return []
  const files = yield* AliasFiles.make
  const all = yield* Effect.forEach([...aliases.values()], (alias) =>
    Effect.map(files.read(alias), (state) => {
      const models = state?._tag === "Canary" ? [state.from, state.to] : [currentOf(alias, state)]
      return models.map((model) => ({ alias: alias.name, model }))
    })
  )
  return all.flat()
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const lookEvery = Duration.millis(250)

/** A load of another process that began by a route without an idle limit is seen only when it is done. */
const fewRefusals = 5

/** A request that shows that the model answers. */
const anything = { messages: [{ role: "user" as const, content: "Say OK." }], maxTokens: 8 }

const make = Effect.gen(function* () {
  const lifecycle = yield* ModelLifecycle
  const lms = yield* LmsCli
  const settings = yield* Settings
  const { aliases } = settings
  const files = yield* AliasFiles.make
  // a ledger of its own sees the holds of all processes, this one included
  const ledger = yield* Ledger.make(files.state, undefined)

  const known = (name: string) => {
    const alias = find(aliases, name)
    return alias === undefined
      ? Effect.fail(new AliasUnknown({ alias: name, known: [...aliases.values()].map((one) => one.name) }))
      : Effect.succeed(alias)
  }

  const now = Effect.fnUntraced(function* (alias: Alias) {
    const state = yield* files.read(alias)
    const samples = state === undefined ? [] : yield* files.samples(alias, state.since)
    const found: AliasNow = {
      alias: alias.name,
      model: currentOf(alias, state),
      setting: alias.model,
      instead: alias.instead,
      state,
      sides:
        samples.length === 0
          ? undefined
          : {
              old: sideOf(samples.filter(({ isNew }) => !isNew)),
              new: sideOf(samples.filter(({ isNew }) => isNew))
            }
    }
    return found
  })

  /** The copies of a model, and whether anybody holds them. */
  const copiesOf = Effect.fnUntraced(function* (model: string) {
    const key = yield* Effect.orElseSucceed(lifecycle.resolve(model), () => model)
    const held = yield* ledger.heldElsewhere
    return (yield* lifecycle.loaded)
      .filter((one) => one.model === key)
      .map((one) => ({ ...one, held: held.has(one.instanceId) || one.leases > 0 }))
  })

  const plan = Effect.fnUntraced(function* (name: string, model: string) {
    const alias = yield* known(name)
    const state = yield* files.read(alias)
    const from = currentOf(alias, state)
    const to = yield* lifecycle.resolve(model)
    const fromKey = yield* Effect.option(lifecycle.resolve(from))
    const loaded = (yield* lifecycle.loaded).some((one) => one.model === to)
    const estimate = loaded ? Option.none() : yield* Effect.option(lms.estimate({ key: to }))
    const found: Plan = {
      alias: alias.name,
      from,
      to,
      done: Option.contains(fromKey, to) && state?._tag !== "Canary",
      loaded,
      fits: loaded ? true : Option.getOrUndefined(Option.map(estimate, ({ fits }) => fits)),
      holds: (yield* copiesOf(from)).filter(({ held }) => held).length
    }
    return found
  })

  /** Until nobody holds a copy of the model; false when that takes too long. */
  const untilFree = Effect.fnUntraced(function* (model: string, until: number, onStep: SwitchOptions["onStep"]) {
    let told = -1
    while (true) {
      const held = (yield* copiesOf(model)).filter((copy) => copy.held)
      if (held.length === 0) return true
      if (held.length !== told) yield* onStep({ _tag: "Waiting", model, holds: held.length })
      told = held.length
      // until one is free, only files are read
      let all = true
      while (all) {
        if ((yield* Clock.currentTimeMillis) >= until) return false
        yield* Effect.sleep(lookEvery)
        const holds = yield* ledger.heldElsewhere
        all = held.every(({ instanceId }) => holds.has(instanceId))
      }
    }
  })

  /** Whether a process is still loading it: it takes memory, and is not listed yet. */
  const isLoading = (key: string) =>
    Effect.map(ledger.all, (entries) => entries.some((entry) => entry.model === key && entry.state === "loading"))

  const hasOtherName = Effect.fnUntraced(function* (alias: Alias, model: string) {
    const key = yield* Effect.option(lifecycle.resolve(model))
    const others = yield* Effect.forEach(
      [...aliases.values()].filter((other) => other !== alias),
      (other) => Effect.option(lifecycle.resolve(other.name))
    )
    return Option.isSome(key) && others.some((other) => Option.contains(other, key.value))
  })

  /** Unloads the copies that are ours and free. */
  const letGo = Effect.fnUntraced(function* (model: string) {
    const copies = yield* copiesOf(model)
    const left = yield* Effect.forEach(copies, ({ instanceId, owner }) =>
      owner === "user"
        ? Effect.succeed("stays" as const)
        : Effect.match(lifecycle.unload(instanceId), {
            onFailure: (error) => (error._tag === "ModelNotLoaded" ? ("unloaded" as const) : ("in use" as const)),
            onSuccess: () => "unloaded" as const
          })
    )
    return left.find((one) => one === "in use") ?? left.find((one) => one === "stays") ?? "unloaded"
  })

  const run = Effect.fnUntraced(function* (name: string, model: string, options: SwitchOptions) {
    const alias = yield* known(name)
    const { canary, onProgress, onStep, patience, verify } = options
    const since = yield* Clock.currentTimeMillis
    const first = yield* plan(name, model)
    const { from, to } = first
    const result = (way: Switched["way"], old: Switched["old"]) =>
      Effect.map(Clock.currentTimeMillis, (at): Switched => ({ ...first, way, old, millis: at - since }))
    if (first.done) return yield* result("none", "stays")
    const common = { version: 1 as const, alias: alias.name, base: alias.model, from, to, since }
    const before = yield* files.read(alias)
    const failed = (reason: string) => new SwitchFailed({ alias: alias.name, model: from, reason })

    const taken = (beside: boolean) =>
      onStep({ _tag: "Loading", model: to, beside }).pipe(
        Effect.zipRight(
          lifecycle.withModel(to, { onProgress, stays: true, ...(beside ? { beside } : { makeRoom: true }) })((lease) =>
            onStep({ _tag: "Trying", model: to }).pipe(
              Effect.zipRight(lease.chat(anything)),
              Effect.zipRight(verify(lease))
            )
          )
        )
      )
    const isShort = (error: ModelLifecycleError) =>
      error._tag === "ModelLoadRefused" || (error._tag === "ModelLoadFailed" && error.reason === "NoWay")

    const beside = yield* Effect.either(taken(true))
    if (Either.isLeft(beside) && !isShort(beside.left)) return yield* failed(beside.left.message)
    if (Either.isRight(beside)) {
      if (canary !== undefined) {
        yield* files.forgetSamples(alias)
        yield* files.update(alias, () => ({ ...common, _tag: "Canary", ...canary }))
        yield* onStep({ _tag: "Taken", model: to, share: canary.share })
        return yield* result("canary", "stays")
      }
      yield* files.update(alias, () => ({ ...common, _tag: "Switched", leaving: true }))
      yield* onStep({ _tag: "Taken", model: to, share: 1 })
      if (!(yield* untilFree(from, since + Duration.toMillis(patience), onStep))) return yield* result("both", "in use")
      const old = (yield* hasOtherName(alias, from)) ? "stays" : yield* letGo(from)
      yield* files.update(alias, (state) =>
        state?._tag === "Switched" && state.since === since ? { ...state, leaving: false } : state
      )
      return yield* result("both", old)
    }
    if (canary !== undefined) return yield* failed(`a canary needs memory for both models. ${beside.left.message}`)

    const wait = (beatAt: number) =>
      files.update(alias, () => ({ ...common, _tag: "Waiting", by: files.state.identity, beatAt }))
    const beat = Effect.flatMap(Clock.currentTimeMillis, wait).pipe(
      Effect.ignore,
      Effect.delay(Duration.millis(AliasFiles.deadAfterMillis / 3)),
      Effect.forever
    )
    const inTurn = Effect.gen(function* () {
      const until = since + Duration.toMillis(patience)
      let refusals = 0
      while (true) {
        if (!(yield* untilFree(from, until, onStep))) {
          return yield* failed(`its runs did not end within ${Duration.format(patience)}.`)
        }
        const old = yield* letGo(from)
        if (old === "stays") {
          return yield* failed(
            `there is memory for one of the two only, and you loaded ${from} yourself. \`lms-bridge models unload ${from} --force\` makes room. ${beside.left.message}`
          )
        }
        const loaded = yield* Effect.either(old === "unloaded" ? taken(false) : Effect.fail(beside.left))
        if (Either.isRight(loaded)) return old
        // somebody may have begun to load the old one before the requests waited, or names it directly
        const key = yield* Effect.orElseSucceed(lifecycle.resolve(from), () => from)
        const again = (yield* copiesOf(from)).length > 0 || (yield* isLoading(key)) || ++refusals < fewRefusals
        if (!isShort(loaded.left) || !again || (yield* Clock.currentTimeMillis) >= until) {
          return yield* failed(loaded.left.message)
        }
        yield* Effect.sleep("1 second")
      }
    })
    const old = yield* Effect.acquireUseRelease(
      Effect.zipRight(wait(since), Effect.fork(Effect.interruptible(beat))),
      () => inTurn,
      (beating, exit) =>
        Fiber.interrupt(beating).pipe(
          Effect.zipRight(
            files.update(alias, () =>
              exit._tag === "Success" ? { ...common, _tag: "Switched", leaving: false } : before
            )
          ),
          Effect.ignore
        )
    )
    yield* onStep({ _tag: "Taken", model: to, share: 1 })
    return yield* result("one", old)
  })

  return {
    aliases: Effect.forEach([...aliases.values()], now),
    plan,
    run: (name: string, model: string, options: SwitchOptions) =>
      files.lock.withLock(`switch ${name.trim().toLowerCase()}`, Effect.void)(run(name, model, options))
  }
})
