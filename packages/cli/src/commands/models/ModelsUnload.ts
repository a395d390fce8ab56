/**
 * `models unload`: unloads models and verifies it. What the user loaded and what is busy stays unless forced.
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import { type LoadedModel, ModelLifecycle } from "@lms-bridge/core/ModelLifecycle"
import { ModelName } from "@lms-bridge/core/ModelCatalog"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { Ended, ofFailure, UsageError } from "../../ExitCode.ts"
import * as AliasesNow from "../../options/AliasesNow.ts"
import { Screen } from "../../terminal/Screen.ts"
import * as SharedOptions from "../../options/SharedOptions.ts"
import * as Words from "../../views/Words.ts"

export const command = Command.make("unload", {
  name: Args.text({ name: "NAME" }).pipe(
    Args.withDescription("An instance, or a model to unload all its instances."),
    Args.optional
  ),
  all: Options.boolean("all").pipe(Options.withDescription("Unload every loaded model.")),
  force: Options.boolean("force").pipe(
    Options.withDescription("Also unload models that are busy, in use by a run, or loaded by you.")
  ),
  json: SharedOptions.json("Print the result of each instance as JSON.")
}).pipe(
  Command.withDescription("Unload a model."),
  Command.withHandler(
    Effect.fnUntraced(function* ({ all, force, json, name }) {
      const screen = yield* Screen
      const lifecycle = yield* ModelLifecycle
      if (all === Option.isSome(name)) return yield* new UsageError({ problem: "Give the NAME of a model, or --all." })

      if (Option.exists(name, (name) => name.trim() === "")) {
        return yield* new UsageError({ problem: "The NAME is empty. `lms-bridge models ps` lists the loaded models." })
      }

      const loaded = yield* lifecycle.loaded
      const behind = yield* AliasesNow.ofModels
      const targets = Option.match(name, {
        onNone: () => loaded.map(({ instanceId }) => instanceId),
        onSome: (name) =>
          instancesOf(loaded, behind.find(({ alias }) => ModelName.sameName(alias, name))?.model ?? name)
      })
      // a copy on each of several hosts has the same name
      const results = yield* Effect.forEach(new Set(targets), (instanceId) =>
        Effect.map(Effect.either(Effect.mapError(lifecycle.unload(instanceId, { force }), notLoaded)), (result) => ({
          instanceId,
          result
        }))
      )
      const failures = results.flatMap(({ result }) => (Either.isLeft(result) ? [result.left] : []))
      if (json) {
        yield* screen.out(
          encode(
            results.map(({ instanceId, result }) => ({
              instanceId,
              unloaded: Either.isRight(result),
              ...(Either.isLeft(result) ? { problem: { tag: result.left._tag, message: result.left.message } } : {})
            }))
          )
        )
      } else {
        for (const { instanceId, result } of results) {
          if (Either.isRight(result)) yield* screen.out(`${instanceId} is unloaded.`)
        }
        if (results.length === 0) yield* screen.out("No model is loaded.")
      }
      for (const failure of failures) yield* screen.err(`lms-bridge: ${Words.oneLine(failure.message)}`)
      const [first] = failures
      if (first !== undefined) return yield* new Ended({ code: ofFailure(first) })
    })
  )
)

/** The instances that a name means; the name itself if none is loaded, so that unloading it says why. */
export const instancesOf = (loaded: ReadonlyArray<LoadedModel>, name: string): ReadonlyArray<string> => {
  const wanted = name.toLowerCase()
  const byId = loaded.filter(({ instanceId }) => instanceId.toLowerCase() === wanted)
  const byKey = loaded.filter(({ model }) => model.toLowerCase() === wanted)
  const found = [...new Set([...byKey, ...byId].map(({ instanceId }) => instanceId))]
  return found.length === 0 ? [name] : found
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Replaces the advice to load the model, which does not help somebody who unloads it. */
const notLoaded = <E extends { readonly _tag: string; readonly message: string }>(error: E) =>
  error._tag === "ModelNotLoaded"
    ? {
        _tag: error._tag,
        message: `${error.message.replace(/ Load it with.*$/, "")} \`lms-bridge models ps\` lists the loaded models.`
      }
    : error

const encode = Schema.encodeSync(
  Schema.parseJson(
    Schema.Array(
      Schema.Struct({
        instanceId: Schema.String,
        unloaded: Schema.Boolean,
        problem: Schema.optionalWith(Schema.Struct({ tag: Schema.String, message: Schema.String }), { exact: true })
      })
    )
  )
)
