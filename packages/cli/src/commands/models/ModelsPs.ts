/**
 * `models ps`: lists the models in memory, for how long they stay, and who loaded them.
 */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import { LoadedModel, ModelLifecycle } from "@lms-bridge/core/ModelLifecycle"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as AliasesNow from "../../options/AliasesNow.ts"
import * as OnHost from "../../options/OnHost.ts"
import { Screen } from "../../terminal/Screen.ts"
import * as SharedOptions from "../../options/SharedOptions.ts"
import * as Table from "../../views/Table.ts"
import * as Words from "../../views/Words.ts"

const watch = Options.boolean("watch").pipe(
  Options.withDescription("Check every second and print changes, until Ctrl-C.")
)

export const command = Command.make("ps", { json: SharedOptions.listingJson, watch, host: OnHost.option }).pipe(
  Command.withDescription("List the models in memory, with idle limit, context, status and owner."),
  Command.withHandler(
    Effect.fnUntraced(function* ({ host, json, watch }) {
      const screen = yield* Screen
      const lifecycle = yield* ModelLifecycle
      const shown = yield* Ref.make("")
      const print = (text: string, facts: string) =>
        Effect.flatMap(Ref.getAndSet(shown, facts), (before) => (before === facts ? Effect.void : screen.out(text)))
      const show = Effect.gen(function* () {
        const models = yield* OnHost.on(host)(lifecycle.loaded)
        const aliases = yield* AliasesNow.ofModels
        const now = yield* Clock.currentTimeMillis
        const text = json
          ? encode(models.map((one) => ({ ...one, ...AliasesNow.fields(aliases, one.model) })))
          : render(models, now, screen.columns, aliases)
        // the time left changes every second, and does not count as a change
        const facts = json ? text : render(models, undefined, undefined, aliases)
        yield* print(text, facts)
        if (watch) yield* screen.status(Words.oneLine(passing(models, now), screen.width - 1))
      })
      if (!watch) return yield* show
      const live = show.pipe(
        // LM Studio may stop and start while it is watched
        Effect.catchIf(isAboutLmStudio, (error) => {
          const line = Words.oneLine(`lms-bridge: ${error.message}`)
          return Effect.flatMap(Ref.getAndSet(shown, line), (before) =>
            before === line ? Effect.void : Effect.zipRight(screen.status(""), screen.err(line))
          )
        })
      )
      yield* Effect.repeat(live, Schedule.spaced("1 second")).pipe(Effect.ensuring(screen.status("")))
    })
  )
)

/** `now` is epoch milliseconds; without it the time left is not shown. */
export const render = (
  models: ReadonlyArray<LoadedModel>,
  now: number | undefined,
  columns?: number,
  aliases: ReadonlyArray<AliasesNow.Behind> = []
): string =>
  models.length === 0
    ? "No model is loaded."
    : Table.render(
        ["INSTANCE", "HOST", "MODEL", "ALIAS", "STATUS", "CONTEXT", "SIZE", "IDLE LIMIT", "OWNER", "RUNS"],
        models.map((model) => [
          model.instanceId,
          model.host ?? "",
          model.model === model.instanceId ? "" : model.model,
          AliasesNow.namesOf(aliases, model.model).join(", "),
          model.status ?? "",
          model.contextLength === undefined ? "" : String(model.contextLength),
          model.sizeBytes === undefined ? "" : Words.bytes(model.sizeBytes),
          idleLimit(model, now),
          model.owner === "user" ? "you" : "lms-bridge",
          model.leases === 0 ? "" : String(model.leases)
        ]),
        columns
      )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const idleLimit = ({ expiresAt, ttlMillis }: LoadedModel, now: number | undefined): string => {
  if (ttlMillis === undefined) return "unknown"
  if (ttlMillis === null) return "none"
  const left =
    expiresAt === undefined || now === undefined ? "" : ` (${Words.duration(Math.max(0, expiresAt - now))} left)`
  return `${Words.duration(ttlMillis)}${left}`
}

/** The time left of each model, for the status line of a terminal. */
const passing = (models: ReadonlyArray<LoadedModel>, now: number): string =>
  models
    .flatMap(({ expiresAt, instanceId }) =>
      expiresAt === undefined ? [] : [`${instanceId}: ${Words.duration(Math.max(0, expiresAt - now))} left`]
    )
    .join(", ")

/** Every failure but those of writing the output. */
const isAboutLmStudio = <E extends { readonly _tag: string }>(
  error: E
): error is Exclude<E, { readonly _tag: "OutputClosed" | "OutputFailed" }> =>
  error._tag !== "OutputClosed" && error._tag !== "OutputFailed"

const encode = Schema.encodeSync(
  Schema.parseJson(Schema.Array(Schema.Struct({ ...LoadedModel.fields, ...AliasesNow.Fields.fields })))
)
