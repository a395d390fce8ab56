/**
 * `models show`: what a model is, how it makes calls, and what was tried to know that. Loads none.
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import { ApiModel, LmStudioApi, ModelNotFound } from "@lms-bridge/core/LmStudioApi"
import { ToolForm } from "@lms-bridge/core/AgentLoop"
import { optional, present } from "@lms-bridge/core/Json"
import { ModelLifecycle } from "@lms-bridge/core/ModelLifecycle"
import { type FoundForm, type Known, KnownWords, Fact, ModelRegistry, EvidenceRow } from "@lms-bridge/core/ModelCatalog"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { Screen } from "../../terminal/Screen.ts"
import * as SharedOptions from "../../options/SharedOptions.ts"
import * as FoundOut from "../../views/FoundOut.ts"
import * as Words from "../../views/Words.ts"

export const command = Command.make("show", {
  name: Args.text({ name: "NAME" }).pipe(
    Args.withDescription("The model's key; by default the one that a run would use."),
    Args.optional
  ),
  json: SharedOptions.json("Print it as JSON.")
}).pipe(
  Command.withDescription("Show what a model is, how it gets its tools, and what was tried to know that."),
  Command.withHandler(
    Effect.fnUntraced(function* ({ json, name }) {
      const screen = yield* Screen
      const registry = yield* ModelRegistry
      const key = yield* Effect.flatMap(ModelLifecycle, (lifecycle) => lifecycle.resolve(Option.getOrUndefined(name)))
      const models = yield* Effect.flatMap(LmStudioApi, (api) => api.models)
      const model = models.find((model) => model.key === key)
      // deleted between the two requests
      if (model === undefined) {
        return yield* new ModelNotFound({ model: key, available: models.map(({ key }) => key), nearest: [] })
      }
      const calls = model.type === "embedding" ? undefined : yield* registry.choice(key)
      const rows = yield* registry.rows(key)
      const known = (yield* registry.known([model])).get(key) ?? []
      yield* screen.out(
        json
          ? encode({ ...model, ...present({ calls }), known, rows })
          : render(model, { calls, known, rows }, screen.columns)
      )
    })
  )
)

export const render = (
  model: ApiModel,
  {
    calls,
    known,
    rows
  }: { readonly calls: FoundForm | undefined; readonly known: Known.Known; readonly rows: ReadonlyArray<EvidenceRow> },
  columns?: number
): string =>
  [
    [
      `${model.key}: ${model.type}`,
      ...[model.params, model.architecture, model.quantization, model.format].filter((fact) => fact !== undefined),
      ...(model.sizeBytes === undefined ? [] : [Words.bytes(model.sizeBytes)]),
      ...(model.maxContextLength === undefined ? [] : [`context up to ${model.maxContextLength}`])
    ].join(", "),
    ...(calls === undefined ? [] : [`Calls: ${calls.form}. ${calls.why}`]),
    ...(known.length === 0 ? [] : ["", FoundOut.render(known, columns)]),
    ...(rows.length === 0
      ? []
      : ["", ...rows.map(({ build }) => `Tried or seen with ${KnownWords.buildWords(build)}`)]),
    ...(known.some(({ evidence: [best] }) => best.source === "verified")
      ? []
      : ["", `Not tried yet: \`lms-bridge models probe ${model.key}\` tries it.`])
  ].join("\n")

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const encode = Schema.encodeSync(
  Schema.parseJson(
    Schema.Struct({
      ...ApiModel.fields,
      calls: optional(Schema.Struct({ form: ToolForm, why: Schema.String })),
      known: Schema.Array(Fact),
      rows: Schema.Array(EvidenceRow)
    })
  )
)
